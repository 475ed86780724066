"""Sending: a member of staff writes to somebody. Decided, stored and announced in one
transaction."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

from flask import current_app
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from app import clock, jobs
from app.config import Settings
from app.database import after_commit, db, retrying, transaction
from app.errors import Conflict, Forbidden, Invalid, NotFound
from app.models import Conversation, Direction, Institution, Message, Person, SenderNumber, Staff
from app.points import reached
from app.rules import texts, words
from app.rules.access import Can, Viewer
from app.rules.dispatch import Channel, Decision, Refuse, SendEmail, SendSms, decide
from app.rules.lifecycle import Status
from app.rules.recipient import why_not
from app.services import emails, numbers, threads
from app.services.deciding import Gathered, Target, gather
from app.services.usage import take_places

_MOST_ROUNDS = 50  # of deciding anew after losing a number or a place to somebody faster


@dataclass(frozen=True, slots=True)
class Draft:
    """What somebody wrote.

    `channel` "sms" = a text or nothing (D40); "email" = an email; None = whatever the decision
    says. `key`: the idempotency key; the same key is the same message, however often it arrives
    (I8).
    """

    body: str
    phone_id: int | None = None
    channel: str | None = None
    key: str | None = None
    resend_of: int | None = None


def to_person(viewer: Viewer, person_id: int, draft: Draft) -> Message:
    """Write to a person, in the thread the viewer has with them or a new one.

    Raises Forbidden `role_not_permitted` where the role may not start and nobody wrote first (D4,
    D41), NotFound for an unknown person, Invalid for the text or the phone, Conflict for `channel`
    "sms".
    """
    return _once(viewer, draft, person_id=person_id)


def preview(
    viewer: Viewer, person_id: int, body: str = "", phone_id: int | None = None
) -> tuple[Decision, Gathered, words.Names]:
    """What would happen to a text to this person now, and why; changes nothing.

    `body` "": not written yet. Raises as `to_person` for the role, the person and the phone.
    """
    target = _person_target(viewer, person_id)
    gathered = gather(viewer, target, texts.tidy(body), clock.now(), chosen=phone_id)
    _check_phone(phone_id, gathered)
    return decide(gathered.facts), gathered, names_for(target, gathered)


def in_thread(viewer: Viewer, conversation_id: int, draft: Draft) -> Message:
    """Answer in a conversation of the viewer's own. Raises as `to_person`."""
    return _once(viewer, draft, conversation_id=conversation_id)


def _once(viewer: Viewer, draft: Draft, **to: int) -> Message:
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
    viewer: Viewer, draft: Draft, person_id: int | None = None, conversation_id: int | None = None
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
    same_place = conversation_id in (None, found.conversation_id) and person_id in (
        None,
        found.person_id,
    )
    line = db.session.get_one(Institution, viewer.institution_id).first_contact
    if same_place and found.body in (
        draft.body,
        texts.with_first_contact(draft.body, line, is_first=True),
    ):
        return found
    raise Conflict(
        "This Idempotency-Key was used for another message.", code="idempotency_mismatch"
    )


@retrying
def _send(
    viewer: Viewer, draft: Draft, person_id: int | None = None, conversation_id: int | None = None
) -> int:
    now = clock.now()
    with transaction():
        target = (
            thread_target(viewer, conversation_id)
            if conversation_id
            else _person_target(viewer, person_id or 0)
        )
        thread = threads.open_for(
            viewer.institution_id, viewer.staff_id, target.person, _bare_number(target), now
        )
        target = Target(target.person, thread)
        decision, gathered, places = _decide_and_take(viewer, target, draft, now)
        message = _store(viewer, target, thread, draft, decision, gathered, now)
        message.places, message.month = places, gathered.month if places else None
        if isinstance(decision, SendEmail):
            emails.write_fallback([message], viewer, gathered.institution, decision.to, now)
        threads.note_message(thread, message)
        thread.unread, thread.notified_at = 0, None
        threads.announce_new(thread, message)
        after_commit(partial(reached, "sending.committed"))
        _ring(message)
        after_commit(partial(reached, "sending.rung"))
        reached("sending.written")
        return message.id


def _bare_number(target: Target) -> int | None:
    return target.thread.contact_number_id if target.thread and target.person is None else None


def _ring(message: Message) -> None:
    if message.channel is Channel.SMS:
        after_commit(lambda: jobs.ring(jobs.Job.DELIVER))


def _person_target(viewer: Viewer, person_id: int) -> Target:
    thread = threads.find(viewer.institution_id, viewer.staff_id, person_id)
    _require_may_write(viewer, thread)
    person = db.session.get(Person, person_id)
    if person is None or person.institution_id != viewer.institution_id:
        raise NotFound("There is no such person.")
    return Target(person, thread)


def thread_target(viewer: Viewer, conversation_id: int) -> Target:
    """Whom a message in this conversation is for, where the viewer may write it."""
    thread = db.session.get(Conversation, conversation_id)
    if thread is None or thread.institution_id != viewer.institution_id:
        raise NotFound("There is no such conversation.")
    if thread.staff_id != viewer.staff_id:
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
    if viewer.may_see(thread.staff_id):
        return Forbidden("Take this conversation over before you answer in it.")
    return NotFound("There is no such conversation.")


def _require_may_write(viewer: Viewer, thread: Conversation | None) -> None:
    """Anyone may answer in a conversation of theirs that holds an inbound text (S3-15, D4); only a
    permitted role may start one (S3-13, D41)."""
    if viewer.can(Can.TEXT_START):
        return
    if viewer.can(Can.TEXT_REPLY) and thread is not None and thread.in_contact_id is not None:
        return
    if viewer.withheld & {Can.TEXT_START, Can.TEXT_REPLY}:
        raise Forbidden("The scopes of this token do not allow to write to this person.")
    raise Forbidden(words.MAY_NOT_START, code="role_not_permitted")


def _decide_and_take(
    viewer: Viewer, target: Target, draft: Draft, now: datetime
) -> tuple[Decision, Gathered, int]:
    """Decide, and take what the decision needs: a number at the first text, places under the limit.

    Whoever loses one of these to somebody faster decides again on the new facts, so that a limit is
    never passed and a free number never missed (I10, I11).
    """
    for _ in range(_MOST_ROUNDS):
        gathered = gather(
            viewer,
            target,
            draft.body,
            now,
            chosen=draft.phone_id,
            wants_email=draft.channel == "email",
            taking=True,
        )
        _check_input(draft, gathered)
        decision = decide(gathered.facts)
        if draft.channel == "sms" and not isinstance(decision, SendSms):
            raise _text_or_nothing(decision, target, gathered)
        if not isinstance(decision, SendSms):
            return decision, gathered, 0
        institution = gathered.institution
        savepoint = db.session.begin_nested()
        number = decision.sender.number
        assign = decision.sender.assign
        if assign and not numbers.take(institution, number.id, viewer.staff_id, now):
            savepoint.rollback()
            continue
        places = take_places(institution, gathered.month, decision.segments)
        if places is None:
            savepoint.rollback()
            continue
        savepoint.commit()
        if assign:
            numbers.announce(institution.id, "number.assigned", number.id, viewer.staff_id)
        return decision, gathered, places
    raise Conflict("Too many people are sending at once. Try again.", code="busy")


def _check_input(draft: Draft, gathered: Gathered) -> None:
    longest = gathered.institution.max_length
    if wrong := texts.problem(draft.body, longest) or texts.problem(gathered.body, longest):
        parts = gathered.facts.segments.parts
        hint = f" It would take {parts} texts." if parts > 1 else ""
        raise Invalid("body", wrong + hint)
    _check_phone(draft.phone_id, gathered)


def _check_phone(phone_id: int | None, gathered: Gathered) -> None:
    if phone_id is None:
        return
    phone = next((p for p in gathered.facts.phones if p.id == phone_id), None)
    if phone is None:
        raise Invalid("phone_id", "This person has no such phone.")
    if reason := why_not(phone, gathered.facts.defaults):
        raise Invalid("phone_id", f"This phone cannot be texted ({reason}).", code=reason.value)


def _text_or_nothing(decision: Decision, target: Target, gathered: Gathered) -> Conflict:
    reason = decision.reason
    assert reason is not None
    names = names_for(target, gathered)
    because = words.why_not_text(reason, names, emails.detail_of(decision.steps))
    return Conflict(f"Not sent as a text: {because}.", code=reason.value)


def names_for(target: Target, gathered: Gathered) -> words.Names:
    institution = gathered.institution
    person = target.person.given_name if target.person else "this number"
    return words.Names(
        person,
        institution.name,
        target.kind if target.person else "people",
        institution.region,
        institution.default_phone_type.value,
    )


def _store(
    viewer: Viewer,
    target: Target,
    thread: Conversation,
    draft: Draft,
    decision: Decision,
    gathered: Gathered,
    now: datetime,
) -> Message:
    settings: Settings = current_app.config["SETTINGS"]
    message = Message(
        institution_id=viewer.institution_id,
        conversation_id=thread.id,
        staff_id=viewer.staff_id,
        person_id=target.person.id if target.person else None,
        direction=Direction.OUTBOUND,
        channel=decision.channel,
        status=Status.QUEUED,
        reason=decision.reason,
        body=gathered.body if isinstance(decision, SendSms) else draft.body,
        decision=[[step.rule, step.result, step.detail] for step in decision.steps],
        idempotency_key=draft.key,
        resend_of=draft.resend_of,
        created_at=now,
    )
    match decision:
        case SendSms(phone=phone, sender=sender):
            number = db.session.get_one(SenderNumber, sender.number.id)
            number.last_used_at = now
            message.encoding = gathered.facts.segments.encoding
            message.segments = decision.segments
            message.sender_number_id, message.from_address = number.id, number.e164
            message.contact_number_id, message.to_address = phone.contact_id, phone.e164
            message.provider_account_id = number.provider_account_id
            message.due_at = now
            message.expires_at = now + timedelta(seconds=settings.timing.validity)
        case SendEmail(to=to):
            message.from_address, message.to_address = viewer.email, to
        case Refuse():
            message.status = Status.NOT_SENT
            message.error_code, message.error_message = "no_email", words.NO_EMAIL
    db.session.add(message)
    db.session.flush()
    return message
