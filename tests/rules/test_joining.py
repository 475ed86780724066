"""Two records of one person become one: which may, what wins, what a STOP reaches."""

from datetime import UTC, datetime, timedelta

import pytest

from app.rules.consent import SmsStatus
from app.rules.joining import (
    UNDO_FOR,
    Hindrance,
    Late,
    Phone,
    Record,
    Twin,
    hindrance,
    joined,
    too_late,
    why_not,
)
from app.rules.phones import PhoneType

NOW = datetime(2026, 11, 22, tzinfo=UTC)
EARLIER = NOW - timedelta(days=9)
M, H = PhoneType.MOBILE, PhoneType.HOME
ON, OFF, DEFAULT = SmsStatus.ENABLED, SmsStatus.DISABLED, SmsStatus.DEFAULT


def record(id_, *phones, opted_out_at=None, **more):
    flags = {n: more.pop(n) for n in ("removed", "merged", "has_account") if n in more}
    return Record(id_, more, phones, opted_out_at, **flags)


def phone(id_, contact, status=DEFAULT, type_=M, **more):
    return Phone(id_, contact, type_, status, **more)


HINDRANCES = [
    ({}, {}, None),
    ({"source_id": "N1"}, {}, None),
    ({}, {"source_id": "N1"}, None),
    ({"source_id": "N1"}, {"source_id": "N2"}, Hindrance.TWO_SOURCES),
    ({"has_account": True}, {}, None),
    ({"has_account": True}, {"has_account": True}, Hindrance.TWO_ACCOUNTS),
    ({"merged": True}, {}, Hindrance.MERGED),
    ({}, {"merged": True, "removed": True}, Hindrance.MERGED),
    ({"removed": True}, {}, Hindrance.REMOVED),
    ({}, {"removed": True}, Hindrance.REMOVED),
]


@pytest.mark.parametrize(("kept", "other", "found"), HINDRANCES)
def test_which_records_may_become_one(kept, other, found):
    assert hindrance(record(1, **kept), record(2, **other)) is found
    assert hindrance(record(2, **kept), record(2, **other)) is Hindrance.SAME


def test_each_hindrance_is_said_in_words():
    assert len({why_not(each, "Maya", "M. Torres") for each in Hindrance}) == len(Hindrance)


FIELDS = [
    # kept, other → what the other one fills in
    ({"email": "a@x.example"}, {"email": "b@x.example"}, {}),
    ({"email": None}, {"email": "b@x.example"}, {"email": "b@x.example"}),
    ({"email": "a@x.example"}, {"email": None}, {}),
    ({"family_name": ""}, {"family_name": "Torres"}, {"family_name": "Torres"}),
    ({"kind": "unknown"}, {"kind": "student"}, {"kind": "student"}),
    ({"kind": "staff"}, {"kind": "student"}, {}),
    ({"kind": "student"}, {"kind": "unknown"}, {}),
    ({}, {"source_id": "N1", "timezone": "UTC"}, {"source_id": "N1", "timezone": "UTC"}),
]


@pytest.mark.parametrize(("kept", "other", "filled"), FIELDS)
def test_the_kept_record_wins_and_the_other_fills_in(kept, other, filled):
    assert joined(record(1, **kept), record(2, **other)).fields == filled


PHONES = [
    # the kept one's, the other's → which change over, which stay with what changes
    ([], [phone(2, 9)], [2], []),
    ([phone(1, 8)], [phone(2, 9)], [2], []),
    ([phone(1, 9)], [phone(2, 9, type_=H)], [], [Twin(1, 2, {})]),
    ([phone(1, 9)], [phone(2, 9, removed_at=NOW)], [], []),
    ([], [phone(2, 9, removed_at=NOW)], [2], []),  # no import gives it back on this one either
    (
        [phone(1, 9, removed_at=NOW, imported=True)],
        [phone(2, 9, type_=H)],
        [],
        [Twin(1, 2, {"removed_at": None, "type": H, "imported": False})],
    ),
    (
        [phone(1, 9, imported=True)],
        [phone(2, 9, verified_at=NOW, verified_by=5)],
        [],
        [Twin(1, 2, {"imported": False, "verified_at": NOW, "verified_by": 5})],
    ),
    (
        [phone(1, 9, verified_at=EARLIER, verified_by=4)],
        [phone(2, 9, verified_at=NOW, verified_by=5, imported=True)],
        [],
        [Twin(1, 2, {})],
    ),
]


@pytest.mark.parametrize(("kept", "other", "moved", "twins"), PHONES)
def test_phones_are_joined_and_the_same_number_is_there_once(kept, other, moved, twins):
    found = joined(record(1, *kept), record(2, *other))
    assert (found.moved, found.twins) == (moved, twins)


STOPS = [
    # who said STOP, the kept one's phones, the other's → since when, which contacts it reaches now
    (None, None, [phone(1, 8, ON)], [phone(2, 9)], None, []),
    (None, NOW, [phone(1, 8, ON)], [phone(2, 9, OFF)], NOW, [8]),
    (NOW, None, [phone(1, 8, OFF)], [phone(2, 9)], NOW, [9]),
    (NOW, EARLIER, [phone(1, 8, ON)], [phone(2, 9, ON)], EARLIER, []),
    (None, NOW, [phone(1, 8, OFF)], [phone(2, 9, OFF)], NOW, []),  # why it was disabled stays
    (None, NOW, [phone(1, 9, ON)], [phone(2, 9, ON)], NOW, []),  # enabled since, by its owner
    (None, NOW, [phone(1, 8, removed_at=NOW)], [], NOW, []),
]


@pytest.mark.parametrize(("kept_at", "other_at", "kept", "other", "since", "reached"), STOPS)
def test_who_opted_out_on_one_record_is_opted_out_on_both(
    kept_at, other_at, kept, other, since, reached
):
    """S3-54, D13, D14: nothing here makes a status looser."""
    found = joined(record(1, *kept, opted_out_at=kept_at), record(2, *other, opted_out_at=other_at))
    assert (found.opted_out_at, found.silenced) == (since, reached)


def test_a_merge_can_be_undone_for_thirty_days():
    last = timedelta(microseconds=1)
    for now, undone, is_last, found in (
        (NOW, False, True, None),
        (NOW + UNDO_FOR - last, False, True, None),
        (NOW + UNDO_FOR, False, True, Late.OVER),
        (NOW, True, True, Late.UNDONE),
        (NOW, False, False, Late.NOT_LAST),
    ):
        assert too_late(NOW, now, undone=undone, is_last=is_last) is found
