"""Analytics: what went and came in a period, of an institution, an org unit, a member of staff or a
number of ours (S0-42..S0-45). From the kept figures of closed days and a count of the others.

Whoever may read reports sees all of them; who looks after a unit and does not see everybody's
conversations sees those of the unit, of what is below it, and of who works there (C-19)."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from sqlalchemy import (
    ColumnElement,
    String,
    and_,
    cast,
    false,
    func,
    literal,
    select,
    true,
    union_all,
)

from app.database import db
from app.errors import NotFound
from app.models import DailyFact, Institution, SenderNumber, Staff
from app.rules.access import Viewer
from app.rules.facts import Measure
from app.rules.org_units import below
from app.rules.periods import Days
from app.services import counting, exporting, facts, org_units

_MOST = 1000  # members of staff and numbers to choose from


@dataclass(frozen=True, slots=True)
class Of:
    """Whose figures: of all, of one member of staff, of one number of ours, or of one org unit
    with all that is below it."""

    staff_id: int = 0
    number_id: int = 0
    unit_id: int = 0


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

    units = _units(institution_id, of)
    places = {(of.staff_id, of.number_id, unit) for unit in units}
    now = facts.open_days(institution, sorted({*days.each(), *before.each()}))
    for measure, day, key, count in _kept(institution.id, of, units, days, before, now):
        add(measure, day, key, int(count))
    for (day, *place), counts in counting.counted(institution, now).items():
        if tuple(place) in places:
            for (measure, key), count in counts.items():
                add(measure, day, key, count)
    return found


def _units(institution_id: int, of: Of) -> frozenset[int]:
    """The unit with all that is below it; 0 = whatever the unit."""
    if not of.unit_id:
        return frozenset({0})
    return below(org_units.parents_of(org_units.every(institution_id)), of.unit_id)


def _kept(
    institution_id: int,
    of: Of,
    units: frozenset[int],
    days: Days,
    before: Days,
    but: list[date],
) -> Any:
    """The figures of the closed days: volumes day by day, of the rest the sums."""
    here = (
        DailyFact.institution_id == institution_id,
        DailyFact.staff_id == of.staff_id,
        DailyFact.number_id == of.number_id,
        DailyFact.unit_id.in_(sorted(units)),
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
    """`staff_id`, `number_id` or `unit_id`, and the name or the number. `depth`: of a unit in the
    tree."""

    of: Of
    name: str
    depth: int = 0


def only_units(viewer: Viewer) -> bool:
    """Whether they see the figures of units alone, not those of the institution."""
    return bool(viewer.units)


def otherwise(viewer: Viewer) -> Of:
    """Whose figures are shown where nobody's are asked for."""
    return Of(unit_id=viewer.unit or 0) if only_units(viewer) else Of()


def choices(viewer: Viewer) -> list[Choice]:
    """Whose figures may be chosen: the org units as a tree, staff by name, then our numbers; the
    first _MOST of each."""
    return [*units(viewer), *_staff_and_numbers(viewer)]


def units(viewer: Viewer) -> list[Choice]:
    """The org units whose figures may be chosen, as a tree."""
    return [
        Choice(Of(unit_id=unit.id), unit.name, unit.depth)
        for unit in org_units.offered(viewer).choices
    ]


def _staff_and_numbers(viewer: Viewer) -> list[Choice]:
    inside = Staff.institution_id == viewer.institution_id
    if only_units(viewer):
        inside = and_(inside, Staff.org_unit_id.in_(sorted(viewer.units)))
    staff = (
        select(literal("staff"), Staff.id, cast(Staff.name, String))
        .where(inside)
        .order_by(Staff.name, Staff.id)
        .limit(_MOST)
    )
    numbers = (
        select(literal("number"), SenderNumber.id, cast(SenderNumber.e164, String))
        .where(
            SenderNumber.institution_id == viewer.institution_id,
            false() if only_units(viewer) else true(),
        )
        .order_by(SenderNumber.e164)
        .limit(_MOST)
    )
    rows = db.session.execute(union_all(select(staff.subquery()), select(numbers.subquery()))).all()
    ordered = sorted(rows, key=lambda row: (row[0] != "staff", row[2].casefold(), row[1]))
    return [Choice(Of(**{f"{kind}_id": id_}), name) for kind, id_, name in ordered]


def chosen(viewer: Viewer, of: Of) -> Choice | None:
    """Who is asked for, also where there are too many to choose from; None: everybody. Raises
    NotFound where it is none of this institution's, or not the viewer's to see."""
    if only_units(viewer) and (of == Of() or of.number_id):
        raise NotFound("There are no such figures.")
    if of == Of():
        return None
    if of.unit_id:
        return _unit(viewer, of)
    staff = db.session.get(Staff, of.staff_id) if of.staff_id else None
    number = db.session.get(SenderNumber, of.number_id) if of.number_id else None
    row = staff or number
    if row is None or row.institution_id != viewer.institution_id:
        raise NotFound("There are no such figures.")
    if staff and only_units(viewer) and staff.org_unit_id not in viewer.units:
        raise NotFound("There are no such figures.")
    return Choice(of, staff.name if staff else number.e164 if number else "")


def _unit(viewer: Viewer, of: Of) -> Choice:
    for unit in org_units.offered(viewer).choices:
        if unit.id == of.unit_id:
            return Choice(of, unit.name, unit.depth)
    raise NotFound("There are no such figures.")


def working(viewer: Viewer, of: Of) -> list[ColumnElement[bool]]:
    """Which staff are compared: those of the institution or, of a unit, whoever works there or
    below. Raises NotFound as `chosen`."""
    inside = Staff.institution_id == viewer.institution_id
    if chosen(viewer, of) is None:
        return [inside]
    if not of.unit_id:
        raise NotFound("There are no such figures.")
    return [inside, Staff.org_unit_id.in_(sorted(_units(viewer.institution_id, of)))]


def exported(viewer: Viewer, of: Of, days: Days, **said: str) -> None:
    """Write down that the figures were taken out as a file."""
    about: dict[str, Any] = {"staff": of.staff_id or None, "number": of.number_id or None}
    if of.unit_id:
        about["org unit"] = org_units.offered(viewer).within(of.unit_id).name
    asked = {"from": days.first.isoformat(), "to": days.last.isoformat(), **about, **said}
    kept = {name: value for name, value in asked.items() if value}
    exporting.write_down(viewer, "analytics.exported", kept)
