"""Twilio's forms: who signed them (the vectors of protocol 1.6), and what a report says."""

import pytest
from werkzeug.datastructures import MultiDict

from app.providers import Credentials
from app.providers.twilio import TwilioProvider, report
from app.rules.lifecycle import Status

SID, MESSAGE = "AC" + "1" * 32, "SM" + "0" * 32
CALL = {
    "CallSid": "CA1234567890ABCDE",
    "Caller": "+14158675309",
    "Digits": "1234",
    "From": "+14158675309",
    "To": "+18005551212",
}
SMS = {
    "MessageSid": "SM00000000000000000000000000000001",
    "From": "+14155550100",
    "To": "+14155550199",
    "Body": "Hello world",
    "NumMedia": "0",
}
CALL_URL, CALL_SIGNATURE = (
    "https://mycompany.com/myapp.php?foo=1&bar=2",
    "RSOYDt4T1cUTdK1PDd93/VVr8B8=",
)
SMS_URL, SMS_SIGNATURE = "https://sms.example.com/twilio/inbound", "zrdFYXJkTLKEOEVPQADjsiwWCqw="


@pytest.mark.parametrize(
    ("url", "form", "signature", "valid"),
    [
        (CALL_URL, CALL, CALL_SIGNATURE, True),
        (SMS_URL, SMS, SMS_SIGNATURE, True),
        # W8: senders disagree about the default port.
        (SMS_URL.replace(".com/", ".com:443/"), SMS, SMS_SIGNATURE, True),
        (SMS_URL + "/", SMS, SMS_SIGNATURE, False),
        (SMS_URL + "#rc=5", SMS, SMS_SIGNATURE, False),
        (SMS_URL.replace("https", "http"), SMS, SMS_SIGNATURE, False),
        (SMS_URL, SMS | {"Body": "Hello World"}, SMS_SIGNATURE, False),
        (SMS_URL, SMS | {"Extra": ""}, SMS_SIGNATURE, False),  # blank values take part
        (SMS_URL, SMS, CALL_SIGNATURE, False),
        (SMS_URL, SMS, "", False),
        (SMS_URL, SMS, "å", False),
    ],
)
def test_signatures(url, form, signature, valid):
    """Protocol 1.6, X5."""
    provider = TwilioProvider(Credentials(SID, "12345"), deadline=1)
    assert provider.signed(url, MultiDict(form), signature) is valid


def test_another_token_signs_nothing_of_ours():
    """W3."""
    other = TwilioProvider(Credentials(SID, "54321"), deadline=1)
    assert not other.signed(SMS_URL, MultiDict(SMS), SMS_SIGNATURE)


# Reports


@pytest.mark.parametrize(
    ("fields", "status", "error"),
    [
        ({"MessageStatus": "delivered"}, Status.DELIVERED, ""),
        ({"SmsStatus": "sent"}, Status.SENT, ""),
        ({"MessageStatus": "undelivered", "ErrorCode": "30003"}, Status.UNDELIVERED, "30003"),
        ({"MessageStatus": "failed", "ErrorCode": "0"}, Status.FAILED, ""),
        ({"MessageStatus": "failed", "ErrorCode": "'; --"}, Status.FAILED, ""),
        ({"MessageStatus": "Delivered"}, None, ""),
        ({"MessageStatus": "banana"}, None, ""),
        ({}, None, ""),
    ],
)
def test_the_words_of_a_report(fields, status, error):
    """W27, protocol 1.2 and 1.3."""
    told = report({"AccountSid": SID, "MessageSid": MESSAGE, **fields})
    assert (told.sid, told.status, told.error) == (MESSAGE, status, error)
