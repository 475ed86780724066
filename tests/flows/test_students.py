"""My students: whose they are, how each can be reached, and whom nobody has written to lately."""

from datetime import timedelta

import pytest
from sqlalchemy import update

from app import clock
from app.database import db, transaction
from app.models import Conversation
from app.rules.access import Can
from app.rules.reach import How
from app.services import students
from app.services.students import Sort, Wanted
from tests.school import new_number


def mine(school, member, *, limit=50, after=None, **wanted):
    """The list as the service gives it, without a session."""
    with school.app.app_context():
        found = students.mine(
            school.viewer(member, Can), Wanted(**wanted), limit=limit, after=after
        )
        rows = [(s.person.id, s.reach, s.key(wanted.get("sort", Sort.NAME))) for s in found]
        db.session.remove()
    return rows


def ids(rows):
    return [row[0] for row in rows]


def advise(member, *people):
    for person in people:
        answer = member.api.put(f"/people/{person.id}/advisors/{member.id}")
        assert answer.status_code == 200, answer.text


@pytest.fixture
def crowd(school):
    """Dana with a student of every kind of reach."""
    dana, ours = school.holder()
    made = {
        name: school.person(*phones, name=f"{name} Student", email=email)
        for name, phones, email in (
            ("Plain", ("mobile",), ""),
            ("Home", ("home",), ""),
            ("Wrote", ("home",), ""),
            ("Enabled", ("home",), ""),
            ("Stopped", ("mobile", "home"), ""),
            ("Off", ("mobile",), ""),
            ("Bare", (), ""),
            ("Nothing", (), None),
            ("Lost", ("home",), None),
            ("Back", ("mobile", "mobile"), ""),
        )
    }
    made["Colleague"] = school.person("mobile", name="Colleague Staff", kind="staff")
    for name in ("Wrote", "Stopped", "Back"):
        dana.send(made[name])
    school.texts(made["Stopped"].numbers[0], ours, "STOP")
    school.texts(made["Back"].numbers[0], ours, "STOP")
    school.set_status(made["Back"], 1, "enabled")
    school.set_status(made["Enabled"], 0, "enabled")
    school.set_status(made["Off"], 0, "disabled")
    school.texts(made["Wrote"].numbers[0], ours, "from home")
    advise(dana, *made.values())
    return dana, made


@pytest.mark.parametrize("defaults", [("opted_in", "opted_in"), ("opted_out", "opted_in")])
def test_the_filter_says_what_the_rule_says(school, crowd, defaults):
    """Set-based and row by row agree, and a person who is Textable would get a text (D8, D12)."""
    dana, made = crowd
    school.settings(student_default=defaults[0], staff_default=defaults[1])
    everybody = mine(school, dana)
    assert len(everybody) == len(made)
    by_rule = {how: {id_ for id_, reach, _ in everybody if reach.how is how} for how in How}
    assert all(by_rule.values()), by_rule
    for how in How:
        assert set(ids(mine(school, dana, how=how))) == by_rule[how]
    for person in made.values():
        route = dana.route(person)
        reach = next(r for id_, r, _ in everybody if id_ == person.id)
        assert (route["channel"] == "sms") == (reach.how is How.TEXT), person
        assert route["phone"] == (reach.phone.e164 if reach.phone else None)


@pytest.mark.parametrize("sort", list(Sort))
def test_the_pages_are_the_list(school, crowd, sort):
    """By key: each once, in the order of the whole."""
    dana, _ = crowd
    whole = ids(mine(school, dana, sort=sort))
    paged, after = [], None
    while page := mine(school, dana, sort=sort, limit=3, after=after):
        paged += ids(page)
        after = page[-1][2]
    assert paged == whole


def test_whom_nobody_wrote_to_lately(school, crowd):
    """Never counts, and so does a text that came in."""
    dana, made = crowd
    written = {made[name].id for name in ("Wrote", "Stopped", "Back")}
    quiet = set(ids(mine(school, dana, quiet_days=7)))
    assert quiet == {p.id for p in made.values()} - written
    _last_contact(school, dana, made["Back"], days=20)
    assert made["Back"].id in ids(mine(school, dana, quiet_days=14))
    assert made["Back"].id not in ids(mine(school, dana, quiet_days=30))
    assert ids(mine(school, dana, sort=Sort.LONGEST))[-3] == made["Back"].id


def _last_contact(school, member, person, days):
    with school.app.app_context(), transaction():
        db.session.execute(
            update(Conversation)
            .where(Conversation.staff_id == member.id, Conversation.person_id == person.id)
            .values(last_message_at=clock.now() - timedelta(days=days))
        )


def test_students_are_found_by_name_id_and_number(school, crowd):
    dana, made = crowd
    assert ids(mine(school, dana, q="plain stu")) == [made["Plain"].id]
    assert ids(mine(school, dana, q=made["Home"].numbers[0][-5:])) == [made["Home"].id]
    assert mine(school, dana, q="!!") == []


def test_people_are_found_by_folded_beginnings(school):
    """The same for the API, the page and a new text."""
    jose = school.person(("mobile", new_number()), name="José Muñoz", source_id="AB-1207")
    api = school.admin().api
    found = {
        q: [p["id"] for p in api.get("/people", params={"q": q}).json()["items"]]
        for q in ("jose", "MUNOZ", "munoz jo", "ab-1207", "1207", jose.numbers[0][-4:], "ose", "!")
    }
    number = jose.numbers[0]
    assert found.pop("ose") == found.pop("!") == []
    assert all(ids == [jose.id] for ids in found.values()), found
    spaced = f"({number[2:5]}) {number[5:8]}-{number[8:]}"
    assert [p["id"] for p in api.get("/people", params={"q": spaced}).json()["items"]] == [jose.id]


# Whose they are


def test_a_link_is_made_read_and_ended(school):
    dana, maya = school.member(), school.person("mobile")
    path = f"/people/{maya.id}/advisors"
    made = dana.api.put(f"{path}/{dana.id}")
    assert (made.status_code, made.json()["name"]) == (200, "Dana Whitfield")
    assert dana.api.put(f"{path}/{dana.id}").json() == made.json()
    assert dana.api.get(path).json() == {"items": [made.json()], "next_cursor": None}
    listed = dana.api.get("/people", params={"advisor_id": dana.id}).json()["items"]
    assert [p["id"] for p in listed] == [maya.id]
    other = {"advisor_id": school.admin().id}
    assert dana.api.get("/people", params=other).json()["items"] == []
    assert dana.api.delete(f"{path}/{dana.id}").status_code == 204
    assert dana.api.delete(f"{path}/{dana.id}").status_code == 404
    assert dana.api.get(path).json()["items"] == []


def test_whoever_reads_people_hears_whose_student_somebody_is(school):
    """Contract 5: won and lost are an event each, and what was so already is none."""
    dana, kim, maya = school.member(), school.member(name="Kim Alvarez"), school.person("mobile")
    path, seq = f"/people/{maya.id}/advisors/{dana.id}", dana.events()[-1]["seq"]
    for _ in range(2):
        assert dana.api.put(path).status_code == 200
    for code in (204, 404):
        assert dana.api.delete(path).status_code == code
    for member in (dana, kim):
        told = [(event["name"], event["ids"]) for event in member.events(seq)]
        assert told == [("person.changed", {"person": maya.id})] * 2


def test_who_may_link_whom(school):
    """One's own with people.edit, anybody's with staff.manage; no one of another institution."""
    dana, kim, maya = school.member(), school.member(name="Kim Alvarez"), school.person("mobile")
    path = f"/people/{maya.id}/advisors"
    refused = dana.api.put(f"{path}/{kim.id}")
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "forbidden")
    assert school.admin().api.put(f"{path}/{kim.id}").status_code == 200
    assert dana.api.delete(f"{path}/{kim.id}").status_code == 403
    sam = school.member("Responder", name="Sam Nowak")
    with school.browser(sam) as browser:
        forged = browser.post(f"{path}", data={"staff_id": sam.id})
        assert forged.status_code == 403
    with school.another() as elsewhere:
        theirs, stranger = elsewhere.person(), elsewhere.admin()
        assert dana.api.put(f"/people/{theirs.id}/advisors/{dana.id}").status_code == 404
        assert school.admin().api.put(f"{path}/{stranger.id}").status_code == 404
        assert stranger.api.get(path).status_code == 404
        seen = stranger.api.get("/people", params={"advisor_id": kim.id}).json()["items"]
        assert seen == []
    found = dana.api.get(path).json()["items"]
    assert [a["staff_id"] for a in found] == [kim.id]
    assert school.admin().api.patch(f"/staff/{kim.id}", json={"active": False}).status_code == 200
    lea = school.person()
    assert school.admin().api.put(f"/people/{lea.id}/advisors/{kim.id}").status_code == 404


def test_a_number_that_comes_back_does_not_escape_a_stop(school):
    """D14: removed before the STOP, added again after it."""
    dana, ours = school.holder()
    maya = school.person("mobile", "mobile")
    dana.send(maya)
    assert dana.api.delete(f"/phones/{maya.phone_ids[1]}").status_code == 204
    school.texts(maya.numbers[0], ours, "STOP")
    added = dana.api.post(f"/people/{maya.id}/phones", json={"number": maya.numbers[1]})
    assert (added.status_code, added.json()["sms_status"]) == (201, "disabled")
    assert added.json()["id"] == maya.phone_ids[1]
