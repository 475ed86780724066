"""Pool: the numbers as their manager looks at them: who holds which, which are free, and what
happens to the conversations of one (S3-22..S3-43)."""

from dataclasses import dataclass, fields
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, and_, case, func, or_, select, true
from sqlalchemy.orm import selectinload

from app import clock
from app.database import db
from app.models import Assignment, Conversation, OrgUnit, SenderNumber, Staff
from app.rules.access import Can, Viewer, capabilities_of
from app.services import numbers

MOST = 200  # rows shown; a search finds the others


_NAME = func.coalesce(Staff.name, OrgUnit.name)  # whose a number is


class Shown(StrEnum):
    ASSIGNED = "assigned"  # to somebody, or shared by an org unit
    FREE = "free"  # cooling off, too
    RETIRED = "retired"


class Sort(StrEnum):
    PERSON = "person"
    NUMBER = "number"
    ASSIGNED = "assigned"
    USED = "used"
    OPEN = "open"


@dataclass(frozen=True, slots=True)
class Row:
    """`open`: the holder's conversations that are not archived. `unit`: that shares it."""

    number: SenderNumber
    assignment: Assignment | None
    holder: Staff | None
    unit: OrgUnit | None
    open: int


@dataclass(frozen=True, slots=True)
class Counts:
    assigned: int
    free: int
    cooling: int
    retired: int
    shared: int  # by org units; nobody's own, so they take no place under the limit

    @property
    def total(self) -> int:
        return self.assigned + self.free + self.cooling + self.retired + self.shared


def _open_of_holder() -> Any:
    return (
        select(func.count(Conversation.id))
        .where(Conversation.staff_id == Assignment.staff_id, Conversation.archived_at.is_(None))
        .correlate(Assignment)
        .scalar_subquery()
    )


def rows(
    viewer: Viewer, shown: Shown, q: str, sort: Sort, *, descending: bool, limit: int = MOST
) -> list[Row]:
    """The numbers of one kind, found by the name of their holder or unit, or by their digits."""
    open_count = _open_of_holder()
    order: dict[Sort, Any] = {
        Sort.PERSON: func.lower(_NAME),
        Sort.NUMBER: SenderNumber.e164,
        Sort.ASSIGNED: func.coalesce(Assignment.assigned_at, SenderNumber.shared_at),
        Sort.USED: SenderNumber.last_used_at,
        Sort.OPEN: open_count,
    }
    key = order[sort].desc().nulls_last() if descending else order[sort].asc().nulls_first()
    found = db.session.execute(
        _numbers(SenderNumber, Assignment, Staff, OrgUnit, open_count)
        .outerjoin(Staff, Staff.id == Assignment.staff_id)
        .outerjoin(OrgUnit, OrgUnit.id == SenderNumber.org_unit_id)
        .where(SenderNumber.institution_id == viewer.institution_id, _is(shown), _matches(q))
        .options(selectinload(Staff.roles))
        .order_by(key, SenderNumber.id)
        .limit(limit)
    )
    return [Row(*row) for row in found]


def _numbers(*columns: Any) -> Any:
    return (
        select(*columns)
        .select_from(SenderNumber)
        .outerjoin(
            Assignment,
            and_(Assignment.sender_number_id == SenderNumber.id, Assignment.ended_at.is_(None)),
        )
    )


def _is(shown: Shown) -> ColumnElement[bool]:
    if shown is Shown.RETIRED:
        return SenderNumber.retired_at.is_not(None)
    used = or_(Assignment.id.is_not(None), SenderNumber.org_unit_id.is_not(None))
    return and_(SenderNumber.retired_at.is_(None), used if shown is Shown.ASSIGNED else ~used)


def _matches(q: str) -> ColumnElement[bool]:
    """Every word in the name, or the digits in the number, however it is written."""
    words = [func.lower(_NAME).contains(w, autoescape=True) for w in q.lower().split()]
    name = and_(true(), *words)
    digits = "".join(c for c in q if c.isascii() and c.isdigit())
    return or_(name, SenderNumber.e164.contains(digits)) if digits else name


def counts(viewer: Viewer) -> Counts:
    """How many numbers there are of each kind."""
    now = clock.now()
    held = Assignment.id.is_not(None)
    kind = case(
        (SenderNumber.retired_at.is_not(None), "retired"),
        (held, "assigned"),
        (SenderNumber.org_unit_id.is_not(None), "shared"),
        (SenderNumber.free_from > now, "cooling"),
        else_="free",
    )
    rows_ = db.session.execute(
        _numbers(kind.label("kind"), func.count())
        .where(SenderNumber.institution_id == viewer.institution_id)
        .group_by(kind)
    )
    found: dict[str, int] = {row.kind: row[1] for row in rows_}
    return Counts(**{each.name: found.get(each.name, 0) for each in fields(Counts)})


def holders(viewer: Viewer, limit: int) -> list[tuple[str, datetime | None]]:
    """The names of those who hold a number, with its last use; the latest first."""
    found = db.session.execute(
        select(Staff.name, SenderNumber.last_used_at)
        .join(Assignment, Assignment.staff_id == Staff.id)
        .join(SenderNumber, SenderNumber.id == Assignment.sender_number_id)
        .where(Assignment.institution_id == viewer.institution_id, Assignment.ended_at.is_(None))
        .order_by(SenderNumber.last_used_at.desc().nulls_last(), SenderNumber.id)
        .limit(limit)
    )
    return [(name, used) for name, used in found]


@dataclass(frozen=True, slots=True)
class Held:
    """One number with its holder, or the unit that shares it, how many open conversations of the
    holder have used it, and how many texts for later wait in those."""

    number: SenderNumber
    assignment: Assignment | None
    holder: Staff | None
    unit: OrgUnit | None
    threads: int
    texts: int


def one(viewer: Viewer, number_id: int) -> Held:
    """Raises NotFound for another institution's."""
    number, held = numbers.one(viewer, number_id)
    holder = db.session.get(Staff, held.staff_id) if held else None
    threads, texts = numbers.open_threads(held.staff_id, number.id) if held else (0, 0)
    unit = db.session.get(OrgUnit, number.org_unit_id) if number.org_unit_id else None
    return Held(number, held, holder, unit, threads, texts)


def may_hold(staff: Staff) -> bool:
    """Whether their roles may start texts and so hold a number (S3-14, S3-42)."""
    return Can.TEXT_START in capabilities_of((r.kind, r.capabilities) for r in staff.roles)


def candidates(viewer: Viewer) -> list[Staff]:
    """Who may be given a number: permitted, and without one (D25). By name."""
    held = select(Assignment.id).where(
        Assignment.staff_id == Staff.id, Assignment.ended_at.is_(None)
    )
    found = db.session.execute(
        select(Staff)
        .where(Staff.institution_id == viewer.institution_id, Staff.active, ~held.exists())
        .options(selectinload(Staff.roles))
        .order_by(func.lower(Staff.name), Staff.id)
    ).scalars()
    return [staff for staff in found if may_hold(staff)]
