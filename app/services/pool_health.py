"""Pool health: what each number of ours does and how it fares, and how long the free ones will
last (issue 5)."""

from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, func, or_, select

from app import clock
from app.database import db
from app.models import (
    Assignment,
    DailyFact,
    Direction,
    Institution,
    Message,
    OrgUnit,
    SenderNumber,
    Staff,
)
from app.rules.access import Viewer
from app.rules.codes import EXPIRED
from app.rules.days import day_in, span
from app.rules.dispatch import Channel
from app.rules.facts import Measure
from app.rules.lifecycle import ARRIVED, NEVER_LEFT
from app.rules.month import pool_lasts
from app.rules.periods import Days, Period, days_of
from app.services import counting, facts
from app.services.pool import Counts, counts

MOST = 200  # numbers shown
_SHOWN = (Measure.STATUS, Measure.OPT_OUT, Measure.CODE)
_PACE = timedelta(days=30)  # the time whose assignments say how fast numbers are taken


@dataclass(frozen=True, slots=True)
class Health:
    """One number. `unit`: that shares it. `today`: how many different people it texted today; the
    others are of the last 30 days. `codes`: what the provider said of its texts that failed, with
    how often."""

    id: int
    e164: str
    holder: str | None
    unit: str | None
    last_used_at: datetime | None
    today: int
    texts: int
    arrived: int
    opt_outs: int
    codes: list[tuple[str, int]]


@dataclass(frozen=True, slots=True)
class Room:
    """`left`: how many people can still get a number. `taken`: the numbers that were taken in 30
    days, less those that came back. `days`: until none is left at this pace; None: not foreseen."""

    counts: Counts
    left: int
    taken: int
    days: int | None


def numbers(viewer: Viewer) -> list[Health]:
    """Those that are not retired; the ones used last come first."""
    institution = db.session.get_one(Institution, viewer.institution_id)
    found = db.session.execute(
        select(
            SenderNumber.id, SenderNumber.e164, Staff.name, OrgUnit.name, SenderNumber.last_used_at
        )
        .outerjoin(
            Assignment,
            and_(Assignment.sender_number_id == SenderNumber.id, Assignment.ended_at.is_(None)),
        )
        .outerjoin(Staff, Staff.id == Assignment.staff_id)
        .outerjoin(OrgUnit, OrgUnit.id == SenderNumber.org_unit_id)
        .where(SenderNumber.institution_id == institution.id, SenderNumber.retired_at.is_(None))
        .order_by(SenderNumber.last_used_at.desc().nulls_last(), SenderNumber.id)
        .limit(MOST)
    ).all()
    ids = [id_ for id_, *_ in found]
    today = day_in(clock.now(), institution.timezone)
    figures = _figures(institution, ids, days_of(Period.THIRTY, today))
    people = _people(institution, today)
    return [_health(figures[row[0]], people.get(row[0], 0), *row) for row in found]


def _health(
    counted: dict[Measure, Counter[str]],
    today: int,
    id_: int,
    e164: str,
    holder: str | None,
    unit: str | None,
    used: datetime | None,
) -> Health:
    by_word = counted[Measure.STATUS]
    return Health(
        id_,
        e164,
        holder,
        unit,
        used,
        today,
        by_word.total(),
        sum(by_word[status.word] for status in ARRIVED),
        counted[Measure.OPT_OUT].total(),
        [(code, n) for code, n in counted[Measure.CODE].most_common() if code != EXPIRED],
    )


def _figures(
    institution: Institution, ids: list[int], days: Days
) -> dict[int, dict[Measure, Counter[str]]]:
    """By number."""
    found: dict[int, dict[Measure, Counter[str]]] = defaultdict(lambda: defaultdict(Counter))
    open_ = facts.open_days(institution, days.each())
    kept = (
        select(DailyFact.number_id, DailyFact.measure, DailyFact.key, func.sum(DailyFact.count))
        .where(
            DailyFact.institution_id == institution.id,
            DailyFact.staff_id == 0,
            DailyFact.number_id.in_(ids),
            DailyFact.measure.in_(_SHOWN),
            DailyFact.day.between(days.first, days.last),
            DailyFact.day.not_in(open_),
        )
        .group_by(DailyFact.number_id, DailyFact.measure, DailyFact.key)
    )
    for number_id, measure, key, count in db.session.execute(kept):
        found[number_id][measure][key] += int(count)
    for (_, _, number_id, _), counted in counting.counted(institution, open_).items():
        if number_id:
            for (measure, key), count in counted.items():
                found[number_id][measure][key] += count
    return found


def _people(institution: Institution, today: Any) -> dict[int, int]:
    """To how many different numbers each of ours wrote today."""
    begin, end = span(today, today, institution.timezone)
    rows = db.session.execute(
        select(Message.sender_number_id, func.count(Message.contact_number_id.distinct()))
        .where(
            Message.institution_id == institution.id,
            Message.created_at >= begin,
            Message.created_at < end,
            Message.direction == Direction.OUTBOUND,
            Message.channel == Channel.SMS,
            Message.status.not_in(NEVER_LEFT),
        )
        .group_by(Message.sender_number_id)
    )
    return {number_id: count for number_id, count in rows if number_id}


def room(viewer: Viewer) -> Room:
    """Both walls are looked at: the numbers that are free, and those that may be assigned (D24)."""
    institution = db.session.get_one(Institution, viewer.institution_id)
    found, since = counts(viewer), clock.now() - _PACE
    changed = select(
        func.count().filter(Assignment.assigned_at >= since),
        func.count().filter(Assignment.ended_at >= since),
    ).where(
        Assignment.institution_id == institution.id,
        or_(Assignment.assigned_at >= since, Assignment.ended_at >= since),
    )
    assigned, ended = db.session.execute(changed).one()
    limit = institution.number_limit
    free = found.free if limit is None else min(found.free, max(limit - found.assigned, 0))
    taken = assigned - ended
    return Room(found, free, taken, pool_lasts(free, taken, _PACE.days))
