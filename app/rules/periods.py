"""Periods: which days a report is about, which it is compared with, and how many days one bar of
its picture stands for."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum

DAY = timedelta(days=1)
_MORNING = time(7)  # of a Monday
_MOST_DAYS, _MOST_WEEKS = 45, 27  # bars of a picture


class Period(StrEnum):
    MONTH = "month"
    LAST_MONTH = "last_month"
    WEEK = "7"
    THIRTY = "30"
    YEAR = "year"  # twelve months, up to today
    DAYS = "days"  # that somebody chose


@dataclass(frozen=True, slots=True)
class Days:
    """From the first day to the last one, both included."""

    first: date
    last: date

    @property
    def count(self) -> int:
        return (self.last - self.first).days + 1

    def __contains__(self, day: date) -> bool:
        return self.first <= day <= self.last

    def each(self) -> list[date]:
        return [self.first + n * DAY for n in range(self.count)]


def days_of(period: Period, today: date) -> Days:
    """The days of a period that has a name."""
    first = today.replace(day=1)
    match period:
        case Period.LAST_MONTH:
            return Days(month_before(first), first - DAY)
        case Period.WEEK:
            return Days(today - 6 * DAY, today)
        case Period.THIRTY:
            return Days(today - 29 * DAY, today)
        case Period.YEAR:
            return Days(_year_before(today) + DAY, today)
        case _:
            return Days(first, today)


def before(period: Period, days: Days) -> Days:
    """What it is compared with: the same days of the month before, or as many days before it."""
    if period is Period.LAST_MONTH:
        return Days(month_before(days.first), days.first - DAY)
    if period is Period.MONTH:
        first = month_before(days.first)
        return Days(first, min(first + (days.count - 1) * DAY, days.first - DAY))
    return Days(days.first - days.count * DAY, days.first - DAY)


def month_before(first: date) -> date:
    return (first - DAY).replace(day=1)


def _year_before(day: date) -> date:
    return day.replace(year=day.year - 1, day=min(day.day, 28) if day.month == 2 else day.day)


def week_to_tell(here: datetime, told: date | None) -> Days | None:
    """The week, Monday to Sunday, that a summary is due about: from Monday morning on, once.
    `here`: local time; `told`: the last day of the week that was told about last."""
    monday = here.date() - here.weekday() * DAY
    if here - datetime.combine(monday, _MORNING, here.tzinfo) < timedelta(0):
        return None
    week = Days(monday - 7 * DAY, monday - DAY)
    return None if told and told >= week.last else week


class Bar(StrEnum):
    DAY = "day"
    WEEK = "week"
    MONTH = "month"


def bars(days: Days) -> tuple[Bar, list[Days]]:
    """The parts of a period that a picture of it has room for."""
    if days.count <= _MOST_DAYS:
        return Bar.DAY, [Days(day, day) for day in days.each()]
    if days.count <= _MOST_WEEKS * 7:
        firsts = days.each()[::7]
        return Bar.WEEK, [Days(f, min(f + 6 * DAY, days.last)) for f in firsts]
    found, first = [], days.first
    while first <= days.last:
        end = (first.replace(day=1) + 32 * DAY).replace(day=1) - DAY
        found.append(Days(first, min(end, days.last)))
        first = end + DAY
    return Bar.MONTH, found
