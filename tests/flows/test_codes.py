"""Codes: what a provider's error means for the number, the message and the account (D19, D35)."""

import httpx
import pytest

from app.database import db
from app.services import accounts
from tests.helpers import until
from tests.school import School, at_once

NUMBER_OFF = ["21211", "21217", "21265", "21614", "21635", "30005", "30006"]  # D19
BY_EMAIL = ["21612", "30004", "30007", "30008", "30034"]  # D35: about this text, not the number


def test_codes_that_disable_the_number(school):
    """S3-52, S3-53, S3-85, D19, F37: that number alone; this text by email, the next by the
    other."""
    dana, _ = school.holder()
    for code in NUMBER_OFF:
        maya = school.person("mobile", "mobile")
        first = maya.phone_ids[0]
        school.carrier.handset(maya.numbers[0], behaviour="undelivered", code=int(code))
        sent = dana.settled(dana.send(maya, "Hello", phone_id=first)["id"], "undelivered")
        assert (sent["channel"], sent["reason"]) == ("sms", "delivery_failed"), code
        assert sent["error"]["code"] == code
        assert school.phone_status(maya) == ["disabled", "default"], code
        until(lambda maya=maya: len(school.mails(maya.email)) == 1)
        (entry,) = school.admin().api.get(f"/phones/{first}/consent").json()["items"]
        assert entry["reason"] == f"provider error {code}"
        assert dana.send(maya, "Again")["to"] == maya.numbers[1]


def test_codes_that_leave_the_number_alone(school):
    """S3-85, D19, D35, F38: by email once; the next text is tried as a text."""
    dana, _ = school.holder()
    for code in BY_EMAIL:
        maya = school.person("mobile")
        school.carrier.handset(maya.numbers[0], behaviour="failed", code=int(code))
        sent = dana.settled(dana.send(maya)["id"], "failed")
        assert (sent["channel"], sent["error"]["code"]) == ("sms", code)
        assert school.phone_status(maya) == ["default"], code
        until(lambda maya=maya: len(school.mails(maya.email)) == 1)
        school.carrier.handset(maya.numbers[0], behaviour="delivered")
        dana.settled(dana.send(maya, "Again")["id"], "delivered")
        assert len(school.mails(maya.email)) == 1, code


def test_a_code_that_nobody_knows_is_final_and_harmless(school):
    """Protocol 1.8: final for its message; its writer is told, the number stays as it is."""
    dana, _ = school.holder()
    maya = school.person("mobile")
    school.carrier.handset(maya.numbers[0], behaviour="undelivered", code=39999)
    sent = dana.settled(dana.send(maya)["id"], "undelivered")
    assert sent["error"] == {"code": "39999", "message": "The provider gave an error"}
    assert school.phone_status(maya) == ["default"]
    assert sent["email"] is None


@pytest.mark.parametrize(("behaviour", "code"), [("invalid", "21211"), ("landline", "21614")])
def test_a_text_refused_at_once_becomes_an_email(school, behaviour, code):
    """D19, D28, D35: the provider provably never took it, so its place is given back."""
    dana, _ = school.holder()
    used = school.usage()["messages"]["used"]
    maya = school.person("mobile")
    school.carrier.handset(maya.numbers[0], behaviour=behaviour)
    sent = dana.send(maya, "Your hold is cleared")
    mailed = until(lambda: (m := dana.message(sent["id"]))["channel"] == "email" and m)
    assert (mailed["reason"], mailed["to"]) == ("number_invalid", maya.email)
    assert mailed["error"]["code"] == code
    assert school.phone_status(maya) == ["disabled"]
    assert school.usage()["messages"]["used"] == used
    dana.settled(sent["id"], "sent")
    (mail,) = school.mails(maya.email)
    assert "Your hold is cleared" in mail["text"]
    assert dana.route(maya)["reason"] == "number_invalid"


def test_only_what_was_never_taken_gives_its_place_back(school):
    """D28: a text that failed on its way, or arrived, has cost its place."""
    dana, _ = school.holder()
    for behaviour in ("delivered", "failed", "undelivered"):
        maya = school.person("mobile")
        code = {"failed": 30008, "undelivered": 30005}.get(behaviour)
        school.carrier.handset(maya.numbers[0], behaviour=behaviour, code=code)
        dana.settled(dana.send(maya)["id"], behaviour)
    assert school.usage()["messages"]["used"] == 1 + 3


def test_a_phone_out_of_reach_is_tried_again_and_then_emailed(school):
    """D19, D31, D35: 30003; the number stays as it is."""
    dana, _ = school.holder()
    maya = school.person("mobile")
    school.carrier.handset(maya.numbers[0], behaviour="undelivered", code=30003)
    sent = dana.settled(dana.send(maya, "Hello")["id"], "undelivered")
    assert sent["error"]["code"] == "30003"
    assert [text["body"] for text in school.ledger(maya.numbers[0])] == ["Hello", "Hello"]
    until(lambda: len(school.mails(maya.email)) == 1)
    assert school.phone_status(maya) == ["default"]
    assert school.usage()["messages"]["used"] == 2


def test_a_phone_back_in_reach_gets_its_text_and_no_email(school):
    """D31: the second try arrives, and the error of the first is no longer shown."""
    dana, _ = school.holder()
    maya = school.person("mobile")
    school.carrier.handset(maya.numbers[0], behaviour="undelivered", code=30003)
    sent = dana.send(maya)
    until(lambda: (m := dana.message(sent["id"]))["error"] and m["status"] == "queued")
    school.carrier.handset(maya.numbers[0], behaviour="silent")
    again = dana.settled(sent["id"], "accepted")
    assert again["error"] is None
    sid = school.ledger(maya.numbers[0])[1]["sid"]
    assert again["provider_sid"] == sid
    school.carrier.callback(sid, "delivered")
    assert dana.message(sent["id"])["status"] == "delivered"
    assert school.mails(maya.email) == []


def test_with_no_email_address_a_failed_text_stays_failed(school):
    """D35, S3-86: there is nothing else to try, and the reason shows."""
    dana, _ = school.holder()
    maya = school.person("mobile", email=None)
    school.carrier.handset(maya.numbers[0], behaviour="undelivered", code=30008)
    sent = dana.settled(dana.send(maya)["id"], "undelivered")
    assert sent["email"] is None
    refused = school.person("mobile", email=None)
    school.carrier.handset(refused.numbers[0], behaviour="invalid")
    sent = dana.settled(dana.send(refused)["id"], "rejected")
    assert (sent["channel"], sent["error"]["code"]) == ("sms", "21211")


def degraded(school: School) -> list[str]:
    answer = httpx.get(f"{school.url}/readyz", timeout=30, trust_env=False)
    assert answer.status_code == 200
    found: list[str] = answer.json()["degraded"]
    return found


def new_credentials(school: School, secret: str) -> None:
    """What `replyline provider add` does for an account that is known already."""
    with school.app.app_context():
        accounts.add(school.id, school.account_sid, secret, api_url=school.carrier.base_url)
        db.session.remove()


def test_credentials_that_are_refused_stop_the_account_and_keep_the_queue(school):
    """D35, F35, contract 6: not one failed text; the new credentials send what waited."""
    dana, _ = school.holder()
    people = [school.person("mobile") for _ in range(3)]
    school.carrier.account(school.account_sid, "another-token")
    written = at_once(*(lambda person=person: dana.send(person, "Waits") for person in people))
    until(lambda: "provider_account" in degraded(school))
    sent = [m for m in written if m["channel"] == "sms"]  # the others came after the first answer
    waiting = [dana.settled(m["id"], "queued") for m in sent]
    assert [m["error"] for m in waiting] == [None] * len(sent)
    meanwhile = dana.send(people[0], "While it is stopped")
    assert (meanwhile["channel"], meanwhile["reason"]) == ("email", "sms_disabled")
    new_credentials(school, "another-token")
    for message in sent:
        dana.settled(message["id"], "delivered")
    assert [len(school.ledger(m["to"])) for m in sent] == [1] * len(sent)
    assert "provider_account" not in degraded(school)


def test_a_fault_of_ours_stops_the_account_too(school):
    """D35: 30002, the account is suspended: the text is queued again and leaves later."""
    dana, _ = school.holder()
    maya = school.person("mobile")
    school.carrier.handset(maya.numbers[0], behaviour="failed", code=30002)
    sent = dana.send(maya)
    until(lambda: "provider_account" in degraded(school))
    dana.settled(sent["id"], "queued")
    assert school.phone_status(maya) == ["default"]
    school.carrier.handset(maya.numbers[0], behaviour="delivered")
    new_credentials(school, school.account_secret)
    dana.settled(sent["id"], "delivered")
    assert school.mails(maya.email) == []
