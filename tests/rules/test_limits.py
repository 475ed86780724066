"""Limits: how many texts a month, and which month it is (S3-18..S3-20, D27-D29)."""

from datetime import UTC, datetime

import pytest

from app.rules.limits import ONLY_ANSWERS, LimitUnit, MonthUsage, cost, has_room, level, month_of

MESSAGES, SEGMENTS = LimitUnit.MESSAGES, LimitUnit.SEGMENTS


@pytest.mark.parametrize(
    ("used", "limit", "unit", "segments", "room"),
    [
        (0, 1, MESSAGES, 1, True),
        (699, 700, MESSAGES, 1, True),
        (700, 700, MESSAGES, 1, False),  # S3-20
        (699, 700, MESSAGES, 7, True),  # D27: messages are counted, however long
        (701, 700, MESSAGES, 1, False),  # the limit was lowered
        (0, 0, MESSAGES, 1, False),  # D27: 0 = everything by email
        (10**9, None, MESSAGES, 1, True),  # S0-23: no limit set
        (10**9, None, SEGMENTS, 7, True),
        (698, 700, SEGMENTS, 2, True),
        (699, 700, SEGMENTS, 2, False),  # D27: never past the limit by a part
        (699, 700, SEGMENTS, 1, True),
        (0, 0, SEGMENTS, 1, False),
    ],
)
def test_s3_20_d27_d29_a_text_needs_room_under_the_limit(used, limit, unit, segments, room):
    assert has_room(MonthUsage(used, limit, unit), segments) is room


@pytest.mark.parametrize(("unit", "places"), [(MESSAGES, 1), (SEGMENTS, 3)])
def test_s3_19_d27_what_one_text_of_three_parts_costs(unit, places):
    """S2-12"""
    assert cost(unit, 3) == places


def test_s3_19_messages_are_counted_unless_the_institution_switches():
    assert MonthUsage(0, 1).unit is MESSAGES


@pytest.mark.parametrize(
    ("utc", "zone", "month"),
    [
        ("2026-11-01T04:59:59", "America/Chicago", "2026-10"),  # 23:59:59 in summer time
        ("2026-11-01T05:00:00", "America/Chicago", "2026-11"),
        ("2026-12-01T05:59:59", "America/Chicago", "2026-11"),  # winter time begins on November 1
        ("2026-12-01T06:00:00", "America/Chicago", "2026-12"),
        ("2026-03-31T20:59:59", "Europe/Istanbul", "2026-03"),
        ("2026-03-31T21:00:00", "Europe/Istanbul", "2026-04"),
        ("2026-03-31T21:59:59", "Europe/Berlin", "2026-03"),  # summer time since March 29
        ("2026-03-31T22:00:00", "Europe/Berlin", "2026-04"),
        ("2026-02-28T22:59:59", "Europe/Berlin", "2026-02"),
        ("2026-02-28T23:00:00", "Europe/Berlin", "2026-03"),
        ("2026-12-31T10:00:00", "Pacific/Kiritimati", "2027-01"),  # the first to see a new year
        ("2027-01-01T11:59:59", "Etc/GMT+12", "2026-12"),  # the last
        ("2028-02-29T18:29:59", "Asia/Kolkata", "2028-02"),  # half an hour off
        ("2028-02-29T18:30:00", "Asia/Kolkata", "2028-03"),
        ("2026-09-05T12:00:00", "UTC", "2026-09"),
    ],
)
def test_d27_the_month_is_the_institutions_local_calendar_month(utc, zone, month):
    """S3-19"""
    assert month_of(datetime.fromisoformat(utc).replace(tzinfo=UTC), zone) == month


def test_d27_the_hour_that_a_clock_repeats_is_one_month():
    """Lord Howe Island turns its clock back by half an hour on April 5; the month stays April."""
    moments = [datetime(2026, 4, 4, 14, minute, tzinfo=UTC) for minute in range(0, 60, 5)]
    assert {month_of(at, "Australia/Lord_Howe") for at in moments} == {"2026-04"}


def test_d27_a_time_of_another_zone_is_the_same_moment():
    at = datetime.fromisoformat("2026-11-01T07:00:00+03:00")
    assert month_of(at, "America/Chicago") == "2026-10"


@pytest.mark.parametrize(
    ("used", "limit", "kept", "room"),
    [
        (689, 700, 10, True),
        (690, 700, 10, False),
        (690, 700, 0, True),  # an answer may take them
        (0, 5, 10, False),  # more is kept than there is
        (10**9, None, 10, True),
    ],
)
def test_what_is_kept_for_answers_is_no_room_for_other_texts(used, limit, kept, room):
    assert has_room(MonthUsage(used, limit, MESSAGES, kept), 1) is room


@pytest.mark.parametrize(
    ("used", "limit", "kept", "reached"),
    [
        (0, 1000, 0, 0), (499, 1000, 0, 0), (500, 1000, 0, 50), (799, 1000, 0, 50),
        (800, 1000, 0, 80), (950, 1000, 0, 95), (999, 1000, 0, 95), (1000, 1000, 0, 100),
        (1200, 1000, 0, 100), (1, 3, 0, 0), (2, 3, 0, 50), (9, None, 0, 0), (9, 0, 0, 0),
        (9, None, 5, 0), (9, 0, 5, 0), (699, 1000, 300, 50), (700, 1000, 300, ONLY_ANSWERS),
        (999, 1000, 300, ONLY_ANSWERS), (1000, 1000, 300, 100), (980, 1000, 10, 95),
    ],
)  # fmt: skip
def test_the_levels_of_the_limit_that_are_told_about(used, limit, kept, reached):
    assert level(MonthUsage(used, limit, kept=kept)) == reached
