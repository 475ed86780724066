"""Clock: the only place that reads the time, but for leases, which the database's clock rules."""

from datetime import UTC, datetime


def now() -> datetime:
    """The current time, aware, UTC."""
    return datetime.now(UTC)
