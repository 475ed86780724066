"""Reading: what was said and what happened in a conversation."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import String, cast, func, literal, null, select, true, tuple_
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
    SenderNumber,
    Staff,
)
from app.rules.access import Viewer
from app.rules.lifecycle import Status
from app.services import accounts, inbox
from app.services.inbox import seen_by

PAGE = 50  # messages


@dataclass(frozen=True, slots=True)
class Said:
    """A message of a thread with what belongs to it. `shared`: the number of ours that it came to,
    or left from, is an org unit's."""

    message: Message
    author: str | None
    email: Email | None
    resent_as: int | None  # the message that was sent instead
    pictures: tuple[int, ...] = ()
    shared: bool = False


def messages(thread: Conversation, limit: int = PAGE, before: int | None = None) -> list[Said]:
    """The latest messages of a thread, newest first. `before`: a message id. By their time: a text
    for later, or one that was missed, came into the thread long after its id was given."""
    newer, last = aliased(Message), db.session.get(Message, before) if before else None
    at = tuple_(Message.created_at, Message.id)
    found = db.session.execute(
        select(Message, Staff.name, Email, newer.id, _pictures(), SenderNumber.org_unit_id)
        .outerjoin(Staff, Staff.id == Message.staff_id)
        .outerjoin(Email, Email.id == Message.email_id)
        .outerjoin(newer, newer.resend_of == Message.id)
        .outerjoin(SenderNumber, SenderNumber.id == Message.sender_number_id)
        .where(
            Message.conversation_id == thread.id,
            Message.status != Status.HELD,
            at < (last.created_at, last.id) if last else true(),
        )
        .order_by(Message.created_at.desc(), Message.id.desc())
        .limit(limit)
    ).all()
    return [
        Said(message, author, email, resent, _ids(pictures), unit is not None)
        for message, author, email, resent, pictures, unit in found
    ]


def _ids(together: str | None) -> tuple[int, ...]:
    return tuple(sorted(map(int, (together or "").split())))


def _pictures() -> Any:
    """The ids of a message's pictures as one text, so that it is one query."""
    return (
        select(func.aggregate_strings(cast(Picture.id, String), " "))
        .where(Picture.message_id == Message.id)
        .scalar_subquery()
    )


def picture(viewer: Viewer, picture_id: int) -> tuple[str, bytes]:
    """The type and the bytes of a picture in a conversation that the viewer may see, fetched now.

    Raises NotFound, ProviderRefused for what is not shown, Unavailable.
    """
    row = db.session.execute(
        select(Conversation.id, Picture.url, ProviderAccount)
        .join(Message, Message.id == Picture.message_id)
        .join(Conversation, Conversation.id == Message.conversation_id)
        .join(ProviderAccount, ProviderAccount.id == Message.provider_account_id)
        .where(Picture.id == picture_id, seen_by(viewer))
    ).first()
    if row is None:
        raise NotFound("There is no such picture.")
    conversation_id, url, account = row
    inbox.opened(viewer, conversation_id)
    provider = accounts.provider_of(account)
    db.session.rollback()  # nothing is held while it is fetched
    return provider.picture(url)


@dataclass(frozen=True, slots=True)
class Aside:
    """What stands in a thread beside its messages: a marker by its `name`, or a note of
    `author`."""

    id: int
    name: str
    text: str
    at: datetime
    author: str | None


def asides(thread: Conversation) -> list[Aside]:
    """The markers and the notes of a thread."""
    marked = select(
        Marker.id, Marker.name, Marker.text, Marker.at, cast(null(), String).label("author")
    ).where(Marker.conversation_id == thread.id)
    noted = (
        select(Note.id, literal("note"), Note.body, Note.created_at, Staff.name)
        .join(Staff, Staff.id == Note.staff_id)
        .where(Note.conversation_id == thread.id)
    )
    return [Aside(*row) for row in db.session.execute(marked.union_all(noted))]


def markers_of(threads: list[int]) -> list[Marker]:
    """What happened in several threads, oldest first."""
    return list(
        db.session.execute(
            select(Marker).where(Marker.conversation_id.in_(threads)).order_by(Marker.id)
        ).scalars()
    )


def phones_of(person_id: int) -> list[tuple[PersonPhone, str | None]]:
    """A person's current phones, each with the name of who verified it."""
    found = db.session.execute(
        select(PersonPhone, Staff.name)
        .outerjoin(Staff, Staff.id == PersonPhone.verified_by)
        .where(PersonPhone.person_id == person_id, PersonPhone.removed_at.is_(None))
        .order_by(PersonPhone.id)
    )
    return [(phone, name) for phone, name in found]
