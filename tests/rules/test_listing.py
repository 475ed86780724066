"""By which statuses messages are listed, and what S4 calls them: read it as D32 (S4-11..S4-22)."""

import pytest

from app.rules.dispatch import Channel
from app.rules.lifecycle import Status
from app.rules.listing import BECAUSE, PAIRS, Listed, Part, called, parts
from app.rules.reasons import Reason

# status of a text: what S4 calls it
CALLED = {
    Status.HELD: None,
    Status.QUEUED: None,
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
    Status.CANCELED: None,
}

CONSENT = "Consent is not registered"
NUMBER = "SMS phone number is not entered"
NOT_ALLOWED = "Sending SMS is not allowed"

# reason of what is no text: what S4 calls it, whether it went by email or not at all
REASONS = {
    Reason.OPTED_OUT: CONSENT,
    Reason.OPTED_OUT_BY_DEFAULT: CONSENT,
    Reason.DISABLED_BY_STAFF: CONSENT,
    Reason.CARRIER_BLOCKED: CONSENT,
    Reason.NO_PHONE: NUMBER,
    Reason.NO_TEXTABLE_PHONE: NUMBER,
    Reason.NUMBER_INVALID: NUMBER,
    Reason.SMS_DISABLED: NOT_ALLOWED,
    Reason.NUMBER_LIMIT_REACHED: NOT_ALLOWED,
    Reason.POOL_EMPTY: NOT_ALLOWED,
    Reason.MESSAGE_LIMIT_REACHED: NOT_ALLOWED,
    Reason.DELIVERY_FAILED: None,
    Reason.INVALID_REPRESENTATIVE: "Invalid representative for unit",
}


@pytest.mark.parametrize("status", CALLED)
def test_what_a_text_is_called(status):
    """S4-12..S4-15, S4-17, S4-19"""
    assert called(Channel.SMS, status, Reason.ENABLED_PHONE) == CALLED[status]


@pytest.mark.parametrize("reason", REASONS)
def test_what_is_called_that_is_no_text(reason):
    """S4-16, S4-18, S4-20, S4-21"""
    assert called(Channel.EMAIL, Status.SENT, reason) == REASONS[reason]
    assert called(Channel.NONE, Status.NOT_SENT, reason) == REASONS[reason]
    assert called(Channel.EMAIL, Status.CANCELED, reason) is None


def test_each_status_and_channel_has_one_name():
    """Whatever a message is, one of the names without a reason lists it, and no two."""
    named = [each for each in Listed if each not in BECAUSE and each is not Listed.RESENT]
    for pair in PAIRS:
        whole = [each for each in named if parts({each}).get(pair) == Part()]
        assert len(whole) == 1, pair


def test_names_are_put_together():
    """Several at once are any of them; with reasons beside a name, the name is whole (S4-22)."""
    email, none = (Status.SENT, Channel.EMAIL), (Status.NOT_SENT, Channel.NONE)
    both = parts({Listed.EMAIL_SENT, Listed.NO_NUMBER})
    assert both[email] == Part()
    assert both[none] == Part(False, BECAUSE[Listed.NO_NUMBER])
    assert (Status.SENT, Channel.SMS) not in both
    resent = parts({Listed.RESENT})
    assert set(resent) == set(PAIRS)
    assert resent[email] == Part(False, frozenset(), resent=True)
    assert parts(()) == dict.fromkeys(PAIRS, Part())
