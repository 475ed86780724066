"""Sender: which number of ours a text leaves from (S3-24..S3-27, S3-74, S3-75, D4, D23, D24)."""

import pytest

from app.rules.reasons import Reason
from app.rules.sender import OurNumber, Sender, SenderFacts, SharedNumber, choose_sender

OWN, THREAD, FREE, OFFICE = (OurNumber(n, f"+1512555020{n}") for n in (1, 2, 3, 4))
THEIRS = SharedNumber(OFFICE, "Admissions office", theirs=True, representative="Lee Park")
ANOTHERS = SharedNumber(OFFICE, "Financial aid", theirs=False, representative="Lee Park")
NOBODY = SharedNumber(OFFICE, "Admissions office", theirs=True, representative=None)
NOBODY_THERE = SharedNumber(OFFICE, "Financial aid", theirs=False, representative=None)

CASES = {
    "S3-24, S3-74 the first text takes the next free number": (
        SenderFacts(may_start=True, next_free=FREE, numbers_assigned=3, number_limit=10),
        Sender(FREE, assign=True),
    ),
    "S3-27 whoever holds a number keeps it, whatever the limit and the pool": (
        SenderFacts(may_start=True, own=OWN, numbers_assigned=10, number_limit=10),
        Sender(OWN),
    ),
    "D23 one number per member of staff": (
        SenderFacts(may_start=True, own=OWN, next_free=FREE),
        Sender(OWN),
    ),
    "S3-25 the last place under the limit may be taken": (
        SenderFacts(may_start=True, next_free=FREE, numbers_assigned=9, number_limit=10),
        Sender(FREE, assign=True),
    ),
    "S3-26, D24 the provisioned limit is reached": (
        SenderFacts(may_start=True, next_free=FREE, numbers_assigned=10, number_limit=10),
        Reason.NUMBER_LIMIT_REACHED,
    ),
    "D24 the limit was lowered below what is assigned": (
        SenderFacts(may_start=True, next_free=FREE, numbers_assigned=10, number_limit=4),
        Reason.NUMBER_LIMIT_REACHED,
    ),
    "D24 a limit of 0": (
        SenderFacts(may_start=True, next_free=FREE, number_limit=0),
        Reason.NUMBER_LIMIT_REACHED,
    ),
    "S3-75, D24 no number is free": (
        SenderFacts(may_start=True, numbers_assigned=3, number_limit=10),
        Reason.POOL_EMPTY,
    ),
    "D30 both walls: the limit is the reason": (
        SenderFacts(may_start=True, numbers_assigned=10, number_limit=10),
        Reason.NUMBER_LIMIT_REACHED,
    ),
    "D24 no limit is unlimited": (
        SenderFacts(may_start=True, next_free=FREE, numbers_assigned=10_000),
        Sender(FREE, assign=True),
    ),
    "S3-15, D4 who may only answer uses the number of the conversation": (
        SenderFacts(may_start=False, thread=THREAD, next_free=FREE),
        Sender(THREAD),
    ),
    "D4 ... even past the limit": (
        SenderFacts(may_start=False, thread=THREAD, numbers_assigned=10, number_limit=10),
        Sender(THREAD),
    ),
    "D4 ... even where a number is still theirs": (
        SenderFacts(may_start=False, own=OWN, thread=THREAD),
        Sender(THREAD),
    ),
    "D4 ... and never gets one, though one is free": (
        SenderFacts(may_start=False, next_free=FREE),
        Reason.POOL_EMPTY,
    ),
    "D4 who may start answers from their own number, not from the conversation's": (
        SenderFacts(may_start=True, own=OWN, thread=THREAD),
        Sender(OWN),
    ),
    "issue 5: what came to a shared number of their unit is answered from it": (
        SenderFacts(may_start=True, own=OWN, shared=THEIRS),
        Sender(OFFICE, shared=THEIRS),
    ),
    "... by whoever has no number yet, and they take none": (
        SenderFacts(may_start=True, next_free=FREE, shared=THEIRS),
        Sender(OFFICE, shared=THEIRS),
    ),
    "... whatever the walls": (
        SenderFacts(may_start=True, numbers_assigned=10, number_limit=10, shared=THEIRS),
        Sender(OFFICE, shared=THEIRS),
    ),
    "... but not by somebody of another unit: from their own": (
        SenderFacts(may_start=True, own=OWN, shared=ANOTHERS),
        Sender(OWN),
    ),
    "... or from the next free one": (
        SenderFacts(may_start=True, next_free=FREE, shared=ANOTHERS),
        Sender(FREE, assign=True),
    ),
    "D4 who may only answer uses it, of whatever unit they are": (
        SenderFacts(may_start=False, own=OWN, thread=OFFICE, shared=ANOTHERS),
        Sender(OFFICE, shared=ANOTHERS),
    ),
    "... but who covers for somebody of another unit uses the number of that one": (
        SenderFacts(may_start=False, own=OWN, shared=ANOTHERS),
        Sender(OWN),
    ),
    "S4-21 nothing leaves from it while nobody stands for the unit": (
        SenderFacts(may_start=True, own=OWN, next_free=FREE, shared=NOBODY),
        Reason.INVALID_REPRESENTATIVE,
    ),
    "S4-21 ... nor by who may only answer": (
        SenderFacts(may_start=False, thread=OFFICE, shared=NOBODY_THERE),
        Reason.INVALID_REPRESENTATIVE,
    ),
    "S4-21 ... which is nothing to who answers from their own": (
        SenderFacts(may_start=True, own=OWN, shared=NOBODY_THERE),
        Sender(OWN),
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_the_number_a_text_leaves_from(case):
    """S3-25"""
    facts, expected = CASES[case]
    assert choose_sender(facts) == expected
