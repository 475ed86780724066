"""Addresses: where the provider sends what comes to a number, beside where it should."""

from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Webhooks:
    """Where the provider sends what comes to a number; "" = nowhere."""

    inbound: str
    fallback: str
    voice: str


class State(StrEnum):
    """A number of the pool beside the same number at the provider."""

    RIGHT = "right"
    HALF = "half"  # texts come in; calls, or texts while we are away, do not
    ASTRAY = "astray"  # texts do not come in
    ABSENT = "absent"  # in the pool, not in the account
    UNKNOWN = "unknown"  # in the account, not in the pool


def strays(there: Webhooks, ours: Webhooks) -> list[str]:
    """Which of a number's addresses are not ours. What follows a # tells only how to call it."""
    names = ("inbound", "fallback", "voice")
    return [name for name in names if _plain(getattr(there, name)) != getattr(ours, name)]


def state_of(there: Webhooks, ours: Webhooks) -> State:
    """Of a number that is on both sides."""
    astray = strays(there, ours)
    if "inbound" in astray:
        return State.ASTRAY
    return State.HALF if astray else State.RIGHT


def told(there: Webhooks, ours: Webhooks, service: str = "") -> str:
    """What becomes of texts and calls. `service`: the name of the messaging service that takes
    them, whatever the number itself says."""
    astray = strays(there, ours)
    by = f"By its messaging service “{service}” texts go" if service else "Texts go"
    if "inbound" in astray:
        return f"{by} to {_plain(there.inbound) or 'nowhere'}, not to Replyline."
    if not astray:
        return "Texts and calls come in here."
    parts = []
    if "fallback" in astray:
        parts.append("the second address, for when the first is away, is another one")
    if "voice" in astray:
        parts.append(f"calls go to {_plain(there.voice) or 'nowhere'}")
    return f"Texts come in; {' and '.join(parts)}."


def _plain(url: str) -> str:
    return url.partition("#")[0]
