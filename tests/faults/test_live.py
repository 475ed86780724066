"""Live faults: a browser that does not read, a Redis that is slow, full, deaf or gone."""

import os
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace

import httpx
import pytest
from redis import Redis

from app import jobs
from app.config import ROOT, Settings
from app.live.line import TOO_SLOW
from app.processes import Process, start
from tests.helpers import until
from tests.live import PROGRAM, Socket, Wire, bearer, happens, newest
from tests.school import School
from tests.stack import Stack

BURST, BURSTS = 200, 25


def test_a_browser_that_does_not_read_costs_the_others_nothing(school):
    """F55, I22, S12: one of ten stalls; nine hear all of 5,000 events. What it did get is in order
    and whole, then it is told why it was cut off, and it catches up by coming back."""
    dana, bookmark = school.member(), newest(school)
    with ExitStack() as stack:
        others = [stack.enter_context(Socket.of_program(school, dana, bookmark)) for _ in range(9)]
        slow = stack.enter_context(Wire(school, PROGRAM, bearer(dana), room=4096))
        for _ in range(BURSTS):
            end = happens(school, BURST)
        for other in others:
            other.until_heard(end)
        assert end == bookmark + BURST * BURSTS
        assert [s.numbers() == list(range(bookmark + 1, end + 1)) for s in others] == [True] * 9
        assert slow.until_closed(answers=False) == TOO_SLOW
        got = slow.numbers()
        assert 0 < len(got) < BURST * BURSTS
        assert got == list(range(bookmark + 1, got[-1] + 1))
    with Wire(school, f"{PROGRAM}?since={end - 7}", bearer(dana)) as back:
        back.until_heard(end)
        assert back.numbers() == list(range(end - 6, end + 1))


@contextmanager
def another_web(stack: Stack, files: int) -> Iterator[str]:
    """The address of one more web process on the same database, which may open so many files."""
    settings: Settings = stack.app.config["SETTINGS"]
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    patient = replace(settings.timing, live_ping=60.0)
    other = settings.model_copy(update={"port": port, "timing": patient})
    limit = f"ulimit -n {files}; exec {sys.executable} -P -m app.cli web"
    environment = {**os.environ, **other.environment(), "PYTHONPATH": str(ROOT)}
    log = stack.var_dir / "log" / "another_web.log"
    with start(Process("web", ["/bin/sh", "-c", limit], environment, log=log)) as web:
        url = f"http://127.0.0.1:{port}"
        try:
            until(lambda: answers(url))
            yield url
        finally:
            web.terminate()


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True, scope="session")
def test_sockets_leave_files_for_requests(stack: Stack, school: School) -> None:
    """Past nine in ten files a socket is refused before the upgrade, and pages are served on. What
    happens in one process is heard in all."""
    people = [school.member() for _ in range(12)]
    with another_web(stack, 256) as url, ExitStack() as opened:
        there = replace(school, url=url)

        def opens(n: int) -> Wire:
            return opened.enter_context(Wire(there, PROGRAM, bearer(people[n % 12])))

        wires = [opens(n) for n in range(230)]
        assert {wire.status for wire in wires} == {101}
        assert opens(0).status == 503
        assert answers(url)
        end = happens(school)
        for wire in wires:
            wire.until_heard(end)


def answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/readyz", timeout=10).status_code == 200
    except httpx.HTTPError:
        return False


# Redis


@contextmanager
def hangs(redis: Redis) -> Iterator[None]:
    pid = redis.info("server")["process_id"]
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


@contextmanager
def full(redis: Redis) -> Iterator[None]:
    redis.config_set("maxmemory", 1)
    try:
        yield
    finally:
        redis.config_set("maxmemory", 0)


@contextmanager
def dead(redis: Redis) -> Iterator[None]:
    os.kill(redis.info("server")["process_id"], signal.SIGKILL)
    yield


@contextmanager
def hung_up(redis: Redis) -> Iterator[None]:
    assert redis.client_kill_filter(_type="pubsub")
    yield


@contextmanager
def rings_nonsense(redis: Redis) -> Iterator[None]:
    assert redis.publish(jobs.BELL, "nonsense")
    yield


TROUBLES = [hangs, full, dead, hung_up, rings_nonsense]


@pytest.mark.parametrize("trouble", TROUBLES, ids=[trouble.__name__ for trouble in TROUBLES])
def test_events_come_without_the_bell(stack: Stack, school: School, trouble) -> None:
    """F4, F16, F17: the reader looks by itself, and hears the bell again afterwards; requests are
    answered meanwhile."""
    dana, redis = school.member(), stack.app.extensions["redis"]
    maya = school.person("mobile")
    until(redis.ping)
    with Socket.of_program(school, dana, newest(school)) as socket:
        with trouble(redis):
            assert dana.send(maya)["status"] == "queued"
            socket.until_heard(happens(school))
        until(lambda: redis.pubsub_numsub(jobs.BELL)[0][1])
        socket.until_heard(happens(school))
