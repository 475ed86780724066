"""Helpers: what tests of every kind need."""

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from socketserver import BaseServer
from typing import NoReturn, TypeVar

import pytest

T = TypeVar("T")


def until(condition: Callable[[], T], timeout: float = 90.0) -> T:
    """Look at `condition` until it is true, and return what it was.

    The one place in the tests that waits. Fails with the last value seen after `timeout` seconds.
    """
    deadline, rest = time.monotonic() + timeout, 0.02
    while not (seen := condition()):
        if time.monotonic() > deadline:
            pytest.fail(f"not so within {timeout} s; last seen: {seen!r}")
        time.sleep(rest)
        rest = min(1.4 * rest, 0.25)  # asking takes from what is waited for
    return seen


def children(pid: int) -> list[int]:
    """The processes that this one has started."""
    return [int(p) for p in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@contextmanager
def serving(server: BaseServer) -> Iterator[None]:
    """A server of the test's own, which answers as long as the block lasts."""
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def missing(what: str, why: str) -> NoReturn:
    """Skip, or fail where the environment promised that it is there."""
    if os.environ.get(f"REQUIRE_{what}") == "1":
        pytest.fail(f"REQUIRE_{what}=1, but {why}", pytrace=False)
    pytest.skip(why)
