"""Lifecycle: the status of an outbound text, merged from reports in any order.

Providers repeat their reports and deliver them out of order. The statuses of an attempt therefore
form one ladder and a report can only move it up: `merge` is `max`, so it does not matter how often,
or in which order, the reports arrive (D31).
"""

from enum import IntEnum


class Status(IntEnum):
    # Not on the ladder: what never was a text on its way.
    NOT_SENT = 1  # neither a text nor an email was possible
    RECEIVED = 2  # inbound
    # The ladder.
    HELD = 5  # waits for its time
    QUEUED = 10  # stored here, not yet offered to the provider
    SENDING = 20  # a worker has claimed it
    UNCONFIRMED = 25  # the provider's answer was lost; not sent again until settled by asking
    ACCEPTED = 30  # the provider took it
    SENT = 40  # the carrier took it; of an email: the mail server took it
    TIMED_OUT = 45  # no report in 72 h
    CANCELED = 48  # stopped before it went
    REJECTED = 49  # the provider refused
    FAILED = 50  # a technical problem, and nobody will try again
    UNDELIVERED = 51  # the carrier could not hand it over
    DELIVERED = 60  # the handset confirmed: proof, so it outranks a failure
    READ = 70

    @property
    def word(self) -> str:
        """As the API spells it."""
        return self.name.lower()

    @property
    def unfinished(self) -> bool:
        """Still ours to send, or to settle: later texts of the same pair wait for it."""
        return self in UNFINISHED


UNFINISHED = frozenset({Status.QUEUED, Status.SENDING, Status.UNCONFIRMED})
ARRIVED = frozenset({Status.DELIVERED, Status.READ})
FAILURES = frozenset({Status.REJECTED, Status.FAILED, Status.UNDELIVERED})
NEVER_TAKEN = frozenset({Status.CANCELED, Status.REJECTED})  # so its place is given back (D28)
NEVER_LEFT = NEVER_TAKEN | {Status.HELD}  # nobody has read a word of it
NOT_ARRIVED = NEVER_LEFT | FAILURES | {Status.NOT_SENT}  # as it is known by now
BY_WORD = {status.word: status for status in Status}


def merge(current: Status, reported: Status) -> Status:
    """The status of an attempt after one report."""
    return max(current, reported)
