"""Consent: what STOP and START change, at once and everywhere."""

from collections.abc import Iterator

import pytest

from tests.helpers import until
from tests.provider import Provider
from tests.school import Member, School, Someone, new_number

# D15: what means STOP, however it is dressed up
STOPS = [
    *("stop", "STOP", " Stop. ", "Stop!", "stop 🛑", "ｓｔｏｐ", "“stop”"),
    *("stopall", "stop all", "STOP-ALL", "unsubscribe", "cancel", "end", "quit", "revoke"),
    *("optout", "opt out", "Opt-Out"),
]
STARTS = ["start", "START", "Start!", "unstop", " UNSTOP "]


def ledger(school: School, person: Someone, phone: int = 0) -> list[dict]:
    """The changes of one number's consent, oldest first."""
    answer = school.admin().api.get(f"/phones/{person.phone_ids[phone]}/consent")
    return list(reversed(answer.json()["items"]))


def markers(member: Member, conversation_id: int) -> list[tuple[str, str]]:
    found = member.api.get(f"/conversations/{conversation_id}").json()["markers"]
    return [(marker["name"], marker["text"]) for marker in found]


def opted_out(school: School, person: Someone) -> bool:
    return bool(school.admin().api.get(f"/people/{person.id}").json()["opted_out"])


@pytest.fixture
def holder(school) -> Iterator[tuple[Member, str]]:
    return school.holder()


def test_every_word_of_the_list_disables_all_numbers_of_the_person(school, holder):
    """D14, D15, W24, S3-51, S3-54."""
    _, ours = holder
    found = {}
    for word in STOPS:
        maya = school.person("mobile", "home")
        school.texts(maya.numbers[0], ours, word)
        found[word] = (school.phone_status(maya), opted_out(school, maya))
    assert found == dict.fromkeys(STOPS, (["disabled", "disabled"], True))


def test_stop_is_in_the_ledger_and_in_every_thread_with_the_person(school, holder):
    """D13, D14, X38: which message, what words, and a marker for every holder."""
    (dana, danas), (kim, _) = holder, school.holder(name="Kim Alvarez")
    maya = school.person("mobile", "home")
    threads = [(m, m.send(maya)["conversation_id"]) for m in (dana, kim)]
    school.texts(maya.numbers[0], danas, "Stop.")
    (own,), (other,) = ledger(school, maya, 0), ledger(school, maya, 1)
    for entry, event in ((own, "opted_out"), (other, "person_opted_out")):
        assert (entry["from_status"], entry["to_status"]) == ("default", "disabled")
        assert (entry["event"], entry["reason"], entry["staff_id"]) == (event, "Stop.", None)
        assert dana.message(entry["message_id"])["body"] == "Stop."
    for member, thread in threads:
        assert ("opted_out", "Maya texted STOP. and is opted out") in markers(member, thread)


def test_the_next_message_goes_by_email_and_says_why(school, holder):
    """S3-51, S4-16, D14, D30: no text leaves for a number of somebody who said STOP."""
    dana, ours = holder
    maya = school.person("mobile", "home")
    school.texts(maya.numbers[1], ours, "STOP")
    assert dana.route(maya)["reason"] == "opted_out"
    sent = dana.send(maya, "Your hold is cleared")
    assert (sent["channel"], sent["reason"], sent["to"]) == ("email", "opted_out", maya.email)
    (mail,) = until(lambda: school.mails(maya.email))
    assert "Your hold is cleared" in mail["text"]
    assert "you opted out of texts" in mail["text"]
    assert [school.ledger(number) for number in maya.numbers] == [[], []]


def test_a_number_added_later_starts_disabled(school, holder):
    """D14, D13: with the same reason, in the ledger, whether nobody knew it or it had no choice."""
    dana, ours = holder
    known = school.person("mobile", name="Ana Torres").numbers[0]
    maya = school.person("mobile")
    school.texts(maya.numbers[0], ours, "STOP")
    api = school.admin().api
    for number in (new_number(), known):
        body = {"number": number, "type": "mobile"}
        made = api.post(f"/people/{maya.id}/phones", json=body).json()
        assert made["sms_status"] == "disabled"
        (entry,) = api.get(f"/phones/{made['id']}/consent").json()["items"]
        assert (entry["event"], entry["staff_id"]) == ("person_opted_out", school.admin().id)
    assert dana.route(maya)["reason"] == "opted_out"


def test_start_enables_the_number_it_came_from_and_no_other(school, holder):
    """D16, S3-47, S3-58, S3-59: whatever its status was; the person is opted in again."""
    (dana, ours), (kim, _) = holder, school.holder(name="Kim Alvarez")
    found = {}
    for word in STARTS:
        maya = school.person("mobile", "mobile")
        school.texts(maya.numbers[0], ours, "STOP")
        school.texts(maya.numbers[1], ours, word)
        found[word] = (school.phone_status(maya), opted_out(school, maya))
    assert found == dict.fromkeys(STARTS, (["disabled", "enabled"], False))
    for member in (dana, kim):
        assert member.send(maya)["to"] == maya.numbers[1]
    assert ledger(school, maya, 1)[-1]["event"] == "opted_in"


@pytest.mark.parametrize("before", ["enabled", "disabled", "default"])
def test_start_is_the_persons_own_word(school, holder, before):
    """D16: it outranks what staff had set."""
    _, ours = holder
    maya = school.person("mobile")
    school.set_status(maya, 0, before)
    school.texts(maya.numbers[0], ours, "START")
    assert school.phone_status(maya) == ["enabled"]


def test_yes_means_start_only_after_ones_own_stop(school, holder):
    """D15: elsewhere it is an answer to a question."""
    dana, ours = holder
    maya = school.person("mobile", "mobile")
    dana.settled(dana.send(maya, "Are you coming?", phone_id=maya.phone_ids[0])["id"], "delivered")
    school.texts(maya.numbers[0], ours, "Yes")
    assert school.phone_status(maya) == ["default", "default"]
    school.texts(maya.numbers[0], ours, "STOP")
    school.texts(maya.numbers[1], ours, "Yes")  # disabled by the STOP of the other one
    assert school.phone_status(maya) == ["disabled", "disabled"]
    school.texts(maya.numbers[0], ours, "YES!")
    assert school.phone_status(maya) == ["enabled", "disabled"]


def test_writing_first_enables_and_answering_does_not(school, holder):
    """S3-48, S3-49, D17: first = nothing of ours went out on this pair before, by any holder."""
    dana, ours = holder
    first, answers = school.person("mobile"), school.person("mobile")
    school.texts(first.numbers[0], ours, "Hello, it is me")
    assert school.phone_status(first) == ["enabled"]
    assert ledger(school, first)[-1]["event"] == "wrote_first"
    dana.settled(dana.send(answers)["id"], "delivered")
    school.texts(answers.numbers[0], ours, "Hello back")
    kim = school.member(name="Kim Alvarez")
    new_holder = {"staff_id": kim.id, "conversations": "keep"}
    number = school.number(ours)["id"]
    assert school.admin().api.post(f"/numbers/{number}/assign", json=new_holder).is_success
    school.texts(answers.numbers[0], ours, "And once more")
    assert school.phone_status(answers) == ["default"]
    assert ledger(school, answers) == []


def test_writing_never_wakes_a_disabled_number(school, holder):
    """D17, S3-63, S3-66: the thread shows the text, and the answer goes by email."""
    dana, ours = holder
    stopped, by_staff = school.person("mobile"), school.person("mobile", name="Ana Torres")
    school.texts(stopped.numbers[0], ours, "STOP")
    school.set_status(by_staff, 0, "disabled")
    for person, reason in ((stopped, "opted_out"), (by_staff, "disabled_by_staff")):
        school.texts(person.numbers[0], ours, "I have a question")
        assert school.phone_status(person) == ["disabled"]
        sent = dana.send(person, "Ask away")
        assert (sent["channel"], sent["reason"]) == ("email", reason)
        bodies = [m["body"] for m in dana.thread(sent["conversation_id"])]
        assert bodies[-2:] == ["I have a question", "Ask away"]


def test_the_carrier_blocks_a_pair_of_numbers_not_a_person(school, holder):
    """S3-59, D18: STOP to one number and START to another leaves the first one blocked at the
    carrier."""
    (dana, danas), (kim, kims) = holder, school.holder(name="Kim Alvarez")
    maya = school.person("mobile")
    school.texts(maya.numbers[0], danas, "STOP")
    school.texts(maya.numbers[0], kims, "START")
    assert school.phone_status(maya) == ["enabled"]
    sent = dana.send(maya, "From the blocked number")
    assert (sent["channel"], sent["reason"]) == ("email", "carrier_blocked")
    kim.settled(kim.send(maya, "From the other one")["id"], "delivered")
    assert [text["from"] for text in school.ledger(maya.numbers[0])] == [kims]
    school.texts(maya.numbers[0], danas, "START")
    dana.settled(dana.send(maya, "Open again")["id"], "delivered")


def test_a_stop_is_answered_when_no_call_is_under_way_any_more(school, holder):
    """S3-55, D14, I9: the call on the wire ends first, and none begins after it."""
    dana, ours = holder
    maya = school.person("mobile")
    school.carrier.change_account(school.account_sid, latency_ms=1200)
    sent = dana.send(maya, "On the wire")
    until(lambda: school.ledger(maya.numbers[0]))
    dana.send(maya, "Behind it in the queue")
    answer = school.texts(maya.numbers[0], ours, "STOP")
    assert answer["webhook"]["status"] == 200
    taken = dana.message(sent["id"])["provider_sid"]  # known once the call has ended
    assert taken == school.ledger(maya.numbers[0])[0]["sid"]
    school.carrier.change_account(school.account_sid, latency_ms=0)
    (mail,) = until(lambda: school.mails(maya.email))
    assert "Behind it in the queue" in mail["text"]
    assert [text["body"] for text in school.ledger(maya.numbers[0])] == ["On the wire"]


def test_staff_change_a_status_with_a_reason(school, holder):
    """S3-46, S3-50, S3-11, D3: who and why are in the ledger; only for people of one's own."""
    dana, _ = holder
    maya = school.person("mobile", "mobile")
    path = f"/phones/{maya.phone_ids[0]}/consent"
    wanted = {"status": "disabled", "reason": "Asked for it at the desk"}
    auditor = school.member("Auditor", name="Olu Bello")
    assert auditor.api.post(path, json=wanted).status_code == 403
    assert dana.api.post(path, json=wanted).status_code == 403  # no conversation with them yet
    dana.send(maya)
    for reason in ({}, {"reason": ""}, {"reason": "   "}):
        assert dana.api.post(path, json={"status": "disabled", **reason}).status_code == 422
    assert school.phone_status(maya) == ["default", "default"]
    assert dana.api.post(path, json=wanted).status_code == 200
    assert school.phone_status(maya) == ["disabled", "default"]  # that number alone
    (entry,) = ledger(school, maya)
    assert (entry["event"], entry["staff_id"]) == ("staff_disabled", dana.id)
    assert entry["reason"] == wanted["reason"]
    sent = dana.send(maya)
    assert sent["to"] == maya.numbers[1]


def test_a_stop_caught_by_mistake_is_undone_by_hand(school, holder):
    """D14: with a reason; it lifts the opted-out mark, and the number can be texted again."""
    _, ours = holder
    kim, _ = school.holder(name="Kim Alvarez")
    maya = school.person("mobile")
    school.texts(maya.numbers[0], ours, "Quit")
    school.set_status(maya, 0, "enabled")
    assert not opted_out(school, maya)
    kim.settled(kim.send(maya)["id"], "delivered")


def test_an_import_never_touches_a_status(school, holder):
    """S3-60, D22: not even for a phone that was taken away and comes back."""
    _, ours = holder
    api = school.admin().api
    names = {"given_name": "Maya", "family_name": "Torres"}
    phones = [{"number": new_number(), "type": "mobile"} for _ in range(3)]
    path = "/people/by-source/N0041877"

    def put(listed: list[dict]) -> dict[str, str]:
        answer = api.put(path, json={**names, "phones": listed})
        assert answer.is_success, answer.text
        return {p["number"]: p["sms_status"] for p in answer.json()["phones"]}

    stopped, wrote, untouched = (phone["number"] for phone in phones)
    put(phones[:2])
    school.texts(wrote, ours, "Hello")
    school.texts(stopped, ours, "STOP")
    school.texts(wrote, ours, "START")
    expected = {stopped: "disabled", wrote: "enabled", untouched: "default"}
    assert put(phones) == expected
    assert put([]) == {}
    assert put(phones) == expected


def test_what_the_provider_reads_as_stop_is_one(school, holder):
    """W31: `OptOutType` wins over the words, and we send no second confirmation."""
    dana, ours = holder
    maya, provider = school.person("mobile"), Provider(school)
    form = provider.text(maya.numbers[0], ours, "Arrêtez", OptOutType="STOP")
    assert provider.post(form).status_code == 200
    assert school.phone_status(maya) == ["disabled"]
    (thread,) = dana.conversations(unread="true")
    assert [m["direction"] for m in dana.thread(thread["id"])] == ["inbound"]
    again = provider.text(maya.numbers[0], ours, "stop", OptOutType="START")
    assert provider.post(again).status_code == 200
    assert school.phone_status(maya) == ["enabled"]
