"""Month: how the texts of a month add up, when its limit is reached at this pace, and which numbers
lie idle."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

_DAY = timedelta(days=1)
IDLE_DAYS = 60  # a number that was not used for so long is marked


@dataclass(frozen=True, slots=True)
class Month:
    """A calendar month of the institution: its days, and the moments (UTC) at which they begin,
    with the end of the last one."""

    days: tuple[date, ...]
    begins: tuple[datetime, ...]
    zone: ZoneInfo

    def day_of(self, at: datetime) -> date:
        return at.astimezone(self.zone).date()

    @property
    def next_first(self) -> date:
        return self.days[-1] + timedelta(days=1)

    @property
    def end(self) -> datetime:
        return self.begins[-1]

    @property
    def length(self) -> timedelta:
        return self.end - self.begins[0]

    def gone(self, now: datetime) -> timedelta:
        """How much of it a pace is told from: a day at least, for the first hours of a month tell
        nothing."""
        return max(now - self.begins[0], _DAY)


def month_at(at: datetime, timezone: str) -> Month:
    """The local calendar month around `at` (D27)."""
    zone = ZoneInfo(timezone)
    first = at.astimezone(zone).date().replace(day=1)
    next_first = (first + timedelta(days=31)).replace(day=1)
    days = tuple(first + timedelta(days=n) for n in range((next_first - first).days))
    begins = (datetime(d.year, d.month, d.day, tzinfo=zone) for d in (*days, next_first))
    # In UTC, for one zone's own times are subtracted by the clock on its walls.
    return Month(days, tuple(begin.astimezone(UTC) for begin in begins), zone)


def reached_on(used: int, limit: int, month: Month, now: datetime) -> date | None:
    """The local day on which the limit is reached at the pace of the month so far; None where the
    month ends first. One that is reached already gives today."""
    if used >= limit:
        return month.day_of(now)
    if not used:
        return None
    at = month.begins[0] + month.gone(now) * (limit / used)
    return month.day_of(at) if at < month.end else None


def expected(used: int, month: Month, now: datetime) -> int:
    """How many texts the month ends with at its pace so far."""
    return round(used * (month.length / month.gone(now)))


def pool_lasts(free: int, taken: int, days: int) -> int | None:
    """How many days the free numbers last, where so many were `taken` in the last `days`; None
    where that says nothing."""
    return free * days // taken if free and taken > 0 else None


def idle_days(last_used: datetime | None, now: datetime) -> int | None:
    """For how many days a number has been idle, where that is long; else None."""
    days = (now - last_used).days if last_used else 0
    return days if days > IDLE_DAYS else None
