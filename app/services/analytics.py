"""Analytics: what went and came in a period, of an institution, a member of staff or a number of
ours (S0-42..S0-45). From the kept figures of closed days and a count of the others."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from sqlalchemy import String, cast, func, literal, select, union_all

from app.database import db
from app.errors import NotFound
from app.models import DailyFact, Institution, SenderNumber, Staff
from app.rules.access import Viewer
from app.rules.facts import Measure
from app.rules.periods import Days
from app.services import exporting, facts

_MOST = 1000  # members of staff and numbers to choose from


@dataclass(frozen=True, slots=True)
class Of:
    """Whose figures: of all, of one member of staff, or of one number of ours."""

    staff_id: int = 0
    number_id: int = 0


@dataclass(slots=True)
class Found:
    """`by_day`: the volumes of each day that has any. `before`: of the days compared with."""

    by_day: dict[date, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    totals: dict[Measure, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    before: Counter[str] = field(default_factory=Counter)


def figures(institution_id: int, of: Of, days: Days, before: Days) -> Found:
    """Everything the page shows about these days."""
    institution = db.session.get_one(Institution, institution_id)
    found = Found()

    def add(measure: Measure, day: date, key: str, count: int) -> None:
        if day in days:
            found.totals[measure][key] += count
            if measure is Measure.VOLUME:
                found.by_day[day][key] += count
        elif measure is Measure.VOLUME and day in before:
            found.before[key] += count

    now = facts.open_days(institution, sorted({*days.each(), *before.each()}))
    for measure, day, key, count in _kept(institution.id, of, days, before, now):
        add(measure, day, key, int(count))
    for (day, staff_id, number_id), counts in facts.counted(institution, now).items():
        if (staff_id, number_id) == (of.staff_id, of.number_id):
            for (measure, key), count in counts.items():
                add(measure, day, key, count)
    return found


def _kept(institution_id: int, of: Of, days: Days, before: Days, but: list[date]) -> Any:
    """The figures of the closed days: volumes day by day, of the rest the sums."""
    here = (
        DailyFact.institution_id == institution_id,
        DailyFact.staff_id == of.staff_id,
        DailyFact.number_id == of.number_id,
        DailyFact.day.not_in(but),
    )
    fact = (DailyFact.measure, DailyFact.day, DailyFact.key, DailyFact.count)
    volume = select(*fact).where(*here, DailyFact.measure == Measure.VOLUME)
    rest = [measure for measure in Measure if measure is not Measure.VOLUME]
    sums = select(
        DailyFact.measure, func.max(DailyFact.day), DailyFact.key, func.sum(DailyFact.count)
    ).where(*here, DailyFact.measure.in_(rest), DailyFact.day.between(days.first, days.last))
    parts = (
        volume.where(DailyFact.day.between(days.first, days.last)),
        volume.where(DailyFact.day.between(before.first, before.last)),
        sums.group_by(DailyFact.measure, DailyFact.key),
    )
    return db.session.execute(union_all(*parts))


@dataclass(frozen=True, slots=True)
class Choice:
    """`staff_id` or `number_id`, and the name or the number."""

    of: Of
    name: str


def choices(viewer: Viewer) -> list[Choice]:
    """Whose figures may be chosen: staff by name, then our numbers; the first _MOST of each."""
    staff = (
        select(literal("staff"), Staff.id, cast(Staff.name, String))
        .where(Staff.institution_id == viewer.institution_id)
        .order_by(Staff.name, Staff.id)
        .limit(_MOST)
    )
    numbers = (
        select(literal("number"), SenderNumber.id, cast(SenderNumber.e164, String))
        .where(SenderNumber.institution_id == viewer.institution_id)
        .order_by(SenderNumber.e164)
        .limit(_MOST)
    )
    rows = db.session.execute(union_all(select(staff.subquery()), select(numbers.subquery()))).all()
    ordered = sorted(rows, key=lambda row: (row[0] != "staff", row[2].casefold(), row[1]))
    return [Choice(Of(**{f"{kind}_id": id_}), name) for kind, id_, name in ordered]


def chosen(viewer: Viewer, of: Of) -> Choice | None:
    """Who is asked for, also where there are too many to choose from; None: everybody. Raises
    NotFound where it is none of this institution's."""
    if of == Of():
        return None
    staff = db.session.get(Staff, of.staff_id) if of.staff_id else None
    number = db.session.get(SenderNumber, of.number_id) if of.number_id else None
    row = staff or number
    if row is None or row.institution_id != viewer.institution_id:
        raise NotFound("There are no such figures.")
    return Choice(of, staff.name if staff else number.e164 if number else "")


def exported(viewer: Viewer, of: Of, days: Days) -> None:
    """Write down that the figures were taken out as a file."""
    about = {"staff": of.staff_id or None, "number": of.number_id or None}
    asked = {"from": days.first.isoformat(), "to": days.last.isoformat(), **about}
    kept = {name: value for name, value in asked.items() if value}
    exporting.write_down(viewer, "analytics.exported", kept)
