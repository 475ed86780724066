"""Held: texts for later that something happens to before their time."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import or_, select, update

from app.database import LOCK, db
from app.models import MESSAGE_HELD, Conversation, Message
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
