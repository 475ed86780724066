"""Redis faults: it only rings, so whatever becomes of it, each text is taken, and is there once."""

import os
import random
import signal
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial

import pytest

from tests.helpers import until
from tests.school import School, at_once
from tests.stack import DELIVERY, Stack

TEXTS = int(os.environ.get("FAULT_TEXTS", "100"))  # that are queued when it happens
WRITERS = 5


def dead(stack: Stack) -> AbstractContextManager[None]:
    return stack.without(stack.redis_pid())


def silent(stack: Stack) -> AbstractContextManager[None]:
    return stack.asleep(stack.redis_pid())


@contextmanager
def full(stack: Stack) -> Iterator[None]:
    redis = stack.app.extensions["redis"]
    redis.config_set("maxmemory", 1)
    try:
        yield
    finally:
        redis.config_set("maxmemory", 0)


@pytest.mark.parametrize(
    "trouble",
    [
        pytest.param(dead, id="F4-dead"),
        pytest.param(silent, id="F16-silent"),
        pytest.param(full, id="F17-full"),
    ],
)
def test_without_redis_texts_are_taken_and_leave_when_it_is_back(
    stack: Stack, school: School, trouble
):
    """F4, F16, F17, I1, I27: sends and webhooks are answered as ever."""
    dana, ours = school.holder()
    (devon, *people) = [school.person("mobile") for _ in range(4)]
    question = partial(school.texts, devon.numbers[0], ours, "Is the library open?")
    stack.redis_pid()
    with trouble(stack):
        asked, *sent = at_once(question, *(partial(dana.send, person) for person in people))
        assert asked["webhook"]["status"] == 200
    for message in sent:
        dana.settled(message["id"], "delivered")
    assert [len(school.ledger(person.numbers[0])) for person in people] == [1, 1, 1]
    (thread,) = dana.conversations(unread="true")
    assert (thread["person_id"], thread["unread"]) == (devon.id, 1)


def test_a_worker_that_starts_without_redis_waits_for_it(stack: Stack, school: School):
    """F17: one that ended again and again would end all of `up`."""
    dana, maya = school.member(), school.person("mobile")
    school.pool(1)
    log = stack.var_dir / "log" / "worker-delivery.log"
    with full(stack):
        os.kill(first := stack.pid(*DELIVERY), signal.SIGKILL)
        worker = until(lambda: (pid := stack.pid(*DELIVERY)) != first and pid)
        until(lambda: log.read_text().count("worker_without_redis") >= 2)
        message = dana.send(maya)["id"]
    dana.settled(message, "delivered")
    assert stack.pid(*DELIVERY) == worker


def test_texts_that_redis_has_forgotten_leave_once(stack: Stack, school: School):
    """F13, F15, I6, I27: it is emptied while all of them wait, killed while they leave, and comes
    back empty. Who is signed in stays so."""
    staff, people = school.crowd(WRITERS, TEXTS // WRITERS)
    with school.browser(staff[0]) as browser:
        with stack.without(stack.pid(*DELIVERY)):
            school.all_write_to_all(staff, people)
            assert school.under_way() == {"queued": TEXTS}
            stack.app.extensions["redis"].flushall()
        some = random.randrange(TEXTS * 2 // 3)
        until(lambda: len(school.ledger()) > some, timeout=60 + TEXTS)
        os.kill(stack.redis_pid(), signal.SIGKILL)
        until(lambda: not school.under_way(), timeout=60 + TEXTS)
        assert browser.get("/inbox").status_code == 200
    assert school.accepted() == {1: TEXTS}
