"""Our provider asks the carrier: what tests of the app rely on when texts get lost on the way."""

from datetime import UTC, datetime, timedelta

import pytest
import requests

from app.providers import Credentials
from app.providers.twilio import TwilioProvider
from app.rules.lifecycle import Status
from tests.helpers import until

LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def provider(account, carrier):
    credentials = Credentials(account.sid, account.token, carrier.base_url)
    return TwilioProvider(credentials, deadline=20)


def test_texts_that_were_sent_are_found(account, phone, carrier, provider):
    """Reliability 3.2, point 5: on this pair, newest first, whether they have left or not."""
    carrier.handset(phone, behaviour="undelivered", code=30005)
    sid = account.send(phone, "One").sid
    until(lambda: provider.fetch(sid).status is Status.UNDELIVERED)
    assert provider.fetch(sid).error == "30005"
    carrier.handset(phone, behaviour="silent")
    latest = account.send(phone, "Two").sid
    account.send(phone.replace("+1512", "+1737"))
    carrier.text(phone, to=account.number, body="STOP")  # answered by the carrier itself
    found = provider.sent(account.number, phone, LONG_AGO)
    assert [(text.sid, text.body) for text in found] == [(latest, "Two"), (sid, "One")]
    assert found[0].status is Status.ACCEPTED
    assert provider.sent(account.number, phone, found[0].at + timedelta(seconds=1)) == []
    assert provider.fetch("SM" + "0" * 32) is None


def test_texts_that_came_in_are_found_as_their_webhooks_were(account, phone, carrier, provider):
    """D42, with their pictures."""
    carrier.text(phone, to=account.number, body="Look", media=["image/png"])
    form = account.receiver.take(1)[0].form
    carrier.fault(account.sid, "inbound_lost")
    carrier.text(phone, to=account.number, body="Lost")
    account.send(phone)
    lost, look = provider.received(LONG_AGO)
    assert (lost.body, look.body, look.sid) == ("Lost", "Look", form["MessageSid"])
    assert (look.account_sid, look.from_, look.to) == (account.sid, phone, account.number)
    assert look.pictures == ((form["MediaUrl0"], "image/png"),)
    url, login = look.pictures[0][0], (account.sid, account.token)
    assert requests.get(url, auth=login, timeout=5).content.startswith(b"\x89PNG")
    assert abs(lost.at - datetime.now(UTC)) < timedelta(minutes=10)
    assert [text.sid for text in provider.received(LONG_AGO, account.number)] == [
        lost.sid,
        look.sid,
    ]
    assert list(provider.received(LONG_AGO, phone)) == []


def test_a_number_says_where_its_texts_go(account, provider):
    hooks = provider.webhooks(account.number)
    assert (hooks.inbound, hooks.fallback) == (
        f"{account.receiver.base_url}/inbound",
        f"{account.receiver.base_url}/fallback",
    )
    assert provider.webhooks("+15005550009") is None
