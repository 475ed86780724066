"""Staff: institutions with their roles, and who may sign in."""

from functools import cache
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from phonenumbers import SUPPORTED_REGIONS
from sqlalchemy import select, true
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import selectinload

from app import clock
from app.database import db, retrying, transaction
from app.errors import Conflict, Invalid, NotFound
from app.events import Event, publish
from app.models import (
    Assignment,
    EventCounter,
    Institution,
    Person,
    PersonKind,
    Role,
    Seats,
    SenderNumber,
    Staff,
)
from app.rules.access import STANDARD_ROLES, Can, Viewer, staff_audience
from app.rules.emails import BadEmail, plain
from app.services import org_units, roles, sessions
from app.services.audit import audit
from app.vault import hash_password

SHORTEST_PASSWORD, LONGEST_PASSWORD = 10, 1000  # characters
LONGEST_NAME = 200


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


def time_zones() -> list[str]:
    """The names to choose from, such as America/Chicago, in alphabetical order."""
    return sorted(zone for zone in _time_zones() if "/" in zone and not zone.startswith("Etc/"))


def check_timezone(name: str) -> None:
    if name not in _time_zones():
        raise Invalid("timezone", f"{name} is not a time zone such as America/Chicago.")
    ZoneInfo(name)


def check_email(address: str, field: str = "email") -> str:
    """The address in its plain form, lower case. Raises Invalid."""
    found = plain(address)
    if isinstance(found, BadEmail):
        raise Invalid(field, found.message)
    return found


def create(
    institution_id: int,
    email: str,
    name: str,
    role_names: list[str],
    password: str,
    by: Viewer | None = None,
) -> int:
    """A login with its person; the staff id. Raises Conflict where the email has one already."""
    if db.session.get(Institution, institution_id) is None:
        raise NotFound(f"There is no institution {institution_id}.")
    check_email(email)
    check_name(name)
    check_password(password)
    roles.require_may_grant(by, *roles.rights_of(roles.named(institution_id, role_names)))
    db.session.rollback()  # nothing is held while we hash
    hashed = hash_password(password)
    with transaction():
        return add(institution_id, email, name, role_names, hashed, by).id


def add(
    institution_id: int,
    email: str,
    name: str,
    role_names: list[str],
    password_hash: str,
    by: Viewer | None,
    unit_id: int | None = None,
) -> Staff:
    """A login with its person, in the open transaction. `password_hash` "": none is chosen yet.
    `unit_id`: the org unit, which must be there. Raises as `create`."""
    address = check_email(email)
    check_name(name)
    granted, now = roles.named(institution_id, role_names), clock.now()
    roles.require_may_grant(by, *roles.rights_of(granted))
    given, _, family = name.strip().rpartition(" ")
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
        password_hash=password_hash,
        org_unit_id=unit_id,
        created_at=now,
    )
    staff.roles = granted
    db.session.add(staff)
    try:
        db.session.flush()
    except IntegrityError:
        raise Conflict("Somebody has this email address already.", code="email_taken") from None
    by_id = by.staff_id if by else None
    audit(institution_id, "staff.created", f"staff:{staff.id}", by_id, roles=role_names)
    return staff


def check_name(name: str) -> None:
    if not name.strip():
        raise Invalid("name", "Give a name.")
    if len(name.strip()) > LONGEST_NAME:
        raise Invalid("name", f"A name has at most {LONGEST_NAME} characters.")


def check_password(password: str) -> None:
    if len(password) < SHORTEST_PASSWORD:
        raise Invalid("password", f"A password has at least {SHORTEST_PASSWORD} characters.")
    if len(password) > LONGEST_PASSWORD:
        raise Invalid("password", f"A password has at most {LONGEST_PASSWORD:,} characters.")


@retrying
def change(viewer: Viewer, staff_id: int, **changes: Any) -> None:
    """Change name, roles, active or org_unit_id (contract 4). `roles_seen`, `unit_seen`: what a
    form showed; what was left as it was there stays as it is now (`roles.merged`).

    Raises Conflict where no administrator would be left, Forbidden for roles that give more than
    the viewer has.
    """
    seen = changes.pop("roles_seen", None)
    moves = "org_unit_id" in changes
    if moves and "unit_seen" in changes:
        moves = changes.pop("unit_seen") != changes["org_unit_id"]
    unit_id = changes.pop("org_unit_id", None)
    with transaction():
        roles.lock(viewer.institution_id)
        staff = one(viewer, staff_id)
        if moves and unit_id != staff.org_unit_id:
            changes["org_unit"] = org_units.put(viewer, staff, unit_id) or "none"
        if (name := changes.get("name")) is not None:
            staff.name = name.strip() or staff.name
        if (names := changes.get("roles")) is not None:
            before = staff.roles
            changes["roles"] = wanted = roles.merged([r.name for r in before], seen, names)
            granted = roles.named(viewer.institution_id, wanted)
            added = [role for role in granted if role not in before]
            roles.require_may_grant(viewer, *roles.rights_of(added))
            staff.roles = granted
        if (active := changes.get("active")) is not None:
            if active and not staff.active:
                roles.require_may_grant(viewer, *roles.rights_of(staff.roles))
            staff.active = active
        db.session.flush()
        roles.require_an_administrator(viewer.institution_id)
        if active is False:
            sessions.end_all(staff_id)
        audit(
            viewer.institution_id, "staff.changed", f"staff:{staff_id}", viewer.staff_id, **changes
        )
        announce(staff)


def announce(staff: Staff) -> None:
    """Something about this member of staff is different now."""
    audience = (Can.STAFF_MANAGE.value, staff_audience(staff.id))
    publish(staff.institution_id, Event("staff.changed", {"staff": staff.id}, audience))


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
