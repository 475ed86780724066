"""Profile: what somebody sets for themselves."""

from app.database import transaction
from app.rules.access import Viewer
from app.services import staff
from app.services.audit import audit


def want_summary(viewer: Viewer, wanted: bool) -> None:
    """Whether they get the email about each week."""
    with transaction():
        own = staff.one(viewer, viewer.staff_id)
        own.weekly_summary = wanted
        subject = f"staff:{own.id}"
        audit(viewer.institution_id, "profile.changed", subject, own.id, weekly_summary=wanted)


def change(viewer: Viewer, name: str, timezone: str) -> None:
    """Change one's own name and time zone (IANA). `timezone` "": the institution's. Raises
    Invalid."""
    staff.check_name(name)
    if timezone:
        staff.check_timezone(timezone)
    with transaction():
        own = staff.one(viewer, viewer.staff_id)
        own.name, own.timezone = name.strip(), timezone or None
        audit(
            viewer.institution_id,
            "profile.changed",
            f"staff:{own.id}",
            own.id,
            name=own.name,
            timezone=own.timezone,
        )
        staff.announce(own)
