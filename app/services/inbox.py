"""Inbox: the conversations somebody sees, what is in them, and what is done with a whole
conversation."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import and_, func, or_, select, true, update

from app import clock
from app.database import LOCK, db, retrying, transaction
from app.errors import Conflict, Forbidden, NotFound
from app.events import about_conversation, publish
from app.models import (
    CONVERSATION_UNREAD,
    ContactNumber,
    Conversation,
    Direction,
    Email,
    Institution,
    Marker,
    Message,
    Person,
    PersonPhone,
    Picture,
    Staff,
)
from app.rules import phones
from app.rules.access import Can, Viewer
from app.rules.texts import snippet
from app.services.audit import audit
from app.services.consent import add_markers
from app.services.merging import merge_threads

PAGE = 50  # rows of a list, messages of a thread


class Box(StrEnum):
    """Which conversations a list shows."""

    MINE = "mine"
    UNREAD = "unread"
    ARCHIVED = "archived"
    UNCLAIMED = "unclaimed"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class Row:
    """One conversation of a list. `last`: its latest message, None before the first."""

    thread: Conversation
    person: Person | None
    number: ContactNumber | None  # of a thread that is nobody's
    holder: Staff | None
    last: Message | None

    def title(self, region: str) -> str:
        if self.person:
            return self.person.name
        return phones.pretty(self.number.e164 if self.number else "", region)


def seen_by(viewer: Viewer) -> Any:
    """The one policy of who sees which conversation (C-19)."""
    own = Conversation.staff_id == viewer.staff_id
    inside = Conversation.institution_id == viewer.institution_id
    return inside if viewer.can(Can.INBOX_ALL) else and_(inside, own)


_BOXES: dict[Box, Any] = {
    Box.MINE: Conversation.archived_at.is_(None),
    Box.UNREAD: and_(Conversation.unread > 0, Conversation.archived_at.is_(None)),
    Box.ARCHIVED: Conversation.archived_at.is_not(None),
    Box.UNCLAIMED: Conversation.staff_id.is_(None),
    Box.ALL: Conversation.archived_at.is_(None),
}


def rows(
    viewer: Viewer,
    *,
    box: Box | None = None,
    staff_id: int | None = None,
    unread: bool | None = None,
    archived: bool | None = None,
    q: str = "",
    limit: int = PAGE,
    before: tuple[datetime, int] | None = None,
) -> list[Row]:
    """Conversations, the latest first. `before`: (time, id) of the last one shown.

    Without a `box` the API's own filters decide. Unread ones come first only on the page, which
    asks for them by themselves.
    """
    wanted = [seen_by(viewer)]
    if box is not None:
        wanted.append(_BOXES[box])
    if box in (Box.MINE, Box.UNREAD, Box.ARCHIVED):
        wanted.append(Conversation.staff_id == viewer.staff_id)
    if staff_id is not None:
        wanted.append(Conversation.staff_id == staff_id)
    if unread is not None:
        wanted.append(Conversation.unread > 0 if unread else Conversation.unread == 0)
    if archived is not None:
        is_archived = Conversation.archived_at.is_not(None)
        wanted.append(is_archived if archived else ~is_archived)
    if before is not None:
        at, last = before
        wanted.append(
            or_(
                Conversation.last_message_at < at,
                and_(Conversation.last_message_at == at, Conversation.id < last),
            )
        )
    wanted += [_matches(word) for word in q.split()[:5]]
    return _read_rows(wanted, limit)


def _matches(word: str) -> Any:
    folded = word.casefold()
    columns = (Person.given_name, Person.family_name)
    found = [func.lower(c).startswith(folded, autoescape=True) for c in columns]
    found.append(func.lower(Conversation.snippet).contains(folded, autoescape=True))
    digits = "".join(c for c in word if c.isdigit())
    if len(digits) >= 4:
        found.append(ContactNumber.e164.endswith(digits, autoescape=True))
    return or_(*found)


def _read_rows(wanted: list[Any], limit: int) -> list[Row]:
    found = db.session.execute(
        select(Conversation, Person, ContactNumber, Staff, Message)
        .outerjoin(Person, Person.id == Conversation.person_id)
        .outerjoin(ContactNumber, ContactNumber.id == Conversation.contact_number_id)
        .outerjoin(Staff, Staff.id == Conversation.staff_id)
        .outerjoin(Message, Message.id == Conversation.last_message_id)
        .where(*wanted)
        .order_by(Conversation.last_message_at.desc(), Conversation.id.desc())
        .limit(limit)
    )
    return [Row(*row) for row in found]


def unread_total(viewer: Viewer) -> int:
    """How many texts of the viewer's own conversations are unread."""
    return db.session.execute(
        select(func.coalesce(func.sum(Conversation.unread), 0)).where(
            Conversation.staff_id == viewer.staff_id, CONVERSATION_UNREAD
        )
    ).scalar_one()


def counts(viewer: Viewer) -> dict[str, int]:
    """How many conversations wait: unread ones of the viewer's own, and what nobody has claimed."""
    own = (
        select(func.count())
        .select_from(Conversation)
        .where(
            Conversation.staff_id == viewer.staff_id,
            Conversation.unread > 0,
            Conversation.archived_at.is_(None),
        )
    )
    found = {"unread": db.session.execute(own).scalar_one()}
    if viewer.can(Can.INBOX_ALL):
        free = (
            select(func.count())
            .select_from(Conversation)
            .where(
                Conversation.institution_id == viewer.institution_id,
                Conversation.staff_id.is_(None),
                Conversation.archived_at.is_(None),
            )
        )
        found["unclaimed"] = db.session.execute(free).scalar_one()
    return found


def one(viewer: Viewer, conversation_id: int) -> Row:
    """Raises NotFound for a conversation that the viewer may not see."""
    found = _read_rows([Conversation.id == conversation_id, seen_by(viewer)], 1)
    if not found:
        raise NotFound("There is no such conversation.")
    return found[0]


def row(conversation_id: int) -> Row:
    """The conversation as it is now, whoever may see it: for who was just allowed to change it."""
    return _read_rows([Conversation.id == conversation_id], 1)[0]


def opened(viewer: Viewer, conversation_id: int) -> Row:
    """As `one`, to read what was said: reading a colleague's conversation leaves a trace (D3)."""
    holder = one(viewer, conversation_id).thread.staff_id
    if holder not in (None, viewer.staff_id):
        with transaction():
            audit(
                viewer.institution_id,
                "conversation.read",
                f"conversation:{conversation_id}",
                viewer.staff_id,
                holder=holder,
            )
    return one(viewer, conversation_id)


@dataclass(frozen=True, slots=True)
class Said:
    """A message of a thread with what belongs to it."""

    message: Message
    author: str | None
    email: Email | None
    pictures: int


def messages(thread: Conversation, limit: int = PAGE, before: int | None = None) -> list[Said]:
    """The latest messages of a thread, newest first. `before`: a message id."""
    pictures = (
        select(func.count())
        .select_from(Picture)
        .where(Picture.message_id == Message.id)
        .scalar_subquery()
    )
    found = db.session.execute(
        select(Message, Staff.name, Email, pictures)
        .outerjoin(Staff, Staff.id == Message.staff_id)
        .outerjoin(Email, Email.id == Message.email_id)
        .where(Message.conversation_id == thread.id, Message.id < before if before else true())
        .order_by(Message.id.desc())
        .limit(limit)
    )
    return [Said(*row) for row in found]


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


def phones_of(person_id: int) -> list[tuple[PersonPhone, str | None]]:
    """A person's current phones, each with the name of who verified it."""
    found = db.session.execute(
        select(PersonPhone, Staff.name)
        .outerjoin(Staff, Staff.id == PersonPhone.verified_by)
        .where(PersonPhone.person_id == person_id, PersonPhone.removed_at.is_(None))
        .order_by(PersonPhone.id)
    )
    return [(phone, name) for phone, name in found]


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
        if read is True and thread.unread:
            thread.unread, thread.notified_at = 0, None
        elif read is False and thread.unread == 0:
            thread.unread = 1
            thread.notified_at = clock.now()  # they have seen it: no notice
        elif read is not None and archived is None:
            return
        publish(
            viewer.institution_id,
            about_conversation("conversation.changed", thread.id, thread.staff_id),
        )


def _own(viewer: Viewer, conversation_id: int) -> Conversation:
    thread = db.session.get(
        Conversation, conversation_id, with_for_update=LOCK, populate_existing=True
    )
    if thread is None or thread.institution_id != viewer.institution_id:
        raise NotFound("There is no such conversation.")
    if thread.staff_id != viewer.staff_id:
        if viewer.may_see(thread.staff_id):
            raise Forbidden("Only the holder of a conversation does this.")
        raise NotFound("There is no such conversation.")
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
        if thread is None or thread.institution_id != viewer.institution_id:
            raise NotFound("There is no such conversation.")
        if not viewer.may_see(thread.staff_id):
            raise NotFound("There is no such conversation.")
        to = db.session.get(Staff, staff_id)
        if to is None or to.institution_id != viewer.institution_id or not to.active:
            raise NotFound("There is no such member of staff.")
        before = thread.staff_id
        db.session.refresh(thread, with_for_update=LOCK)
        if thread.staff_id != before or (only_unclaimed and before is not None):
            raise Conflict("Somebody else took this conversation just now.", code="taken")
        if before == staff_id:
            raise Conflict(f"{to.name} holds this conversation already.", code="already_held")
        took = staff_id == viewer.staff_id
        text = f"{viewer.name} " + (
            "took this conversation" if took else f"handed this conversation to {to.name}"
        )
        now = clock.now()
        add_markers([thread.id], viewer.institution_id, "handed_over", snippet(text, 300), now)
        publish(
            viewer.institution_id, about_conversation("conversation.changed", thread.id, before)
        )
        became = merge_threads(viewer.institution_id, [thread.id], staff_id)
        db.session.execute(
            update(Conversation)
            .where(Conversation.id == became[conversation_id])
            .values(notified_at=None)
        )
        audit(
            viewer.institution_id,
            "conversation.handed_over",
            f"conversation:{conversation_id}",
            viewer.staff_id,
            to=staff_id,
            was=before,
        )
        return became[conversation_id]


def institution_of(viewer: Viewer) -> Institution:
    return db.session.get_one(Institution, viewer.institution_id)


def needs_answer(thread: Conversation) -> bool:
    """The last word is theirs."""
    return thread.last_direction is Direction.INBOUND
