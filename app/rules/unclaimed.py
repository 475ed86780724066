"""Unclaimed: texts that nobody holds. Which of them gets the automatic answer, who stands for an
org unit and whether they can, and who is reminded of what waits in it.

Source: D7, S4-21
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from app.rules.access import Can
from app.rules.keywords import Keyword
from app.rules.org_units import Parents, above

WORTH_ANSWERING = timedelta(hours=1)  # a text found later than that is for a person to answer


@dataclass(frozen=True, slots=True)
class Text:
    """An inbound text that nobody holds. `late`: since it was said. `textable`: their number may be
    texted from the one they wrote to, and no wish to the contrary is open. `automatic`: it came
    from a number of ours. `answered`: their conversation got this answer before."""

    keyword: Keyword
    late: timedelta
    textable: bool
    automatic: bool = False
    answered: bool = False


def gets_answer(text: Text) -> bool:
    """Whether the automatic answer goes to this one: once in a conversation, and never to a
    keyword, to whoever opted out or may have, or to what a machine wrote."""
    plain = text.keyword is Keyword.NONE and not text.automatic
    return plain and text.textable and not text.answered and text.late <= WORTH_ANSWERING


class Wrong(StrEnum):
    """Why nobody can stand for a unit, in the order in which it is looked at."""

    MISSING = "missing"
    DEACTIVATED = "deactivated"
    ELSEWHERE = "elsewhere"
    MAY_NOT_ANSWER = "may_not_answer"
    MAY_NOT_SEE = "may_not_see"


# What is wrong, then what to do; {name} stands, or should stand, for {unit}.
REMEDY: dict[Wrong, str] = {
    Wrong.MISSING: "Nobody stands for {unit}, and texts come to it. Choose somebody.",
    Wrong.DEACTIVATED: (
        "{name} is deactivated. Choose somebody else, or reactivate the account of {name}."
    ),
    Wrong.ELSEWHERE: (
        "{name} is no longer in {unit}, nor in a unit above it. Choose somebody who is."
    ),
    Wrong.MAY_NOT_ANSWER: (
        "{name} has no role that answers texts. Choose somebody else, or give {name} such a role."
    ),
    Wrong.MAY_NOT_SEE: (
        "{name} has no role that reads the conversations of the unit. "
        "Choose somebody else, or give {name} such a role."
    ),
}


@dataclass(frozen=True, slots=True)
class Colleague:
    """A member of staff, as far as it matters for a unit. `unit`: the one they are in."""

    id: int
    active: bool
    unit: int | None
    can: frozenset[Can]

    @property
    def sees_units(self) -> bool:
        return bool(self.can & {Can.INBOX_UNIT, Can.INBOX_ALL})


def problem(
    unit: int, parents: Parents, representative: Colleague | None, *, needed: bool
) -> Wrong | None:
    """Why the representative of this unit is invalid (S4-21); None where all is well. `needed`:
    texts come to it. A unit without texts may have nobody."""
    if representative is None:
        return Wrong.MISSING if needed else None
    if not representative.active:
        return Wrong.DEACTIVATED
    if representative.unit not in above(parents, unit):
        return Wrong.ELSEWHERE
    if Can.TEXT_REPLY not in representative.can:
        return Wrong.MAY_NOT_ANSWER
    return None if representative.sees_units else Wrong.MAY_NOT_SEE


def may_represent(unit: int, parents: Parents, who: Colleague) -> bool:
    return problem(unit, parents, who, needed=True) is None


def may_read(unit: int | None, parents: Parents, who: Colleague) -> bool:
    """Whether they see what nobody holds in a unit, None = in none."""
    over = above(parents, unit) if unit is not None else []
    return Can.INBOX_ALL in who.can or (Can.INBOX_UNIT in who.can and who.unit in over)


def may_claim(unit: int | None, parents: Parents, who: Colleague) -> bool:
    return Can.TEXT_REPLY in who.can and may_read(unit, parents, who)


def reminded(
    unit: int | None, parents: Parents, representative: int | None, staff: Iterable[Colleague]
) -> list[int]:
    """Who is told of what waits in a unit, None = in none: its representative, else those who look
    after it from there or from above, else those who see all. Where nobody may claim it, whoever
    manages staff is told that."""
    active = [who for who in staff if who.active]
    answer = [who for who in active if Can.TEXT_REPLY in who.can]
    over = set(above(parents, unit)) if unit is not None else set()
    groups = (
        [who for who in answer if unit is not None and who.id == representative
         and may_represent(unit, parents, who)],
        [who for who in answer if who.unit in over and _looks_after_units(who)],
        [who for who in answer if Can.INBOX_ALL in who.can],
        [who for who in active if Can.STAFF_MANAGE in who.can],
    )  # fmt: skip
    return [who.id for who in next((group for group in groups if group), [])]


def _looks_after_units(who: Colleague) -> bool:
    return Can.INBOX_UNIT in who.can and Can.INBOX_ALL not in who.can
