"""Stop: nothing reaches somebody any more once their STOP was answered, whatever was under way."""

import os
import random
from collections import defaultdict
from collections.abc import Sequence
from functools import partial

from tests.helpers import until
from tests.school import Member, School, Someone, at_once
from tests.stack import DELIVERY, Stack

ROUNDS = int(os.environ.get("STOP_ROUNDS", "1"))
TEXTS = int(os.environ.get("STOP_TEXTS", "60"))  # of a round
WRITERS = 6
CALL = 0.5  # seconds


def test_no_text_is_accepted_after_a_stop_was_answered(stack: Stack, school: School):
    """F46, D14, D34, I9: from several of our numbers, with calls on the wire, and a carrier that
    obeys nothing by itself. What was caught is one email for each thread.

    To see it bite, take `_may_go().exists()` out of `claiming.begin_call`, or the loop out of
    `receiving.wait_for_calls`.
    """
    staff, _ = school.crowd(WRITERS, 0)
    maya = school.person("mobile", "mobile")
    school.carrier.change_account(school.account_sid, opt_out_handling=False)
    ours = staff[0].settled(staff[0].send(maya, "Welcome")["id"], "delivered")["from"]
    for kind, chance in (("late", 0.5), ("slow", 1)):
        fault = {"count": None, "seconds": CALL, "chance": chance}
        school.carrier.fault(school.account_sid, kind, **fault)
    for number in range(ROUNDS):
        before = len(school.ledger())
        mailed = max([mail["id"] for mail in school.mails(maya.email)], default=0)
        bodies = [f"Round {number}, text {n}" for n in range(TEXTS)]
        with stack.without(stack.pid(*DELIVERY)):
            writers = write(staff, maya, bodies)
        some = before + random.randrange(TEXTS // 3)
        until(lambda some=some: len(school.ledger()) > some, timeout=60 + TEXTS)
        stop = school.texts(random.choice(maya.numbers), ours, "STOP")["webhook"]
        assert stop["status"] == 200
        until(lambda: not school.under_way(), timeout=60 + TEXTS)
        accepted = school.ledger()[before:]
        assert [text for text in accepted if text["at"] > stop["at"]] == []
        caught = set(writers) - {text["body"] for text in accepted}
        assert len(accepted) + len(caught) == TEXTS
        assert emailed(school, maya, mailed) == by_thread(writers, caught)
        for phone in maya.numbers:
            school.texts(phone, ours, "START")


def write(staff: Sequence[Member], maya: Someone, bodies: Sequence[str]) -> dict[str, Member]:
    """These texts in turn, all to the same phone; the writers at the same time. Who wrote which."""

    def act(first: int) -> None:
        for body in bodies[first::WRITERS]:
            staff[first].insists(maya, body, phone_id=maya.phone_ids[0])

    at_once(*(partial(act, first) for first in range(WRITERS)))
    return {body: staff[n % WRITERS] for n, body in enumerate(bodies)}


def by_thread(writers: dict[str, Member], caught: set[str]) -> dict[str, list[list[str]]]:
    """The emails there must be: of each who wrote some of what was caught, one with all of it."""
    threads = defaultdict(list)
    for body, member in writers.items():
        if body in caught:
            threads[member.email].append(body)
    return {email: [bodies] for email, bodies in threads.items()}


def emailed(school: School, maya: Someone, since: int) -> dict[str, list[list[str]]]:
    """The emails there are since then, by who wrote them: the texts in each."""
    found = defaultdict(list)
    for mail in school.mailbox.mails(to=maya.email, since_id=since):
        lines = mail["text"].splitlines()
        found[mail["reply_to"]].append([line for line in lines if line.startswith("Round ")])
    return dict(found)
