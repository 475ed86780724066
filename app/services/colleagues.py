"""Colleagues: the institution's staff as lists and choices show them."""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import func, select

from app.database import db
from app.models import Assignment, Login, OrgUnit, Role, SenderNumber, Staff, staff_role
from app.rules.access import WRITERS, Can, Viewer, capabilities_of
from app.rules.search import Term, folded, terms

PAGE = 50
_NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Colleague:
    """`status`: active | invited | deactivated. `seen_at`: when a browser of theirs last asked or
    listened. `number`: E.164, the one they hold."""

    id: int
    name: str
    email: str
    roles: tuple[str, ...]
    number: str | None
    status: str
    seen_at: datetime | None
    may_start: bool = False
    may_write: bool = False
    unit: str | None = None  # the org unit they are in

    def matches(self, wanted: list[Term]) -> bool:
        """Whether all of it is found in name, email, roles, org unit or the end of the number."""
        words = folded(" ".join((self.name, self.email, *self.roles, self.unit or ""))).split()
        return all(
            any(word.startswith(term.word) for word in words)
            or bool(term.digits and self.number and self.number.endswith(term.digits))
            for term in wanted
        )


SORTS: dict[str, Callable[[Colleague], Any]] = {
    "name": lambda c: folded(c.name),
    "roles": lambda c: folded(" ".join(c.roles)),
    "number": lambda c: c.number or "",
    "status": lambda c: c.status,
    "unit": lambda c: folded(c.unit or ""),
    "seen": lambda c: c.seen_at or _NEVER,
}


def found(viewer: Viewer, q: str, sort: str, *, down: bool) -> list[Colleague]:
    """Those that match what was typed, sorted by one of SORTS, then by name."""
    wanted = terms(q)
    rows = [c for c in everybody(viewer) if c.matches(wanted)]
    return sorted(rows, key=SORTS[sort], reverse=down)


def everybody(viewer: Viewer) -> list[Colleague]:
    """All of the institution's staff, by name."""
    used = select(func.max(Login.last_used_at)).where(Login.staff_id == Staff.id).scalar_subquery()
    rows = db.session.execute(
        select(Staff, SenderNumber.e164, used, OrgUnit.name)
        .outerjoin(Assignment, (Assignment.staff_id == Staff.id) & Assignment.ended_at.is_(None))
        .outerjoin(SenderNumber, SenderNumber.id == Assignment.sender_number_id)
        .outerjoin(OrgUnit, OrgUnit.id == Staff.org_unit_id)
        .where(Staff.institution_id == viewer.institution_id)
    ).all()
    roles = _roles(viewer.institution_id)
    made = [
        _colleague(staff, number, used_at, unit, roles[staff.id])
        for staff, number, used_at, unit in rows
    ]
    return sorted(made, key=SORTS["name"])


def _roles(institution_id: int) -> dict[int, list[Role]]:
    found: dict[int, list[Role]] = defaultdict(list)
    rows = db.session.execute(
        select(staff_role.c.staff_id, Role)
        .join(Role, Role.id == staff_role.c.role_id)
        .where(Role.institution_id == institution_id)
        .order_by(Role.id)
    )
    for staff_id, role in rows:
        found[staff_id].append(role)
    return found


def _colleague(
    staff: Staff,
    number: str | None,
    used_at: datetime | None,
    unit: str | None,
    roles: list[Role],
) -> Colleague:
    can = capabilities_of((role.kind, role.capabilities) for role in roles)
    return Colleague(
        staff.id,
        staff.name,
        staff.email,
        tuple(role.name for role in roles),
        number,
        status_of(staff),
        max((at for at in (staff.last_live_at, used_at) if at), default=None),
        may_start=Can.TEXT_START in can,
        may_write=bool(can & {*WRITERS}),
        unit=unit,
    )


def status_of(staff: Staff) -> str:
    if not staff.active:
        return "deactivated"
    return "active" if staff.password_hash else "invited"


def others(viewer: Viewer, staff_id: int) -> list[Colleague]:
    """Who could take over from, or stand in for, this member of staff: whoever may answer."""
    return [
        c
        for c in everybody(viewer)
        if c.id != staff_id and c.status != "deactivated" and c.may_write
    ]
