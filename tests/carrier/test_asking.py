"""Our provider asks the carrier: what tests of the app rely on when texts get lost on the way."""

from datetime import UTC, datetime, timedelta

import pytest
import requests

from app.errors import ProviderBusy, ProviderDenied, ProviderRefused, ProviderUnknown
from app.providers import Credentials, Registrations, Verification
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


def test_every_number_says_where_its_texts_go(account, carrier, provider):
    """By itself, or by its service; and the carrier keeps to what is said."""
    base = account.receiver.base_url
    (own,) = provider.owned()
    assert (own.e164, own.service, own.texts) == (account.number, None, True)
    assert (own.webhooks.inbound, own.webhooks.fallback) == (f"{base}/inbound", f"{base}/fallback")
    service = {"name": "Alerts", "numbers": [account.number], "inbound": f"{base}/service"}
    carrier.registrations(account.sid, services=[{**service, "on_number": False}])
    (taken,) = provider.owned()
    assert (taken.service.name, taken.webhooks.inbound) == ("Alerts", f"{base}/service")
    carrier.text("+15125550147", to=account.number, body="Hello")
    assert account.receiver.take(1)[0].url == f"{base}/service"
    provider.free_from_service(taken.service.sid)
    assert provider.owned() == [own]
    carrier.set_number(account.sid, account.number, sms_application_sid="AP1")
    assert provider.owned()[0].webhooks.inbound == "the application AP1"
    assert carrier.text("+15125550147", to=account.number, body="Hello")["webhook"] is None
    provider.connect_number(account.number, f"{base}/inbound", f"{base}/voice")
    assert provider.owned()[0].webhooks.inbound == f"{base}/inbound#rc=5&rp=ct,rt,5xx"
    carrier.take_number_away(account.number)
    assert provider.owned() == []


def test_what_carriers_were_told_is_told(account, carrier, provider):
    """Protocol 3.4, through the real client."""
    campaign = {"status": "FAILED", "errors": ["No opt-in shown"]}
    verification = {"number": account.number, "status": "IN_REVIEW"}
    carrier.registrations(
        account.sid,
        brands=[{"status": "IN_REVIEW"}],
        services=[{"numbers": [account.number], "campaign": campaign}, {"name": "Empty"}],
        verifications=[verification],
    )
    found = provider.registrations()
    assert [(brand.status, brand.errors) for brand in found.brands] == [("IN_REVIEW", ())]
    (only,) = found.campaigns
    assert (only.service, only.status, only.numbers) == ("Texts", "FAILED", (account.number,))
    assert only.errors == ("No opt-in shown",)
    assert found.verifications == (Verification(account.number, "IN_REVIEW"),)
    carrier.registrations(account.sid)
    assert provider.registrations() == Registrations((), (), ())


def test_the_account_says_whether_it_is_suspended(account, carrier, provider):
    assert provider.check().name == "Practice account"
    carrier.change_account(account.sid, suspended=True)
    with pytest.raises(ProviderRefused):
        provider.check()
    carrier.change_account(account.sid, suspended=False)
    assert not provider.check().trial


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ("reading_busy", ProviderBusy),
        ("reading_denied", ProviderDenied),
        ("reading_error", ProviderUnknown),
        ("reading_hangs", ProviderUnknown),
    ],
)
def test_what_goes_wrong_with_a_question(account, carrier, fault, kind):
    """Each half of the API, once; then it answers again."""
    credentials = Credentials(account.sid, account.token, carrier.base_url)
    provider = TwilioProvider(credentials, deadline=1)
    for ask in (provider.check, provider.registrations):
        carrier.fault(account.sid, fault, seconds=20 if fault == "reading_hangs" else None)
        with pytest.raises(kind):
            ask()
        ask()
