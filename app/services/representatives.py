"""Representatives: who stands for an org unit, and whether they can (S4-21)."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import joinedload

from app.database import db, retrying, transaction
from app.errors import Invalid
from app.models import (
    CONVERSATION_UNCLAIMED,
    Conversation,
    Institution,
    OrgUnit,
    SenderNumber,
    Staff,
)
from app.rules import unclaimed as rules
from app.rules.access import Viewer, capabilities_of
from app.rules.org_units import Parents
from app.rules.unclaimed import Colleague, Wrong
from app.services import org_units, roles
from app.services.audit import audit
from app.services.org_units import Row


@dataclass(frozen=True, slots=True)
class Standing:
    """Who stands for a unit, None = nobody, and why they cannot; None = they can, or need not."""

    staff: Staff | None
    wrong: Wrong | None

    def remedy(self, unit: str) -> str:
        """What is wrong, and what to do about it."""
        assert self.wrong is not None
        name = self.staff.name if self.staff else ""
        return rules.REMEDY[self.wrong].format(name=name, unit=unit)


def colleague(staff: Staff) -> Colleague:
    can = capabilities_of((role.kind, role.capabilities) for role in staff.roles)
    return Colleague(staff.id, staff.active, staff.org_unit_id, can)


@dataclass(frozen=True, slots=True)
class Chair:
    """Who stands for one unit, and who could, by name: in it or above it, who may answer and read
    what is said in it. `answers`: there is an automatic answer to send for it."""

    standing: Standing
    candidates: list[Staff]
    answers: bool


def standing(
    parents: Parents, asked: Iterable[OrgUnit], needed: Collection[int]
) -> dict[int, Standing]:
    """By unit, of those `asked`. `parents`: the tree of the institution; `needed`: the ids of those
    to which texts come."""
    asked = list(asked)
    chosen = {unit.representative_id for unit in asked if unit.representative_id}
    staff = {each.id: each for each in _with_roles(Staff.id.in_(chosen))} if chosen else {}
    return {
        unit.id: _standing(
            parents, unit.id, staff.get(unit.representative_id or 0), needed=unit.id in needed
        )
        for unit in asked
    }


def _standing(parents: Parents, unit_id: int, who: Staff | None, *, needed: bool) -> Standing:
    facts = colleague(who) if who else None
    return Standing(who, rules.problem(unit_id, parents, facts, needed=needed))


def of_one(institution_id: int, unit_id: int) -> tuple[OrgUnit, Parents, Standing]:
    """A unit to which texts come, the tree that it is in, and who stands for it. In one query:
    every answer from its number asks."""
    stands = and_(Staff.id == OrgUnit.representative_id, OrgUnit.id == unit_id)
    rows = db.session.execute(
        select(OrgUnit, Staff)
        .outerjoin(Staff, stands)
        .where(OrgUnit.institution_id == institution_id)
        .options(joinedload(Staff.roles))
    )
    units = {unit.id: (unit, staff) for unit, staff in rows.unique()}
    parents = org_units.parents_of([unit for unit, _ in units.values()])
    unit, staff = units[unit_id]
    return unit, parents, _standing(parents, unit_id, staff, needed=True)


def of_tree(rows: Sequence[Row]) -> dict[int, Standing]:
    """By unit, of the whole tree as it is listed."""
    units = [row.unit for row in rows]
    needed = {row.unit.id for row in rows if row.unclaimed or row.numbers}
    return standing(org_units.parents_of(units), units, needed)


def chair(viewer: Viewer, unit: OrgUnit, parents: Parents) -> Chair:
    waits = select(Conversation.id).where(
        Conversation.org_unit_id == unit.id,
        CONVERSATION_UNCLAIMED,
        Conversation.archived_at.is_(None),
    )
    shares = select(SenderNumber.id).where(
        SenderNumber.org_unit_id == unit.id, SenderNumber.institution_id == unit.institution_id
    )
    asked = select(or_(waits.exists(), shares.exists()))
    needed: bool = db.session.execute(asked).scalar_one()
    staff = _with_roles(
        Staff.institution_id == viewer.institution_id,
        or_(Staff.active, Staff.id == unit.representative_id),
    )
    who = next((each for each in staff if each.id == unit.representative_id), None)
    return Chair(
        _standing(parents, unit.id, who, needed=needed),
        [each for each in staff if rules.may_represent(unit.id, parents, colleague(each))],
        bool(db.session.get_one(Institution, viewer.institution_id).unclaimed_answer),
    )


def _with_roles(*wanted) -> list[Staff]:  # type: ignore[no-untyped-def]
    found = select(Staff).where(*wanted).options(joinedload(Staff.roles))
    rows = db.session.execute(found.order_by(func.lower(Staff.name), Staff.id))
    return list(rows.unique().scalars())


def everybody(institution_id: int) -> list[Staff]:
    """The active staff with their roles, by name."""
    return _with_roles(Staff.institution_id == institution_id, Staff.active)


@retrying
def choose(viewer: Viewer, unit_id: int, staff_id: int | None) -> str | None:
    """From now on they stand for the unit, None = nobody; their name. Raises Invalid for somebody
    who cannot."""
    with transaction():
        roles.lock(viewer.institution_id)
        unit = org_units.one(viewer, unit_id)
        parents = org_units.parents_of(org_units.every(viewer.institution_id))
        chosen = {staff.id: staff for staff in chair(viewer, unit, parents).candidates}
        if staff_id is not None and staff_id not in chosen:
            raise Invalid("representative", "Choose somebody of this list.")
        if unit.representative_id != staff_id:
            unit.representative_id = staff_id
            about = f"org_unit:{unit_id}"
            audit(
                viewer.institution_id,
                "org_unit.represented",
                about,
                viewer.staff_id,
                representative=staff_id,
            )
            org_units.announce(viewer.institution_id, unit_id)
        return chosen[staff_id].name if staff_id is not None else None
