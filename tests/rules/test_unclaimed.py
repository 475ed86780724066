"""Unclaimed: the tables of D7 and S4-21, a line per case: read them as the specification."""

from datetime import timedelta

import pytest

from app.rules.access import STANDARD_ROLES, Can
from app.rules.keywords import Keyword
from app.rules.unclaimed import (
    REMEDY,
    WORTH_ANSWERING,
    Colleague,
    Text,
    Wrong,
    gets_answer,
    may_claim,
    may_read,
    may_represent,
    problem,
    reminded,
)

AT_ONCE, LATE = timedelta(), WORTH_ANSWERING + timedelta(seconds=1)
PLAIN = Text(Keyword.NONE, AT_ONCE, textable=True)


@pytest.mark.parametrize(
    ("text", "answered"),
    [
        (PLAIN, True),
        (Text(Keyword.NONE, WORTH_ANSWERING, textable=True), True),
        (Text(Keyword.NONE, LATE, textable=True), False),  # found by the gap import
        (Text(Keyword.NONE, AT_ONCE, textable=False), False),  # opted out, blocked, paused
        (Text(Keyword.NONE, AT_ONCE, textable=True, answered=True), False),  # once
        (Text(Keyword.NONE, AT_ONCE, textable=True, automatic=True), False),  # of a machine
        *((Text(k, AT_ONCE, textable=True), False) for k in Keyword if k is not Keyword.NONE),
    ],
)
def test_which_text_gets_the_automatic_answer(text, answered):
    """D7"""
    assert gets_answer(text) is answered


# 1 College, with 2 Nursing under it and 3 Midwifery under that; 4 Law beside them.
TREE = {1: None, 2: 1, 3: 2, 4: None}
LOOKS_AFTER = frozenset({Can.TEXT_REPLY, Can.INBOX_UNIT})
MANAGES = frozenset(STANDARD_ROLES["Administrator"][1])


def colleague(unit=2, can=LOOKS_AFTER, id_=1, active=True):
    return Colleague(id_, active, unit, frozenset(can))


@pytest.mark.parametrize(
    ("who", "needed", "wrong"),
    [
        (None, False, None),  # no text comes to it: nobody is needed
        (None, True, Wrong.MISSING),
        (colleague(), True, None),
        (colleague(), False, None),
        (colleague(unit=1), True, None),  # from above
        (colleague(can=MANAGES), True, None),
        (colleague(unit=3), True, Wrong.ELSEWHERE),  # from below
        (colleague(unit=4), True, Wrong.ELSEWHERE),
        (colleague(unit=None), True, Wrong.ELSEWHERE),
        (colleague(active=False), True, Wrong.DEACTIVATED),
        (colleague(active=False), False, Wrong.DEACTIVATED),  # told also while no text comes
        (colleague(active=False, unit=4), True, Wrong.DEACTIVATED),  # the first that holds
        (colleague(can={Can.INBOX_UNIT}), True, Wrong.MAY_NOT_ANSWER),
        (colleague(can={Can.TEXT_REPLY, Can.TEXT_START}), True, Wrong.MAY_NOT_SEE),
        (colleague(can=()), True, Wrong.MAY_NOT_ANSWER),
    ],
)
def test_when_the_representative_of_a_unit_is_invalid(who, needed, wrong):
    """S4-21"""
    assert problem(2, TREE, who, needed=needed) is wrong
    if who is not None:
        assert may_represent(2, TREE, who) is (wrong is None)


@pytest.mark.parametrize("wrong", Wrong)
def test_each_way_to_be_invalid_says_what_to_do(wrong):
    """S4-21"""
    said = REMEDY[wrong].format(name="Dana Whitfield", unit="Nursing")
    assert "Choose somebody" in said
    assert ("Dana Whitfield" in said) is (wrong is not Wrong.MISSING)


STANDS = colleague(id_=1)
BESIDE = colleague(id_=2)
ABOVE = colleague(id_=3, unit=1)
BELOW = colleague(id_=4, unit=3)
SEES_ALL = colleague(id_=5, unit=None, can=MANAGES)
READS_ALL = colleague(id_=6, unit=None, can={Can.INBOX_ALL, Can.INBOX_UNIT})
HIRES = colleague(id_=7, unit=None, can={Can.STAFF_MANAGE})
GONE = colleague(id_=8, active=False)
ANSWERS = colleague(id_=9, can={Can.TEXT_REPLY})
EVERYBODY = (STANDS, BESIDE, ABOVE, BELOW, SEES_ALL, READS_ALL, HIRES, GONE, ANSWERS)


@pytest.mark.parametrize(
    ("unit", "who", "reads", "claims"),
    [
        (2, BESIDE, True, True),
        (2, ABOVE, True, True),
        (2, BELOW, False, False),
        (2, SEES_ALL, True, True),
        (2, READS_ALL, True, False),
        (2, HIRES, False, False),
        (2, ANSWERS, False, False),
        (None, SEES_ALL, True, True),
        (None, BESIDE, False, False),  # what is in no unit
    ],
)
def test_who_reads_and_who_claims_what_nobody_holds(unit, who, reads, claims):
    """D3, D7"""
    assert (may_read(unit, TREE, who), may_claim(unit, TREE, who)) == (reads, claims)


@pytest.mark.parametrize(
    ("unit", "representative", "staff", "told"),
    [
        (2, 1, EVERYBODY, [1]),
        (2, None, EVERYBODY, [1, 2, 3]),  # who looks after it, from there and from above
        (2, 8, EVERYBODY, [1, 2, 3]),  # deactivated
        (2, 9, EVERYBODY, [1, 2, 3]),  # could not see what waits
        (2, 4, EVERYBODY, [1, 2, 3]),  # below
        (3, None, EVERYBODY, [1, 2, 3, 4]),
        (4, None, EVERYBODY, [5]),  # nobody looks after it: who sees all and may answer
        (None, None, EVERYBODY, [5]),
        (2, None, [READS_ALL, HIRES, GONE, ANSWERS], [7]),  # nobody may claim it
        (2, None, [], []),
    ],
)
def test_who_is_reminded(unit, representative, staff, told):
    """D7: whoever may claim it."""
    assert reminded(unit, TREE, representative, staff) == told
