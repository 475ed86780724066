"""Side by side: what each member of staff did in a period, from the kept figures of closed days and
a count of the others, as Analytics has them (S0-42..S0-45).

Of an org unit: whoever works there or below now, with everything they wrote in these days.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select

from app.database import db
from app.models import DailyFact, Institution, OrgUnit, Staff
from app.rules.access import Viewer
from app.rules.facts import Measure, Volume, share
from app.rules.lifecycle import ARRIVED
from app.rules.periods import Days
from app.services import analytics, counting, facts
from app.services.analytics import Of

_SHOWN = (Measure.VOLUME, Measure.STATUS, Measure.INSTEAD, Measure.REPLY, Measure.OPT_OUT)


@dataclass(frozen=True, slots=True)
class Colleague:
    """Texts `out`, of which so many `arrived`, texts `in_`, `emails` that went instead of a text,
    all `mails`. `answer`: within so many seconds half of those who wrote had an answer; None:
    nobody waited."""

    id: int
    name: str
    unit: str | None
    active: bool
    out: int
    in_: int
    arrived: int
    answer: int | None
    emails: int
    mails: int
    opt_outs: int

    @property
    def delivered(self) -> float | None:
        """The part of the texts out; None where there are none."""
        return self.arrived / self.out if self.out else None


Figures = Mapping[Measure, Counter[str]]


def staff(viewer: Viewer, of: Of, days: Days) -> tuple[list[Colleague], int]:
    """Those with any figure, by name, and how many there are beside them. Raises NotFound for whose
    figures are not the viewer's to see."""
    inside = analytics.working(viewer, of)
    rows = db.session.execute(
        select(Staff.id, Staff.name, OrgUnit.name.label("unit"), Staff.active)
        .outerjoin(OrgUnit, OrgUnit.id == Staff.org_unit_id)
        .where(*inside)
    ).all()
    found = _figures(viewer.institution_id, [row.id for row in rows], days)
    made = [_colleague(*row, found[row.id]) for row in rows if row.id in found]
    return sorted(made, key=lambda each: (each.name.casefold(), each.id)), len(rows) - len(made)


def _colleague(id_: int, name: str, unit: str | None, active: bool, found: Figures) -> Colleague:
    volume, by_word = found[Measure.VOLUME], found[Measure.STATUS]
    return Colleague(
        id_,
        name,
        unit,
        active,
        volume[Volume.TEXT_OUT],
        volume[Volume.TEXT_IN],
        sum(by_word[status.word] for status in ARRIVED),
        share(found[Measure.REPLY], 0.5),
        found[Measure.INSTEAD].total(),
        volume[Volume.EMAIL],
        found[Measure.OPT_OUT].total(),
    )


def _figures(institution_id: int, ids: list[int], days: Days) -> dict[int, Figures]:
    """By member of staff, of those who have any."""
    institution = db.session.get_one(Institution, institution_id)
    found: dict[int, dict[Measure, Counter[str]]] = defaultdict(lambda: defaultdict(Counter))
    open_ = facts.open_days(institution, days.each())
    for staff_id, measure, key, count in _kept(institution_id, ids, days, open_):
        found[staff_id][measure][key] += int(count)
    wanted = {*ids}
    for (_, staff_id, _, _), counted in counting.counted(institution, open_).items():
        for (measure, key), count in counted.items() if staff_id in wanted else ():
            if measure in _SHOWN:
                found[staff_id][measure][key] += count
    return dict(found)


def _kept(institution_id: int, ids: list[int], days: Days, but: list[Any]) -> Any:
    """The sums of the closed days."""
    place = (DailyFact.staff_id, DailyFact.measure, DailyFact.key)
    return db.session.execute(
        select(*place, func.sum(DailyFact.count))
        .where(
            DailyFact.institution_id == institution_id,
            DailyFact.staff_id.in_(ids),
            DailyFact.number_id == 0,
            DailyFact.unit_id == 0,
            DailyFact.measure.in_(_SHOWN),
            DailyFact.day.between(days.first, days.last),
            DailyFact.day.not_in(but),
        )
        .group_by(*place)
    )


def export(viewer: Viewer, of: Of, days: Days) -> list[Colleague]:
    """The same, written down as taken out."""
    found, _ = staff(viewer, of, days)
    analytics.exported(viewer, of, days, what="staff side by side")
    return found
