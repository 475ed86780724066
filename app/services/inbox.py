"""Inbox: the conversations somebody sees, listed and searched."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import and_, false, func, null, or_, select

from app.database import db, transaction
from app.errors import NotFound
from app.models import (
    CONVERSATION_UNCLAIMED,
    CONVERSATION_UNREAD,
    ContactNumber,
    Conversation,
    Direction,
    Institution,
    Message,
    Person,
    SavedDraft,
    Staff,
)
from app.rules import phones, search
from app.rules.access import Viewer
from app.services import finding
from app.services.audit import audit

PAGE = 50  # rows of a list


class Box(StrEnum):
    """Which conversations a list shows."""

    MINE = "mine"
    UNREAD = "unread"
    ANSWER = "answer"
    SNOOZED = "snoozed"
    ARCHIVED = "archived"
    UNCLAIMED = "unclaimed"
    ALL = "all"

    @property
    def own(self) -> bool:
        """Only the viewer's own; the others need `inbox.all`, or `inbox.unit`."""
        return self not in (Box.UNCLAIMED, Box.ALL)


@dataclass(frozen=True, slots=True)
class Row:
    """One conversation of a list. `last`: its latest message, None before the first."""

    thread: Conversation
    person: Person | None
    number: ContactNumber | None  # of a thread that is nobody's
    holder: Staff | None
    last: Message | None
    draft: str | None = None  # what the viewer has typed there and not sent

    def title(self, region: str) -> str:
        if self.person:
            return self.person.name
        return phones.pretty(self.number.e164 if self.number else "", region)


def seen_by(viewer: Viewer) -> Any:
    """The one policy of who sees which conversation (C-19), as `Viewer.may_see` has it of one."""
    own = finding.answered_by(viewer)
    inside = Conversation.institution_id == viewer.institution_id
    if viewer.sees_all:
        return inside
    if viewer.units:
        own = or_(own, Conversation.org_unit_id.in_(sorted(viewer.units)))
    return and_(inside, own)


_HERE = and_(Conversation.archived_at.is_(None), Conversation.snoozed_until.is_(None))
_THEIR_TURN = Conversation.last_direction == Direction.INBOUND

_BOXES: dict[Box, Any] = {
    Box.MINE: _HERE,
    Box.UNREAD: and_(Conversation.unread > 0, _HERE),
    Box.ANSWER: and_(_THEIR_TURN, _HERE),
    Box.SNOOZED: and_(Conversation.snoozed_until.is_not(None), Conversation.archived_at.is_(None)),
    Box.ARCHIVED: Conversation.archived_at.is_not(None),
    Box.UNCLAIMED: and_(CONVERSATION_UNCLAIMED, Conversation.archived_at.is_(None)),
    Box.ALL: Conversation.archived_at.is_(None),
}


@dataclass(frozen=True, slots=True)
class Place:
    """Where in a list a row stands: what comes after it is the next page."""

    unread: bool
    at: datetime
    id: int


def page(
    viewer: Viewer,
    box: Box,
    typed: str = "",
    limit: int = PAGE,
    after: Place | None = None,
    unit: int | None = None,
) -> list[Row]:
    """One page of a list: the unread ones first where it is the viewer's, then the latest. `unit`:
    only what is in this one, not below it.

    What is looked for is looked for in everything they have, also what is put away.
    """
    wanted = [seen_by(viewer)]
    if box.own:
        wanted.append(finding.answered_by(viewer))
    if typed.strip():
        found = _found(viewer, typed, own=box.own)
        return _read_rows(viewer, [*wanted, *found, *_older(after)], limit)
    wanted.append(_BOXES[box])
    if unit is not None:
        wanted.append(Conversation.org_unit_id == unit)
    if box is not Box.MINE:
        return _read_rows(viewer, [*wanted, *_older(after)], limit)
    rows: list[Row] = []
    if after is None or after.unread:
        rows = _read_rows(viewer, [*wanted, CONVERSATION_UNREAD, *_older(after)], limit)
        after = None
    if len(rows) < limit:
        rest = [*wanted, Conversation.unread == 0, *_older(after)]
        rows += _read_rows(viewer, rest, limit - len(rows))
    return rows


def _found(viewer: Viewer, typed: str, *, own: bool) -> list[Any]:
    """What is typed must be found, all of it; what holds no word is found nowhere."""
    terms = search.terms(typed)
    within = None if viewer.sees_all else seen_by(viewer)
    return [finding.holds(viewer, t, own=own, within=within) for t in terms] or [false()]


def _older(after: Place | None) -> list[Any]:
    if after is None:
        return []
    at, row = Conversation.last_message_at, Conversation.id
    return [at <= after.at, or_(at < after.at, row < after.id)]


def rows(
    viewer: Viewer,
    *,
    staff_id: int | None = None,
    unread: bool | None = None,
    archived: bool | None = None,
    q: str = "",
    limit: int = PAGE,
    before: tuple[datetime, int] | None = None,
) -> list[Row]:
    """Conversations as a program asks for them, the latest first. `before`: (time, id) of the last
    one it has."""
    wanted = [seen_by(viewer), *_older(Place(False, *before) if before else None)]
    if staff_id is not None:
        wanted.append(Conversation.staff_id == staff_id)
    if unread is not None:
        wanted.append(Conversation.unread > 0 if unread else Conversation.unread == 0)
    if archived is not None:
        is_archived = Conversation.archived_at.is_not(None)
        wanted.append(is_archived if archived else ~is_archived)
    if q.strip():
        wanted += _found(viewer, q, own=not viewer.sees_more)
    return _read_rows(viewer, wanted, limit)


def _read_rows(viewer: Viewer, wanted: list[Any], limit: int) -> list[Row]:
    typed = (SavedDraft.conversation_id == Conversation.id) & (
        SavedDraft.staff_id == viewer.staff_id
    )
    found = db.session.execute(
        select(Conversation, Person, ContactNumber, Staff, Message, SavedDraft.body)
        .outerjoin(Person, Person.id == Conversation.person_id)
        .outerjoin(ContactNumber, ContactNumber.id == Conversation.contact_number_id)
        .outerjoin(Staff, Staff.id == Conversation.staff_id)
        .outerjoin(Message, Message.id == Conversation.last_message_id)
        .outerjoin(SavedDraft, typed)
        .where(*wanted)
        .order_by(Conversation.last_message_at.desc(), Conversation.id.desc())
        .limit(limit)
    )
    return [Row(*row) for row in found]


def unread_total(viewer: Viewer) -> int:
    """How many texts of the viewer's own conversations are unread."""
    return db.session.execute(
        select(func.coalesce(func.sum(Conversation.unread), 0)).where(
            finding.answered_by(viewer), CONVERSATION_UNREAD
        )
    ).scalar_one()


@dataclass(frozen=True, slots=True)
class Counts:
    """How many conversations wait in each view, and how many texts are unread in all."""

    waiting: dict[Box, int]
    unread_texts: int


def counts(viewer: Viewer) -> Counts:
    """Unread and unanswered ones of the viewer's own, and what nobody has claimed."""
    free = select(func.count()).where(seen_by(viewer), _BOXES[Box.UNCLAIMED]).scalar_subquery()
    unread, answer, texts, unclaimed = db.session.execute(
        select(
            func.count().filter(Conversation.unread > 0),
            func.count().filter(_THEIR_TURN),
            func.coalesce(func.sum(Conversation.unread), 0),
            free if viewer.sees_more else null(),
        ).where(finding.answered_by(viewer), _HERE)
    ).one()
    waiting = {Box.UNREAD: unread, Box.ANSWER: answer, Box.UNCLAIMED: unclaimed or 0}
    return Counts(waiting, texts)


def one(viewer: Viewer, conversation_id: int) -> Row:
    """Raises NotFound for a conversation that the viewer may not see."""
    found = _read_rows(viewer, [Conversation.id == conversation_id, seen_by(viewer)], 1)
    if not found:
        raise NotFound("There is no such conversation.")
    return found[0]


def row(viewer: Viewer, conversation_id: int) -> Row:
    """The conversation as it is now, whoever may see it: for who was just allowed to change it."""
    return _read_rows(viewer, [Conversation.id == conversation_id], 1)[0]


def opened(viewer: Viewer, conversation_id: int) -> Row:
    """As `one`, to read what was said: reading a colleague's conversation leaves a trace (D3)."""
    found = one(viewer, conversation_id)
    holder = found.thread.staff_id
    if holder in (None, viewer.staff_id):
        return found
    with transaction():
        audit(
            viewer.institution_id,
            "conversation.read",
            f"conversation:{conversation_id}",
            viewer.staff_id,
            holder=holder,
        )
    return one(viewer, conversation_id)


def institution_of(viewer: Viewer) -> Institution:
    return db.session.get_one(Institution, viewer.institution_id)


def needs_answer(thread: Conversation) -> bool:
    """The last word is theirs."""
    return thread.last_direction is Direction.INBOUND
