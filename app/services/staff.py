"""Staff: institutions with their roles, and logins."""

from functools import cache
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from email_validator import EmailNotValidError, validate_email
from phonenumbers import SUPPORTED_REGIONS
from sqlalchemy import func, select, true, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import selectinload

from app import clock
from app.database import LOCK, db, transaction
from app.errors import Conflict, Forbidden, Invalid, NotFound
from app.events import Event, publish
from app.models import (
    ApiToken,
    Assignment,
    EventCounter,
    Institution,
    Login,
    Person,
    PersonKind,
    Role,
    RoleKind,
    Seats,
    SenderNumber,
    Staff,
    staff_role,
)
from app.rules.access import STANDARD_ROLES, Can, Viewer, staff_audience
from app.security import hash_password
from app.services.audit import audit

SHORTEST_PASSWORD = 10  # characters


def create_institution(
    name: str,
    timezone: str,
    region: str,
    number_limit: int | None = None,
    message_limit: int | None = None,
) -> int:
    """A new institution with the standard roles; its id."""
    if not name.strip():
        raise Invalid("name", "Give the institution a name.")
    check_timezone(timezone)
    if region.upper() not in SUPPORTED_REGIONS:
        raise Invalid("region", f"{region} is not a country code such as US.")
    for field, limit in (("number_limit", number_limit), ("message_limit", message_limit)):
        if limit is not None and limit < 0:
            raise Invalid(field, "A limit is 0 or more.")
    with transaction():
        institution = Institution(
            name=name.strip(),
            timezone=timezone,
            region=region.upper(),
            number_limit=number_limit,
            message_limit=message_limit,
            more_stop_words=[],
            more_start_words=[],
            created_at=clock.now(),
        )
        db.session.add(institution)
        db.session.flush()
        db.session.add_all(
            [
                Seats(institution_id=institution.id, used=0),
                EventCounter(institution_id=institution.id, seq=0),
            ]
        )
        db.session.add_all(
            Role(institution_id=institution.id, name=role, kind=kind, capabilities=list(granted))
            for role, (kind, granted) in STANDARD_ROLES.items()
        )
        db.session.flush()
        audit(institution.id, "institution.created", f"institution:{institution.id}")
        return institution.id


_time_zones = cache(available_timezones)  # it walks through the whole of tzdata


def check_timezone(name: str) -> None:
    if name not in _time_zones():
        raise Invalid("timezone", f"{name} is not a time zone such as America/Chicago.")
    ZoneInfo(name)


def check_email(address: str, field: str = "email") -> str:
    """The address in its plain form, lower case. Raises Invalid."""
    try:
        found = validate_email(address.strip(), check_deliverability=False, test_environment=True)
    except EmailNotValidError as error:
        raise Invalid(field, f"This is not an email address: {error}") from None
    return found.normalized.lower()


def create(
    institution_id: int,
    email: str,
    name: str,
    roles: list[str],
    password: str,
    by: Viewer | None = None,
) -> int:
    """A login with its person; the staff id. Raises Conflict where the email has one already."""
    if db.session.get(Institution, institution_id) is None:
        raise NotFound(f"There is no institution {institution_id}.")
    address = check_email(email)
    if not name.strip():
        raise Invalid("name", "Give a name.")
    check_password(password)
    granted = _roles(institution_id, roles)
    require_may_grant(by, granted)
    db.session.rollback()  # nothing is held while we hash
    hashed, now = hash_password(password), clock.now()
    given, _, family = name.strip().rpartition(" ")
    try:
        with transaction():
            person = Person(
                institution_id=institution_id,
                kind=PersonKind.STAFF,
                given_name=given or family,
                family_name=family if given else "",
                email=address,
                created_at=now,
            )
            db.session.add(person)
            db.session.flush()
            staff = Staff(
                institution_id=institution_id,
                person_id=person.id,
                email=address,
                name=name.strip(),
                password_hash=hashed,
                created_at=now,
            )
            staff.roles = _roles(institution_id, roles)
            db.session.add(staff)
            db.session.flush()
            by_id = by.staff_id if by else None
            audit(institution_id, "staff.created", f"staff:{staff.id}", by_id, roles=roles)
            return staff.id
    except IntegrityError:
        raise Conflict("Somebody has this email address already.", code="email_taken") from None


def check_password(password: str) -> None:
    if len(password) < SHORTEST_PASSWORD:
        raise Invalid("password", f"A password has at least {SHORTEST_PASSWORD} characters.")


def require_may_grant(by: Viewer | None, roles: list[Role]) -> None:
    """Nobody hands out rights that they do not have themselves."""
    if by is None:
        return
    beyond = {c for role in roles for c in role.capabilities if not by.can(Can(c))}
    if beyond:
        raise Forbidden(f"You cannot grant rights you do not have: {', '.join(sorted(beyond))}.")


def _roles(institution_id: int, names: list[str]) -> list[Role]:
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


def change(viewer: Viewer, staff_id: int, **changes: Any) -> None:
    """Change name, roles or active (contract 4). Raises Conflict where no administrator would be
    left."""
    with transaction():
        _lock(viewer.institution_id)
        staff = one(viewer, staff_id)
        if (name := changes.get("name")) is not None:
            staff.name = name.strip() or staff.name
        if (roles := changes.get("roles")) is not None:
            granted = _roles(viewer.institution_id, roles)
            require_may_grant(viewer, granted)
            staff.roles = granted
        if (active := changes.get("active")) is not None:
            staff.active = active
        db.session.flush()
        _require_an_administrator(viewer.institution_id)
        if active is False:
            _end_logins(staff_id)
        audit(
            viewer.institution_id, "staff.changed", f"staff:{staff_id}", viewer.staff_id, **changes
        )
        audience = (Can.STAFF_MANAGE.value, staff_audience(staff_id))
        publish(viewer.institution_id, Event("staff.changed", {"staff": staff_id}, audience))


def _require_an_administrator(institution_id: int) -> None:
    """M2: somebody who may manage staff must remain. Call under the lock of the institution."""
    held = select(Role.capabilities).where(
        Role.id.in_(
            select(staff_role.c.role_id)
            .join(Staff, Staff.id == staff_role.c.staff_id)
            .where(Staff.institution_id == institution_id, Staff.active)
        )
    )
    if not any(Can.STAFF_MANAGE in granted for granted in db.session.execute(held).scalars()):
        raise Conflict("The last administrator cannot give up this right.", code="last_admin")


def _lock(institution_id: int) -> None:
    """Changes of rights take turns, so that two administrators cannot remove each other (M2)."""
    db.session.get_one(Institution, institution_id, with_for_update=LOCK, populate_existing=True)


def _end_logins(staff_id: int) -> None:
    now = clock.now()
    db.session.execute(
        update(Login)
        .where(Login.staff_id == staff_id, Login.ended_at.is_(None))
        .values(ended_at=now)
    )
    db.session.execute(
        update(ApiToken)
        .where(ApiToken.staff_id == staff_id, ApiToken.revoked_at.is_(None))
        .values(revoked_at=now)
    )


def one(viewer: Viewer, staff_id: int) -> Staff:
    staff = db.session.get(Staff, staff_id)
    if staff is None or staff.institution_id != viewer.institution_id:
        raise NotFound("There is no such member of staff.")
    return staff


def listed(viewer: Viewer, limit: int, before: int | None) -> list[tuple[Staff, str | None]]:
    """The institution's staff with the number each one holds, newest first."""
    rows = db.session.execute(
        select(Staff, SenderNumber.e164)
        .outerjoin(Assignment, (Assignment.staff_id == Staff.id) & Assignment.ended_at.is_(None))
        .outerjoin(SenderNumber, SenderNumber.id == Assignment.sender_number_id)
        .options(selectinload(Staff.roles))
        .where(
            Staff.institution_id == viewer.institution_id,
            Staff.id < before if before else true(),
        )
        .order_by(Staff.id.desc())
        .limit(limit)
    )
    return [(staff, number) for staff, number in rows]


def number_of(staff_id: int) -> str | None:
    """The E.164 number that this member of staff holds."""
    return db.session.execute(
        select(SenderNumber.e164)
        .join(Assignment, Assignment.sender_number_id == SenderNumber.id)
        .where(Assignment.staff_id == staff_id, Assignment.ended_at.is_(None))
    ).scalar_one_or_none()


def roles_listed(viewer: Viewer) -> list[tuple[Role, int]]:
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


def save_role(
    viewer: Viewer, role_id: int | None, name: str | None, capabilities: list[str] | None
) -> Role:
    """Make a role, or change one (D3). Raises Conflict where no administrator would be left."""
    unknown = [c for c in capabilities or [] if c not in set(Can)]
    if unknown:
        raise Invalid("capabilities", f"There is no capability {unknown[0]}.")
    with transaction():
        _lock(viewer.institution_id)
        if role_id is None:
            role = Role(
                institution_id=viewer.institution_id, kind=RoleKind.STAFF, name="", capabilities=[]
            )
            db.session.add(role)
        else:
            found = db.session.get(Role, role_id)
            if found is None or found.institution_id != viewer.institution_id:
                raise NotFound("There is no such role.")
            role = found
        role.name = (name or role.name).strip()
        if capabilities is not None:
            role.capabilities = sorted(set(capabilities))
        require_may_grant(viewer, [role])
        try:
            db.session.flush()
        except IntegrityError:
            raise Conflict("There is a role of this name already.", code="role_exists") from None
        _require_an_administrator(viewer.institution_id)
        audit(
            viewer.institution_id,
            "role.saved",
            f"role:{role.id}",
            viewer.staff_id,
            capabilities=role.capabilities,
        )
        publish(viewer.institution_id, Event("role.changed", {"role": role.id}, ("everybody",)))
    return role
