"""Periods: which days they are, what they are compared with, and the bars of their picture."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from app.rules.periods import Bar, Days, Period, bars, before, days_of, week_to_tell


def d(text):
    return date.fromisoformat(text)


def days(text):
    return Days(*(d(day) for day in text.split("..")))


@pytest.mark.parametrize(
    ("period", "today", "found", "compared"),
    [
        ("month", "2026-11-20", "2026-11-01..2026-11-20", "2026-10-01..2026-10-20"),
        ("month", "2026-03-31", "2026-03-01..2026-03-31", "2026-02-01..2026-02-28"),
        ("last_month", "2026-01-15", "2025-12-01..2025-12-31", "2025-11-01..2025-11-30"),
        ("7", "2026-11-03", "2026-10-28..2026-11-03", "2026-10-21..2026-10-27"),
        ("30", "2026-03-01", "2026-01-31..2026-03-01", "2026-01-01..2026-01-30"),
        ("year", "2026-11-20", "2025-11-21..2026-11-20", "2024-11-21..2025-11-20"),
        ("year", "2028-02-29", "2027-03-01..2028-02-29", "2026-02-28..2027-02-28"),
    ],
)
def test_the_days_of_a_period_and_what_they_are_compared_with(period, today, found, compared):
    period = Period(period)
    assert days_of(period, d(today)) == days(found)
    assert before(period, days(found)) == days(compared)


@pytest.mark.parametrize(
    ("asked", "kind", "count", "last"),
    [
        ("2026-11-01..2026-11-20", Bar.DAY, 20, "2026-11-20..2026-11-20"),
        ("2026-11-01..2026-12-15", Bar.DAY, 45, "2026-12-15..2026-12-15"),
        ("2026-11-01..2026-12-16", Bar.WEEK, 7, "2026-12-13..2026-12-16"),
        ("2025-11-21..2026-11-20", Bar.MONTH, 13, "2026-11-01..2026-11-20"),
    ],
)
def test_the_bars_of_a_picture_cover_each_day_once(asked, kind, count, last):
    found, parts = bars(days(asked))
    assert (found, len(parts), parts[-1]) == (kind, count, days(last))
    assert [day for part in parts for day in part.each()] == days(asked).each()


def test_days_know_what_is_in_them():
    week = days("2026-11-01..2026-11-07")
    assert week.count == 7
    assert [week.first - timedelta(1) in week, week.first in week, week.last in week] == [0, 1, 1]


@pytest.mark.parametrize(
    ("here", "told", "week"),
    [
        ("2026-11-16T06:59", "2026-11-08", None),  # a Monday, too early
        ("2026-11-16T07:00", "2026-11-08", "2026-11-09..2026-11-15"),
        ("2026-11-16T07:00", None, "2026-11-09..2026-11-15"),
        ("2026-11-18T03:00", "2026-11-08", "2026-11-09..2026-11-15"),  # late is not never
        ("2026-11-18T03:00", "2026-11-15", None),  # told
        ("2026-11-02T07:00", "2026-10-25", "2026-10-26..2026-11-01"),  # the clocks were set back
    ],
)
def test_a_week_is_told_once_from_monday_morning_on(here, told, week):
    at = datetime.fromisoformat(here).replace(tzinfo=ZoneInfo("America/Chicago"))
    assert week_to_tell(at, told and d(told)) == (week and days(week))
