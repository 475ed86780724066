"""Days: a span is whole days where somebody lives, also when the clocks change."""

from datetime import UTC, date, datetime

import pytest

from app.rules.days import day_in, span


@pytest.mark.parametrize(
    ("zone", "first", "last", "begins", "ends"),
    [
        ("UTC", (2026, 11, 20), (2026, 11, 20), (2026, 11, 20, 0), (2026, 11, 21, 0)),
        ("America/Chicago", (2026, 11, 20), (2026, 11, 22), (2026, 11, 20, 6), (2026, 11, 23, 6)),
        # The first of November has 25 hours there.
        ("America/Chicago", (2026, 11, 1), (2026, 11, 1), (2026, 11, 1, 5), (2026, 11, 2, 6)),
        ("Asia/Tokyo", (2026, 11, 20), (2026, 11, 20), (2026, 11, 19, 15), (2026, 11, 20, 15)),
    ],
)
def test_a_span_is_whole_days_both_included(zone, first, last, begins, ends):
    begin, end = span(date(*first), date(*last), zone)
    assert (begin, end) == (datetime(*begins, tzinfo=UTC), datetime(*ends, tzinfo=UTC))
    assert day_in(begin, zone) == date(*first)
