"""Registration: what the words of the provider about brands, campaigns and toll-free numbers mean,
and which of our numbers carriers let through.

In the United States a local number must be in an approved campaign (10DLC), else its texts fail
with 30034; a toll-free one must be verified, else they fail with 30032.

Source: reference/protocol.md 3.4 and 1.8
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum, StrEnum

import phonenumbers
from phonenumbers import PhoneNumberType


class Stage(IntEnum):
    """How far a registration is; of several for one number the highest counts."""

    NONE = 0
    REFUSED = 1
    REVIEW = 2
    APPROVED = 3


STAGE: dict[str, Stage] = {
    "APPROVED": Stage.APPROVED,  # a brand
    "VERIFIED": Stage.APPROVED,  # a campaign
    "TWILIO_APPROVED": Stage.APPROVED,  # a toll-free number
    "PENDING": Stage.REVIEW,
    "IN_PROGRESS": Stage.REVIEW,
    "IN_REVIEW": Stage.REVIEW,
    "PENDING_REVIEW": Stage.REVIEW,
    "FAILED": Stage.REFUSED,
    "SUSPENDED": Stage.REFUSED,
    "TWILIO_REJECTED": Stage.REFUSED,
    "DELETION_PENDING": Stage.REFUSED,
    "DELETION_FAILED": Stage.REFUSED,
}
TONE = {Stage.NONE: "bad", Stage.REFUSED: "bad", Stage.REVIEW: "warn", Stage.APPROVED: "text"}
_OWN_WORDS = {
    "SUSPENDED": "Suspended",
    "DELETION_PENDING": "Being deleted",
    "DELETION_FAILED": "Being deleted",
}
_WORDS = {Stage.REFUSED: "Refused", Stage.REVIEW: "In review", Stage.APPROVED: "Approved"}


class Sort(StrEnum):
    """What is asked of a number depends on its sort."""

    LOCAL = "local"  # of the United States
    TOLL_FREE = "toll_free"  # of the United States and Canada
    FOREIGN = "foreign"


@dataclass(frozen=True, slots=True)
class Word:
    """A status in words. `tone`: text | warn | bad | plain."""

    word: str
    tone: str


def word_for(status: str) -> Word:
    """What the provider calls it; a word that we do not know stays as it is."""
    stage = STAGE.get(status)
    if stage is None:
        return Word(status.replace("_", " ").capitalize()[:40] or "Unknown", "plain")
    return Word(_OWN_WORDS.get(status) or _WORDS[stage], TONE[stage])


def sort_of(e164: str) -> Sort:
    try:
        number = phonenumbers.parse(e164)
    except phonenumbers.NumberParseException:
        return Sort.FOREIGN
    if number.country_code != 1:
        return Sort.FOREIGN
    if phonenumbers.number_type(number) is PhoneNumberType.TOLL_FREE:
        return Sort.TOLL_FREE
    home = phonenumbers.region_code_for_number(number)
    return Sort.LOCAL if home in ("US", "PR", None) else Sort.FOREIGN


@dataclass(frozen=True, slots=True)
class Group:
    """Numbers about which the same is said."""

    tone: str
    told: str
    numbers: list[str]


_TOLD: dict[tuple[Sort, Stage], str] = {
    (Sort.LOCAL, Stage.NONE): "In no campaign: US carriers refuse their texts (30034).",
    (Sort.LOCAL, Stage.REFUSED): "Their campaign is not approved: US carriers refuse their texts "
    "(30034).",
    (Sort.LOCAL, Stage.REVIEW): "Their campaign is in review: until it is approved, US carriers "
    "refuse their texts (30034).",
    (Sort.LOCAL, Stage.APPROVED): "In an approved campaign: carriers let their texts through.",
    (Sort.TOLL_FREE, Stage.NONE): "Toll-free and not verified: carriers refuse their texts "
    "(30032).",
    (Sort.TOLL_FREE, Stage.REFUSED): "Toll-free, and the verification was refused: carriers refuse "
    "their texts (30032).",
    (Sort.TOLL_FREE, Stage.REVIEW): "Toll-free and in review: until they are verified, carriers "
    "refuse their texts (30032).",
    (Sort.TOLL_FREE, Stage.APPROVED): "Toll-free and verified: carriers let their texts through.",
}
_FOREIGN = "Not of the United States: Twilio tells nothing about them here."


def groups(ours: Iterable[str], stages: Mapping[str, Stage]) -> list[Group]:
    """Our numbers by what is said about them, the worst first. `stages`: of those that a campaign
    or a verification names."""
    by_case: dict[tuple[Sort, Stage], list[str]] = {}
    for e164 in ours:
        sort = sort_of(e164)
        stage = stages.get(e164, Stage.NONE)
        by_case.setdefault((sort, Stage.NONE if sort is Sort.FOREIGN else stage), []).append(e164)
    known = [case for case in _TOLD if case in by_case]
    known.sort(key=lambda case: case[1])
    found = [Group(TONE[case[1]], _TOLD[case], by_case[case]) for case in known]
    foreign = by_case.get((Sort.FOREIGN, Stage.NONE))
    return found + ([Group("plain", _FOREIGN, foreign)] if foreign else [])
