"""Taking a text back before it goes, and sending one once more (D28, D32, D33, S4-29..S4-31)."""

from collections import Counter
from functools import partial
from typing import Any

import httpx

from tests.api.conftest import held_back
from tests.helpers import until
from tests.school import Member, at_once


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


def cancel(member: Member, message: dict[str, Any]) -> httpx.Response:
    return member.api.post(f"/messages/{message['id']}/cancel")


def resend(member: Member, message: dict[str, Any]) -> httpx.Response:
    return member.api.post(f"/messages/{message['id']}/resend")


def test_a_queued_text_is_taken_back(school):
    """D28: its place under the limit comes back, and it never leaves"""
    dana, _ = school.holder()
    maya = school.person("mobile")
    before, seq = school.usage()["messages"]["used"], dana.events()[-1]["seq"]
    with held_back(school):
        first, second = dana.send(maya, "Not this"), dana.send(maya, "But this")
        answer = cancel(dana, first)
        assert (answer.status_code, answer.json()["status"]) == (201, "canceled")
        assert code(cancel(dana, first)) == (409, "not_cancelable")
        assert school.usage()["messages"]["used"] == before + 1
    told = [e for e in dana.events(seq) if e["ids"].get("message") == first["id"]]
    assert [e["status"] for e in told] == ["queued", "canceled"]
    dana.settled(second["id"], "delivered")
    assert [text["body"] for text in school.ledger(maya.numbers[0])] == ["But this"]
    assert dana.message(first["id"])["status"] == "canceled"
    assert code(resend(dana, first)) == (409, "not_resendable")
    assert code(cancel(dana, second)) == (409, "not_cancelable")


def test_what_is_no_waiting_text_of_ones_own_stays(school):
    """D3, D32: an email, an inbound text, a colleague's text"""
    dana, ours = school.holder()
    maya, pat = school.person("mobile"), school.person()
    sent, mail = dana.send(maya), dana.send(pat)
    dana.settled(sent["id"], "delivered")
    school.texts(maya.numbers[0], ours, "Hi")
    inbound = until(lambda: [m for m in dana.said_to(maya) if m["direction"] == "inbound"])[0]
    for message in (mail, inbound):
        assert code(cancel(dana, message)) == (409, "not_cancelable")
        assert code(resend(dana, message)) == (409, "not_resendable")
    sam, admin = school.member(name="Sam Lee"), school.admin()
    for act in (cancel, resend):
        assert code(act(sam, sent)) == (404, "not_found")
        assert code(act(admin, sent)) == (403, "forbidden")
    assert len(school.ledger(maya.numbers[0])) == 1


def test_a_text_that_did_not_arrive_is_sent_once_more(school):
    """S4-30, S4-31: a new row to the same number, the old one stays; and only once"""
    dana, _ = school.holder()
    maya = school.person("mobile", "mobile")
    number = maya.numbers[1]
    school.carrier.handset(number, behaviour="undelivered", code=30008)
    old = dana.send(maya, "The door is open", phone_id=maya.phone_ids[1])
    dana.settled(old["id"], "undelivered")
    school.carrier.handset(number, behaviour="delivered")

    answers = at_once(*[partial(resend, dana, old)] * 4)
    assert Counter(a.status_code for a in answers) == {201: 1, 409: 3}
    assert {code(a) for a in answers if a.status_code == 409} == {(409, "already_resent")}
    (new,) = (a.json() for a in answers if a.status_code == 201)
    assert (new["resend_of"], new["to"], new["body"]) == (old["id"], number, old["body"])
    assert new["conversation_id"] == old["conversation_id"]
    dana.settled(new["id"], "delivered")
    assert dana.message(old["id"])["status"] == "undelivered"
    assert len(school.ledger(number)) == 2
    assert code(resend(dana, new)) == (409, "not_resendable")


def test_what_has_arrived_is_not_sent_again(school):
    """D33: the provider is asked first, and what it says is kept"""
    dana, _ = school.holder()
    maya = school.person("mobile")
    school.carrier.fault(school.account_sid, "callback_lost", count=None)
    sent = dana.send(maya)
    dana.settled(sent["id"], "accepted", "sent")
    until(lambda: school.ledger(maya.numbers[0])[0]["status"] == "delivered")

    away = school.carrier.fault(school.account_sid, "listing_down", count=None)
    assert code(resend(dana, sent)) == (503, "unavailable")
    school.carrier.clear_fault(away)
    key = {"Idempotency-Key": "again"}
    answer = dana.api.post(f"/messages/{sent['id']}/resend", headers=key)
    assert code(answer) == (409, "not_resendable")
    assert dana.message(sent["id"])["status"] == "delivered"
    assert len(school.ledger(maya.numbers[0])) == 1


def test_a_resend_is_decided_like_any_message(school):
    """D8, D32: who has opted out since gets it by email; to a dead number nothing goes"""
    dana, ours = school.holder()
    maya, tomas = school.person("mobile"), school.person("mobile", name="Tomás Herrera")
    for person, behaviour in ((maya, "silent"), (tomas, "undelivered")):
        school.carrier.handset(person.numbers[0], behaviour=behaviour, code=30005)
    to_maya, to_tomas = dana.send(maya, "Doors at 9"), dana.send(tomas)
    dana.settled(to_maya["id"], "accepted", "sent")
    dana.settled(to_tomas["id"], "undelivered")
    assert code(resend(dana, to_tomas)) == (409, "not_resendable")
    school.texts(maya.numbers[0], ours, "STOP")
    again = resend(dana, to_maya)
    assert again.status_code == 201
    found = {name: again.json()[name] for name in ("channel", "reason", "resend_of", "to")}
    expected = {"channel": "email", "reason": "opted_out", "resend_of": to_maya["id"]}
    assert found == {**expected, "to": maya.email}
    assert len(school.ledger(maya.numbers[0])) == 1
