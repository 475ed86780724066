"""Deciding: gather the facts of one message in few round trips, and ask the rules."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import String, and_, cast, func, or_, select
from sqlalchemy.orm import aliased

from app.database import LOCK, db
from app.models import (
    Assignment,
    ContactNumber,
    Conversation,
    Direction,
    Institution,
    Message,
    PairBlock,
    Person,
    PersonPhone,
    ProviderAccount,
    Seats,
    SenderNumber,
    Staff,
    Usage,
)
from app.rules.access import Can, Viewer
from app.rules.dispatch import Channel, Facts
from app.rules.keywords import Keyword
from app.rules.lifecycle import NEVER_LEFT, NOT_ARRIVED
from app.rules.limits import MonthUsage, month_of
from app.rules.recipient import Phone
from app.rules.segments import measure
from app.rules.sender import (
    OurNumber,
    SenderFacts,
    SharedNumber,
    answers_from_shared,
    answers_from_theirs,
)
from app.rules.texts import with_first_contact
from app.services import numbers, sharing


@dataclass(frozen=True, slots=True)
class Target:
    """Whom a message is for: a person, or a bare number that is nobody's yet.

    `number`: that number where somebody typed it (S4-35); else it is the thread's.
    """

    person: Person | None
    thread: Conversation | None
    number: ContactNumber | None = None

    @property
    def holder(self) -> int | None:
        return self.thread.staff_id if self.thread else None

    @property
    def kind(self) -> str:
        return self.person.kind.value if self.person else "unknown"

    @property
    def contact_id(self) -> int | None:
        """Of the bare number; None with a person, or where we know nothing of it yet."""
        if self.person is not None:
            return None
        if self.number is not None:
            return self.number.id
        return self.thread.contact_number_id if self.thread else None


@dataclass(frozen=True, slots=True)
class Gathered:
    """The facts, and what the services need beside them."""

    facts: Facts
    institution: Institution
    body: str  # as it would go out: with the first-contact line where it is due
    first_contact: str | None  # that line, where it is due
    month: str
    verified_by: dict[int, str]  # phone id → name


def gather(
    viewer: Viewer,
    target: Target,
    body: str,
    now: datetime,
    *,
    chosen: int | None = None,
    wants_email: bool = False,
    taking: bool = False,
) -> Gathered:
    """Everything a decision about this message may depend on, as it is now.

    `taking`: the number that would be assigned is kept for the open transaction, so that many who
    send their first text at once choose different ones.
    """
    covered = target.holder if target.holder in viewer.covers else None
    ours = _ours(viewer, covered or viewer.staff_id, target, now)
    institution = ours.institution
    phones, verified_by = _phones(target, institution)
    line = None if ours.was_texted else institution.first_contact
    carried = with_first_contact(body, line)
    sender = _sender(viewer, target, ours, phones, now, taking=taking)
    stopped = ours.stopped_there if answers_from_theirs(sender) else ours.stopped
    facts = Facts(
        texting_on=institution.sms_enabled and stopped is None,
        phones=phones,
        defaults=institution.defaults_for(target.kind),
        sender=sender,
        usage=_usage(institution, ours.used, target),
        segments=measure(carried),
        email=target.person.email if target.person else None,
        reply_to=target.thread.in_contact_id if target.thread else None,
        chosen=chosen,
        wants_email=wants_email,
    )
    return Gathered(facts, institution, carried, line, ours.month, verified_by)


def _sender(
    viewer: Viewer,
    target: Target,
    ours: "Ours",
    phones: tuple[Phone, ...],
    now: datetime,
    *,
    taking: bool,
) -> SenderFacts:
    covers, own = target.holder in viewer.covers, ours.number
    may_start = viewer.can(Can.TEXT_START) and not covers  # no number for a cover (D4)
    only_answers = not may_start and not (covers and own)
    known = SenderFacts(
        may_start=may_start,
        own=own,
        thread=ours.written_to if only_answers else None,
        shared=_shared(viewer, target, ours),
        numbers_assigned=ours.seats,
        number_limit=ours.institution.number_limit,
    )
    if own or not may_start or answers_from_shared(known):
        return known
    if taking and (taken := _own_at_last(viewer.staff_id)):
        return replace(known, own=_with_blocks(taken, phones))
    free = next_free(viewer.institution_id, now, taking=taking)
    return replace(known, next_free=_with_blocks(free, phones))


def _shared(viewer: Viewer, target: Target, ours: "Ours") -> SharedNumber | None:
    number, unit_id = ours.written_to, ours.shared_by
    if number is None or unit_id is None or target.thread is None:
        return None
    return sharing.facts_of(viewer, number, unit_id, target.thread.org_unit_id)


def _usage(institution: Institution, used: int, target: Target) -> MonthUsage:
    usage = institution.usage(used)
    return replace(usage, kept=0) if usage.kept and _is_answer(target) else usage


def _is_answer(target: Target) -> bool:
    """The last word in this conversation is theirs; what did not arrive of ours was none."""
    thread = target.thread
    if thread is None or thread.last_direction is None:
        return False
    if thread.last_direction is Direction.INBOUND:
        return True
    last = (
        select(Message.direction)
        .where(
            Message.conversation_id == thread.id,
            Message.status.not_in(NOT_ARRIVED),
            or_(Message.keyword.is_(None), Message.keyword.not_in((Keyword.STOP, Keyword.START))),
        )
        .order_by(Message.created_at.desc(), Message.id.desc())
        .limit(1)
    )
    return db.session.execute(last).scalar_one_or_none() is Direction.INBOUND


@dataclass(frozen=True, slots=True)
class Ours:
    """Our own side. `seats`: numbers in use; `number`: the holder's, `stopped`: why its account is;
    `written_to`: the one that they wrote to last in the conversation, None once it is retired (D4),
    `stopped_there`: why its account is, `shared_by`: the org unit that shares it; `used`: places of
    the month; `was_texted`: whether a text ever went to them (D43)."""

    institution: Institution
    month: str
    stopped: str | None
    stopped_there: str | None
    seats: int
    number: OurNumber | None
    written_to: OurNumber | None
    shared_by: int | None
    used: int
    was_texted: bool


def _ours(viewer: Viewer, holder: int, target: Target, now: datetime) -> Ours:
    """`holder`: the viewer, or whom they cover."""
    institution = db.session.get_one(Institution, viewer.institution_id)
    month = month_of(now, institution.timezone)
    own, written_to = aliased(SenderNumber), aliased(SenderNumber)
    there = aliased(ProviderAccount)
    last = target.thread.in_number_id if target.thread else None
    used = select(Usage.used).where(Usage.institution_id == institution.id, Usage.month == month)
    texted = select(Message.id).where(
        Message.person_id == target.person.id
        if target.person
        else Message.contact_number_id == target.contact_id,
        Message.direction == Direction.OUTBOUND,
        Message.channel == Channel.SMS,
        Message.status.not_in(NEVER_LEFT),
    )
    row = db.session.execute(
        select(
            func.coalesce(Seats.used, 0),
            ProviderAccount.stopped_reason,
            there.stopped_reason,
            func.coalesce(used.scalar_subquery(), 0),
            texted.exists(),
            *(own.id, own.e164, _blocks_of(own, target)),
            *(written_to.id, written_to.e164, _blocks_of(written_to, target)),
            written_to.org_unit_id,
        )
        .select_from(Institution)
        .outerjoin(Seats, Seats.institution_id == Institution.id)
        .outerjoin(
            Assignment,
            and_(Assignment.staff_id == holder, Assignment.ended_at.is_(None)),
        )
        .outerjoin(own, own.id == Assignment.sender_number_id)
        .outerjoin(written_to, and_(written_to.id == last, written_to.retired_at.is_(None)))
        .outerjoin(there, there.id == written_to.provider_account_id)
        .outerjoin(
            ProviderAccount,
            or_(
                ProviderAccount.id == own.provider_account_id,
                and_(own.id.is_(None), ProviderAccount.institution_id == Institution.id),
            ),
        )
        .where(Institution.id == viewer.institution_id)
        .order_by(ProviderAccount.id)
        .limit(1)
    ).one()
    seats, stopped, stopped_there, places, was_texted, *numbers_, unit = row
    return Ours(
        institution,
        month,
        stopped,
        stopped_there,
        seats,
        _as_ours(*numbers_[:3]),
        _as_ours(*numbers_[3:]),
        unit,
        places,
        was_texted,
    )


def _blocks_of(number: Any, target: Target) -> Any:
    """The contact ids of the target that a number of ours is blocked for, as one text, so that it
    is one query."""
    theirs = (
        PairBlock.contact_number_id.in_(
            select(PersonPhone.contact_number_id).where(
                PersonPhone.person_id == target.person.id, PersonPhone.removed_at.is_(None)
            )
        )
        if target.person
        else PairBlock.contact_number_id == target.contact_id
    )
    return (
        select(func.aggregate_strings(cast(PairBlock.contact_number_id, String), " "))
        .where(PairBlock.sender_number_id == number.id, theirs)
        .scalar_subquery()
    )


def _as_ours(number_id: int | None, e164: str | None, blocks: str | None) -> OurNumber | None:
    if number_id is None or e164 is None:
        return None
    return OurNumber(number_id, e164, frozenset(map(int, (blocks or "").split())))


def _own_at_last(staff_id: int) -> SenderNumber | None:
    """The number that another text of theirs was taking just now: who sends two first texts at once
    waits for the first, whose number may have been the last."""
    db.session.execute(select(Staff.id).where(Staff.id == staff_id).with_for_update(**LOCK))
    return db.session.execute(
        select(SenderNumber)
        .join(Assignment, Assignment.sender_number_id == SenderNumber.id)
        .where(Assignment.staff_id == staff_id, Assignment.ended_at.is_(None))
    ).scalar_one_or_none()


def _phones(target: Target, institution: Institution) -> tuple[tuple[Phone, ...], dict[int, str]]:
    """The phones, and who verified them. Nobody has said of what type a bare number is, so it
    counts as one of the default type, and the default for unknown people decides (D8)."""
    if target.person:
        rows = db.session.execute(
            select(PersonPhone, Staff.name)
            .outerjoin(Staff, Staff.id == PersonPhone.verified_by)
            .where(PersonPhone.person_id == target.person.id, PersonPhone.removed_at.is_(None))
            .order_by(PersonPhone.id)
            .execution_options(populate_existing=True)
        ).all()
        names = {phone.id: name for phone, name in rows if name}
        return tuple(phone.facts() for phone, _ in rows), names
    number = target.number or db.session.get_one(ContactNumber, target.contact_id)
    kind = institution.default_phone_type
    return (Phone(0, number.id or 0, number.e164, kind, number.consent),), {}


def next_free(institution_id: int, now: datetime, *, taking: bool = False) -> SenderNumber | None:
    """The number that the next assignment would take: never-used first, then idle longest (D23).

    `taking` locks it; where others hold all that are free, waits to see whether they take them.
    """
    free = (
        select(SenderNumber)
        .where(numbers.free(institution_id, now))
        .order_by(SenderNumber.last_used_at.asc().nulls_first(), SenderNumber.id)
        .limit(1)
    )
    if not taking:
        return db.session.execute(free).scalar_one_or_none()
    at_once = free.with_for_update(**LOCK, skip_locked=True)
    while (found := db.session.execute(at_once).scalar_one_or_none()) is None:
        if db.session.execute(free).first() is None:
            return None
        waiting = db.session.begin_nested()
        db.session.execute(free.with_for_update(**LOCK))
        waiting.rollback()  # what was taken meanwhile stayed locked else, and its holder waited
    return found


def _with_blocks(number: SenderNumber | None, phones: tuple[Phone, ...]) -> OurNumber | None:
    if number is None:
        return None
    blocked = db.session.execute(
        select(PairBlock.contact_number_id).where(
            PairBlock.sender_number_id == number.id,
            PairBlock.contact_number_id.in_([p.contact_id for p in phones]),
        )
    ).scalars()
    return OurNumber(number.id, number.e164, frozenset(blocked))
