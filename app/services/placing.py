"""Placing: find or open the thread of each inbound text, from facts read once for a whole batch."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from sqlalchemy import Select, select

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
from app.rules.dispatch import Channel
from app.rules.lifecycle import NEVER_LEFT
from app.rules.routing import Thread, holder_of_pair, place
from app.services import threads


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
        self._latest = self._read_latest_of_pairs()
        self._holders = self._read_holders()

    def thread_of(self, arrival: Arriving, now: datetime) -> Conversation:
        """The thread this text belongs to, made where it is new. Locks it."""
        contact = arrival.contact
        latest = self._latest.get(arrival.pair)
        number_holder = self._holders.get(arrival.number.id) if arrival.number else None
        holder = holder_of_pair(latest, number_holder, self._active)
        where = place(holder, self._owners[contact.id], self._threads[contact.id])
        person = db.session.get(Person, where.person) if where.person else None
        like = latest.id if latest else None
        return threads.open_for(arrival.institution_id, holder, person, contact.id, now, like)

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

    def _read_latest_of_pairs(self) -> dict[Pair, Thread]:
        """By pair of numbers: the thread of the latest text that left on it."""
        latest = _latest_text().where(
            Message.contact_number_id == ContactNumber.id,
            Message.sender_number_id == SenderNumber.id,
        )
        pairs = (
            select(SenderNumber.id, ContactNumber.id, latest.scalar_subquery())
            .join(ContactNumber, ContactNumber.id.in_(self._contact_ids))
            .where(SenderNumber.id.in_(self._number_ids))
        )
        texts = {last: Pair(*pair) for *pair, last in db.session.execute(pairs) if last}
        rows = db.session.execute(
            select(Message.id, Conversation.id, Conversation.staff_id, Conversation.person_id)
            .join(Conversation, Conversation.id == Message.conversation_id)
            .where(Message.id.in_(texts))
        )
        return {
            texts[last]: Thread(thread, holder, person, last)
            for last, thread, holder, person in rows
        }

    def _read_holders(self) -> dict[int, int]:
        """By number of ours: who holds it. Notes which of all holders in question still work
        here."""
        rows = db.session.execute(
            select(Assignment.sender_number_id, Assignment.staff_id).where(
                Assignment.sender_number_id.in_(self._number_ids), Assignment.ended_at.is_(None)
            )
        )
        holders = {row.sender_number_id: row.staff_id for row in rows}
        asked = {*holders.values(), *(t.holder for t in self._latest.values() if t.holder)}
        self._active = set(
            db.session.execute(select(Staff.id).where(Staff.id.in_(asked), Staff.active)).scalars()
        )
        return holders


def _latest_text() -> Select[int]:
    """The id of the latest outbound text that left, or will; a few steps back in an index."""
    return (
        select(Message.id)
        .where(
            Message.direction == Direction.OUTBOUND,
            Message.channel == Channel.SMS,
            Message.kind == Kind.CONVERSATION,
            Message.status.not_in(NEVER_LEFT),
        )
        .order_by(Message.id.desc())
        .limit(1)
    )
