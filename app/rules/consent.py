"""Consent: may this number be texted, and what changes that.

The whole policy is the table `_NEXT`. A pair missing from it leaves the state as it is: in
particular a DISABLED number never wakes up by itself, only by its owner opting in or by a member of
staff (S3-66).
"""

from dataclasses import dataclass
from enum import StrEnum


class SmsStatus(StrEnum):
    ENABLED = "enabled"  # may be texted
    DISABLED = "disabled"  # must not be texted
    DEFAULT = "default"  # nobody has chosen yet: the institution's setting decides (S3-61)


class DisabledBy(StrEnum):
    """Why a number is DISABLED; decides the reason shown (D30) and whether YES lifts it (D15)."""

    OWN_STOP = "own_stop"  # STOP from this number, or the carrier's block of it
    PERSON_STOP = "person_stop"  # STOP from another number of the same person
    STAFF = "staff"
    INVALID = "invalid"  # the provider says that no text can reach it


class ConsentEvent(StrEnum):
    OPTED_IN = "opted_in"  # START and its synonyms, from this number
    OPTED_OUT = "opted_out"  # STOP and its synonyms, or the carrier's block list (21610)
    PERSON_OPTED_OUT = "person_opted_out"  # STOP from another number of this person
    WROTE_FIRST = "wrote_first"  # an inbound text that answers nothing of ours
    REPLIED = "replied"
    NUMBER_INVALID = "number_invalid"
    HANDSET_UNKNOWN = "handset_unknown"
    STAFF_ENABLED = "staff_enabled"
    STAFF_DISABLED = "staff_disabled"
    STAFF_DEFAULT = "staff_default"


@dataclass(frozen=True, slots=True)
class Consent:
    """The state of one number. `by` is set exactly while it is DISABLED."""

    status: SmsStatus
    by: DisabledBy | None = None


ENABLED = Consent(SmsStatus.ENABLED)
DEFAULT = Consent(SmsStatus.DEFAULT)
OWN_STOP = Consent(SmsStatus.DISABLED, DisabledBy.OWN_STOP)
PERSON_STOP = Consent(SmsStatus.DISABLED, DisabledBy.PERSON_STOP)
BY_STAFF = Consent(SmsStatus.DISABLED, DisabledBy.STAFF)
INVALID = Consent(SmsStatus.DISABLED, DisabledBy.INVALID)

_E = ConsentEvent
_ALL = (ENABLED, DEFAULT, OWN_STOP, PERSON_STOP, BY_STAFF, INVALID)

_NEXT: dict[tuple[Consent, ConsentEvent], Consent] = {
    # The person's own word, always.
    **{(state, _E.OPTED_IN): ENABLED for state in _ALL},
    **{(state, _E.OPTED_OUT): OWN_STOP for state in _ALL},
    **{(state, _E.PERSON_OPTED_OUT): PERSON_STOP for state in _ALL if state != OWN_STOP},
    (DEFAULT, _E.WROTE_FIRST): ENABLED,
    # What the provider tells.
    (ENABLED, _E.NUMBER_INVALID): INVALID,
    (DEFAULT, _E.NUMBER_INVALID): INVALID,
    (ENABLED, _E.HANDSET_UNKNOWN): INVALID,
    (DEFAULT, _E.HANDSET_UNKNOWN): INVALID,
    # What a member of staff sets by hand. A STOP stays a STOP when they disable the number too.
    **{(state, _E.STAFF_ENABLED): ENABLED for state in _ALL},
    **{(state, _E.STAFF_DISABLED): BY_STAFF for state in (ENABLED, DEFAULT, INVALID)},
    **{(state, _E.STAFF_DEFAULT): DEFAULT for state in _ALL},
}


def next_consent(current: Consent, event: ConsentEvent) -> Consent:
    """The state of a number after `event`; unchanged when no rule names the pair."""
    return _NEXT.get((current, event), current)
