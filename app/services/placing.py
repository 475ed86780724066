"""Placing: find or open the thread of each inbound text, from facts read once for a whole batch."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from sqlalchemy import ColumnElement, Select, and_, or_, select

from app.database import db
from app.models import (
    Assignment,
    ContactNumber,
    Conversation,
    Direction,
    Kind,
    Message,
    Person,
    PersonPhone,
    SenderNumber,
    Staff,
)
from app.rules.access import Whose
from app.rules.dispatch import Channel
from app.rules.lifecycle import NEVER_LEFT
from app.rules.routing import Thread, holder_of_pair, place, speaks_last
from app.services import threads

_WROTE = and_(
    Message.direction == Direction.OUTBOUND,
    Message.channel == Channel.SMS,
    Message.kind == Kind.CONVERSATION,
    Message.status.not_in(NEVER_LEFT),
)


@dataclass(frozen=True, slots=True)
class Pair:
    """Our number (None: not one of ours) and theirs."""

    number_id: int | None
    contact_id: int


class Arriving(Protocol):
    institution_id: int
    number: SenderNumber | None
    contact: ContactNumber

    @property
    def pair(self) -> Pair: ...


class Placing:
    """The facts of D6 for a batch: who owns these numbers, who wrote to them last and from
    where."""

    def __init__(self, arrivals: Sequence[Arriving]) -> None:
        self._contact_ids = sorted({a.contact.id for a in arrivals})
        self._number_ids = sorted({a.number.id for a in arrivals if a.number})
        self._owners = self._read_owners()
        self._threads = self._read_threads()
        self._latest = self._read_last_of_pairs(self._number_ids, _latest_text())
        self._holders = self._read_holders()
        ours = {a.number.id: a.number for a in arrivals if a.number}
        asked = sorted(id_ for id_, n in ours.items() if n.shared_at or id_ not in self._holders)
        self._last = self._read_last_of_pairs(asked, _last_said()) if asked else {}
        self._active = self._read_active()

    def thread_of(self, arrival: Arriving, now: datetime) -> Conversation:
        """The thread this text belongs to, made where it is new. Locks it."""
        contact = arrival.contact
        whose = self._whose(arrival)
        where = place(whose.holder, self._owners[contact.id], self._threads[contact.id])
        person = db.session.get(Person, where.person) if where.person else None
        return threads.open_for(arrival.institution_id, whose, person, contact.id, now)

    def _whose(self, arrival: Arriving) -> Whose:
        """Whose text it is; nobody's is in the unit that shares the number, or that the thread is
        in where it was said before."""
        number, last = arrival.number, self._last.get(arrival.pair)
        if number and number.org_unit_id:
            return Whose(holder_of_pair(last, None, self._active), number.org_unit_id)
        latest = self._latest.get(arrival.pair)
        if number and number.shared_at:
            latest = speaks_last(latest, last)
        number_holder = self._holders.get(number.id) if number else None
        before = latest or (last if last and last.holder is None else None)
        unit = before.unit if before else None
        return Whose(holder_of_pair(latest, number_holder, self._active), unit)

    def is_first(self, pair: Pair) -> bool:
        """Whether no text of ours ever went from this number to theirs, by any holder (D17)."""
        return pair not in self._latest

    def _read_owners(self) -> dict[int, set[int]]:
        owners: dict[int, set[int]] = defaultdict(set)
        rows = db.session.execute(
            select(PersonPhone.contact_number_id, PersonPhone.person_id).where(
                PersonPhone.contact_number_id.in_(self._contact_ids),
                PersonPhone.removed_at.is_(None),
            )
        )
        for contact, person in rows:
            owners[contact].add(person)
        return owners

    def _read_threads(self) -> dict[int, list[Thread]]:
        """By contact: the threads with its owners, each with its latest text to that contact."""
        latest = _latest_text().where(
            Message.conversation_id == Conversation.id,
            Message.contact_number_id == PersonPhone.contact_number_id,
        )
        rows = db.session.execute(
            select(
                PersonPhone.contact_number_id,
                Conversation.id,
                Conversation.staff_id,
                Conversation.person_id,
                latest.scalar_subquery(),
            )
            .join(Conversation, Conversation.person_id == PersonPhone.person_id)
            .where(
                PersonPhone.contact_number_id.in_(self._contact_ids),
                PersonPhone.removed_at.is_(None),
            )
        )
        found: dict[int, list[Thread]] = defaultdict(list)
        for contact, thread, holder, person, last in rows:
            found[contact].append(Thread(thread, holder, person, last))
        return found

    def _read_last_of_pairs(
        self, number_ids: Sequence[int], text: Select[int]
    ) -> dict[Pair, Thread]:
        """By pair of numbers: the thread of the last such text on it."""
        of_pair = text.where(
            Message.contact_number_id == ContactNumber.id,
            Message.sender_number_id == SenderNumber.id,
        )
        pairs = (
            select(SenderNumber.id, ContactNumber.id, of_pair.scalar_subquery())
            .join(ContactNumber, ContactNumber.id.in_(self._contact_ids))
            .where(SenderNumber.id.in_(number_ids))
        )
        texts = {last: Pair(*pair) for *pair, last in db.session.execute(pairs) if last}
        rows = db.session.execute(
            select(
                Message.id,
                Conversation.id,
                Conversation.staff_id,
                Conversation.person_id,
                Conversation.org_unit_id,
            )
            .join(Conversation, Conversation.id == Message.conversation_id)
            .where(Message.id.in_(texts))
        )
        return {
            texts[last]: Thread(thread, holder, person, last, unit)
            for last, thread, holder, person, unit in rows
        }

    def _read_holders(self) -> dict[int, int]:
        """By number of ours: who holds it."""
        rows = db.session.execute(
            select(Assignment.sender_number_id, Assignment.staff_id).where(
                Assignment.sender_number_id.in_(self._number_ids), Assignment.ended_at.is_(None)
            )
        )
        return {row.sender_number_id: row.staff_id for row in rows}

    def _read_active(self) -> set[int]:
        """Which of all holders in question still work here."""
        before = (*self._latest.values(), *self._last.values())
        asked = {*self._holders.values(), *(t.holder for t in before if t.holder)}
        found = select(Staff.id).where(Staff.id.in_(asked), Staff.active)
        return set(db.session.execute(found).scalars())


def _latest_text() -> Select[int]:
    """The id of the latest outbound text that left, or will; a few steps back in an index."""
    return _last(_WROTE)


def _last_said() -> Select[int]:
    """As `_latest_text`, of those that came in too."""
    return _last(or_(_WROTE, Message.direction == Direction.INBOUND))


def _last(wanted: ColumnElement[bool]) -> Select[int]:
    return select(Message.id).where(wanted).order_by(Message.id.desc()).limit(1)
