"""Helpers: what tests of every kind need."""

import time
from collections.abc import Callable
from typing import TypeVar

import pytest

T = TypeVar("T")


def until(condition: Callable[[], T], timeout: float = 15.0) -> T:
    """Look at `condition` until it is true, and return what it was.

    The one place in the tests that waits. Fails with the last value seen after `timeout` seconds.
    """
    deadline = time.monotonic() + timeout
    while not (seen := condition()):
        if time.monotonic() > deadline:
            pytest.fail(f"not so within {timeout} s; last seen: {seen!r}")
        time.sleep(0.02)
    return seen
