"""Handling: what is done with a whole conversation. Read, put away, handed to a colleague."""

from datetime import datetime, timedelta

from sqlalchemy import select

from app import clock
from app.database import LOCK, db, retrying, transaction, upsert
from app.errors import Conflict, Forbidden, Invalid, NotFound
from app.events import about_conversation, publish
from app.models import CONVERSATION_SNOOZED, Conversation, Note, Staff
from app.rules import texts
from app.rules.access import Viewer
from app.services import threads
from app.services.audit import audit
from app.services.merging import hand_over_threads

LONGEST_SNOOZE = timedelta(days=366)
LONGEST_NOTE = 2000  # characters


@retrying
def change(
    viewer: Viewer,
    conversation_id: int,
    *,
    archived: bool | None = None,
    read: bool | None = None,
) -> None:
    """Archive or bring back, mark read or unread. Only the holder does: unread is theirs (design
    3)."""
    with transaction():
        thread = _own(viewer, conversation_id)
        if archived is not None:
            thread.archived_at = clock.now() if archived else None
            thread.snoozed_until = None
        if read is True and thread.unread:
            thread.unread, thread.notified_at = 0, None
        elif read is False and thread.unread == 0:
            thread.unread = 1
            thread.notified_at = clock.now()  # they have seen it: no notice
        elif read is not None and archived is None:
            return
        _tell(thread)


@retrying
def snooze(viewer: Viewer, conversation_id: int, until: datetime | None) -> None:
    """Out of the list until then, or until they write; None brings it back now."""
    if until is not None:
        now = clock.now()
        if until <= now:
            raise Invalid("until", "Choose a time that is still to come.")
        if until > now + LONGEST_SNOOZE:
            raise Invalid("until", "Choose a time within a year.")
    with transaction():
        thread = _own(viewer, conversation_id)
        thread.snoozed_until, thread.archived_at = until, None
        _tell(thread)


@retrying
def wake_snoozed() -> int:
    """Bring back the conversations whose time has come; how many did."""
    due = (
        select(Conversation)
        .where(CONVERSATION_SNOOZED, Conversation.snoozed_until <= clock.now())
        .order_by(Conversation.id)
        .limit(500)
    )
    if not db.session.execute(due.limit(1)).first():
        return 0
    with transaction():
        locked = due.with_for_update(**LOCK, skip_locked=True)
        found = list(db.session.execute(locked).scalars())
        for thread in found:
            thread.snoozed_until = None
            _tell(thread)
        return len(found)


def _tell(thread: Conversation) -> None:
    about = about_conversation("conversation.changed", thread.id, thread.whose)
    publish(thread.institution_id, about)


def colleagues(viewer: Viewer, thread: Conversation) -> list[Staff]:
    """To whom a conversation could be handed."""
    found = db.session.execute(
        select(Staff)
        .where(Staff.institution_id == viewer.institution_id, Staff.active)
        .order_by(Staff.name, Staff.id)
    )
    return [staff for staff in found.scalars() if staff.id != thread.staff_id]


@retrying
def write_note(viewer: Viewer, conversation_id: int, typed: str, key: str | None = None) -> None:
    """Keep something beside the messages, for staff alone, once under its key. By whoever may see
    the conversation."""
    body = texts.tidy(typed)
    if wrong := texts.problem(body, LONGEST_NOTE):
        raise Invalid("body", wrong.replace("message", "note"))
    with transaction():
        thread = _seen(viewer, conversation_id)
        row = {
            "institution_id": viewer.institution_id,
            "conversation_id": conversation_id,
            "staff_id": viewer.staff_id,
            "body": body,
            "idempotency_key": key,
            "created_at": clock.now(),
        }
        db.session.execute(upsert(Note).values(row).on_conflict_do_nothing())
        threads.forget_draft(viewer.staff_id, conversation_id)
        _tell(thread)


def _seen(viewer: Viewer, conversation_id: int) -> Conversation:
    """One that the viewer may see, locked."""
    thread = db.session.get(
        Conversation, conversation_id, with_for_update=LOCK, populate_existing=True
    )
    inside = thread is not None and thread.institution_id == viewer.institution_id
    if thread is None or not inside or not viewer.may_see(thread.whose):
        raise NotFound("There is no such conversation.")
    return thread


def _own(viewer: Viewer, conversation_id: int) -> Conversation:
    thread = _seen(viewer, conversation_id)
    if not viewer.answers_for(thread.staff_id):
        raise Forbidden("Only the holder of a conversation does this.")
    return thread


@retrying
def hand_over(
    viewer: Viewer, conversation_id: int, staff_id: int, *, only_unclaimed: bool = False
) -> int:
    """Give a conversation to a colleague, or take it; the id it has from now on.

    By its holder, or by whoever sees all. The colleague may answer, whatever their role (D4).
    `only_unclaimed`: Conflict `taken` where somebody holds it by now.
    """
    with transaction():
        thread = db.session.get(Conversation, conversation_id)
        before = thread.staff_id if thread else None
        thread = _seen(viewer, conversation_id)
        if not viewer.may_hand_on(thread.whose):
            raise Forbidden("Only its holder hands this conversation over.")
        to = db.session.get(Staff, staff_id)
        if to is None or to.institution_id != viewer.institution_id or not to.active:
            raise NotFound("There is no such member of staff.")
        if thread.staff_id != before or (only_unclaimed and before is not None):
            raise Conflict("Somebody else took this conversation just now.", code="taken")
        if before == staff_id:
            raise Conflict(f"{to.name} holds this conversation already.", code="already_held")
        took = staff_id == viewer.staff_id
        text = f"{viewer.name} " + (
            "took this conversation" if took else f"handed this conversation to {to.name}"
        )
        _tell(thread)
        became = hand_over_threads(viewer.institution_id, [thread.id], staff_id, text)
        audit(
            viewer.institution_id,
            "conversation.handed_over",
            f"conversation:{conversation_id}",
            viewer.staff_id,
            to=staff_id,
            was=before,
        )
        return became[conversation_id]
