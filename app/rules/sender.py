"""Sender: which number of ours a text leaves from, or why there is none."""

from dataclasses import dataclass

from app.rules.reasons import Reason


@dataclass(frozen=True, slots=True)
class OurNumber:
    """One of our numbers, and the contact ids whose carrier blocks texts from it (D18)."""

    id: int
    e164: str
    blocks: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class SharedNumber:
    """A number that an org unit shares, to which the text came that is answered.

    `theirs`: the writer answers for the unit. `representative`: the name of who stands for it; None
    where nobody can (S4-21).
    """

    number: OurNumber
    unit: str
    theirs: bool
    representative: str | None


@dataclass(frozen=True, slots=True)
class SenderFacts:
    """What the rules know about the writer's way out.

    `may_start`: holds `text.start` through a staff role (S3-14, S3-40, S3-42). `own`: the number
    assigned to them, or to the holder whom they cover. `thread`: the number of the conversation,
    for who may only answer (D4); `shared`: the same one, where a unit shares it. `next_free`: the
    number that an assignment would take, None when the pool is empty (D24).
    """

    may_start: bool
    own: OurNumber | None = None
    thread: OurNumber | None = None
    next_free: OurNumber | None = None
    numbers_assigned: int = 0
    number_limit: int | None = None  # None = unlimited
    shared: SharedNumber | None = None


@dataclass(frozen=True, slots=True)
class Sender:
    """`assign`: the number is not theirs yet, and becomes theirs with this text (S3-24, D23).
    `shared`: it is an org unit's, with who stands for it."""

    number: OurNumber
    assign: bool = False
    shared: SharedNumber | None = None


def choose_sender(facts: SenderFacts) -> Sender | Reason:
    """The number to text from; else `invalid_representative`, `number_limit_reached` or
    `pool_empty`, in this order (D30).

    What came to a number that an org unit shares is answered from it, by whoever answers for the
    unit: people see one number. Who holds a number keeps texting whatever the limit (S3-27). Who
    may only answer uses the number of the conversation, even where one is still theirs, and never
    gets one of their own (D4).
    """
    if answers_from_shared(facts):
        assert facts.shared is not None
        if facts.shared.representative is None:
            return Reason.INVALID_REPRESENTATIVE
        return Sender(facts.shared.number, shared=facts.shared)
    if not facts.may_start and facts.thread:
        return Sender(facts.thread)
    if facts.own:
        return Sender(facts.own)
    if not facts.may_start:
        return Reason.POOL_EMPTY
    if facts.number_limit is not None and facts.numbers_assigned >= facts.number_limit:
        return Reason.NUMBER_LIMIT_REACHED
    if facts.next_free is None:
        return Reason.POOL_EMPTY
    return Sender(facts.next_free, assign=True)


def answers_from_shared(facts: SenderFacts) -> bool:
    """Whether this is an answer from a number that an org unit shares, if it can go at all."""
    return facts.shared is not None and answers_from_theirs(facts)


def answers_from_theirs(facts: SenderFacts) -> bool:
    """Whether this is an answer from the number that they wrote to, if it can go at all."""
    only_answers = not facts.may_start and facts.thread is not None
    return only_answers or (facts.shared is not None and facts.shared.theirs)
