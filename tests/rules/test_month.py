"""Month: the days of a local month, the day on which its limit is reached, idle numbers (D27)."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest

from app.rules.figures import told
from app.rules.limits import MonthUsage
from app.rules.month import expected, idle_days, month_at, pool_lasts, reached_on

CHICAGO = "America/Chicago"
NOON_20 = datetime(2026, 11, 20, 18, tzinfo=UTC)  # noon there


def test_a_month_is_local_and_knows_its_short_and_long_days():
    month = month_at(datetime(2026, 12, 1, 5, tzinfo=UTC), CHICAGO)  # still November there
    assert (month.days[0], month.days[-1]) == (date(2026, 11, 1), date(2026, 11, 30))
    assert len(month.begins) == 31
    moments = [begin.astimezone(UTC) for begin in month.begins]
    lengths = {b - a for a, b in pairwise(moments)}
    assert lengths == {timedelta(hours=24), timedelta(hours=25)}  # clocks go back on the 1st
    february = month_at(datetime(2028, 2, 15, tzinfo=UTC), "UTC")
    assert len(february.days) == 29


@pytest.mark.parametrize(
    ("used", "limit", "on"),
    [
        (742, 1000, date(2026, 11, 27)),  # the picture of the design
        (1000, 1000, date(2026, 11, 20)),
        (1200, 1000, date(2026, 11, 20)),
        (0, 1000, None),
        (0, 0, date(2026, 11, 20)),
        (100, 1000, None),  # the month ends first
        (651, 1000, date(2026, 11, 30)),
        (650, 1000, None),
    ],
)
def test_when_the_limit_is_reached(used, limit, on):
    assert reached_on(used, limit, month_at(NOON_20, CHICAGO), NOON_20) == on


def test_what_the_month_ends_with():
    month = month_at(NOON_20, CHICAGO)
    assert expected(469, month, NOON_20) == 721  # hours gone, and of the month
    assert expected(0, month, NOON_20) == 0


@pytest.mark.parametrize("minutes", [0, 1, 600, 1440])
def test_the_first_hours_of_a_month_count_as_a_day(minutes):
    """Else five texts at midnight would foretell thousands."""
    month = month_at(NOON_20, CHICAGO)
    now = month.begins[0] + timedelta(minutes=minutes)
    assert expected(5, month, now) == 150  # this November has an hour more
    assert reached_on(5, 100, month, now) == date(2026, 11, 20)
    assert reached_on(90, 100, month, now) == date(2026, 11, 2)
    assert reached_on(5, 1000, month, now) is None


@pytest.mark.parametrize(
    ("used", "limit", "kept", "said"),
    [
        (30, None, 10, "There is no limit. At this pace the month ends at about 46."),
        (30, 0, 10, "The limit is 0, so every text goes by email."),
        (30, 100, 10, "At this pace the month ends at about 46, below the limit."),
        (742, 1000, 0, "At this pace the limit is reached on November 27. After that every text "
                       "goes by email until December 1."),
        (742, 1000, 100, "At this pace only answers go as texts from November 24 on, until "
                         "December 1."),
        (900, 1000, 100, "Only answers still go as texts, until December 1."),
        (999, 1000, 100, "Only answers still go as texts, until December 1."),
        (1000, 1000, 100, "The limit is reached. Every text goes by email until December 1."),
    ],
)  # fmt: skip
def test_what_becomes_of_the_month_in_words(used, limit, kept, said):
    """D29, and what is kept for answers."""
    month = month_at(NOON_20, CHICAGO)
    assert "".join(told(MonthUsage(used, limit, kept=kept), month, NOON_20)) == said


@pytest.mark.parametrize(("days", "said"), [(0, None), (60, None), (61, 61), (94, 94)])
def test_when_a_number_lies_idle(days, said):
    assert idle_days(NOON_20 - timedelta(days=days), NOON_20) == said
    assert idle_days(None, NOON_20) is None


@pytest.mark.parametrize(
    ("free", "taken", "days"),
    [(10, 5, 60), (1, 30, 1), (1, 60, 0), (0, 5, None), (10, 0, None), (10, -2, None)],
)
def test_how_long_the_free_numbers_last_at_the_pace_of_thirty_days(free, taken, days):
    assert pool_lasts(free, taken, 30) == days
