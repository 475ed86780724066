"""Routing: which thread an inbound text belongs to (D6, D7)."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Thread:
    """A conversation that may be the one.

    `holder` None = unclaimed. `person` None = the thread of a number that is nobody's yet.
    `last_outbound`: id of its latest outbound text to the number that now wrote; None without one.
    `unit`: the org unit that it is in. `done`: it was put away after what was said last on this
    pair of numbers.
    """

    id: int
    holder: int | None
    person: int | None
    last_outbound: int | None = None
    unit: int | None = None
    done: bool = False


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


def holder_at_shared(last: Thread | None, active: Collection[int]) -> int | None:
    """Whose text it is that came to a number which an org unit shares: of who holds the thread in
    which something was said last on this pair of numbers, in or out, unless it is done with; else
    nobody's, for the unit to claim."""
    return last.holder if last and not last.done and last.holder in active else None


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
