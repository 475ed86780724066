"""Month: how the texts of a month add up, when its limit is reached at this pace, and which numbers
lie idle."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

IDLE_DAYS = 60  # a number that was not used for so long is marked


@dataclass(frozen=True, slots=True)
class Month:
    """A calendar month of the institution: its days, and the moments at which they begin, with the
    end of the last one. Moments are aware, of the institution's zone."""

    days: tuple[date, ...]
    begins: tuple[datetime, ...]

    @property
    def end(self) -> datetime:
        return self.begins[-1]


def month_at(at: datetime, timezone: str) -> Month:
    """The local calendar month around `at` (D27)."""
    zone = ZoneInfo(timezone)
    first = at.astimezone(zone).date().replace(day=1)
    next_first = (first + timedelta(days=31)).replace(day=1)
    days = tuple(first + timedelta(days=n) for n in range((next_first - first).days))
    begins = (datetime(d.year, d.month, d.day, tzinfo=zone) for d in (*days, next_first))
    return Month(days, tuple(begins))


def reached_on(used: int, limit: int, month: Month, now: datetime) -> date | None:
    """The local day on which the limit is reached at the pace of the month so far; None where the
    month ends first. One that is reached already gives today."""
    today = now.astimezone(month.end.tzinfo).date()
    if used >= limit:
        return today
    if not used:
        return None
    spent = now - month.begins[0]
    at = month.begins[0] + spent * (limit / used)
    return at.astimezone(month.end.tzinfo).date() if at < month.end else None


def expected(used: int, month: Month, now: datetime) -> int:
    """How many texts the month ends with at its pace so far."""
    spent = (now - month.begins[0]) / (month.end - month.begins[0])
    return round(used / spent) if spent > 0 else used


def idle_days(last_used: datetime | None, now: datetime) -> int | None:
    """For how many days a number has been idle, where that is long; else None."""
    days = (now - last_used).days if last_used else 0
    return days if days > IDLE_DAYS else None
