"""The REST side, through the real client: reference/protocol.md 1.1 and 1.8."""

from datetime import UTC, datetime, timedelta

import pytest
import requests
from twilio.base.exceptions import TwilioRestException


def test_a_created_message_has_twilios_fields(account, phone):
    message = account.send(phone, "Hi Maya")
    assert message.sid.startswith("SM")
    assert len(message.sid) == 34
    assert (message.status, message.direction) == ("queued", "outbound-api")
    assert (message.num_segments, message.num_media) == ("1", "0")
    assert (message.to, message.from_, message.body) == (phone, account.number, "Hi Maya")
    assert message.date_sent is None
    assert abs(message.date_created - datetime.now(UTC)) < timedelta(seconds=10)
    assert message.uri == f"/2010-04-01/Accounts/{account.sid}/Messages/{message.sid}.json"
    assert message.fetch().sid == message.sid


@pytest.mark.parametrize(
    ("body", "segments"),
    [
        ("a" * 160, "1"),
        ("a" * 161, "2"),
        ("a" * 306, "2"),
        ("€" * 80, "1"),  # two places each
        ("€" * 81, "2"),
        ("ş" * 70, "1"),
        ("ş" * 71, "2"),
        ("😀" * 35, "1"),
        ("😀" * 36, "2"),
    ],
)
def test_segments(account, phone, body, segments):
    assert account.send(phone, body).num_segments == segments


def test_a_wrong_token_is_refused(account, carrier):
    url = f"{carrier.base_url}/2010-04-01/Accounts/{account.sid}/Messages.json"
    for credentials in (None, (account.sid, "wrong"), ("AC" + "0" * 32, account.token)):
        answer = requests.get(url, auth=credentials, timeout=5)
        assert (answer.status_code, answer.json()["code"]) == (401, 20003)


@pytest.mark.parametrize(
    ("code", "change"),
    [
        (21604, {"to": ""}),
        (21603, {"from_": ""}),
        (21602, {"body": ""}),
        (21617, {"body": "a" * 1601}),
        (21609, {"status_callback": "not an address"}),
        (21609, {"status_callback": "http://under_score.example/status"}),
        (21211, {"to": "+1512"}),
        (21606, {"from_": "+15005550006"}),  # owned by nobody here
    ],
)
def test_a_wrong_create_is_refused(account, phone, carrier, code, change):
    given = {"to": phone, "from_": account.number, "body": "Hello"} | change
    with pytest.raises(TwilioRestException) as refused:
        account.client.messages.create(**given)
    assert (refused.value.code, refused.value.status) == (code, 400)
    assert carrier.ledger(account_sid=account.sid) == []


@pytest.mark.parametrize(("behaviour", "code"), [("invalid", 21211), ("landline", 21614)])
def test_a_handset_may_make_the_carrier_refuse(account, phone, carrier, behaviour, code):
    carrier.handset(phone, behaviour=behaviour)
    with pytest.raises(TwilioRestException) as refused:
        account.send(phone)
    assert refused.value.code == code


def test_unknown_sids_and_paths_are_20404(account, carrier):
    with pytest.raises(TwilioRestException) as unknown:
        account.client.messages("SM" + "0" * 32).fetch()
    assert (unknown.value.status, unknown.value.code) == (404, 20404)
    url = f"{carrier.base_url}/2010-04-01/Accounts/{account.sid}/Calls.json"
    assert requests.get(url, timeout=5).json()["code"] == 20404


def test_the_list_holds_both_directions_newest_first_and_pages(account, phone, carrier):
    carrier.handset(phone, behaviour="silent")
    sids = [account.send(phone, f"Text {n}").sid for n in range(5)]
    sids.append(carrier.text(phone, to=account.number, body="Hello")["sid"])
    listed = account.client.messages.list(page_size=2)
    assert [message.sid for message in listed] == sids[::-1]
    assert [m.sid for m in account.client.messages.list(from_=phone)] == sids[-1:]
    assert [m.sid for m in account.client.messages.list(to=phone, page_size=2)] == sids[-2::-1]


def test_the_list_by_date_settles_an_unknown_create(account, phone):
    """The app asks by To and DateSent>= whether a lost create went through."""
    before = datetime.now(UTC) - timedelta(seconds=2)
    sid = account.send(phone).sid
    find = account.client.messages.list
    assert [m.sid for m in find(to=phone, date_sent_after=before)] == [sid]
    assert find(to=phone, date_sent_after=before + timedelta(hours=1)) == []
    assert find(to=phone, date_sent_before=before) == []
    assert [m.sid for m in find(to=phone, date_sent=datetime.now(UTC).date())] == [sid]


def test_only_a_queued_message_can_be_canceled_and_a_finished_one_redacted(account, phone, carrier):
    carrier.handset(phone, behaviour="silent")
    message = account.send(phone)
    with pytest.raises(TwilioRestException):
        message.update(body="")
    assert message.update(status="canceled").status == "canceled"
    with pytest.raises(TwilioRestException):
        message.update(status="canceled")
    assert message.update(body="").body == ""


def test_the_account_and_its_numbers(account):
    assert account.client.api.accounts(account.sid).fetch().status == "active"
    [number] = account.client.incoming_phone_numbers.list(phone_number=account.number)
    assert number.sid.startswith("PN")
    assert number.sms_url == f"{account.receiver.base_url}/inbound"
    changed = number.update(voice_url="http://127.0.0.1:1/voice")
    assert changed.voice_url == "http://127.0.0.1:1/voice"
    assert changed.sms_url == f"{account.receiver.base_url}/inbound"
    assert account.client.incoming_phone_numbers.list(phone_number="+15005550009") == []


def test_latency_slows_every_answer(account, phone, carrier):
    carrier.change_account(account.sid, latency_ms=120)
    began = datetime.now(UTC)
    account.send(phone)
    assert datetime.now(UTC) - began >= timedelta(milliseconds=120)
