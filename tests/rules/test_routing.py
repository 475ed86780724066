"""Routing: which thread an inbound text belongs to (D6, D7, D25)."""

from itertools import permutations

import pytest

from app.rules.routing import Place, Thread, holder_of_pair, place, speaks_last

ANA, BEN = 1, 2  # staff
MAYA, LEO = 11, 12  # people

HOLDERS = {
    "D6 To gives the number, the number its holder": (None, ANA, {ANA}, ANA),
    "D6 who last wrote on this pair and still holds the number": (
        Thread(5, ANA, MAYA, 900),
        ANA,
        {ANA},
        ANA,
    ),
    "D6 an earlier holder wrote last: theirs, though the number is another's now": (
        Thread(5, ANA, MAYA, 900),
        BEN,
        {ANA, BEN},
        ANA,
    ),
    "D6 an earlier holder wrote last and is gone: unclaimed, never a stranger's": (
        Thread(5, ANA, MAYA, 900),
        BEN,
        {BEN},
        None,
    ),
    "D6 their thread is unclaimed by now": (Thread(5, None, MAYA, 900), BEN, {BEN}, None),
    "D25 kept: the old holder, who has no number any more": (
        Thread(5, ANA, MAYA, 900),
        None,
        {ANA},
        ANA,
    ),
    "D25 moved: whoever has the thread now": (Thread(5, BEN, MAYA, 900), BEN, {ANA, BEN}, BEN),
    "D7 nobody holds the number": (None, None, {ANA}, None),
    "D7 the holder of the number is gone": (None, ANA, set(), None),
}


@pytest.mark.parametrize("case", HOLDERS)
def test_whose_text_it_is(case):
    latest, number_holder, active, expected = HOLDERS[case]
    assert holder_of_pair(latest, number_holder, active) == expected


WROTE = Thread(5, BEN, MAYA, 900)

SAID_LAST = {
    "nothing was said while it was shared": (WROTE, None, WROTE),
    "somebody holds what they wrote": (WROTE, Thread(6, ANA, MAYA, 905), Thread(6, ANA, MAYA, 905)),
    "it waits in a unit": (None, Thread(6, None, MAYA, 905, 7), Thread(6, None, MAYA, 905, 7)),
    "it waits nowhere: the number has its holder": (None, Thread(6, None, MAYA, 905), None),
}


@pytest.mark.parametrize("case", SAID_LAST)
def test_whose_a_text_is_to_a_number_that_was_shared(case):
    """D6, issue 5"""
    latest, said, expected = SAID_LAST[case]
    assert speaks_last(latest, said) == expected


PLACES = {
    "D6 the one person who owns the number": (ANA, [MAYA], [], Place(ANA, MAYA)),
    "D6 shared: the thread with the latest text to it": (
        ANA,
        [MAYA, LEO],
        [Thread(5, ANA, MAYA, 900), Thread(6, ANA, LEO, 905)],
        Place(ANA, LEO),
    ),
    "D6 shared: only one of them was ever texted there": (
        ANA,
        [MAYA, LEO],
        [Thread(5, ANA, MAYA, 900), Thread(6, ANA, LEO)],
        Place(ANA, MAYA),
    ),
    "D6 shared and never texted: the number itself, which says who it may be": (
        ANA,
        [MAYA, LEO],
        [],
        Place(ANA, None),
    ),
    "D6 shared: threads that wrote nothing to it decide nothing": (
        ANA,
        [MAYA, LEO],
        [Thread(5, ANA, MAYA), Thread(6, ANA, LEO)],
        Place(ANA, None),
    ),
    "D6 another holder's thread does not count": (
        ANA,
        [MAYA, LEO],
        [Thread(5, BEN, MAYA, 900)],
        Place(ANA, None),
    ),
    "D6 a thread with somebody who gave the number up does not count": (
        ANA,
        [LEO],
        [Thread(5, ANA, MAYA, 900)],
        Place(ANA, LEO),
    ),
    "D6 nobody owns it": (ANA, [], [], Place(ANA, None)),
    "D6 nobody owns it, and there is a thread of the number": (
        ANA,
        [],
        [Thread(5, ANA, None, 900)],
        Place(ANA, None),
    ),
    "D6 the number was nobody's and is somebody's now": (
        ANA,
        [MAYA],
        [Thread(5, ANA, None, 900)],
        Place(ANA, MAYA),
    ),
    "D7 unclaimed goes the same way: one owner": (None, [MAYA], [], Place(None, MAYA)),
    "D7 ... shared": (
        None,
        [MAYA, LEO],
        [Thread(5, None, MAYA, 900), Thread(6, ANA, LEO, 905)],
        Place(None, MAYA),
    ),
    "D7 ... nobody's": (None, [], [], Place(None, None)),
}


@pytest.mark.parametrize("case", PLACES)
def test_which_thread_of_theirs_in_whatever_order_the_facts_come(case):
    holder, owners, threads, expected = PLACES[case]
    found = {
        place(holder, some, others)
        for some in permutations(owners)
        for others in permutations(threads)
    }
    assert found == {expected}
