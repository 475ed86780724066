"""Units: the org units of a school, and who looks after them."""

import httpx

from app.database import db
from app.rules.access import Can
from app.services import org_units
from tests.configuring import role
from tests.school import Member, School

SUPERVISOR = ["inbox.unit", "people.read", "reports.read", "reports.export", "text.reply"]


def unit(school: School, name: str, under: int | None = None) -> int:
    """A new org unit; its id."""
    with school.app.app_context():
        viewer = school.viewer(school.admin(), [Can.STAFF_MANAGE])
        made = org_units.create(viewer, name, under).id
        db.session.remove()
    return made


def share(school: School, number: str, into: int | None) -> httpx.Response:
    """Give a number of ours to a unit, or take it back: the answer, whatever it is."""
    path = f"/numbers/{school.number(number)['id']}"
    return school.admin().api.patch(path, json={"org_unit_id": into})


def put(school: School, member: Member, into: int | None) -> None:
    """This member of staff works there from now on."""
    changed = school.admin().api.patch(f"/staff/{member.id}", json={"org_unit_id": into})
    assert changed.status_code == 200, changed.text
    assert changed.json()["org_unit_id"] == into


def supervisor(school: School, of: int, *more: str, name: str = "Lee Park") -> Member:
    """Somebody who looks after a unit, and has no other rights than are needed for it."""
    made = school.member(role(school, f"Supervisor {name}", *SUPERVISOR, *more), name=name)
    put(school, made, of)
    return made
