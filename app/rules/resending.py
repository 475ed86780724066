"""Resending: which texts may still be taken back, and which may be sent once more.

Source: D32 (column "resend allowed"), D33, S4-29
"""

from app.rules.dispatch import Channel
from app.rules.lifecycle import FAILURES, Status

_ON_ITS_WAY = "It is being handed to the provider just now."
_ARRIVED = "It has arrived."

_WHY_NO_CANCEL: dict[Status, str] = {
    Status.SENDING: _ON_ITS_WAY,
    Status.UNCONFIRMED: _ON_ITS_WAY,
    Status.ACCEPTED: "The provider has it already.",
    Status.SENT: "It is with the phone company already.",
    Status.TIMED_OUT: "It has left already.",
    Status.CANCELED: "It is canceled already.",
    Status.REJECTED: "It has failed: nothing of it is still to be sent.",
    Status.FAILED: "It has failed: nothing of it is still to be sent.",
    Status.UNDELIVERED: "It has failed: nothing of it is still to be sent.",
    Status.DELIVERED: _ARRIVED,
    Status.READ: _ARRIVED,
}

_WHY_NO_RESEND: dict[Status, str] = {
    Status.HELD: "It has not gone yet. Cancel it instead.",
    Status.QUEUED: "It has not gone yet. Cancel it instead.",
    Status.SENDING: "It is not settled yet whether it went. Wait until it is.",
    Status.UNCONFIRMED: "It is not settled yet whether it went. Wait until it is.",
    Status.DELIVERED: _ARRIVED,
    Status.READ: _ARRIVED,
    Status.REJECTED: "The provider refused it, and would refuse it again.",
    Status.CANCELED: "It was canceled. Write it anew.",
}

_NO_TEXT = "It never went as a text."


def why_not_cancel(channel: Channel, status: Status) -> str | None:
    """Why a message cannot be taken back any more; None where it can."""
    if status is Status.HELD:  # whatever it would have become
        return None
    if channel is not Channel.SMS or status in (Status.RECEIVED, Status.NOT_SENT):
        return "Only a text that waits to be sent can be canceled."
    return _WHY_NO_CANCEL.get(status)


def why_not_resend(channel: Channel, status: Status, *, disabled: bool) -> str | None:
    """Why a message must not be sent once more; None where it may. `disabled`: its number is by
    now."""
    if status is Status.RECEIVED:
        return "It came in: there is nothing to send."
    if channel is not Channel.SMS or status is Status.NOT_SENT:
        return _NO_TEXT
    if status in FAILURES and disabled:
        return _WHY_NO_RESEND.get(status, "The number that it went to cannot be texted any more.")
    return _WHY_NO_RESEND.get(status)
