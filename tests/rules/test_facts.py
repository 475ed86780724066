"""Facts: what a message adds to the figures of its day, line by line; and the middle of times."""

from statistics import median_low

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.rules.dispatch import Channel
from app.rules.facts import CHOSEN, Alike, Measure, Type, Volume, figures, share, two_digits
from app.rules.lifecycle import Status
from app.rules.reasons import Reason

SMS, EMAIL, NONE = Channel.SMS, Channel.EMAIL, Channel.NONE


def alike(channel=SMS, status=Status.DELIVERED, reason=Reason.DEFAULT_PHONE, **more):
    fields = {"inbound": False, "automatic": False, "code": None, "followed": False}
    fields |= {"taken": False, "seconds": None, "count": 2, "segments": 0, **more}
    return Alike(channel=channel, status=status, reason=reason, **fields)


TEXT = {(Measure.VOLUME, Volume.TEXT_OUT): 2, (Measure.TYPE, Type.TEXT_OUT): 2}
MAIL = {(Measure.VOLUME, Volume.EMAIL): 2}
TABLE = [
    (alike(inbound=True, status=Status.RECEIVED), {
        (Measure.VOLUME, Volume.TEXT_IN): 2, (Measure.TYPE, Type.TEXT_IN): 2}),
    (alike(status=Status.HELD), {}),
    (alike(status=Status.CANCELED), {}),
    (alike(taken=True, seconds=7, segments=3), {
        **TEXT, (Measure.STATUS, "delivered"): 2, (Measure.SEGMENTS, ""): 3,
        (Measure.DELIVERY, "7"): 2}),
    (alike(status=Status.QUEUED, segments=3), {**TEXT, (Measure.STATUS, "queued"): 2}),
    (alike(automatic=True, status=Status.SENT), {
        (Measure.VOLUME, Volume.TEXT_OUT): 2, (Measure.TYPE, Type.KEYWORD_ANSWER): 2,
        (Measure.STATUS, "sent"): 2}),
    (alike(status=Status.UNDELIVERED, reason=Reason.DELIVERY_FAILED, code="30005", followed=True), {
        **TEXT, (Measure.STATUS, "undelivered"): 2, (Measure.CODE, "30005"): 2, **MAIL,
        (Measure.TYPE, Type.EMAIL_INSTEAD): 2, (Measure.INSTEAD, Reason.DELIVERY_FAILED): 2}),
    (alike(status=Status.REJECTED, code="21610"), {
        **TEXT, (Measure.STATUS, "rejected"): 2, (Measure.CODE, "21610"): 2}),
    (alike(EMAIL, Status.SENT, Reason.NUMBER_INVALID, code="21614"), {
        **MAIL, (Measure.TYPE, Type.EMAIL_INSTEAD): 2, (Measure.CODE, "21614"): 2,
        (Measure.INSTEAD, Reason.NUMBER_INVALID): 2}),
    (alike(EMAIL, Status.SENT, None), {**MAIL, (Measure.TYPE, Type.EMAIL_CHOSEN): 2}),
    (alike(EMAIL, Status.FAILED, None, code="email_failed"), {
        **MAIL, (Measure.TYPE, Type.EMAIL_CHOSEN): 2}),
    (alike(NONE, Status.NOT_SENT, Reason.OPTED_OUT, code="no_email"), {
        (Measure.VOLUME, Volume.UNSENT): 2, (Measure.TYPE, Type.UNSENT): 2,
        (Measure.UNSENT, Reason.OPTED_OUT): 2}),
    (alike(NONE, Status.NOT_SENT, None, code="no_email"), {
        (Measure.VOLUME, Volume.UNSENT): 2, (Measure.TYPE, Type.UNSENT): 2,
        (Measure.UNSENT, CHOSEN): 2}),
]  # fmt: skip


@pytest.mark.parametrize(("messages", "added"), TABLE)
def test_what_messages_add(messages, added):
    """S0-27, S0-42..S0-44"""
    assert {(measure, key): n for measure, key, n in figures(messages)} == added


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(-3, 0), (0, 0), (47, 47), (99, 99), (100, 100), (119, 110), (3599, 3500), (86_400, 86_000)],
)
def test_two_digits(seconds, told):
    assert two_digits(seconds) == told


@given(st.lists(st.integers(0, 10**7), min_size=1))
def test_the_middle_of_what_was_rounded_is_the_middle_rounded(seconds):
    kept = [str(two_digits(each)) for each in seconds]
    counts = {key: kept.count(key) for key in kept}
    assert share(counts, 0.5) == two_digits(median_low(seconds))


@pytest.mark.parametrize(
    ("times", "part", "within"),
    [
        ({}, 0.5, None),
        ({"5": 9, "60": 1}, 0.9, 5),
        ({"5": 8, "60": 2}, 0.9, 60),
        ({"9": 1}, 0.5, 9),
    ],
)
def test_within_which_time_a_part_of_them_lies(times, part, within):
    assert share(times, part) == within
