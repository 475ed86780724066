"""Writing to a person, answering, and the log."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.helpers import until

SHAPE = {
    "id", "direction", "type", "channel", "status", "reason", "person_id", "staff_id",
    "conversation_id", "from", "to", "body", "encoding", "segments", "error", "provider",
    "provider_sid", "resend_of", "org_unit_id", "send_at", "created_at", "sent_at", "delivered_at",
}  # fmt: skip


def test_a_message_has_the_promised_shape(school):
    """Contract 4, Shapes (S0-36, S0-38)."""
    (ours,) = school.pool(1)
    dana, maya = school.member(), school.person("mobile")
    sent = dana.send(maya, "Hello", send_at=None)
    assert set(sent) >= SHAPE
    expected = {
        "direction": "outbound",
        "type": "conversation",
        "channel": "sms",
        "person_id": maya.id,
        "staff_id": dana.id,
        "from": ours,
        "to": maya.numbers[0],
        "body": "Hello",
        "encoding": "GSM-7",
        "segments": 1,
        "error": None,
        "email": None,
        "provider": "twilio",
    }
    assert {name: sent[name] for name in expected} == expected
    done = dana.settled(sent["id"], "delivered")
    assert done["provider_sid"].startswith("SM")
    assert done["created_at"] <= done["sent_at"] <= done["delivered_at"]

    school.texts(maya.numbers[0], ours, "Hi")
    reply = until(lambda: dana.thread(sent["conversation_id"])[1:])[0]
    assert (reply["direction"], reply["status"], reply["body"]) == ("inbound", "received", "Hi")
    assert (reply["from"], reply["to"], reply["reason"]) == (maya.numbers[0], ours, None)


def test_an_email_is_queued_then_sent(school):
    """Contract 4: an email is `queued`, `sent` or `failed`"""
    dana, pat = school.member(), school.person()
    sent = dana.send(pat, "Hello")
    assert (sent["channel"], sent["reason"], sent["to"]) == ("email", "no_phone", pat.email)
    assert sent["status"] in ("queued", "sent")
    assert dana.settled(sent["id"], "sent")["sent_at"]
    assert dana.send(school.person(email=None), "Hello")["error"]["code"] == "no_email"


BODIES: list[tuple[dict[str, Any], str, str]] = [
    ({"body": ""}, "body", "Write a message first."),
    ({"body": " \n "}, "body", "Write a message first."),
    ({"body": "a\x07b"}, "body", "control characters"),
    ({"body": "a\x00b"}, "body", "control characters"),
    ({"body": "x" * 1001}, "body", "1,001 characters; 1,000 is the most. It would take 7 texts."),
    ({"body": "😀" * 1001}, "body", "1,001 characters; 1,000 is the most. It would take 31 texts."),
    ({"schedule_at": "2027-01-01T00:00:00Z"}, "schedule_at", "There is no field schedule_at."),
    ({"send_at": "2020-01-01T00:00:00Z"}, "send_at", "still to come"),
    ({"send_at": "2099-01-01T00:00:00Z"}, "send_at", "within a year"),
    ({"send_at": 1800000000}, "send_at", "Write a time like"),
    ({"channel": "fax"}, "channel", "'sms' or 'email'"),
    ({"phone_id": 999_999_999}, "phone_id", "no such phone"),
    ({"person_id": "1"}, "person_id", "valid integer"),
    ({"person_id": 10**20}, "person_id", "less than or equal"),
    ({"person_id": True}, "person_id", "valid integer"),
]


@pytest.mark.parametrize(("change", "field", "words"), BODIES)
def test_a_wrong_message_is_refused_and_not_stored(change, field, words, quiet):
    """A8, A11"""
    pat = quiet.admin().api.get("/people", params={"limit": 1}).json()["items"][0]
    body = {"person_id": pat["id"], "body": "Hello", **change}
    answer = quiet.admin().api.post("/messages", json=body)
    assert answer.status_code == 422, answer.text
    (problem,) = answer.json()["error"]["fields"]
    assert problem["field"] == field
    assert words in problem["message"]
    assert quiet.admin().api.get("/messages").json()["items"] == []


def test_what_is_wrong_is_told_in_the_promised_order(school):
    """Contract 4: shape, role, person, phone, channel (D40, D41)"""
    school.pool(1)
    dana, maya = school.member(), school.person("home")
    rob = school.member("Responder", name="Rob Ray")
    home, nobody = maya.phone_ids[0], 999_999_999

    def ask(member: Any, **body: Any) -> tuple[int, str]:
        answer = member.api.post("/messages", json={"body": "Hello", **body})
        return answer.status_code, (answer.json()["error"] or {}).get("code", "")

    assert ask(rob, person_id=nobody, x=1) == (422, "invalid")
    assert ask(rob, person_id=nobody) == (403, "role_not_permitted")
    assert ask(dana, person_id=nobody, phone_id=home) == (404, "not_found")
    assert ask(dana, person_id=maya.id, phone_id=home, channel="sms") == (422, "no_textable_phone")
    assert ask(dana, person_id=maya.id, channel="sms") == (409, "no_textable_phone")
    assert dana.api.get("/messages").json()["items"] == []
    assert ask(dana, person_id=maya.id) == (201, "")


def test_the_same_key_is_the_same_message(school):
    """A13, A14, I8"""
    school.pool(1)
    dana, maya = school.member(), school.person("mobile")
    key = {"Idempotency-Key": "order-1"}

    def post(body: str) -> Any:
        return dana.api.post("/messages", json={"person_id": maya.id, "body": body}, headers=key)

    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(lambda _: post("Hello"), range(8)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert len(dana.api.get("/messages").json()["items"]) == 1
    other = post("Something else")
    assert (other.status_code, other.json()["error"]["code"]) == (409, "idempotency_mismatch")


@pytest.mark.parametrize("key", ["", "k" * 81])
def test_a_key_that_is_none_is_refused(key, quiet):
    body = {"person_id": 1, "body": "Hello"}
    answer = quiet.admin().api.post("/messages", json=body, headers={"Idempotency-Key": key})
    assert answer.status_code == 422
    assert answer.json()["error"]["fields"][0]["field"] == "Idempotency-Key"


def test_the_log_is_filtered_and_paged(school):
    """Contract 4: GET messages"""
    school.pool(2)
    dana, sam, admin = school.member(), school.member(name="Sam Lee"), school.admin()
    maya, pat = school.person("mobile"), school.person(name="Pat No Phone")
    text = dana.send(maya, "Lunch at 100%?")["id"]
    email = dana.send(pat, "Dinner_x")["id"]
    other = sam.send(maya, "Lunch again")["id"]
    dana.settled(text, "delivered")
    dana.settled(email, "sent")
    sam.settled(other, "delivered")

    def found(**query: Any) -> list[int]:
        answer = admin.api.get("/messages", params=query)
        assert answer.status_code == 200, answer.text
        return [message["id"] for message in answer.json()["items"]]

    created = admin.message(email)["created_at"]
    assert found() == [other, email, text]
    assert found(status="delivered") == [other, text]
    assert found(channel="email") == [email]
    assert found(status="sent") == [email]
    assert found(status="queued") == found(status="sending", channel="email") == []
    assert found(direction="inbound") == []
    assert found(staff_id=dana.id) == [email, text]
    assert found(person_id=maya.id, staff_id=sam.id) == [other]
    assert found(to=maya.numbers[0]) == [other, text]
    assert found(to=pat.email.upper()) == [email]
    assert found(text="LUNCH") == [other, text]
    assert found(text="100%") == [text]
    assert found(text="_") == [email]
    assert found(text="' OR 1=1--") == []
    assert found(since=created) == [other, email]
    assert found(until=created) == [text]

    seen: list[int] = []
    page = {"next_cursor": None}
    while not seen or page["next_cursor"]:
        cursor = {"cursor": page["next_cursor"]} if seen else {}
        page = admin.api.get("/messages", params={"limit": 1, **cursor}).json()
        seen += [message["id"] for message in page["items"]]
    assert seen == [other, email, text]
