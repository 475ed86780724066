"""Held: texts for later that something happens to before their time."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import func, or_, select, true, update

from app.database import LOCK, db
from app.models import MESSAGE_HELD, Conversation, Message, Staff
from app.rules.lifecycle import Status
from app.services import threads


def cancel(messages: Collection[Message], code: str, why: str) -> None:
    """Stop them in the open transaction, and show their writers why (D34)."""
    for message in messages:
        message.status = Status.CANCELED
        message.error_code, message.error_message = code, why
        threads.announce_status(message)


def cancel_to(person_id: int | None, contact_id: int, why: str) -> None:
    """All that would go to a person, or to a bare number, who has opted out."""
    theirs = or_(
        Conversation.person_id == person_id if person_id else False,
        Conversation.person_id.is_(None) & (Conversation.contact_number_id == contact_id),
    )
    cancel(_locked(Conversation.id == Message.conversation_id, theirs), "opted_out", why)


def cancel_in(thread_ids: Collection[int], writer: int | None) -> None:
    """All in conversations that change hands, but what their new holder wrote."""
    others = or_(Message.staff_id != writer, Message.staff_id.is_(None)) if writer else true()
    found = _locked(Message.conversation_id.in_(thread_ids), others)
    if found:
        to = db.session.get_one(Staff, writer).name if writer else "nobody yet"
        cancel(found, "handed_over", f"The conversation went to {to}.")


def cancel_for(person_ids: Collection[int], why: str) -> None:
    """All that would go to people who are removed."""
    theirs = Conversation.person_id.in_(person_ids)
    cancel(_locked(Conversation.id == Message.conversation_id, theirs), "person_removed", why)


def cancel_since(person_id: int, message_id: int, why: str) -> None:
    """All that was written to a person after this message, when nobody can tell to whom of two."""
    newer = Message.id > message_id
    theirs = Conversation.person_id == person_id
    cancel(_locked(Conversation.id == Message.conversation_id, theirs, newer), "unmerged", why)


def waiting_in(thread_ids: Any) -> int:
    """How many wait in these conversations: a list of ids, or a query for them."""
    wanted = select(func.count()).where(MESSAGE_HELD, Message.conversation_id.in_(thread_ids))
    return db.session.execute(wanted).scalar_one()


def _locked(*wanted: Any) -> list[Message]:
    rows = select(Message).where(MESSAGE_HELD, *wanted).order_by(Message.id)
    found = db.session.execute(rows.with_for_update(**LOCK, of=Message))
    return list(found.scalars())


def ask_first(conversation_id: int, now: Any) -> None:
    """They wrote: whoever wrote something for later is asked before it goes."""
    db.session.execute(
        update(Message)
        .where(MESSAGE_HELD, Message.conversation_id == conversation_id, Message.asks_at.is_(None))
        .values(asks_at=now)
    )
