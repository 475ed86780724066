"""Breaker: an account whose provider does not answer rests, and longer each time (F34)."""

import pytest

from app.rules.breaker import PATIENCE, is_open, rest


@pytest.mark.parametrize(
    ("unclear", "seconds"),
    [
        (0, 0),
        (PATIENCE - 1, 0),
        (PATIENCE, 15),
        (PATIENCE + 1, 30),
        (PATIENCE + 4, 240),
        (PATIENCE + 5, 300),
        (PATIENCE + 5000, 300),
    ],
)
def test_the_rest_doubles_up_to_the_longest(unclear, seconds):
    assert rest(unclear, first=15, longest=300) == seconds
    assert is_open(unclear) == (seconds > 0)
