"""Looks: when the provider is asked about a text of which it did not tell (F27, F28, F45)."""

import pytest

from app.rules.lifecycle import Status
from app.rules.looks import next_look

SETTLE = (15, 60, 300, 900)
REPORT = (600, 3600, 86_400, 259_200)


@pytest.mark.parametrize(
    ("status", "times"),
    [
        (Status.UNCONFIRMED, SETTLE),
        (Status.ACCEPTED, REPORT),
        (Status.SENT, REPORT),
    ],
)
def test_one_look_after_the_other_and_then_none(status, times):
    looks = [next_look(status, n, SETTLE, REPORT) for n in range(len(times) + 2)]
    assert looks == [*times, None, None]


@pytest.mark.parametrize(
    "status", sorted(set(Status) - {Status.UNCONFIRMED, Status.ACCEPTED, Status.SENT})
)
def test_nothing_is_asked_about_what_is_known_or_was_never_called(status):
    assert next_look(status, 0, SETTLE, REPORT) is None
