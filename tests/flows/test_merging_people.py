"""Two records of one person become one, and two again: everything goes along and comes back, and
whoever said STOP is never texted for it (issue 5; D13, D14, D22, D25, S3-54)."""

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from app import clock
from app.database import db, transaction
from app.models import Conversation, Message, PersonMerge
from app.rules.joining import UNDO_FOR
from app.services import guardians, handling, joining, separating
from tests.browser.pages import ON_SQLITE
from tests.helpers import until
from tests.school import new_number


@pytest.fixture
def staff(school):
    """Dana and Kim, who each hold a number, and the numbers."""
    return [*school.holder(), *school.holder("Kim Alvarez")]


def merged(school, kept, other, status=201):
    """Merge `other` into `kept`; the answer."""
    answer = school.admin().api.post(f"/people/{kept.id}/merge", json={"other": other.id})
    assert answer.status_code == status, answer.text
    return answer.json()


def undone(school, merge, status=200):
    answer = school.admin().api.post(f"/merges/{merge['id']}/undo")
    assert answer.status_code == status, answer.text
    return answer.json()


def record(school, person):
    return school.admin().api.get(f"/people/{person.id}").json()


def statuses(school, person):
    return {p["number"]: p["sms_status"] for p in record(school, person)["phones"]}


def with_them(member, person):
    """The one conversation that this member has with a person."""
    found = [c for c in member.conversations() if c["person_id"] == person.id]
    assert len(found) == 1, found
    return found[0]


def bodies(member, thread):
    return [m["body"] for m in member.thread(thread["id"])]


def advisors(school, person):
    items = school.admin().api.get(f"/people/{person.id}/advisors").json()["items"]
    return {item["staff_id"] for item in items}


@pytest.fixture
def twins(school, staff):
    """Maya, and the second record of her: each with what the other lacks."""
    dana, ours, kim, _ = staff
    shared = new_number()
    maya = school.person("mobile", ("home", shared), name="Maya Torres", email=None)
    double = school.person("mobile", ("work", shared), name="Mary Torres", source_id="N7")
    school.verify(double, 1)
    for member, person, words in (
        (dana, maya, "To Maya"),
        (dana, double, "To M."),
        (kim, double, "Kim to M."),
    ):
        member.settled(member.send(person, words)["id"], "delivered")
    school.texts(double.numbers[0], ours, "from M.")
    for member, person in ((dana, maya), (dana, double), (kim, double)):
        assert school.admin().api.put(f"/people/{person.id}/advisors/{member.id}").is_success
    with school.browser(dana) as browser:
        path = f"/inbox/{with_them(dana, double)['id']}/notes"
        assert browser.post(path, data={"body": "Called at home", "key": "n"}).is_redirect
    return maya, double


def test_two_records_become_one_and_two_again(school, staff, twins):
    """Fields, phones, conversations, messages and advisors: there and back (D5, D25)."""
    dana, ours, kim, _ = staff
    maya, double = twins
    shared = maya.numbers[1]
    before = {p.id: record(school, p) for p in (maya, double)}
    kims_thread = with_them(kim, double)["id"]

    seq = dana.events()[-1]["seq"]
    merge = merged(school, maya, double)
    found = merge["person"]
    assert (found["email"], found["source_id"]) == (double.email, "N7"), "empty fields are filled"
    assert (found["given_name"], found["kind"]) == ("Maya", "student"), "what was said wins"
    numbers = [p["number"] for p in found["phones"]]
    assert sorted(numbers) == sorted({*maya.numbers, *double.numbers}), "the same number is once"
    assert next(p for p in found["phones"] if p["number"] == shared)["verified_at"]
    assert record(school, double)["merged_into"] == maya.id
    assert record(school, double)["phones"] == []
    thread = with_them(dana, maya)
    assert bodies(dana, thread) == ["To Maya", "To M.", "from M."]
    assert thread["unread"] == 1
    assert "Mary Torres and Maya Torres became one record" in thread["markers"][-1]["text"]
    assert with_them(kim, maya)["id"] == kims_thread, "the only one with them keeps its address"
    assert {m["person_id"] for m in kim.thread(kims_thread)} == {maya.id}
    assert advisors(school, maya) == {dana.id, kim.id}
    names = [e["name"] for e in dana.events(seq)]
    assert names.count("person.changed") == 2
    assert "conversation.changed" in names
    found = school.admin().api.get("/people", params={"q": "torres"}).json()["items"]
    assert [p["id"] for p in found] == [maya.id]

    school.texts(double.numbers[0], ours, "since then")
    kim.settled(kim.send(maya, "Kim since then")["id"], "delivered")
    assert bodies(dana, with_them(dana, maya))[-1] == "since then"
    assert dana.tries(double).status_code == 409, "nobody writes to who is another by now"

    assert undone(school, merge)["undone_at"]
    again = {p.id: record(school, p) for p in (maya, double)}
    assert again == before
    assert bodies(dana, with_them(dana, double)) == ["To M.", "from M.", "since then"]
    assert bodies(dana, with_them(dana, maya)) == ["To Maya"]
    assert [with_them(dana, p)["unread"] for p in (maya, double)] == [0, 2]
    assert bodies(kim, with_them(kim, double)) == ["Kim to M."]
    assert bodies(kim, with_them(kim, maya)) == ["Kim since then"]
    assert {m["person_id"] for m in dana.thread(with_them(dana, double)["id"])} == {double.id}
    assert (advisors(school, maya), advisors(school, double)) == ({dana.id}, {dana.id, kim.id})
    school.texts(double.numbers[0], ours, "M. again")
    assert bodies(dana, with_them(dana, double))[-1] == "M. again"
    assert undone(school, merge, 409)["error"]["code"] == "undone_already"
    merge = merged(school, double, maya)  # the other way round
    assert merge["person"]["source_id"] == "N7"
    assert record(school, maya)["merged_into"] == double.id


def test_who_opted_out_on_one_record_is_opted_out_and_no_undo_lifts_it(school, staff):
    """S3-54, D13, D14, D22: neither way becomes anybody reachable who said STOP."""
    dana, ours, *_ = staff
    maya = school.person("mobile", name="Maya Torres")
    double = school.person("mobile", name="Mary Torres")
    innocent = school.person("mobile", name="Ana Ruiz")
    school.set_status(maya, 0, "enabled")
    dana.settled(dana.send(double)["id"], "delivered")
    school.texts(double.numbers[0], ours, "STOP")
    soon = (clock.now() + timedelta(days=2)).isoformat()
    held = dana.send(maya, "Reminder", send_at=soon)["id"]
    merge = merged(school, maya, double)
    both = dict.fromkeys((*maya.numbers, *double.numbers), "disabled")
    assert statuses(school, maya) == both
    assert record(school, maya)["opted_out"]
    assert dana.route(maya)["reason"] == "opted_out"
    assert dana.message(held)["status"] == "canceled", "S3-54, D34"
    ledger = dana.api.get(f"/phones/{maya.phone_ids[0]}/consent").json()["items"]
    assert (ledger[0]["event"], ledger[0]["to_status"]) == ("person_opted_out", "disabled")
    undone(school, merge)
    assert statuses(school, maya) | statuses(school, double) == both
    assert record(school, maya)["opted_out"]
    assert record(school, double)["opted_out"]

    # A STOP while they are one is one of both, and stays so.
    dana.settled(dana.send(innocent)["id"], "delivered")
    twin = school.person("mobile", name="Anna Ruiz")
    merge = merged(school, innocent, twin)
    school.texts(innocent.numbers[0], ours, "STOP")
    undone(school, merge)
    assert statuses(school, twin) == {twin.numbers[0]: "disabled"}
    assert record(school, twin)["opted_out"]
    assert dana.route(twin)["reason"] == "opted_out"
    school.texts(innocent.numbers[0], ours, "START")
    assert statuses(school, innocent) == {innocent.numbers[0]: "enabled"}
    assert statuses(school, twin) == {twin.numbers[0]: "disabled"}, "S3-58: no other number"


def test_an_import_finds_who_was_kept(school):
    """By the ID that changed over, and by what only the other record said; phones that were taken
    from them stay so after undoing (S3-60)."""
    email = f"{new_number()[1:]}@students.example"
    kept = school.person("mobile", name="Maya Torres")
    double = school.person("mobile", name="Maria Torres", source_id="N9", email=email)
    merge = merged(school, kept, double)
    text = "ID,First name,Last name\nN9,Maya,Torres-Lopez\n"
    no_id = f"First name,Last name,Email,Time zone\nMaria,Torres,{email},America/Denver\n"
    for file in (text, no_id):
        answer = school.admin().api.post("/imports", json={"files": [{"text": file}]})
        path = f"/imports/{answer.json()['id']}"
        done = until(
            lambda path=path: (
                (run := school.admin().api.get(path).json())["state"] == "done" and run
            )
        )
        assert done["counts"] == {"changed": 1}, school.admin().api.get(f"{path}/rows").json()
    found = record(school, kept)
    assert (found["family_name"], found["timezone"]) == ("Torres", "America/Denver")
    assert record(school, double)["merged_into"] == kept.id, "nobody came back"
    put = school.admin().api.put(
        "/people/by-source/N9", json={"given_name": "Maya", "family_name": "Lopez"}
    )
    assert put.json()["id"] == kept.id
    assert school.admin().api.delete(f"/phones/{double.phone_ids[0]}").status_code == 204
    undone(school, merge)
    assert record(school, kept)["source_id"] is None
    assert record(school, double)["source_id"] == "N9"
    assert record(school, double)["phones"] == [], "a phone deleted since stays deleted"


@ON_SQLITE
def test_what_cannot_be_merged_is_refused_with_the_reason(school):
    maya, double = (school.person("mobile", name=n) for n in ("Maya Torres", "Mary Torres"))
    sourced = [school.person(name=f"P{n}", source_id=f"N{n}") for n in (1, 2)]
    admin = school.admin()
    staff = [school.member(name=name) for name in ("Dana Fox", "Kim Fox")]
    accounts = admin.api.get("/people", params={"q": "fox"}).json()["items"]
    refused = [
        (sourced[0].id, sourced[1].id, 409, "two_source_ids"),
        (accounts[0]["id"], accounts[1]["id"], 409, "two_accounts"),
        (maya.id, maya.id, 422, "invalid"),
        (maya.id, 999_999_999, 404, "not_found"),
    ]
    with school.another() as elsewhere:
        stranger = elsewhere.person()
        refused += [
            (maya.id, stranger.id, 404, "not_found"),
            (stranger.id, maya.id, 404, "not_found"),
        ]
        for kept, other, status, code in refused:
            answer = admin.api.post(f"/people/{kept}/merge", json={"other": other})
            assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
        merge = merged(school, maya, double)
        assert elsewhere.admin().api.post(f"/merges/{merge['id']}/undo").status_code == 404
    for pair in ((maya, double), (double, maya)):
        assert merged(school, *pair, 409)["error"]["code"] == "merged"
    change = admin.api.patch(f"/people/{double.id}", json={"given_name": "X"})
    assert change.json()["error"]["code"] == "merged"
    # An advisor changes people, but moves no conversation of somebody else.
    answer = staff[0].api.post(f"/people/{maya.id}/merge", json={"other": sourced[0].id})
    assert answer.status_code == 403
    assert staff[0].api.post(f"/merges/{merge['id']}/undo").status_code == 403
    # Undone in turn, the latest first; and within thirty days.
    ana = school.person(name="Ana Ruiz")
    later = merged(school, ana, maya)
    assert record(school, double)["merged_into"] == ana.id
    assert undone(school, merge, 409)["error"]["code"] == "undo_later_first"
    undone(school, later)
    assert record(school, double)["merged_into"] == maya.id
    with school.app.app_context(), transaction():
        at = clock.now() - UNDO_FOR
        db.session.execute(update(PersonMerge).where(PersonMerge.id == merge["id"]).values(at=at))
    assert undone(school, merge, 409)["error"]["code"] == "undo_over"
    # Who can sign in stays who they are.
    account = admin.api.get("/people", params={"q": "dana fox"}).json()["items"][0]
    joined = admin.api.post(f"/people/{ana.id}/merge", json={"other": account["id"]}).json()
    sent = school.pool(1) and staff[0].send(school.person("mobile"))
    phones = admin.api.get(f"/people/{account['id']}").json()["phones"]
    assert phones == []
    undone(school, joined)
    phones = admin.api.get(f"/people/{account['id']}").json()["phones"]
    assert [p["number"] for p in phones] == [sent["from"]], "S3-31"


def test_a_key_is_merged_with_once(school):
    """I8: the same request again has the same answer."""
    maya, double = (school.person(name=n) for n in ("Maya Torres", "Mary Torres"))
    headers = {"Idempotency-Key": "merge-1"}
    answers = [
        school.admin().api.post(
            f"/people/{maya.id}/merge", json={"other": double.id}, headers=headers
        )
        for _ in range(2)
    ]
    assert [a.status_code for a in answers] == [201, 201]
    assert answers[0].json() == answers[1].json()


@ON_SQLITE
def test_pages_of_who_is_another_by_now_lead_to_who_was_kept(school, staff):
    maya, double = (school.person("mobile", name=n) for n in ("Maya Torres", "Mary Torres"))
    merged(school, maya, double)
    with school.browser(school.admin()) as browser:
        for page in ("/people/{}/edit", "/inbox/new?person={}", "/messages/new?person={}"):
            answer = browser.get(page.format(double.id))
            assert answer.headers["Location"] == page.format(maya.id)
            assert browser.get(page.format(maya.id)).status_code == 200


def test_what_changed_hands_since_comes_back_from_its_new_holder(college):
    """D25: a conversation that was poured into another one twice is still told apart."""
    with college.inside():
        double = college.person("M.", "+15125550163")
        college.many_numbers(1)
        college.text("to Maya")
        college.text("to M.", to=double)
        college.text("Kim to Maya", by=college.kim)
        merge_id = joining.merge(college.dana, college.maya, double)

    def threads(person):
        rows = db.session.execute(
            select(Conversation.staff_id, Message.body)
            .join(Message, Message.conversation_id == Conversation.id)
            .where(Conversation.person_id == person, Message.person_id == person)
            .order_by(Message.id)
        )
        return [tuple(row) for row in rows]

    kim = college.kim.staff_id
    with college.inside():
        (one,) = db.session.execute(
            select(Conversation.id).where(Conversation.staff_id == college.dana.staff_id)
        ).scalars()
        handling.hand_over(college.dana, one, kim)
        assert len(threads(college.maya)) == 3
        left = separating.undo(college.dana, merge_id)
        assert (left.phones, left.messages) == (0, 0)
        assert threads(double) == [(kim, "to M.")]
        assert threads(college.maya) == [(kim, "to Maya"), (kim, "Kim to Maya")]
        found = db.session.execute(select(Conversation.snippet).order_by(Conversation.id)).scalars()
        assert sorted(found) == ["Kim to Maya", "to M."]


def test_who_stands_for_a_student_goes_along(college):
    """As an import said it: by the guardians of both, each once."""
    with college.inside():
        double = college.person("M.")
        with transaction():
            guardians.replace(college.id, {college.maya: {"G1", "G2"}, double: {"G2", "G3"}})
        merge_id = joining.merge(college.dana, college.maya, double)
        both = [college.maya, double]
        assert guardians.named(both) == {college.maya: {"G1", "G2", "G3"}}
        separating.undo(college.dana, merge_id)
        assert guardians.named(both) == {college.maya: {"G1", "G2"}, double: {"G2", "G3"}}
