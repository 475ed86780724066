"""Sending: a member of staff writes to somebody. Decided, stored and announced in one
transaction."""

from dataclasses import replace
from functools import partial
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from app import clock
from app.database import after_commit, db, retrying, transaction
from app.errors import Conflict, Forbidden, Merged, NotFound
from app.models import Conversation, Institution, Message, Person, Staff
from app.points import reached
from app.rules import texts, words
from app.rules.access import Can, Viewer, Whose
from app.rules.dispatch import Decision, decide
from app.services import addressing, phones, threads
from app.services.deciding import Gathered, Target, gather
from app.services.dispatching import (
    Draft,
    blank,
    check_phone,
    decide_and_take,
    hold,
    names_for,
    put_on_its_way,
)


def to_person(viewer: Viewer, person_id: int, draft: Draft) -> Message:
    """Write to a person, in the thread the viewer has with them or a new one.

    Raises Forbidden `role_not_permitted` where the role may not start and nobody wrote first (D4,
    D41), NotFound for an unknown person, Merged for one who is another by now, Invalid for the text
    or the phone, Conflict for `channel` "sms".
    """
    return _once(viewer, draft, person_id=person_id)


def to_number(viewer: Viewer, e164: str, draft: Draft) -> Message:
    """Write to a number that is nobody's, as `addressing.look_up` gave it: a text or nothing, as
    there is no other address (S4-35, S4-37).

    Raises as `to_person`, Conflict `known_already` where it is somebody's by now.
    """
    return _once(viewer, replace(draft, channel="sms"), e164=e164)


def preview(
    viewer: Viewer, person_id: int, body: str = "", phone_id: int | None = None
) -> tuple[Decision, Gathered, words.Names]:
    """What would happen to a text to this person now, and why; changes nothing.

    `body` "": not written yet. Raises as `to_person` for the role, the person and the phone.
    """
    target = person_target(viewer, person_id)
    gathered = gather(viewer, target, texts.tidy(body), clock.now(), chosen=phone_id)
    check_phone(phone_id, gathered)
    return decide(gathered.facts), gathered, names_for(target, gathered)


def in_thread(viewer: Viewer, conversation_id: int, draft: Draft) -> Message:
    """Answer in a conversation of the viewer's own, or of whom they cover. Raises as
    `to_person`."""
    return _once(viewer, draft, conversation_id=conversation_id)


def _once(viewer: Viewer, draft: Draft, **to: Any) -> Message:
    """Store the message unless its key has stored it before."""
    draft = replace(draft, body=texts.tidy(draft.body))
    if found := _with_key(viewer, draft, **to):
        return found
    try:
        return db.session.get_one(Message, _send(viewer, draft, **to))
    except IntegrityError:
        if found := _with_key(viewer, draft, **to):  # the same key, a moment faster
            return found
        raise


def _with_key(
    viewer: Viewer,
    draft: Draft,
    person_id: int | None = None,
    conversation_id: int | None = None,
    e164: str | None = None,
) -> Message | None:
    if draft.key is None:
        return None
    db.session.rollback()
    found = db.session.execute(
        select(Message).where(
            Message.staff_id == viewer.staff_id, Message.idempotency_key == draft.key
        )
    ).scalar_one_or_none()
    if found is None:
        return None
    same_place = (
        conversation_id in (None, found.conversation_id)
        and person_id in (None, found.person_id)
        and e164 in (None, found.to_address)
    )
    line = db.session.get_one(Institution, viewer.institution_id).first_contact
    said = (draft.body, texts.with_first_contact(draft.body, line))
    if same_place and found.body in said:
        return found
    raise Conflict(
        "This Idempotency-Key was used for another message.", code="idempotency_mismatch"
    )


@retrying
def _send(viewer: Viewer, draft: Draft, **to: Any) -> int:
    now = clock.now()
    with transaction():
        after_commit(partial(reached, "sending.committed"))
        target = _target(viewer, **to)
        whose = target.thread.whose if target.thread else Whose(viewer.staff_id)  # or is covered
        thread = threads.open_for(
            viewer.institution_id, whose, target.person, target.contact_id, now
        )
        target = replace(target, thread=thread)
        if draft.send_at:
            message = hold(viewer, target, thread, draft, now)
        else:
            decision, gathered, places = decide_and_take(viewer, target, draft, now)
            message = blank(viewer, target, thread, draft)
            put_on_its_way(message, viewer, decision, gathered, places, now)
            threads.note_message(thread, message)
            thread.unread, thread.notified_at = 0, None
        threads.forget_draft(viewer.staff_id, thread.id)
        threads.announce_new(thread, message)
        after_commit(partial(reached, "sending.rung"))
        reached("sending.written")
        return message.id


def _target(
    viewer: Viewer,
    person_id: int | None = None,
    conversation_id: int | None = None,
    e164: str | None = None,
) -> Target:
    if conversation_id:
        return thread_target(viewer, conversation_id)
    if e164:
        return _number_target(viewer, e164)
    return person_target(viewer, person_id or 0)


def _number_target(viewer: Viewer, e164: str) -> Target:
    """The number is taken up and locked: whoever says meanwhile whose it is comes later."""
    number = phones.taken_up(viewer.institution_id, e164)
    target = addressing.nobodys(viewer, number)
    _require_may_write(viewer, target.thread)
    if addressing.owners(number.id):
        raise Conflict("Somebody said whose number this is meanwhile.", code="known_already")
    return target


def person_target(viewer: Viewer, person_id: int) -> Target:
    """A person as the one to write to, in the thread that the viewer has with them, where the
    viewer may write it."""
    thread = threads.find(viewer.institution_id, Whose(viewer.staff_id), person_id)
    _require_may_write(viewer, thread)
    person = db.session.get(Person, person_id)
    if person is None or person.institution_id != viewer.institution_id:
        raise NotFound("There is no such person.")
    if person.merged_into is not None:
        raise Merged(person.merged_into)
    return Target(person, thread)


def thread_target(viewer: Viewer, conversation_id: int) -> Target:
    """Whom a message in this conversation is for, where the viewer may write it."""
    thread = db.session.get(Conversation, conversation_id)
    if thread is None or thread.institution_id != viewer.institution_id:
        raise NotFound("There is no such conversation.")
    if not viewer.answers_for(thread.staff_id):
        raise _not_yours(viewer, thread)
    _require_may_write(viewer, thread)
    person = db.session.get(Person, thread.person_id) if thread.person_id else None
    return Target(person, thread)


def _not_yours(viewer: Viewer, thread: Conversation) -> Exception:
    """U6: who wrote here before is told who has it now; others learn nothing they may not see."""
    wrote = select(Message.id).where(
        Message.conversation_id == thread.id, Message.staff_id == viewer.staff_id
    )
    if db.session.execute(wrote.limit(1)).first():
        holder = db.session.get(Staff, thread.staff_id) if thread.staff_id else None
        name = holder.name if holder else "nobody: it is unclaimed"
        return Conflict(f"This conversation is now handled by {name}.", code="handled_by_other")
    if viewer.may_see(thread.whose):
        return Forbidden("Take this conversation over before you answer in it.")
    return NotFound("There is no such conversation.")


def may_write(viewer: Viewer, thread: Conversation | None) -> bool:
    """Anyone may answer in a conversation of theirs that holds an inbound text (S3-15, D4); only a
    permitted role may start one (S3-13, D41). `thread`: their own."""
    if viewer.can(Can.TEXT_START):
        return True
    wrote = thread is not None and thread.in_contact_id is not None
    return viewer.can(Can.TEXT_REPLY) and wrote


def _require_may_write(viewer: Viewer, thread: Conversation | None) -> None:
    if may_write(viewer, thread):
        return
    if viewer.withheld & {Can.TEXT_START, Can.TEXT_REPLY}:
        raise Forbidden("The scopes of this token do not allow to write to this person.")
    raise Forbidden(words.MAY_NOT_START, code="role_not_permitted")
