"""Messages: the log of what was said, as far as somebody may see it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import and_, func, or_, select

from app.database import db
from app.errors import NotFound
from app.models import Conversation, Direction, Email, Message, ProviderAccount
from app.rules import phones
from app.rules.access import Viewer
from app.rules.dispatch import Channel
from app.rules.lifecycle import Status
from app.services.inbox import seen_by
from app.services.org_units import Within


@dataclass(frozen=True, slots=True)
class Logged:
    """One message with what belongs to it. `email`: the one it is, or the one that followed it."""

    message: Message
    email: Email | None
    provider: str | None  # "twilio"


@dataclass(frozen=True, slots=True)
class Filter:
    """None = whatever it is. `to`: a number or an email address. `within`: made in that org unit
    or below. `since` <= created < `until`."""

    status: Status | None = None
    direction: Direction | None = None
    channel: Channel | None = None
    conversation_id: int | None = None
    staff_id: int | None = None
    person_id: int | None = None
    within: Within | None = None
    to: str | None = None
    text: str | None = None
    since: datetime | None = None
    until: datetime | None = None


def found(viewer: Viewer, wanted: Filter, limit: int, before: int | None = None) -> list[Logged]:
    """Messages of conversations that the viewer may see, newest first. `before`: a message id."""
    page = [Message.id < before] if before else []
    return _read([*_conditions(viewer, wanted), *page], limit)


def one(viewer: Viewer, message_id: int) -> Logged:
    if seen := _read([Message.id == message_id, seen_by(viewer)], 1):
        return seen[0]
    raise NotFound("There is no such message.")


def of_institution(institution_id: int, message_id: int) -> Logged | None:
    """Whoever holds its conversation: for what is told to other systems."""
    found = _read([Message.id == message_id, Message.institution_id == institution_id], 1)
    return found[0] if found else None


def _read(wanted: list[Any], limit: int) -> list[Logged]:
    rows = db.session.execute(
        select(Message, Email, ProviderAccount.kind)
        .join(Conversation, Conversation.id == Message.conversation_id)
        .outerjoin(Email, Email.id == Message.email_id)
        .outerjoin(ProviderAccount, ProviderAccount.id == Message.provider_account_id)
        .where(*wanted)
        .order_by(Message.id.desc())
        .limit(limit)
    )
    return [Logged(*row) for row in rows]


def _conditions(viewer: Viewer, wanted: Filter) -> list[Any]:
    equal = ("direction", "channel", "conversation_id", "staff_id", "person_id")
    found: list[Any] = [Message.institution_id == viewer.institution_id, seen_by(viewer)]
    for name in equal:
        if (value := getattr(wanted, name)) is not None:
            found.append(getattr(Message, name) == value)
    if wanted.status is not None:
        found.append(_has_status(wanted.status))
    if wanted.within is not None:
        found.append(Message.org_unit_id.in_(sorted(wanted.within.units)))
    if wanted.to is not None:
        found.append(Message.to_address == _address(wanted.to, viewer.region))
    if wanted.text:
        folded = wanted.text.casefold()
        found.append(func.lower(Message.body).contains(folded, autoescape=True))
    if wanted.since is not None:
        found.append(Message.created_at >= wanted.since)
    if wanted.until is not None:
        found.append(Message.created_at < wanted.until)
    return found


def _has_status(status: Status) -> Any:
    """As it is shown: an email is queued until it was sent or has failed."""
    is_email = Message.channel == Channel.EMAIL
    if status is Status.QUEUED:
        waits = Message.status.not_in([Status.SENT, Status.FAILED])
        return or_(Message.status == status, and_(is_email, waits))
    if status in (Status.SENT, Status.FAILED):
        return Message.status == status
    return and_(Message.status == status, ~is_email)


def _address(typed: str, region: str) -> str:
    e164 = phones.parse(typed, region)
    return typed.strip().lower() if isinstance(e164, phones.BadNumber) else e164
