"""Listing: the statuses by which messages are listed, and what other systems call them.

A status that is shown is a status of ours on a channel, sometimes only with some reasons.

Source: D31, D32, S4-11..S4-22
"""

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from app.rules.dispatch import Channel
from app.rules.lifecycle import Status
from app.rules.reasons import Reason

Pair = tuple[Status, Channel]


class Listed(StrEnum):
    """What a list may be narrowed to, several at once."""

    HELD = "held"
    QUEUED = "queued"
    SENDING = "sending"
    UNCONFIRMED = "unconfirmed"
    ACCEPTED = "accepted"
    SENT = "sent"
    TIMED_OUT = "timed_out"
    DELIVERED = "delivered"
    READ = "read"
    REJECTED = "rejected"
    FAILED = "failed"
    UNDELIVERED = "undelivered"
    CANCELED = "canceled"
    NOT_SENT = "not_sent"
    RECEIVED = "received"
    EMAIL_QUEUED = "email_queued"
    EMAIL_SENT = "email_sent"
    EMAIL_FAILED = "email_failed"
    NO_CONSENT = "no_consent"
    NO_NUMBER = "no_number"
    NOT_ALLOWED = "not_allowed"
    NO_REPRESENTATIVE = "no_representative"
    RESENT = "resent"


# Why it did not go as a text, in the words of S4-16, S4-18, S4-20 and S4-21.
BECAUSE: dict[Listed, frozenset[Reason]] = {
    Listed.NO_CONSENT: frozenset(
        {
            Reason.OPTED_OUT,
            Reason.OPTED_OUT_BY_DEFAULT,
            Reason.DISABLED_BY_STAFF,
            Reason.CARRIER_BLOCKED,
        }
    ),
    Listed.NO_NUMBER: frozenset({Reason.NO_PHONE, Reason.NO_TEXTABLE_PHONE, Reason.NUMBER_INVALID}),
    Listed.NOT_ALLOWED: frozenset(
        {
            Reason.SMS_DISABLED,
            Reason.NUMBER_LIMIT_REACHED,
            Reason.POOL_EMPTY,
            Reason.MESSAGE_LIMIT_REACHED,
        }
    ),
    Listed.NO_REPRESENTATIVE: frozenset({Reason.INVALID_REPRESENTATIVE}),
}
BECAUSE_WORDS = {
    Listed.NO_CONSENT: "Consent is not registered",
    Listed.NO_NUMBER: "SMS phone number is not entered",
    Listed.NOT_ALLOWED: "Sending SMS is not allowed",
    Listed.NO_REPRESENTATIVE: "Invalid representative for unit",
}

_CALLED: dict[Status, str] = {
    Status.SENDING: "Unknown",
    Status.UNCONFIRMED: "Unknown",
    Status.ACCEPTED: "Accepted",
    Status.SENT: "Accepted",
    Status.TIMED_OUT: "Timeout during status check",
    Status.DELIVERED: "Received",
    Status.READ: "Received",
    Status.REJECTED: "Rejected",
    Status.FAILED: "Sending failed",
    Status.UNDELIVERED: "Sending failed",
}

_NEVER_EMAILS = (Status.HELD, Status.CANCELED)  # shown alike, whatever they would have become
_EMAILS: dict[Listed, tuple[Status, ...]] = {
    Listed.EMAIL_QUEUED: tuple(
        s for s in Status if s not in (Status.SENT, Status.FAILED, *_NEVER_EMAILS)
    ),
    Listed.EMAIL_SENT: (Status.SENT,),
    Listed.EMAIL_FAILED: (Status.FAILED,),
}
_TEXTS = {Listed(status.word): status for status in Status}
PAIRS: tuple[Pair, ...] = tuple((status, channel) for status in Status for channel in Channel)


def called(channel: Channel, status: Status, reason: Reason | None) -> str | None:
    """What S4 calls the status of an outbound message (D32); None where it has no word for it."""
    if channel is Channel.SMS:
        return _CALLED.get(status)
    return why_no_text(channel, status, reason)


def why_no_text(channel: Channel, status: Status, reason: Reason | None) -> str | None:
    """S4's word for why it is no text, where it is none and S4 has one."""
    if channel is Channel.SMS or status in _NEVER_EMAILS:
        return None
    return next((BECAUSE_WORDS[listed] for listed in BECAUSE if reason in BECAUSE[listed]), None)


@dataclass(frozen=True, slots=True)
class Part:
    """Of the messages with one status on one channel: all, or those with one of these reasons, or
    those that are resent."""

    all: bool = True
    reasons: frozenset[Reason] = frozenset()
    resent: bool = False


def parts(chosen: Collection[Listed]) -> dict[Pair, Part]:
    """What is to be listed, by status and channel; nothing chosen = everything."""
    if not chosen:
        return dict.fromkeys(PAIRS, Part())
    whole = {pair for listed in chosen for pair in _pairs(listed)}
    reasons = frozenset(reason for listed in chosen for reason in BECAUSE.get(listed, ()))
    found = {}
    for status, channel in PAIRS:
        may_say_why = channel is not Channel.SMS and status not in _NEVER_EMAILS
        rest = Part(False, reasons if may_say_why else frozenset(), Listed.RESENT in chosen)
        if (status, channel) in whole:
            found[status, channel] = Part()
        elif rest.reasons or rest.resent:
            found[status, channel] = rest
    return found


def _pairs(listed: Listed) -> list[Pair]:
    if listed in _EMAILS:
        return [(status, Channel.EMAIL) for status in _EMAILS[listed]]
    status = _TEXTS.get(listed)
    if status is None:
        return []
    shown_alike = status in _NEVER_EMAILS
    return [(status, c) for c in Channel if shown_alike or c is not Channel.EMAIL]
