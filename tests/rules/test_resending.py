"""Which texts may be taken back or sent once more: read it as the column of D32 (S4-29, D33)."""

import pytest

from app.rules.dispatch import Channel
from app.rules.lifecycle import Status
from app.rules.resending import why_not_cancel, why_not_resend

# status of a text: may it be canceled, resent, resent when its number is DISABLED by now
TABLE = {
    Status.NOT_SENT: (False, False, False),
    Status.RECEIVED: (False, False, False),
    Status.HELD: (True, False, False),
    Status.QUEUED: (True, False, False),
    Status.SENDING: (False, False, False),  # until settled
    Status.UNCONFIRMED: (False, False, False),
    Status.ACCEPTED: (False, True, True),
    Status.SENT: (False, True, True),
    Status.TIMED_OUT: (False, True, True),
    Status.CANCELED: (False, False, False),
    Status.REJECTED: (False, False, False),
    Status.FAILED: (False, True, False),
    Status.UNDELIVERED: (False, True, False),
    Status.DELIVERED: (False, False, False),
    Status.READ: (False, False, False),
}


@pytest.mark.parametrize("status", Status)
def test_every_status_of_a_text(status):
    """S4-29"""
    found = (
        why_not_cancel(Channel.SMS, status),
        why_not_resend(Channel.SMS, status, disabled=False),
        why_not_resend(Channel.SMS, status, disabled=True),
    )
    assert tuple(why is None for why in found) == TABLE[status]
    assert all(why.endswith(".") for why in found if why)


@pytest.mark.parametrize("channel", [Channel.EMAIL, Channel.NONE])
@pytest.mark.parametrize("status", Status)
def test_what_went_by_email_is_no_text(channel, status):
    """What waits for its time may be canceled, whatever it would become."""
    assert bool(why_not_cancel(channel, status)) == (status is not Status.HELD)
    assert why_not_resend(channel, status, disabled=False)
