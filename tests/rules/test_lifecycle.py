"""Lifecycle: a report only ever moves an attempt up the ladder, in whatever order (D31)."""

from functools import reduce
from itertools import permutations, product

import pytest

from app.rules.lifecycle import (
    BY_WORD,
    FAILURES,
    NEVER_TAKEN,
    UNFINISHED,
    Status,
    merge,
)

LADDER = (
    "held 5, queued 10, sending 20, unconfirmed 25, accepted 30, sent 40, timed_out 45, "
    "canceled 48, rejected 49, failed 50, undelivered 51, delivered 60, read 70"
)
RUNGS = {name: int(rank) for name, rank in (rung.split() for rung in LADDER.split(", "))}


def test_d31_the_ladder():
    off = {"not_sent", "received"}
    assert {s.word: s.value for s in Status if s.word not in off} == RUNGS
    assert {s.word for s in Status} == RUNGS.keys() | off


def test_the_words_of_the_api_name_each_status_and_lead_back_to_it():
    assert all(BY_WORD[status.word] is status for status in Status)
    assert all(status.word == status.word.lower() for status in Status)


@pytest.mark.parametrize(
    ("reports", "end"),
    [
        ("accepted sent delivered", "delivered"),
        ("accepted sent delivered read", "read"),
        ("accepted sent undelivered", "undelivered"),
        ("accepted failed", "failed"),
        ("unconfirmed accepted sent", "sent"),  # the lost answer was a yes
        ("unconfirmed timed_out delivered", "delivered"),
        ("sent timed_out", "timed_out"),
        ("sent timed_out undelivered", "undelivered"),  # S1-19
        ("sent undelivered delivered", "delivered"),  # proof outranks a failure
        ("failed delivered", "delivered"),
        ("rejected failed", "failed"),
        ("canceled delivered", "delivered"),  # it was on its way already
        ("sent sent sent", "sent"),
    ],
)
def test_d31_the_order_of_reports_does_not_matter(reports, end):
    told = [BY_WORD[word] for word in reports.split()]
    ends = {reduce(merge, order, Status.SENDING) for order in permutations(told)}
    assert ends == {BY_WORD[end]}


def test_d31_merging_is_commutative_associative_and_idempotent_and_never_steps_down():
    for a, b, c in product([BY_WORD[word] for word in RUNGS], repeat=3):
        assert merge(a, b) is merge(b, a)
        assert merge(merge(a, b), c) is merge(a, merge(b, c))
        assert merge(merge(a, b), b) is merge(a, b)
        assert merge(a, b) >= a


@pytest.mark.parametrize("status", Status)
def test_what_still_is_ours_to_send_or_to_settle(status):
    assert status.unfinished is (status.word in {"queued", "sending", "unconfirmed"})


def test_the_groups_of_statuses():
    assert {s.word for s in UNFINISHED} == {"queued", "sending", "unconfirmed"}
    assert {s.word for s in FAILURES} == {"rejected", "failed", "undelivered"}
    assert {s.word for s in NEVER_TAKEN} == {"canceled", "rejected"}  # D28: the place comes back
