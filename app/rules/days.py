"""Days: from when to when a span of days lasts where somebody lives."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo


def span(first: date, last: date, zone: str) -> tuple[datetime, datetime]:
    """From the midnight that begins `first` to the one that ends `last`, in UTC."""
    return _midnight(first, zone), _midnight(last + timedelta(days=1), zone)


def _midnight(day: date, zone: str) -> datetime:
    return datetime.combine(day, time(), ZoneInfo(zone)).astimezone(UTC)


def day_in(at: datetime, zone: str) -> date:
    """The day that it is there."""
    return at.astimezone(ZoneInfo(zone)).date()
