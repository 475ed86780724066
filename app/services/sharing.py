"""Sharing: numbers that are an org unit's and nobody's own. What comes to one is for its unit, and
is answered from it, as long as somebody stands for the unit (S4-21)."""

from collections.abc import Sequence

from sqlalchemy import select

from app import clock
from app.database import db, retrying, transaction
from app.errors import Conflict
from app.models import SenderNumber, Staff
from app.rules.access import Viewer
from app.rules.org_units import above
from app.rules.sender import OurNumber, SharedNumber
from app.rules.unclaimed import Colleague, may_read
from app.services import numbers, org_units, representatives
from app.services.audit import audit
from app.services.representatives import Standing


def of_unit(viewer: Viewer, unit_id: int) -> Sequence[SenderNumber]:
    """The numbers that it shares, the oldest first."""
    found = select(SenderNumber).where(
        SenderNumber.institution_id == viewer.institution_id, SenderNumber.org_unit_id == unit_id
    )
    return db.session.execute(found.order_by(SenderNumber.id)).scalars().all()


def standing_of(viewer: Viewer, unit_ids: set[int]) -> dict[int, Standing]:
    """Who stands for these units, by unit; each of them shares a number."""
    if not unit_ids:
        return {}
    units = org_units.every(viewer.institution_id)
    asked = [unit for unit in units if unit.id in unit_ids]
    return representatives.standing(org_units.parents_of(units), asked, unit_ids)


def facts_of(
    viewer: Viewer, number: OurNumber, unit_id: int, holder_in: int | None
) -> SharedNumber:
    """What the rules know about a number that this unit shares, for an answer of the viewer.

    `holder_in`: the unit of who holds the conversation: they answer for it from there or from below
    it, and whoever looks after it does.
    """
    unit, parents, stands = representatives.of_one(viewer.institution_id, unit_id)
    may = viewer.capabilities | viewer.withheld  # a program with few scopes sends as its page (D40)
    theirs = may_read(unit_id, parents, Colleague(viewer.staff_id, True, viewer.unit, may))
    theirs = theirs or (holder_in is not None and unit_id in above(parents, holder_in))
    name = stands.staff.name if stands.staff and not stands.wrong else None
    return SharedNumber(number, unit.name, theirs, name)


@retrying
def share(viewer: Viewer, number_id: int, unit_id: int) -> None:
    """Give a number that nobody holds to an org unit: from now on it is nobody's own.

    Raises Invalid at `org_unit_id` where there is no such unit, NotFound for another institution's
    number, Conflict for one that is not free.
    """
    numbers.one(viewer, number_id)  # what is asked about comes before what is said of it
    with transaction():
        name = org_units.require(viewer, unit_id)
        number = numbers.locked(viewer, number_id)
        if number.retired_at:
            raise Conflict("This number is retired.", code="retired")
        if number.org_unit_id == unit_id:
            return
        numbers.require_unshared(number)
        if held := numbers.open_assignment(number_id):
            holder = db.session.get_one(Staff, held.staff_id).name
            told = f"{holder} holds this number. Delete that assignment first."
            raise Conflict(told, code="assigned")
        number.org_unit_id, number.shared_at, number.free_from = unit_id, clock.now(), None
        about = f"number:{number_id}"
        audit(viewer.institution_id, "number.shared", about, viewer.staff_id, unit=name)
        numbers.announce_shared(viewer.institution_id, "number.shared", number_id, unit_id)


@retrying
def take_back(viewer: Viewer, number_id: int) -> None:
    """From its org unit, where one shares it, into the pool, after the cool-off (D26)."""
    with transaction():
        numbers.unshare(viewer, numbers.locked(viewer, number_id))
