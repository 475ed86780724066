"""What the pages of people refuse."""

import re

from app import clock
from app.rules.days import day_in
from tests.school import new_number


def test_forged_forms_of_people_change_nothing(school):
    """D3, C-19: in one's own conversations only; another institution's row is not there."""
    dana, _ = school.holder()
    maya = school.person("mobile", name="Maya Torres")
    phone = maya.phone_ids[0]
    before = school.admin().api.get(f"/people/{maya.id}").json()
    forms = {
        f"/people/{maya.id}": {"given_name": "Forged", "kind": "student"},
        f"/people/{maya.id}/phones": {"number": new_number(), "type": "mobile"},
        f"/people/phones/{phone}/consent": {"status": "disabled", "reason": "x"},
        f"/people/phones/{phone}/type": {"type": "home"},
        f"/people/phones/{phone}/verify": {"verified": "yes"},
        f"/people/phones/{phone}/remove": {},
    }
    sam = school.member("Responder", name="Sam Nowak")
    for member, status in ((dana, 403), (sam, 403)):
        with school.browser(member) as browser:
            for path, form in forms.items():
                assert browser.post(path, data=form).status_code == status, path
            assert browser.get(f"/people/{maya.id}").status_code == 200
            assert browser.get(f"/people/{maya.id}/edit").status_code == 403
    with school.another() as elsewhere, elsewhere.browser(elsewhere.admin()) as browser:
        for path, form in forms.items():
            assert browser.post(path, data=form).status_code == 404, path
        for path in ("", "/route", "/edit"):
            assert browser.get(f"/people/{maya.id}{path}").status_code == 404
    assert school.admin().api.get(f"/people/{maya.id}").json() == before


def test_who_covers_changes_the_people_of_the_colleague(school):
    """D3: what the rules let them do stands on the page; for others it does not."""
    dana, _ = school.holder()
    kim, lea = school.member(name="Kim Alvarez"), school.member(name="Lea Okafor")
    maya = school.person("mobile", name="Maya Torres")
    dana.send(maya)
    today = day_in(clock.now(), "America/Chicago").isoformat()
    with school.browser(dana) as browser:
        cover = {"by": kim.id, "first": today, "last": today}
        assert browser.post("/profile/cover", data=cover).status_code == 303
    path, form = f"/people/phones/{maya.phone_ids[0]}/verify", {"verified": "yes"}
    for member, may in ((lea, False), (kim, True)):
        with school.browser(member) as browser:
            page = browser.get(f"/people/{maya.id}").text
            assert ("Add phone" in page) is may
            assert browser.post(path, data=form).status_code == (303 if may else 403)


def test_odd_input_is_told_at_its_field_and_kept(school):
    dana = school.member()
    with school.browser(dana) as browser:
        long = "x" * 300
        for form, told in (
            ({"given_name": " "}, "Give a name."),
            ({"given_name": long}, "longer than 200"),
            ({"given_name": "Lea", "email": "no"}, "not an email address"),
            ({"given_name": "Lea", "kind": "robot"}, None),
            ({"given_name": "Lea", "number": "555-01"}, "too few digits"),
            ({"given_name": "Lea", "number": new_number(), "type": "system"}, "our own numbers"),
        ):
            answer = browser.post("/people", data={"kind": "student", "type": "mobile", **form})
            assert answer.status_code == 422, form
            assert told is None or told in answer.text
            assert form["given_name"].strip() in answer.text
        assert dana.api.get("/people", params={"q": "lea"}).json()["items"] == []
        for query in ("after=x", "after=WyJhIl0", "quiet=5", "sort=x&how=x", "q=%00", "edit=x"):
            assert browser.get(f"/people?view=mine&{query}").status_code == 200
            assert browser.get(f"/people?view=all&{query}").status_code == 200
        assert re.search("Nothing matches", browser.get("/people?view=all&q=zzzz").text)
