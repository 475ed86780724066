"""Org units: the tree of an institution's parts, kept by who manages staff, and who is in which.

Every change of the tree is made under the lock of the institution, so that two of them cannot make
a circle, and of two that began with the same the second is told.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, select, update
from sqlalchemy.exc import IntegrityError

from app import clock
from app.database import db, retrying, transaction
from app.errors import Conflict, Invalid, NotFound
from app.events import Event, publish
from app.models import (
    CONVERSATION_UNCLAIMED,
    AuditEntry,
    Conversation,
    OrgUnit,
    SenderNumber,
    Staff,
)
from app.rules import org_units as rules
from app.rules.access import EVERYBODY, Viewer
from app.rules.search import folded
from app.services import merging, roles
from app.services.audit import audit

LONGEST_NAME = 80  # characters
MOST = 1000  # units of an institution


@dataclass(frozen=True, slots=True)
class Row:
    """A unit where it stands in the tree. `depth` 0 = at the top. `staff`: in it, not below;
    `unclaimed`: conversations that nobody holds, and that are not put away; `numbers`: that it
    shares."""

    unit: OrgUnit
    depth: int
    staff: int
    unclaimed: int
    numbers: int


@dataclass(frozen=True, slots=True)
class Choice:
    """A unit to choose from. `depth` as in `Row`; `parent`: the unit above."""

    id: int
    name: str
    depth: int
    parent: int | None


def every(institution_id: int) -> Sequence[OrgUnit]:
    """All of them, those that were removed too: what was said in them stays below the others."""
    units = select(OrgUnit).where(OrgUnit.institution_id == institution_id).order_by(OrgUnit.id)
    return db.session.execute(units).scalars().all()


def parents_of(units: Sequence[OrgUnit]) -> dict[int, int | None]:
    return {unit.id: unit.parent_id for unit in units}


def _there(units: Sequence[OrgUnit]) -> list[OrgUnit]:
    return [unit for unit in units if unit.removed_at is None]


def choices(viewer: Viewer) -> list[Choice]:
    """Every unit, in the order of the tree; none where none was made."""
    found = rules.in_order(_there(every(viewer.institution_id)))
    return [Choice(unit.id, unit.name, depth, unit.parent_id) for unit, depth in found]


@dataclass(frozen=True, slots=True)
class Within:
    """A unit that is asked about, with all that is below it, also what was removed."""

    id: int
    name: str
    units: frozenset[int]


@dataclass(frozen=True, slots=True)
class Offer:
    """The units that somebody may ask about, in the order of the tree: all of them, or their own
    and those that they look after. `own`: the one they are in."""

    choices: list[Choice]
    own: int | None
    parents: rules.Parents

    def within(self, unit_id: int) -> Within:
        """Raises NotFound for a unit that is not on offer."""
        for each in self.choices:
            if each.id == unit_id:
                return Within(each.id, each.name, rules.below(self.parents, unit_id))
        raise NotFound("There is no such org unit.")


def offered(viewer: Viewer) -> Offer:
    units = every(viewer.institution_id)
    theirs = viewer.units | {viewer.unit}
    open_to = [unit for unit in _there(units) if viewer.sees_all or unit.id in theirs]
    choices = [
        Choice(unit.id, unit.name, depth, unit.parent_id) for unit, depth in rules.in_order(open_to)
    ]
    own = viewer.unit if viewer.unit in {unit.id for unit in open_to} else None
    return Offer(choices, own, parents_of(units))


def listed(viewer: Viewer) -> list[Row]:
    """The tree, in its order."""
    inside = viewer.institution_id
    staff = _counted(Staff.org_unit_id, Staff.institution_id == inside)
    waiting = _counted(
        Conversation.org_unit_id,
        Conversation.institution_id == inside,
        CONVERSATION_UNCLAIMED,
        Conversation.archived_at.is_(None),
    )
    numbers = _counted(SenderNumber.org_unit_id, SenderNumber.institution_id == inside)
    return [
        Row(unit, depth, *(found.get(unit.id, 0) for found in (staff, waiting, numbers)))
        for unit, depth in rules.in_order(_there(every(inside)))
    ]


def _counted(column, *wanted) -> dict[int, int]:  # type: ignore[no-untyped-def]
    counts = select(column, func.count()).where(*wanted, column.is_not(None)).group_by(column)
    return {row[0]: row[1] for row in db.session.execute(counts)}


def one(viewer: Viewer, unit_id: int) -> OrgUnit:
    """Raises NotFound for one that was removed, or is another institution's."""
    unit = db.session.get(OrgUnit, unit_id)
    if unit is None or unit.institution_id != viewer.institution_id or unit.removed_at:
        raise NotFound("There is no such org unit.")
    return unit


def was_removed(viewer: Viewer, unit_id: int) -> bool:
    """Whether there was such a unit."""
    unit = db.session.get(OrgUnit, unit_id)
    inside = unit is not None and unit.institution_id == viewer.institution_id
    return inside and unit is not None and unit.removed_at is not None


def members(viewer: Viewer, unit_id: int) -> list[Staff]:
    """Who is in it, not below, by name; also who is deactivated."""
    found = select(Staff).where(
        Staff.institution_id == viewer.institution_id, Staff.org_unit_id == unit_id
    )
    return list(db.session.execute(found.order_by(func.lower(Staff.name), Staff.id)).scalars())


def changed_by(viewer: Viewer, unit_id: int) -> str | None:
    """Who changed it last."""
    return db.session.execute(
        select(Staff.name)
        .join(AuditEntry, AuditEntry.staff_id == Staff.id)
        .where(
            AuditEntry.institution_id == viewer.institution_id,
            AuditEntry.subject == f"org_unit:{unit_id}",
        )
        .order_by(AuditEntry.id.desc())
        .limit(1)
    ).scalar_one_or_none()


@retrying
def create(viewer: Viewer, name: str, parent_id: int | None) -> OrgUnit:
    """A new unit. Raises Invalid for its name or its place."""
    with transaction():
        roles.lock(viewer.institution_id)
        units = _there(every(viewer.institution_id))
        if len(units) >= MOST:
            raise Invalid("name", f"There are at most {MOST:,} units.")
        name = _checked(units, None, name, parent_id)
        unit = OrgUnit(
            institution_id=viewer.institution_id,
            parent_id=parent_id,
            name=name,
            version=1,
            created_at=clock.now(),
        )
        db.session.add(unit)
        _flush()
        _note(viewer, "org_unit.created", unit, units)
    return unit


@retrying
def change(viewer: Viewer, unit_id: int, name: str, parent_id: int | None, version: int) -> None:
    """Give it another name or place. `version`: of the unit as the form showed it; Conflict
    `overtaken` where somebody else has changed it meanwhile."""
    with transaction():
        roles.lock(viewer.institution_id)
        units = _there(every(viewer.institution_id))
        unit = one(viewer, unit_id)
        if unit.version != version:
            raise Conflict("Somebody else changed this unit meanwhile.", code="overtaken")
        name = _checked(units, unit_id, name, parent_id)
        if (name, parent_id) == (unit.name, unit.parent_id):
            return
        was = unit.name
        unit.name, unit.parent_id, unit.version = name, parent_id, version + 1
        _flush()
        _note(viewer, "org_unit.changed", unit, units, **({"was": was} if was != name else {}))


def _checked(
    units: Sequence[OrgUnit], unit_id: int | None, name: str, parent_id: int | None
) -> str:
    """The name as it is kept."""
    name = " ".join(name.split())
    if not name:
        raise Invalid("name", "Give the unit a name.")
    if len(name) > LONGEST_NAME:
        raise Invalid("name", f"A name has at most {LONGEST_NAME} characters.")
    if parent_id is not None and parent_id not in {unit.id for unit in units}:
        raise Invalid("parent", "There is no such unit any more. Choose another one.")
    if wrong := rules.problem(parents_of(units), unit_id, parent_id):
        raise Invalid("parent", wrong)
    for unit in units:
        beside = unit.parent_id == parent_id and unit.id != unit_id
        if beside and folded(unit.name) == folded(name):
            raise Invalid("name", f"{unit.name} is there already.")
    return name


def _flush() -> None:
    try:
        db.session.flush()
    except IntegrityError:
        raise Invalid("name", "A unit of this name is there already.") from None


@retrying
def remove(viewer: Viewer, unit_id: int) -> str:
    """Take an empty unit away; its name. What nobody holds in it goes to the unit above.

    Raises Conflict where somebody is in it, a unit is below it, or it shares a number.
    """
    with transaction():
        roles.lock(viewer.institution_id)
        units = _there(every(viewer.institution_id))
        unit = one(viewer, unit_id)
        if full := why_not_removed(viewer, unit_id):
            raise Conflict(full, code="not_empty")
        # Whole, so that whoever is just opening a conversation in it has done so, or waits.
        db.session.refresh(unit, with_for_update=True)
        unit.removed_at = clock.now()
        _empty(unit)
        _note(viewer, "org_unit.removed", unit, units, name=unit.name)
        return unit.name


def _empty(unit: OrgUnit) -> None:
    try:
        merging.move_up(unit.institution_id, unit.id, unit.parent_id)
    except IntegrityError:  # in this moment somebody wrote to the unit above
        raise Conflict("A text is just coming in. Try again in a moment.", code="busy") from None


def why_not_removed(viewer: Viewer, unit_id: int) -> str | None:
    """What is still in it, and what to do about it; None where it is empty."""
    under = select(func.count()).where(OrgUnit.parent_id == unit_id, OrgUnit.removed_at.is_(None))
    shared = select(func.count()).where(
        SenderNumber.org_unit_id == unit_id, SenderNumber.institution_id == viewer.institution_id
    )
    counts = select(under.scalar_subquery(), shared.scalar_subquery())
    below, numbers = db.session.execute(counts).one()
    there = len(members(viewer, unit_id))
    if not there and not below and not numbers:
        return None
    people = "" if not there else "1 person" if there == 1 else f"{there} people"
    others = "" if not below else "1 unit below it" if below == 1 else f"{below} units below it"
    held = "" if not numbers else "1 shared number" if numbers == 1 else f"{numbers} shared numbers"
    inside = _listed([part for part in (people, others, held) if part])
    first = ["move them" if there or below else "", "take its numbers back" if numbers else ""]
    what = _listed([part for part in first if part])
    return f"It holds {inside}. A unit can be removed once it is empty: {what} first."


def _listed(parts: list[str]) -> str:
    *others, last = parts
    return f"{', '.join(others)} and {last}" if others else last


def _note(
    viewer: Viewer, action: str, unit: OrgUnit, units: Sequence[OrgUnit], **detail: object
) -> None:
    above = next((each.name for each in units if each.id == unit.parent_id), None)
    about = f"org_unit:{unit.id}"
    audit(viewer.institution_id, action, about, viewer.staff_id, under=above, **detail)
    announce(viewer.institution_id, unit.id)


def announce(institution_id: int, unit_id: int) -> None:
    """The tree, or who is in this unit, is different now."""
    publish(institution_id, Event("org_unit.changed", {"org_unit": unit_id}, (EVERYBODY,)))


def put(viewer: Viewer, staff: Staff, unit_id: int | None) -> str | None:
    """Put a member of staff into a unit, None = into none, with all of their conversations, in the
    open transaction; the name of the unit. Raises Invalid where there is no such unit."""
    name = require(viewer, unit_id)
    # Whole, so that whoever is just opening a conversation of theirs has done so, or waits.
    db.session.refresh(staff, with_for_update=True)
    was, staff.org_unit_id = staff.org_unit_id, unit_id
    db.session.execute(
        update(Conversation).where(Conversation.staff_id == staff.id).values(org_unit_id=unit_id)
    )
    for each in {was, unit_id} - {None}:
        announce(viewer.institution_id, each or 0)
    return name


def require(viewer: Viewer, unit_id: int | None) -> str | None:
    """The name of a unit that somebody is put into, in the open transaction, so that it stays
    there; Invalid where there is none. None = into none."""
    if unit_id is None:
        return None
    roles.lock(viewer.institution_id)
    try:
        return one(viewer, unit_id).name
    except NotFound:
        gone = "There is no such unit any more. Choose another one."
        raise Invalid("org_unit_id", gone) from None
