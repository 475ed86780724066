"""Reading: what was said and what happened in a conversation."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, true
from sqlalchemy.orm import aliased

from app.database import db
from app.errors import NotFound
from app.models import (
    Conversation,
    Email,
    Marker,
    Message,
    Note,
    PersonPhone,
    Picture,
    ProviderAccount,
    Staff,
)
from app.rules.access import Viewer
from app.rules.lifecycle import Status
from app.services import accounts
from app.services.inbox import seen_by

PAGE = 50  # messages


@dataclass(frozen=True, slots=True)
class Said:
    """A message of a thread with what belongs to it."""

    message: Message
    author: str | None
    email: Email | None
    resent_as: int | None  # the message that was sent instead
    pictures: tuple[int, ...] = ()


def messages(thread: Conversation, limit: int = PAGE, before: int | None = None) -> list[Said]:
    """The latest messages of a thread, newest first. `before`: a message id."""
    newer = aliased(Message)
    found = db.session.execute(
        select(Message, Staff.name, Email, newer.id)
        .outerjoin(Staff, Staff.id == Message.staff_id)
        .outerjoin(Email, Email.id == Message.email_id)
        .outerjoin(newer, newer.resend_of == Message.id)
        .where(
            Message.conversation_id == thread.id,
            Message.status != Status.HELD,
            Message.id < before if before else true(),
        )
        .order_by(Message.id.desc())
        .limit(limit)
    ).all()
    shown = _pictures([message.id for message, *_ in found])
    return [Said(*row, tuple(shown[row[0].id])) for row in found]


def _pictures(message_ids: list[int]) -> dict[int, list[int]]:
    found = defaultdict(list)
    rows = select(Picture.message_id, Picture.id).where(Picture.message_id.in_(message_ids))
    for message_id, picture_id in db.session.execute(rows.order_by(Picture.id)):
        found[message_id].append(picture_id)
    return found


def picture(viewer: Viewer, picture_id: int) -> tuple[str, bytes]:
    """The type and the bytes of a picture in a conversation that the viewer may see, fetched now.

    Raises NotFound, ProviderRefused for what is not shown, Unavailable.
    """
    row = db.session.execute(
        select(Picture.url, ProviderAccount)
        .join(Message, Message.id == Picture.message_id)
        .join(Conversation, Conversation.id == Message.conversation_id)
        .join(ProviderAccount, ProviderAccount.id == Message.provider_account_id)
        .where(Picture.id == picture_id, seen_by(viewer))
    ).first()
    if row is None:
        raise NotFound("There is no such picture.")
    url, account = row
    provider = accounts.provider_of(account)
    db.session.rollback()  # nothing is held while it is fetched
    return provider.picture(url)


def markers(thread: Conversation, since: datetime | None = None) -> list[Marker]:
    """What happened in a thread, oldest first; from `since` on."""
    return list(
        db.session.execute(
            select(Marker)
            .where(Marker.conversation_id == thread.id, Marker.at >= since if since else true())
            .order_by(Marker.id)
        ).scalars()
    )


def markers_of(threads: list[int]) -> list[Marker]:
    """What happened in several threads, oldest first."""
    return list(
        db.session.execute(
            select(Marker).where(Marker.conversation_id.in_(threads)).order_by(Marker.id)
        ).scalars()
    )


def notes(thread: Conversation) -> list[tuple[Note, str]]:
    """The notes of a thread with who wrote them, oldest first."""
    found = db.session.execute(
        select(Note, Staff.name)
        .join(Staff, Staff.id == Note.staff_id)
        .where(Note.conversation_id == thread.id)
        .order_by(Note.id)
    )
    return [(note, name) for note, name in found]


def phones_of(person_id: int) -> list[tuple[PersonPhone, str | None]]:
    """A person's current phones, each with the name of who verified it."""
    found = db.session.execute(
        select(PersonPhone, Staff.name)
        .outerjoin(Staff, Staff.id == PersonPhone.verified_by)
        .where(PersonPhone.person_id == person_id, PersonPhone.removed_at.is_(None))
        .order_by(PersonPhone.id)
    )
    return [(phone, name) for phone, name in found]
