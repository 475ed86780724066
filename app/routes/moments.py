"""Moments: times that people choose, in the zone they live in."""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

from app import clock
from app.errors import Invalid
from app.routes.filters import local, zone

_FIELD = "%Y-%m-%dT%H:%M"  # as <input type="datetime-local"> gives it
_MORNING = time(8)


def moment(typed: str, field: str) -> datetime:
    """What was chosen in a field for date and time. Raises Invalid for what is none."""
    try:
        return datetime.strptime(typed[:16], _FIELD).replace(tzinfo=zone()).astimezone(UTC)
    except (ValueError, OverflowError):
        raise Invalid(field, "Choose a day and a time.") from None


def in_field(at: datetime | None) -> str:
    return local(at).strftime(_FIELD) if at else ""


@dataclass(frozen=True, slots=True)
class Choice:
    """A moment that is offered. `value`: as a field has it."""

    label: str
    value: str


def choices() -> list[Choice]:
    """What people choose most: in three hours, tomorrow morning, Monday morning."""
    here = local(clock.now())
    soon = (here + timedelta(hours=3)).replace(minute=0)
    tomorrow = datetime.combine(here + timedelta(days=1), _MORNING)
    monday = datetime.combine(here + timedelta(days=7 - here.weekday()), _MORNING)
    found = [Choice(f"Today, {_hour(soon)}", soon.strftime(_FIELD))] if soon.day == here.day else []
    found.append(Choice(f"Tomorrow, {_hour(tomorrow)}", tomorrow.strftime(_FIELD)))
    if monday.date() != tomorrow.date():
        found.append(Choice(f"Monday, {_hour(monday)}", monday.strftime(_FIELD)))
    return found


def _hour(at: datetime) -> str:
    return at.strftime("%-I:%M %p").lower()
