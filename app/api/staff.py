"""Staff, roles and org units: who may sign in, what they may do, and where they work (contract 4,
D3)."""

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field

from app.api.endpoints import get, patch, post
from app.api.paging import BY_ID, Page, Paging, page
from app.api.types import ABSENT, Changes, Id, Input, Name, Shape, Text
from app.models import Role as RoleRow
from app.models import RoleKind
from app.models import Staff as StaffRow
from app.rules.access import READERS, Can, Viewer
from app.services import org_units, representatives, roles, staff
from app.services.representatives import Standing

RoleName = Annotated[Text, Field(min_length=1, max_length=80, pattern=r"\S")]
NewName = Annotated[RoleName, Field(examples=["Tutor"])]
Roles = Annotated[list[RoleName], Field(min_length=1, max_length=50, examples=[["Advisor"]])]


class Staff(Shape):
    """`number`: the one they hold."""

    id: int
    email: str
    name: str
    roles: list[str]
    active: bool
    org_unit_id: int | None
    number: str | None


class NewStaff(Input):
    email: Annotated[Text, Field(max_length=320, examples=["nia.fox@northfield.example"])]
    name: Name
    roles: Roles
    password: Annotated[str, Field(max_length=1000, examples=["at least ten characters"])]


class StaffChanges(Changes):
    name: Name = ABSENT
    roles: Roles = ABSENT
    active: bool = ABSENT
    org_unit_id: Id | None = ABSENT


class OrgUnit(Shape):
    """`parent_id`: the unit above it; null = at the top. `representative_id`: who stands for it.
    `invalid_representative`: they cannot, or nobody does and texts wait in it (S4-21)."""

    id: int
    name: str
    parent_id: int | None
    representative_id: int | None
    invalid_representative: bool


class Role(Shape):
    id: int
    name: str
    kind: RoleKind
    capabilities: list[str]
    members: int


class NewRole(Input):
    name: NewName
    capabilities: list[Can]


class RoleChanges(Changes):
    name: NewName = ABSENT
    capabilities: list[Can] = ABSENT


def _shown(rows: Sequence[tuple[StaffRow, str | None]]) -> list[Staff]:
    return [
        Staff(
            id=row.id,
            email=row.email,
            name=row.name,
            roles=[role.name for role in row.roles],
            active=row.active,
            org_unit_id=row.org_unit_id,
            number=number,
        )
        for row, number in rows
    ]


def _one(viewer: Viewer, staff_id: int) -> Staff:
    return _shown([(staff.one(viewer, staff_id), staff.number_of(staff_id))])[0]


@get("/staff", Can.STAFF_MANAGE, Can.NUMBERS_MANAGE)
def list_staff(viewer: Viewer, query: Paging) -> Page[Staff]:
    """The institution's staff, newest first."""
    return page(
        query,
        BY_ID,
        lambda limit, before: staff.listed(viewer, limit, before),
        lambda row: row[0].id,
        _shown,
    )


@post("/staff", Can.STAFF_MANAGE, conflicts=("email_taken",))
def create_staff(viewer: Viewer, body: NewStaff) -> Staff:
    """A new login. You can grant only rights that you have."""
    made = staff.create(
        viewer.institution_id, body.email, body.name, body.roles, body.password, viewer
    )
    return _one(viewer, made)


@patch("/staff/<id:staff_id>", Can.STAFF_MANAGE, conflicts=("last_admin",))
def change_staff(viewer: Viewer, staff_id: int, body: StaffChanges) -> Staff:
    """Change name, roles, active or the org unit, with which the conversations go along.

    Who is not active is signed out, and their tokens end.
    """
    staff.change(viewer, staff_id, **body.given())
    return _one(viewer, staff_id)


@get("/org-units", Can.STAFF_MANAGE, *READERS)
def list_org_units(viewer: Viewer, query: Paging) -> Page[OrgUnit]:
    """The org units by which you may filter messages, newest first."""
    units = sorted(org_units.offered(viewer).choices, key=lambda unit: -unit.id)
    standing = representatives.of_tree(org_units.listed(viewer))
    return page(
        query,
        BY_ID,
        lambda limit, before: [u for u in units if before is None or u.id < before][:limit],
        lambda unit: unit.id,
        lambda found: [_unit(unit, standing[unit.id]) for unit in found],
    )


def _unit(unit: org_units.Choice, stands: Standing) -> OrgUnit:
    return OrgUnit(
        id=unit.id,
        name=unit.name,
        parent_id=unit.parent,
        representative_id=stands.staff.id if stands.staff else None,
        invalid_representative=stands.wrong is not None,
    )


def _role(row: RoleRow, members: int) -> Role:
    return Role(
        id=row.id,
        name=row.name,
        kind=RoleKind(row.kind),
        capabilities=row.capabilities,
        members=members,
    )


@get("/roles", Can.STAFF_MANAGE)
def list_roles(viewer: Viewer, query: Paging) -> Page[Role]:
    """The institution's roles, newest first."""
    return page(
        query,
        BY_ID,
        lambda limit, before: [
            row for row in reversed(roles.listed(viewer)) if before is None or row[0].id < before
        ][:limit],
        lambda row: row[0].id,
        lambda rows: [_role(*row) for row in rows],
    )


@post("/roles", Can.STAFF_MANAGE, conflicts=("role_exists",))
def create_role(viewer: Viewer, body: NewRole) -> Role:
    """A new role of staff."""
    return _role(roles.save(viewer, None, body.name, [*body.capabilities]), members=0)


@patch("/roles/<id:role_id>", Can.STAFF_MANAGE, conflicts=("role_exists", "last_admin"))
def change_role(viewer: Viewer, role_id: int, body: RoleChanges) -> Role:
    """Change the name or what the role allows."""
    given = body.given()
    saved = roles.save(viewer, role_id, given.get("name"), given.get("capabilities"))
    return next(_role(*row) for row in roles.listed(viewer) if row[0].id == saved.id)
