"""Routing: which thread an inbound text belongs to (D6, D7)."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Thread:
    """A conversation that may be the one.

    `holder` None = unclaimed. `person` None = the thread of a number that is nobody's yet.
    `last_outbound`: id of its latest outbound text to the number that now wrote; None without one.
    `unit`: the org unit that it is in.
    """

    id: int
    holder: int | None
    person: int | None
    last_outbound: int | None = None
    unit: int | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """Where the text goes: an existing or a new thread of this holder with this person.

    `person` None = the thread of the unknown, or shared, number itself.
    """

    holder: int | None
    person: int | None


def holder_of_pair(
    latest: Thread | None, number_holder: int | None, active: Collection[int]
) -> int | None:
    """Whose text it is: of who holds the thread that last wrote on this pair of numbers, even if
    the number has a new holder since; else of who holds the number. Unclaimed if they are gone."""
    holder = latest.holder if latest else number_holder
    return holder if holder in active else None


def speaks_last(latest: Thread | None, said: Thread | None) -> Thread | None:
    """The thread that says whose the next text is on a number that an org unit has shared: the one
    in which something was said last on the pair, in or out (`said`), while somebody or a unit has
    it. Whoever wrote to an office, and waits for it still, does not get to the next holder of the
    number. `latest`: the one in which we wrote last."""
    return said if said and (said.holder or said.unit) else latest


def place(holder: int | None, owners: Iterable[int], threads: Iterable[Thread]) -> Place:
    """Among the holder's threads with people who own the number, the one that last wrote to it;
    else the only person who owns it; else the number itself, which then says who it may be.

    `threads`: of any holder, with these owners or with the bare number.
    """
    owners = set(owners)
    theirs = [t for t in threads if t.holder == holder and t.person in owners and t.last_outbound]
    if theirs:
        return Place(holder, max(theirs, key=lambda t: t.last_outbound or 0).person)
    if len(owners) == 1:
        return Place(holder, owners.pop())
    return Place(holder, None)
