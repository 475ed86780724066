"""Roles: named sets of capabilities (D3): what each allows, how many have it, who may grant it."""

from collections.abc import Iterable

from sqlalchemy import delete, func, select
from sqlalchemy.exc import IntegrityError

from app.database import LOCK, db, transaction
from app.errors import Conflict, Forbidden, Invalid, NotFound
from app.events import Event, publish
from app.models import Institution, OrgUnit, Role, RoleKind, Staff, staff_role
from app.rules.access import EVERYBODY, Can, Viewer
from app.services.audit import audit

LONGEST_NAME = 80  # characters


def listed(viewer: Viewer) -> list[tuple[Role, int]]:
    """The institution's roles with how many staff have each."""
    members = (
        select(func.count())
        .select_from(staff_role)
        .where(staff_role.c.role_id == Role.id)
        .scalar_subquery()
    )
    rows = db.session.execute(
        select(Role, members).where(Role.institution_id == viewer.institution_id).order_by(Role.id)
    )
    return [(role, count) for role, count in rows]


def rights(viewer: Viewer) -> list[Can]:
    """What a role may allow here: nothing about org units where there are none."""
    unit = select(OrgUnit.id).where(
        OrgUnit.institution_id == viewer.institution_id, OrgUnit.removed_at.is_(None)
    )
    has_units = db.session.execute(unit.limit(1)).first() is not None
    return [right for right in Can if has_units or right is not Can.INBOX_UNIT]


def one(viewer: Viewer, role_id: int) -> tuple[Role, int]:
    """A role with how many have it. Raises NotFound for another institution's."""
    found = next((row for row in listed(viewer) if row[0].id == role_id), None)
    if found is None:
        raise NotFound("There is no such role.")
    return found


def named(institution_id: int, names: list[str]) -> list[Role]:
    """The roles of these names. Raises Invalid where there is none of that name, or no name."""
    if not names:
        raise Invalid("roles", "Give at least one role.")
    found = {
        role.name: role
        for role in db.session.execute(
            select(Role).where(Role.institution_id == institution_id, Role.name.in_(names))
        ).scalars()
    }
    if missing := [name for name in names if name not in found]:
        raise Invalid("roles", f"There is no role {missing[0]}.")
    return [found[name] for name in dict.fromkeys(names)]


def require_may_grant(by: Viewer | None, *rights: str) -> None:
    """Nobody hands out rights that they do not have themselves. `by` None: the command line."""
    if by is None:
        return
    if beyond := sorted({right for right in rights if not by.can(Can(right))}):
        raise Forbidden(f"You cannot grant rights you do not have: {', '.join(beyond)}.")


def merged(now: Iterable[str], seen: Iterable[str] | None, wanted: Iterable[str]) -> list[str]:
    """What comes of a form that showed `seen` and wants `wanted`, where others have made it `now`
    meanwhile: only what was changed in the form changes. `seen` None: whatever it was."""
    if seen is None:
        return list(wanted)
    given, taken = set(wanted) - set(seen), set(seen) - set(wanted)
    return sorted((set(now) | given) - taken)


def rights_of(roles: list[Role]) -> set[str]:
    return {right for role in roles for right in role.capabilities}


def lock(institution_id: int) -> None:
    """Changes of rights take turns, so that two administrators cannot remove each other (M2)."""
    db.session.get_one(Institution, institution_id, with_for_update=LOCK, populate_existing=True)


def require_an_administrator(institution_id: int) -> None:
    """M2: somebody who may manage staff, and can sign in, must remain. Call under the lock of the
    institution."""
    held = select(Role.capabilities).where(
        Role.id.in_(
            select(staff_role.c.role_id)
            .join(Staff, Staff.id == staff_role.c.staff_id)
            .where(Staff.institution_id == institution_id, Staff.active, Staff.password_hash != "")
        )
    )
    if not any(Can.STAFF_MANAGE in granted for granted in db.session.execute(held).scalars()):
        raise Conflict("The last administrator cannot give up this right.", code="last_admin")


def save(
    viewer: Viewer,
    role_id: int | None,
    name: str | None,
    capabilities: list[str] | None,
    seen: list[str] | None = None,
) -> Role:
    """Make a role, or change one (D3). `seen`: the capabilities that the form showed (`merged`).

    Raises Conflict where no administrator would be left or the name is taken, Forbidden for a right
    that is added and not the viewer's own.
    """
    _check(name, capabilities)
    with transaction():
        lock(viewer.institution_id)
        role = _own(viewer, role_id) if role_id else _new(viewer)
        before = set(role.capabilities)
        role.name = (name or role.name).strip()
        if capabilities is not None:
            role.capabilities = sorted(set(merged(before, seen, capabilities)))
        if role.kind == RoleKind.STUDENT and Can.TEXT_START in role.capabilities:
            raise Invalid("capabilities", f"{role.name} is a role of students: no number.")
        require_may_grant(viewer, *(set(role.capabilities) - before))
        try:
            db.session.flush()
        except IntegrityError:
            raise Conflict("There is a role of this name already.", code="role_exists") from None
        require_an_administrator(viewer.institution_id)
        _note(viewer, "role.saved", role, capabilities=role.capabilities)
        if (Can.TEXT_START in before) != (Can.TEXT_START in role.capabilities):
            _note_permitted(viewer, role)
    return role


def _note_permitted(viewer: Viewer, role: Role) -> None:
    """Permitted Roles of the settings are others now (S3-13): who edits those is told."""
    institution = db.session.get_one(Institution, viewer.institution_id)
    institution.version += 1
    now = {r.name for r, _ in listed(viewer) if Can.TEXT_START in r.capabilities}
    audit(
        institution.id,
        "settings.changed",
        f"institution:{institution.id}",
        viewer.staff_id,
        permitted_roles=[sorted(now ^ {role.name}), sorted(now)],
    )
    publish(institution.id, Event("settings.changed", {}, (EVERYBODY,)))


def _check(name: str | None, capabilities: list[str] | None) -> None:
    if name is not None and not name.strip():
        raise Invalid("name", "Give the role a name.")
    if name is not None and len(name.strip()) > LONGEST_NAME:
        raise Invalid("name", f"A name has at most {LONGEST_NAME} characters.")
    unknown = [c for c in capabilities or [] if c not in set(Can)]
    if unknown:
        raise Invalid("capabilities", f"There is no capability {unknown[0]}.")


def _new(viewer: Viewer) -> Role:
    role = Role(institution_id=viewer.institution_id, kind=RoleKind.STAFF, name="", capabilities=[])
    db.session.add(role)
    return role


def _own(viewer: Viewer, role_id: int) -> Role:
    role = db.session.get(Role, role_id)
    if role is None or role.institution_id != viewer.institution_id:
        raise NotFound("There is no such role.")
    return role


def _note(viewer: Viewer, action: str, role: Role, **detail: object) -> None:
    audit(viewer.institution_id, action, f"role:{role.id}", viewer.staff_id, **detail)
    publish(viewer.institution_id, Event("role.changed", {"role": role.id}, (EVERYBODY,)))


def remove(viewer: Viewer, role_id: int) -> str:
    """Delete a role that nobody has; its name. Raises Conflict where somebody has it, or where it
    is the one that students have."""
    with transaction():
        lock(viewer.institution_id)
        role = _own(viewer, role_id)
        members = db.session.execute(
            select(func.count()).select_from(staff_role).where(staff_role.c.role_id == role_id)
        ).scalar_one()
        if members:
            raise Conflict(f"Somebody has the role {role.name}. Take it from them first.")
        if role.kind == RoleKind.STUDENT:
            raise Conflict(f"{role.name} is the role of students: it stays.")
        name = role.name
        _note(viewer, "role.deleted", role, name=name)
        db.session.execute(delete(Role).where(Role.id == role_id))
        return name
