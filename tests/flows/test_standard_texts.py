"""Standard texts: whose they are, who may change them, and that no field is ever sent (S4-45,
S4-47)."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from app.database import db
from app.models import AuditEntry
from tests.school import at_once

HI = {"title": "Welcome", "body": "Hi {first_name}"}


def keep(member, *, shared=False, **more):
    answer = member.api.post("/standard-texts", json={**HI, "shared": shared, **more})
    assert answer.status_code == 201, answer.text
    return answer.json()["id"]


def titles(member):
    return {item["title"] for item in member.api.get("/standard-texts").json()["items"]}


def audited(school):
    with school.app.app_context():
        rows = db.session.execute(
            select(AuditEntry.action, AuditEntry.staff_id, AuditEntry.detail)
            .where(AuditEntry.institution_id == school.id, AuditEntry.action.like("standard_text%"))
            .order_by(AuditEntry.id)
        ).all()
        db.session.remove()
    return [(action, staff_id, detail["title"]) for action, staff_id, detail in rows]


def test_ones_own_are_ones_own_and_shared_ones_are_the_admins(school):
    """D3: `settings.edit` for shared ones; another's own one is not there at all."""
    admin, dana, kim = school.admin(), school.member(), school.member(name="Kim Alvarez")
    shared = keep(admin, shared=True, title="Office hours")
    hers = keep(dana)
    assert (titles(dana), titles(kim)) == ({"Office hours", "Welcome"}, {"Office hours"})
    table = [
        (dana, hers, 200),
        (kim, hers, 404),
        (admin, hers, 404),
        (dana, shared, 403),
        (admin, shared, 200),
    ]
    for member, text, status in table:
        path, change = f"/standard-texts/{text}", {"body": f"by {member.id}"}
        assert member.api.patch(path, json=change).status_code == status
        if status != 200:
            assert member.api.delete(path).status_code == status
    refused = dana.api.post("/standard-texts", json={**HI, "shared": True})
    assert refused.status_code == 403
    assert admin.api.delete(f"/standard-texts/{shared}").status_code == 204
    assert titles(dana) == {"Welcome"}
    said = ("created", "changed", "deleted")
    assert audited(school) == [(f"standard_text.{w}", admin.id, "Office hours") for w in said]


def test_another_institutions_are_not_there(school):
    shared = keep(school.admin(), shared=True)
    with school.another() as elsewhere:
        admin = elsewhere.admin()
        assert titles(admin) == set()
        path = f"/standard-texts/{shared}"
        assert admin.api.patch(path, json={"title": "X"}).status_code == 404
        assert admin.api.delete(path).status_code == 404
        with elsewhere.browser(admin) as browser:
            assert browser.get(f"/texts/{shared}").status_code == 404
            assert browser.post(f"/texts/{shared}/delete").status_code == 404
    assert titles(school.admin()) == {"Welcome"}


def test_a_title_is_given_once_to_each_owner(school):
    admin, dana = school.admin(), school.member()
    keep(admin, shared=True)
    keep(admin)
    keep(dana)
    again = dana.api.post("/standard-texts", json={"title": " WELCOME ", "body": "x"})
    assert again.status_code == 422
    assert again.json()["error"]["fields"][0]["field"] == "title"
    other = keep(dana, title="Goodbye")
    taken = dana.api.patch(f"/standard-texts/{other}", json={"title": "welcome"})
    assert taken.status_code == 422
    same = dana.api.patch(f"/standard-texts/{other}", json={"title": "goodbye"})
    assert same.json()["title"] == "goodbye"


def test_two_who_give_a_title_at_once(school):
    dana = school.member()
    tries = [lambda: dana.api.post("/standard-texts", json=HI).status_code] * 6
    assert sorted(at_once(*tries)) == [201] + [422] * 5


def test_the_page_refuses_what_its_forms_do_not_offer(school):
    """Forged requests: no right, no change; what was typed is kept."""
    dana, auditor = school.member(), school.member("Auditor", name="Ana Reyes")
    shared = keep(school.admin(), shared=True)
    with school.browser(dana) as browser:
        assert browser.post("/texts", data={**HI, "for": "all"}).status_code == 403
        assert browser.get(f"/texts/{shared}").status_code == 403
        assert browser.post(f"/texts/{shared}", data=HI).status_code == 403
        assert browser.post(f"/texts/{shared}/delete").status_code == 403
        wrong = browser.post("/texts", data={"title": " ", "body": "Kept {my_name} " + "x" * 1000})
        assert wrong.status_code == 422
        assert "Give the text a title." in wrong.text
        assert "1,000 is the most" in wrong.text
        assert "Kept {my_name}" in wrong.text
        assert browser.post("/texts", data=HI).status_code == 303
    assert titles(dana) == {"Welcome"}
    with school.browser(auditor) as browser:
        for path in ("/texts", "/texts/new"):
            assert browser.get(path).status_code == 403
        assert browser.post("/texts", data=HI).status_code == 403


def inserted(browser, **query):
    page = browser.get("/texts/picker", params=query)
    assert page.status_code == 200
    return re.findall(r'data-insert="([^"]*)"', page.text), page.text


def test_they_are_filled_for_whom_one_writes_to(school):
    """S4-45: what nothing on record fills is named, and stays to be seen."""
    dana, ours = school.holder()
    keep(dana, body="{first_name} {last_name}, {student_id}: {my_name}, {institution} {word}")
    maya = school.person("mobile", source_id="N0041877")
    thread = dana.send(school.person("mobile", name="Thuy"))["conversation_id"]
    school.texts("+15125550164", ours, "its marcus")
    kim = school.member("Responder", name="Kim Alvarez")
    with school.browser(dana) as browser:
        filled, page = inserted(browser, person=maya.id)
        assert filled == ["Maya Torres, N0041877: Dana Whitfield, Northfield College {word}"]
        assert "not on record" not in page
        filled, page = inserted(browser, conversation=thread)
        assert filled[0].startswith("Thuy {last_name}, {student_id}: Dana")
        assert "{last_name} and {student_id} are not on record" in page
        [nobodys] = [c["id"] for c in dana.conversations() if c["person_id"] is None]
        assert "{first_name}" in inserted(browser, conversation=nobodys)[0][0]
        assert browser.get("/texts/picker").status_code == 404
    with school.browser(kim) as browser:
        unseen = browser.get("/texts/picker", params={"conversation": thread})
        assert unseen.status_code == 404
        assert browser.get("/texts/picker", params={"person": maya.id}).status_code == 403


SOON = (datetime.now(UTC) + timedelta(days=2)).isoformat()


@pytest.mark.parametrize("more", [{}, {"channel": "email"}, {"send_at": SOON}])
def test_a_field_is_never_sent(school, more):
    """The same everywhere (D40): page and API, as text, as email, and for later."""
    dana, _ = school.holder()
    maya = school.person("mobile")
    refused = dana.tries(maya, "Hi {first_name}, {word}", **more)
    assert refused.status_code == 422
    [wrong] = refused.json()["error"]["fields"]
    assert wrong["field"] == "body"
    assert wrong["message"] == "Fill in {first_name} first: nothing stands in its place yet."
    assert dana.said_to(maya) == []
    assert school.ledger(maya.numbers[0]) == []


def test_a_field_is_refused_in_the_box_and_what_was_typed_is_kept(school):
    dana, _ = school.holder()
    thread = dana.send(school.person("mobile"))["conversation_id"]
    with school.browser(dana) as browser:
        form = {"body": "Hi {student_id}", "key": "a1"}
        refused = browser.post(f"/inbox/{thread}/messages", data=form)
        assert refused.status_code == 422
        assert "Fill in {student_id} first" in refused.text
        assert ">Hi {student_id}</textarea>" in refused.text
    assert [m["body"] for m in dana.thread(thread)] == ["Hello"]
    assert dana.reply(thread, "Hi {word}")["body"] == "Hi {word}"
