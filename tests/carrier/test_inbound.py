"""Texts typed on a handset: reference/protocol.md 1.4, 1.5, 2.1; decisions D15, D16, D18, D21."""

import pytest
import requests
from twilio.base.exceptions import TwilioRestException
from twilio.request_validator import RequestValidator

from tests.helpers import until

REPLY = "<?xml version='1.0'?><Response><Message><Body>We are open</Body></Message></Response>"


def test_a_text_reaches_the_webhook_signed_with_all_fields(account, phone, carrier):
    sent = carrier.text(phone, to=account.number, body=" is the lab open? ")
    assert sent["webhook"]["status"] == 200
    [hook] = account.receiver.take(1)
    signature = hook.headers["X-Twilio-Signature"]
    assert RequestValidator(account.token).validate(hook.url, hook.form, signature)
    places = {e + p: "" for e in ("From", "To") for p in ("City", "State", "Zip", "Country")}
    expected = {
        "MessageSid": sent["sid"],
        "SmsSid": sent["sid"],
        "SmsMessageSid": sent["sid"],
        "AccountSid": account.sid,
        "From": phone,
        "To": account.number,
        "Body": " is the lab open? ",
        "NumMedia": "0",
        "NumSegments": "1",
        "SmsStatus": "received",
        "ApiVersion": "2010-04-01",
    }
    assert hook.form == expected | places
    message = account.client.messages(sent["sid"]).fetch()
    assert (message.direction, message.status) == ("inbound", "received")
    [shown] = carrier.shown(phone)
    assert (shown["direction"], shown["other"], shown["automatic"]) == (
        "out",
        account.number,
        False,
    )
    assert shown["webhook_ms"] >= 0


def test_pictures_are_served_to_their_account(account, phone, carrier):
    sent = carrier.text(phone, to=account.number, media=["image/png", "image/jpeg"])
    form = account.receiver.take(1)[0].form
    assert sent["sid"].startswith("MM")
    assert form["NumMedia"] == "2"
    assert form["MediaContentType1"] == "image/jpeg"
    assert requests.get(form["MediaUrl0"], timeout=5).status_code == 401
    picture = requests.get(form["MediaUrl0"], auth=(account.sid, account.token), timeout=5)
    assert picture.headers["Content-Type"] == "image/png"
    assert picture.content.startswith(b"\x89PNG")


def test_the_same_webhook_can_come_five_times_at_once(account, phone, carrier):
    sent = carrier.text(phone, to=account.number, body="Hello", repeat=5)
    assert [call["status"] for call in sent["webhooks"]] == [200] * 5
    assert {hook.form["MessageSid"] for hook in account.receiver.take(5)} == {sent["sid"]}
    assert len(carrier.shown(phone)) == 1


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ((503, "text/plain", "later"), "11200"),
        ((200, "text/html", "<p>hello</p>"), "12300"),
        ((200, "text/xml", "<Response>"), "12100"),
    ],
)
def test_a_failed_webhook_is_followed_by_the_fallback(account, phone, carrier, answer, code):
    account.receiver.answers["/inbound"] = answer
    assert carrier.text(phone, to=account.number, body="Hello")["webhook"]["status"] == 200
    first, second = account.receiver.take(2)
    assert second.url == f"{account.receiver.base_url}/fallback"
    assert second.form == first.form | {"ErrorCode": code, "ErrorUrl": first.url}


def test_a_twiml_reply_arrives_on_the_handset(account, phone, carrier):
    account.receiver.answers["/inbound"] = (200, "text/xml", REPLY)
    carrier.text(phone, to=account.number, body="open?")
    _, reply = until(lambda: shown if len(shown := carrier.shown(phone)) == 2 else None)
    assert (reply["direction"], reply["body"]) == ("in", "We are open")
    assert carrier.ledger(to=phone) == []  # no create


def test_stop_blocks_the_pair_and_start_lifts_it(account, phone, carrier):
    other = phone.replace("+1512", "+1737")
    carrier.number(account.sid, other)
    carrier.text(phone, to=account.number, body=" Stop ")
    assert account.receiver.take(1)[0].form["Body"] == " Stop "  # the word reaches the app (D21)
    with pytest.raises(TwilioRestException) as refused:
        account.send(phone)
    assert (refused.value.status, refused.value.code) == (400, 21610)
    assert account.client.messages.create(to=phone, from_=other, body="Hello").sid  # D18: per pair
    carrier.text(phone, to=account.number, body="START")
    assert account.send(phone).status == "queued"
    automatic = [text["body"] for text in carrier.shown(phone) if text["automatic"]]
    assert automatic[0].startswith("You have successfully been unsubscribed.")
    assert automatic[1].startswith("You have successfully been re-subscribed")


def test_words_in_a_sentence_are_no_keywords(account, phone, carrier):
    for body in ("stop please", "I can't stop by today", "yes", "start"):
        carrier.text(phone, to=account.number, body=body)
    assert account.send(phone).status == "queued"
    assert not [text for text in carrier.shown(phone) if text["automatic"]]


def test_help_is_answered(account, phone, carrier):
    carrier.text(phone, to=account.number, body="help")
    assert [t["body"][:10] for t in carrier.shown(phone) if t["automatic"]] == ["Reply STOP"]


def test_an_account_may_leave_opt_outs_to_the_app(account, phone, carrier):
    """D21: answers are the provider's or ours, never both."""
    carrier.change_account(account.sid, opt_out_handling=False)
    carrier.text(phone, to=account.number, body="STOP")
    assert [text["automatic"] for text in carrier.shown(phone)] == [False]
    assert account.send(phone).status == "queued"
