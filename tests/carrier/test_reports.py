"""What a handset does with a text, and its signed reports: reference/protocol.md 1.3, 1.5, 1.6."""

import pytest
from twilio.request_validator import RequestValidator

from tests.helpers import until


def statuses(hooks):
    return [(hook.form["MessageStatus"], hook.form.get("ErrorCode")) for hook in hooks]


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, [("sent", None), ("delivered", None)]),
        ({"behaviour": "slow", "seconds": 0.05}, [("sent", None), ("delivered", None)]),
        ({"behaviour": "undelivered"}, [("sent", None), ("undelivered", "30003")]),
        ({"behaviour": "undelivered", "code": 30007}, [("sent", None), ("undelivered", "30007")]),
        ({"behaviour": "failed", "code": 30008}, [("failed", "30008")]),
    ],
)
def test_each_behaviour_reports_its_statuses(account, phone, carrier, settings, expected):
    carrier.handset(phone, **settings)
    message = account.send(phone)
    assert statuses(account.receiver.take(len(expected))) == expected
    status, code = expected[-1]
    fetched = message.fetch()
    assert (fetched.status, fetched.error_code) == (status, code and int(code))
    assert [t["body"] for t in carrier.shown(phone)] == (["Hello"] if status == "delivered" else [])


def test_a_report_is_signed_without_the_fragment(account, phone):
    base = f"{account.receiver.base_url}/status/7c1e?try=1"
    message = account.send(phone, status_callback=f"{base}#rc=2&rp=5xx")
    sent, delivered = account.receiver.take(2)
    assert sent.url == base
    assert sent.headers["Content-Type"].startswith("application/x-www-form-urlencoded")
    validator = RequestValidator(account.token)
    assert validator.validate(base, sent.form, sent.headers["X-Twilio-Signature"])
    expected = {
        "AccountSid": account.sid,
        "From": account.number,
        "To": phone,
        "MessageSid": message.sid,
        "SmsSid": message.sid,
        "MessageStatus": "sent",
        "SmsStatus": "sent",
        "ApiVersion": "2010-04-01",
    }
    assert sent.form == expected
    assert len(delivered.form["RawDlrDoneDate"]) == 10
    tokens = {hook.headers["I-Twilio-Idempotency-Token"] for hook in (sent, delivered)}
    assert len(tokens) == 2


@pytest.mark.parametrize(("fragment", "tries"), [("", 1), ("#rc=2&rp=5xx", 3), ("#rp=all", 2)])
def test_an_error_is_retried_only_when_asked_for(account, phone, carrier, fragment, tries):
    account.receiver.answers["/status"] = (500, "text/plain", "")
    carrier.handset(phone, behaviour="failed")
    account.send(phone, status_callback=f"{account.receiver.base_url}/status{fragment}")
    hooks = account.receiver.take(tries)
    assert len({hook.headers["I-Twilio-Idempotency-Token"] for hook in hooks}) == 1
    carrier.handset(phone, behaviour="delivered")
    account.send(phone, status_callback=f"{account.receiver.base_url}/next")
    assert account.receiver.take(1)[0].url.endswith("/next")  # nothing more came in between


def test_a_refused_connection_is_tried_twice(account, phone, carrier):
    carrier.handset(phone, behaviour="failed")
    account.send(phone, status_callback="http://127.0.0.1:1/nobody-there")

    def tries():
        asked = [r for r in carrier.requests() if "/nobody-there" in r["what"]]
        return asked if len(asked) == 2 else None

    assert [entry["status"] for entry in until(tries)] == [None, None]


def test_a_phone_that_is_off_gets_its_texts_when_it_is_switched_on(account, phone, carrier):
    carrier.handset(phone, behaviour="off")
    account.send(phone, "One")
    account.send(phone, "Two")
    assert statuses(account.receiver.take(2)) == [("sent", None)] * 2
    assert carrier.shown(phone) == []
    carrier.handset(phone, behaviour="delivered")
    assert statuses(account.receiver.take(2)) == [("delivered", None)] * 2
    assert [text["body"] for text in carrier.shown(phone)] == ["One", "Two"]


def test_a_silent_phone_leaves_the_reports_to_the_test(account, phone, carrier):
    carrier.handset(phone, behaviour="silent")
    sid = account.send(phone).sid
    for status, code in (("delivered", None), ("sent", None), ("undelivered", 30003)):
        assert carrier.callback(sid, status, code)["status"] == 200
    reports = account.receiver.take(3)  # in this order, and none of its own before
    assert statuses(reports) == [("delivered", None), ("sent", None), ("undelivered", "30003")]
    [entry] = carrier.ledger(to=phone)
    assert (entry["sid"], entry["status"], entry["segments"]) == (sid, "delivered", 1)
