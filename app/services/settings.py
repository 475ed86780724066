"""Settings: what an institution decides for itself (S3-1..S3-28). Two who save at once are told
apart."""

from typing import Any

from sqlalchemy import select

from app import clock
from app.database import LOCK, db, retrying, transaction
from app.errors import Conflict, Forbidden, Invalid
from app.events import Event, publish
from app.models import Institution, Role, RoleKind
from app.rules.access import EVERYBODY, Can, Viewer
from app.rules.limits import month_of
from app.rules.texts import with_first_contact
from app.services import alerts, usage
from app.services.audit import audit

PROVIDER_MAX_LENGTH = 1600  # characters a provider takes (D36)
LONGEST_COOL_OFF = 3650  # days
LONGEST_UNCLAIMED = 720  # hours until somebody is reminded

_PLAIN: tuple[str, ...] = (
    "default_phone_type",
    "number_limit",
    "message_limit",
    "limit_unit",
    "cool_off_days",
    "reply_reserve",
    "segment_price",
)
_PLAIN += ("max_length", "sms_enabled", "first_contact", "help_contact")
_PLAIN += ("more_stop_words", "more_start_words", "unclaimed_answer", "unclaimed_hours")
_OPTED = {"student_default": "student_opted_in", "staff_default": "staff_opted_in"}
_MAILS = {"reply_notice": "reply_notice", "fallback_email": "fallback"}
_EMPTY_IS_NONE = {"first_contact", "help_contact", "unclaimed_answer"}
_LIMITS = {"number_limit", "message_limit", "limit_unit", "reply_reserve", "segment_price"}
_SPENT = {"message_limit", "limit_unit", "reply_reserve"}  # what the use of a month is held against
_LARGEST = {"number_limit": 100_000_000, "message_limit": 100_000_000, "reply_reserve": 100_000_000}
DEAREST = 10_000_000  # micro-dollars for a segment


def current(viewer: Viewer) -> dict[str, Any]:
    """All settings in the shape of contract 4."""
    return shown(db.session.get_one(Institution, viewer.institution_id))


def shown(institution: Institution) -> dict[str, Any]:
    opted = {True: "opted_in", False: "opted_out"}
    found: dict[str, Any] = {
        name: opted[getattr(institution, column)] for name, column in _OPTED.items()
    }
    found |= {name: getattr(institution, name) for name in _PLAIN}
    for name, column in _MAILS.items():
        found[name] = {
            part: getattr(institution, f"{column}_{part}") for part in ("subject", "body")
        }
    found["permitted_roles"] = [r.name for r in _roles(institution.id) if _is_permitted(r)]
    found["version"] = institution.version
    return found


def _roles(institution_id: int) -> list[Role]:
    return list(
        db.session.execute(
            select(Role).where(Role.institution_id == institution_id).order_by(Role.id)
        ).scalars()
    )


def staff_roles(viewer: Viewer) -> list[str]:
    """The roles that may be permitted: those of students never are (S3-42)."""
    return [role.name for role in _roles(viewer.institution_id) if role.kind == RoleKind.STAFF]


def _is_permitted(role: Role) -> bool:
    return role.kind == RoleKind.STAFF and Can.TEXT_START in role.capabilities


@retrying
def change(viewer: Viewer, version: int, changes: dict[str, Any]) -> None:
    """Save what changed. `version` is the one that the editor saw: an older one is Conflict
    `outdated`.

    Limits need `limits.edit`, everything else `settings.edit` (D27).
    """
    _require(viewer, changes)
    with transaction():
        institution = db.session.execute(
            select(Institution)
            .where(Institution.id == viewer.institution_id)
            .with_for_update(**LOCK)
            .execution_options(populate_existing=True)
        ).scalar_one()
        if institution.version != version:
            raise Conflict(
                "Somebody else saved these settings a moment ago. Load them again.", code="outdated"
            )
        before = shown(institution)
        _check(institution, changes)
        _write(institution, changes)
        after = shown(institution)
        different = {k: [before[k], after[k]] for k in after if before[k] != after[k]}
        if not different:
            return
        institution.version += 1
        if _SPENT & set(different):
            month = month_of(clock.now(), institution.timezone)
            alerts.limit_changed(institution, month, usage.used_in(institution.id, month))
        audit(
            institution.id,
            "settings.changed",
            f"institution:{institution.id}",
            viewer.staff_id,
            **different,
        )
        publish(institution.id, Event("settings.changed", {}, (EVERYBODY,)))


def _require(viewer: Viewer, changes: dict[str, Any]) -> None:
    limits, rest = _LIMITS & set(changes), set(changes) - _LIMITS
    for touched, need in ((limits, Can.LIMITS_EDIT), (rest, Can.SETTINGS_EDIT)):
        if touched and not viewer.can(need):
            raise Forbidden(f"Your role does not allow this ({need}).")


def _check(institution: Institution, changes: dict[str, Any]) -> None:
    length = changes.get("max_length", institution.max_length)
    if not 1 <= length <= PROVIDER_MAX_LENGTH:
        raise Invalid(
            "max_length",
            f"Between 1 and {PROVIDER_MAX_LENGTH:,} characters: the provider takes no more.",
        )
    for name, largest in _LARGEST.items():
        value = changes.get(name)
        if value is not None and not 0 <= value <= largest:
            raise Invalid(name, "A whole number from 0 up; empty for none.")
    price = changes.get("segment_price")
    if price is not None and not 0 <= price <= DEAREST:
        raise Invalid("segment_price", f"Between $0 and ${DEAREST // 1_000_000} for a segment.")
    limit, kept = (
        changes.get(name, getattr(institution, name)) for name in ("message_limit", "reply_reserve")
    )
    if limit and kept >= limit:
        raise Invalid("reply_reserve", f"Fewer than the limit of {limit:,}, or nobody can begin.")
    if not 0 <= changes.get("cool_off_days", 0) <= LONGEST_COOL_OFF:
        raise Invalid("cool_off_days", f"Between 0 and {LONGEST_COOL_OFF} days.")
    hours = changes.get("unclaimed_hours")
    if hours is not None and not 1 <= hours <= LONGEST_UNCLAIMED:
        raise Invalid("unclaimed_hours", f"Between 1 and {LONGEST_UNCLAIMED} hours, or none.")
    _check_texts(institution, changes, length)


def _check_texts(institution: Institution, changes: dict[str, Any], length: int) -> None:
    first, answer = (
        changes.get(name, getattr(institution, name)) or ""
        for name in ("first_contact", "unclaimed_answer")
    )
    if "first_contact" in changes and first and len(first) >= length:
        raise Invalid("first_contact", "This line leaves no room for a text.")
    touched = {"unclaimed_answer", "first_contact", "max_length"} & set(changes)
    if touched and answer and len(with_first_contact(answer, first)) > length:
        also = " with the first contact line" if first else ""
        raise Invalid("unclaimed_answer", f"At most {length:,} characters{also}.")


def _write(institution: Institution, changes: dict[str, Any]) -> None:
    for name, value in changes.items():
        if name in _OPTED:
            setattr(institution, _OPTED[name], value == "opted_in")
        elif name in _PLAIN:
            setattr(institution, name, value or None if name in _EMPTY_IS_NONE else value)
        elif name in _MAILS:
            for part, text in value.items():
                setattr(institution, f"{_MAILS[name]}_{part}", text)
        elif name == "permitted_roles":
            _permit(institution, value)


def _permit(institution: Institution, names: list[str]) -> None:
    """ "Permitted Roles" (S3-13) are the staff roles that hold `text.start`."""
    roles = {role.name: role for role in _roles(institution.id)}
    for name in names:
        if name not in roles:
            raise Invalid("permitted_roles", f"There is no role {name}.")
        if roles[name].kind != RoleKind.STAFF:
            raise Invalid("permitted_roles", f"{name} is a role of students: they hold no number.")
    for role in roles.values():
        rights = set(role.capabilities) - {Can.TEXT_START.value}
        role.capabilities = sorted(
            rights | ({Can.TEXT_START.value} if role.name in names else set())
        )
    db.session.flush()
