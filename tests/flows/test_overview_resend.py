"""Resending from the overview: in each status where D32 allows it, and refused in each other, also
to a forged request (S4-13, S4-17, S4-19, S4-29..S4-31, D33)."""

import pytest
from sqlalchemy import select, update

from app.database import db, transaction
from app.models import ContactNumber, Message
from app.rules.consent import DisabledBy, SmsStatus
from app.rules.lifecycle import Status
from tests.helpers import until

# status: whether it may be sent again, and whether still when its number is DISABLED by now
TABLE = {
    Status.HELD: (False, False),
    Status.QUEUED: (False, False),
    Status.SENDING: (False, False),
    Status.UNCONFIRMED: (False, False),
    Status.ACCEPTED: (True, True),
    Status.SENT: (True, True),
    Status.TIMED_OUT: (True, True),
    Status.REJECTED: (False, False),
    Status.FAILED: (True, False),
    Status.UNDELIVERED: (True, False),
    Status.CANCELED: (False, False),
    Status.DELIVERED: (False, False),
    Status.READ: (False, False),
    Status.NOT_SENT: (False, False),
}


@pytest.fixture
def silent(school):
    """Dana, somebody whose phone never says that a text arrived, and her text to them."""
    dana, _ = school.holder()
    maya = school.person("mobile")
    school.carrier.handset(maya.numbers[0], behaviour="silent")
    sent = dana.send(maya, "The door is open")
    dana.settled(sent["id"], "accepted", "sent")
    return dana, maya, sent["id"]


def becomes(school, message_id, status):
    """As if its story had gone so; the carrier knows nothing of it, and the sweep leaves it."""
    with school.app.app_context(), transaction():
        db.session.execute(
            update(Message).where(Message.id == message_id).values(status=status, due_at=None)
        )


def disable(school, number):
    with school.app.app_context(), transaction():
        db.session.execute(
            update(ContactNumber)
            .where(ContactNumber.e164 == number, ContactNumber.institution_id == school.id)
            .values(status=SmsStatus.DISABLED, disabled_by=DisabledBy.STAFF)
        )


def again(school, message_id):
    """The channels of what was sent instead of it."""
    with school.app.app_context():
        found = select(Message.channel).where(Message.resend_of == message_id)
        return [channel.value for channel in db.session.execute(found).scalars()]


@pytest.mark.parametrize("disabled", [False, True])
@pytest.mark.parametrize("status", [s for s in TABLE if s not in (Status.QUEUED, Status.SENDING)])
def test_every_status(school, silent, status, disabled):
    """The button says what a forged request finds (S4-13, S4-14, S4-17, S4-19, S4-29)."""
    dana, maya, message_id = silent
    becomes(school, message_id, status)
    if disabled:
        disable(school, maya.numbers[0])
    allowed = TABLE[status][disabled]
    with school.browser(dana) as browser:
        page = browser.get(f"/messages/rows?shown={message_id}&picked={message_id}").text
        button = page.partition('class="button small"')[2].partition(">")[0]
        assert ("disabled" not in button) == allowed
        answer = browser.post(f"/messages/{message_id}/resend?text=door&sort=status")
    assert answer.status_code == (303 if allowed else 409)
    expected = ["email" if disabled else "sms"] if allowed else []
    assert again(school, message_id) == expected
    if allowed:
        assert answer.headers["Location"] == "/messages?text=door&sort=status"
    else:
        assert "This cannot be sent again." in answer.text
        assert "The door is open" in answer.text  # the list it was pressed in


@pytest.mark.parametrize("status", [Status.QUEUED, Status.SENDING])
def test_what_is_still_on_its_way(school, status):
    """D32: not until it is settled. The account stands still, so that it stays so."""
    dana, _ = school.holder()
    maya = school.person("mobile")
    with school.account_stopped():
        message_id = dana.send(maya)["id"]
        becomes(school, message_id, status)
        with school.browser(dana) as browser:
            assert browser.post(f"/messages/{message_id}/resend").status_code == 409
    assert again(school, message_id) == []


def test_the_new_row_is_marked_and_the_old_one_stays(school, silent):
    """S4-22, S4-24, S4-31: confirmed by name; once, whoever presses twice."""
    dana, maya, message_id = silent
    with school.browser(dana) as browser:
        assert browser.post(f"/messages/{message_id}/resend").status_code == 303
        page = browser.get("/messages").text
        assert "Text to Maya Torres is queued again." in page
        new, old = page.partition("<tbody>")[2].split("</tr>")[:2]
        assert 'aria-label="Resent"' in new.rpartition("<td")[2]  # the last column
        assert 'aria-label="Resent"' not in old
        assert f'id="message-{message_id}"' in old
        twice = browser.post(f"/messages/{message_id}/resend")
        assert twice.status_code == 409
        assert "sent again already" in twice.text
        only = browser.get("/messages?status=resent").text
        assert only.count('<tr id="message-') == 1
    assert len(school.ledger(maya.numbers[0])) <= 2


def test_the_provider_is_asked_first(school, silent):
    """D33: what has arrived meanwhile is not sent again, and its row says so."""
    dana, maya, message_id = silent
    school.carrier.fault(school.account_sid, "callback_lost", count=None)
    school.carrier.handset(maya.numbers[0], behaviour="delivered")
    message_id = dana.send(maya, "The window is open")["id"]
    dana.settled(message_id, "accepted", "sent")
    until(lambda: school.ledger(maya.numbers[0])[-1]["status"] == "delivered", 30)
    with school.browser(dana) as browser:
        answer = browser.post(f"/messages/{message_id}/resend")
    assert answer.status_code == 409
    assert "It has arrived." in answer.text
    assert again(school, message_id) == []


def test_what_is_a_colleagues_is_theirs_to_send(school, silent):
    """D3: whoever sees all may look; who sees nothing of it learns nothing."""
    _, _, message_id = silent
    with school.browser(school.admin()) as browser:
        page = browser.get(f"/messages/rows?shown={message_id}&picked={message_id}").text
        assert "Take this conversation over before you answer in it." in page
        assert browser.post(f"/messages/{message_id}/resend").status_code == 403
    sam = school.member(name="Sam Lee")
    with school.browser(sam) as browser:
        assert browser.post(f"/messages/{message_id}/resend").status_code == 404
    assert again(school, message_id) == []
