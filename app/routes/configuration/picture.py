"""Picture: the month's texts as the browser shows them: a drawn line, a sentence, a table, and one
tile for each allowed number."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import accumulate

from app.rules.figures import short, told
from app.rules.limits import LimitUnit, MonthUsage
from app.rules.month import Month, expected, idle_days, reached_on
from app.services.pool import Counts

WIDTH, HEIGHT = 480, 100  # of the drawing, in its own units
_MOST_TILES = 120


@dataclass(frozen=True, slots=True)
class UsageView:
    """`line`, `area`, `forecast`: points of the drawing. `limit_y` None: no limit. `told`: parts of
    the sentence, the date of the end in the middle. `rows`: (day, texts, so far), newest first."""

    used: int
    limit: int | None
    unit: str
    line: str
    area: str
    forecast: str
    dot: tuple[float, float]
    limit_y: float | None
    first: str
    today: str
    last: str
    told: tuple[str, str, str]
    rows: list[tuple[str, int, int]]


def usage_view(usage: MonthUsage, days: Sequence[int], month: Month, now: datetime) -> UsageView:
    """`days`: places taken on each day of the month (`services.usage.by_day`)."""
    used, limit = usage.used, usage.limit
    today = month.day_of(now)
    passed = [day for day in month.days if day <= today]
    sums = list(accumulate(days))[: len(passed)]
    ends = expected(used, month, now)
    top = max(used, ends if limit is None else min(ends, limit), limit or 0, 1)

    def x(days_gone: float) -> float:
        return round(days_gone * WIDTH / len(month.days), 1)

    def y(count: float) -> float:
        return round(HEIGHT - 2 - count * (HEIGHT - 6) / top, 1)

    points = [(0.0, y(0)), *((x(n), y(count)) for n, count in enumerate(sums, 1))]
    here = points[-1]
    goal = _goal(used, limit, month, now)
    gone = month.gone(now) / month.length * len(month.days)
    at = len(month.days) if goal is None or not used else gone * goal[1] / used
    to = (x(min(at, len(month.days))), y(goal[1] if goal else ends))
    return UsageView(
        used,
        limit,
        "texts" if usage.unit is LimitUnit.MESSAGES else "segments",
        _points(points),
        _points([*points, (here[0], y(0)), (0.0, y(0))]),
        _points([here, to]) if used and to[0] > here[0] else "",
        here,
        None if limit is None else y(limit),
        short(month.days[0]),
        short(today),
        short(month.days[-1]),
        told(usage, month, now),
        [(short(d), days[n], sums[n]) for n, d in enumerate(passed)][::-1],
    )


def _goal(used: int, limit: int | None, month: Month, now: datetime) -> tuple[date, int] | None:
    on = reached_on(used, limit, month, now) if limit is not None else None
    return (on, limit) if on and limit else None


def _points(points: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{x:g},{y:g}" for x, y in points)


@dataclass(frozen=True, slots=True)
class Tile:
    """`kind`: used | idle | free."""

    kind: str
    initials: str
    title: str


@dataclass(frozen=True, slots=True)
class SeatsView:
    """`tiles` empty: too many to draw. `told`: what happens next."""

    assigned: int
    limit: int | None
    tiles: list[Tile]
    told: str


def seats_view(
    counts: Counts,
    limit: int | None,
    holders: Sequence[tuple[str, datetime | None]],
    now: datetime,
) -> SeatsView:
    """`holders`: name and last use of each number that is held."""
    free = counts.free if limit is None else max(limit - counts.assigned, 0)
    tiles = [_tile(name, used, now) for name, used in holders]
    tiles += [Tile("free", "", "Free")] * free
    drawn = tiles if len(tiles) <= _MOST_TILES else []
    return SeatsView(counts.assigned, limit, drawn, seats_told(counts, limit))


def _tile(name: str, used: datetime | None, now: datetime) -> Tile:
    days = idle_days(used, now)
    words = name.split()
    initials = "".join(word[0] for word in ([words[0], words[-1]] if len(words) > 1 else words))
    if days:
        return Tile("idle", initials.upper(), f"{name}, idle {days} days")
    return Tile("used", initials.upper(), name)


_SMALL = ("No", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine")


def seats_told(counts: Counts, limit: int | None) -> str:
    """How many people can still start texting, and which wall comes first (D24)."""
    seats = counts.free if limit is None else max(limit - counts.assigned, 0)
    room = min(seats, counts.free)
    keeps = "whoever has a number keeps it."
    if not counts.total:
        return "The pool has no numbers. Until you add one, texts go by email."
    if room == 0:
        why = "No number is free" if seats or limit is None else "All allowed numbers are in use"
        return f"{why}: newcomers’ texts go by email; {keeps}"
    people = f"{_SMALL[room] if room < 10 else format(room, ',')} more "
    people += "person can" if room == 1 else "people can"
    wall = " The pool is smaller than the limit." if counts.free < seats else ""
    return f"{people} start texting. After that, newcomers’ texts go by email; {keeps}{wall}"
