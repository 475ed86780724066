"""Facts: what one message adds to the figures of its day, and how figures are told from a year of
them.

A figure is a count under a measure and a key. Counts add up over days, also those of times, which
are kept by two digits: so the middle of a year is the middle of its messages, to two digits.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from app.rules.dispatch import Channel
from app.rules.lifecycle import FAILURES, Status
from app.rules.reasons import Reason

# A day is closed so long after its end: no report is waited for any more (72 h, D31).
CLOSED_AFTER = timedelta(hours=96)


class Measure(StrEnum):
    """What is counted; in brackets what the keys are."""

    VOLUME = "volume"  # (Volume)
    STATUS = "status"  # texts out by what became of them (a word of `Status`)
    TYPE = "type"  # everything that went or came (Type)
    INSTEAD = "instead"  # emails because a text could not go, or did not arrive (Reason)
    UNSENT = "unsent"  # neither text nor email (Reason, or CHOSEN)
    CODE = "code"  # why texts failed (the provider's code, or EXPIRED)
    SEGMENTS = "segments"  # of the texts that the provider took ("")
    DELIVERY = "delivery"  # from written to on the phone (seconds, two digits)
    REPLY = "reply"  # how long a person waited for our answer (seconds, two digits)
    OPT_OUT = "opt_out"  # numbers that opted out ("")


class Volume(StrEnum):
    TEXT_OUT = "text_out"
    TEXT_IN = "text_in"
    EMAIL = "email"
    UNSENT = "unsent"


class Type(StrEnum):
    """What kind of message it was (S0-44). The last three are ours, to staff."""

    TEXT_OUT = "text_out"
    TEXT_IN = "text_in"
    KEYWORD_ANSWER = "keyword_answer"
    EMAIL_INSTEAD = "email_instead"
    EMAIL_CHOSEN = "email_chosen"
    UNSENT = "unsent"
    NOTICE = "notice"
    LINK = "link"
    TEST = "test"


CHOSEN = "email_chosen"  # for a message whose writer asked for an email
_NO_CODE_OF_PROVIDER = {"no_email", "email_failed"}
_NEVER_WENT = {Status.HELD, Status.CANCELED}


@dataclass(frozen=True, slots=True)
class Alike:
    """Messages that are alike in all that counts. `automatic`: written by nobody. `followed`:
    an email went after the text. `taken`: by the provider. `seconds`: until it was delivered."""

    inbound: bool
    automatic: bool
    channel: Channel
    status: Status
    reason: Reason | None
    code: str | None
    followed: bool
    taken: bool
    seconds: int | None
    count: int
    segments: int


Figure = tuple[Measure, str, int]


def figures(alike: Alike) -> Iterator[Figure]:
    """What these messages add to their day. Held and canceled ones add nothing."""
    n = alike.count
    if alike.inbound:
        yield Measure.VOLUME, Volume.TEXT_IN, n
        yield Measure.TYPE, Type.TEXT_IN, n
    elif alike.status in _NEVER_WENT:
        return
    elif alike.status is Status.NOT_SENT:
        yield Measure.VOLUME, Volume.UNSENT, n
        yield Measure.TYPE, Type.UNSENT, n
        yield Measure.UNSENT, alike.reason or CHOSEN, n
    elif alike.channel is Channel.EMAIL:
        yield from _of_emails(alike.reason, n)
    else:
        yield from _of_texts(alike)
    if not alike.inbound and alike.code and alike.code not in _NO_CODE_OF_PROVIDER:
        failed = alike.status in FAILURES or alike.channel is Channel.EMAIL
        if failed:
            yield Measure.CODE, alike.code, n


def _of_emails(reason: Reason | None, n: int) -> Iterator[Figure]:
    yield Measure.VOLUME, Volume.EMAIL, n
    yield Measure.TYPE, Type.EMAIL_INSTEAD if reason else Type.EMAIL_CHOSEN, n
    if reason:
        yield Measure.INSTEAD, reason, n


def _of_texts(alike: Alike) -> Iterator[Figure]:
    n = alike.count
    yield Measure.VOLUME, Volume.TEXT_OUT, n
    yield Measure.TYPE, Type.KEYWORD_ANSWER if alike.automatic else Type.TEXT_OUT, n
    yield Measure.STATUS, alike.status.word, n
    if alike.followed:
        yield from _of_emails(alike.reason or Reason.DELIVERY_FAILED, n)
    if alike.taken and alike.segments:
        yield Measure.SEGMENTS, "", alike.segments
    if alike.seconds is not None:
        yield Measure.DELIVERY, str(two_digits(alike.seconds)), n


def two_digits(seconds: int) -> int:
    """As it is told: 47, 110, 3600. Rounded down, so that the order of times stays."""
    seconds = max(seconds, 0)
    unit = 1
    while seconds >= 100 * unit:
        unit *= 10
    return seconds // unit * unit


def share(times: Mapping[str, int], part: float) -> int | None:
    """The seconds within which this part of them lies, 0.5 = the middle; None where there is
    none."""
    total = sum(times.values())
    wanted, seen = part * total, 0
    for seconds, count in sorted((int(key), n) for key, n in times.items()):
        seen += count
        if count and seen >= wanted:
            return seconds
    return None
