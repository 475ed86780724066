"""Threads: find or open the conversation of a holder with somebody, and keep its summary."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, delete, select

from app.database import LOCK, db, upsert
from app.errors import Merged, Unavailable
from app.events import about_conversation, publish
from app.models import (
    Conversation,
    Direction,
    Kind,
    Message,
    OrgUnit,
    Person,
    SavedDraft,
    Staff,
)
from app.rules.access import Whose
from app.rules.keywords import Keyword
from app.rules.lifecycle import Status
from app.rules.texts import snippet

_TRIES = 3


def of_same(whose: Whose) -> ColumnElement[bool]:
    """The conversations of the same holder, wherever they are; nobody's in the same org unit."""
    if whose.holder is not None:
        return Conversation.staff_id == whose.holder
    return and_(Conversation.staff_id.is_(None), _is(Conversation.org_unit_id, whose.unit))


def find(institution_id: int, whose: Whose, person_id: int) -> Conversation | None:
    return db.session.execute(
        select(Conversation).where(
            Conversation.institution_id == institution_id,
            of_same(whose),
            Conversation.person_id == person_id,
        )
    ).scalar_one_or_none()


def find_bare(institution_id: int, whose: Whose, contact_id: int) -> Conversation | None:
    """The thread with a number that is nobody's."""
    return db.session.execute(
        select(Conversation).where(
            Conversation.institution_id == institution_id,
            of_same(whose),
            Conversation.person_id.is_(None),
            Conversation.contact_number_id == contact_id,
        )
    ).scalar_one_or_none()


def open_for(
    institution_id: int,
    whose: Whose,
    person: Person | None,
    contact_id: int | None,
    now: datetime,
) -> Conversation:
    """The one conversation of this holder, or of nobody in this org unit, with this person, or with
    this bare number (D5), locked; made where there is none, once even if two ask at the same time.

    A new one is in the org unit of its holder, whatever `whose` says. Raises Merged where the
    person is one with another by now.
    """
    holder = whose.holder
    if holder is None:
        whose = Whose(None, _still_there(whose.unit))
    key = {
        "institution_id": institution_id,
        "staff_id": holder,
        "person_id": person.id if person else None,
        "contact_number_id": None if person else contact_id,
    }
    unit = unit_of(holder) if holder else whose.unit
    same = [_is(getattr(Conversation, column), value) for column, value in key.items()]
    same.append(of_same(whose))
    for _ in range(_TRIES):
        made = db.session.execute(
            upsert(Conversation)
            .values(**key, org_unit_id=unit, last_message_at=now, snippet="", unread=0)
            .on_conflict_do_nothing()
            .returning(Conversation.id)
        ).first()
        if made and person:  # the row that refers to them has waited for whoever merges them
            require_unmerged(person.id)
        found = db.session.execute(
            select(Conversation)
            .where(*same)
            .with_for_update(**LOCK)
            .execution_options(populate_existing=True)
        ).scalar_one_or_none()
        if found is not None:  # else it was merged into another one while we waited for it
            return found
    raise Unavailable("This conversation is changing hands. Try again in a moment.")


def require_unmerged(person_id: int) -> None:
    """Raises Merged where the person is one with another, as it is now."""
    into = db.session.execute(
        select(Person.merged_into).where(Person.id == person_id)
    ).scalar_one_or_none()
    if into is not None:
        raise Merged(into)


def unit_of(holder: int) -> Any:
    """The org unit of a holder, as a part of a statement. Waits for whoever is just moving them
    out of it, so that no conversation stays behind."""
    unit = select(Staff.org_unit_id).where(Staff.id == holder, Staff.org_unit_id.is_not(None))
    return unit.with_for_update(read=True, key_share=True).scalar_subquery()


def _still_there(unit_id: int | None) -> int | None:
    """An org unit for what nobody holds, which stays there until the end of the transaction; None
    where it is removed, so that the conversation is seen."""
    if unit_id is None:
        return None
    unit = select(OrgUnit.id).where(OrgUnit.id == unit_id, OrgUnit.removed_at.is_(None))
    return db.session.execute(unit.with_for_update(read=True, key_share=True)).scalar_one_or_none()


def _is(column: Any, value: int | None) -> Any:
    return column.is_(None) if value is None else column == value


def note_message(thread: Conversation, message: Message) -> None:
    """Keep the summary of the list: the latest message, and out of the archive with it.

    What they write also ends a snooze. A bare STOP or START waits for no answer.
    """
    thread.last_message_at = max(thread.last_message_at, message.created_at)  # found late: earlier
    thread.last_message_id = message.id
    said_it_all = message.keyword in (Keyword.STOP, Keyword.START)
    thread.last_direction = None if said_it_all else message.direction
    thread.snippet = snippet(message.body)
    thread.archived_at = None
    if message.direction is Direction.INBOUND:
        thread.snoozed_until = None


def summarise(thread: Conversation) -> None:
    """What the list shows, from what is in the thread now (`note_message`). What nobody wrote is no
    answer: what it was sent for waits for a person still."""
    said = (
        select(Message)
        .where(
            Message.conversation_id == thread.id,
            Message.status != Status.HELD,
            Message.kind == Kind.CONVERSATION,
        )
        .order_by(Message.created_at.desc(), Message.id.desc())
    )
    last = db.session.execute(said.limit(1)).scalar_one_or_none()
    thread.last_message_id = thread.last_direction = None
    thread.snippet = ""
    if last is not None:  # else only what waits for its time is left
        put_away = thread.archived_at, thread.snoozed_until
        note_message(thread, last)
        thread.last_message_at = last.created_at  # which may be earlier than it was
        thread.archived_at, thread.snoozed_until = put_away
    inbound = db.session.execute(
        said.where(Message.direction == Direction.INBOUND).limit(1)
    ).scalar_one_or_none()
    thread.in_contact_id = inbound.contact_number_id if inbound else None
    thread.in_number_id = inbound.sender_number_id if inbound else None
    db.session.flush()


def move_unread(thread: Conversation, to: Conversation, leaves: Callable[[Any], bool]) -> None:
    """Of a thread from which messages go to another one, before they do. The unread texts are the
    latest ones that came in; `leaves` is asked about each, by its id and contact_number_id."""
    unread = db.session.execute(
        select(Message.id, Message.contact_number_id)
        .where(Message.conversation_id == thread.id, Message.direction == Direction.INBOUND)
        .order_by(Message.id.desc())
        .limit(thread.unread)
    )
    moved = sum(map(leaves, unread))
    thread.unread -= moved
    to.unread += moved


def announce_new(thread: Conversation, message: Message) -> None:
    """Tell who may see the thread that something was said in it."""
    whose, status = thread.whose, message.status.word
    publish(
        message.institution_id,
        about_conversation("message.created", thread.id, whose, status, message=message.id),
        about_conversation("conversation.changed", thread.id, whose),
    )


def announce_status(message: Message) -> None:
    """Tell who may see the thread what became of a message."""
    thread, status = message.conversation_id, message.status.word
    whose = Whose(
        *db.session.execute(
            select(Conversation.staff_id, Conversation.org_unit_id).where(Conversation.id == thread)
        ).one()
    )
    publish(
        message.institution_id,
        about_conversation("message.status_changed", thread, whose, status, message=message.id),
    )


def forget_draft(staff_id: int, conversation_id: int) -> None:
    """What was typed there is sent, or gone."""
    db.session.execute(
        delete(SavedDraft).where(
            SavedDraft.staff_id == staff_id, SavedDraft.conversation_id == conversation_id
        )
    )
