"""Org units: the tree, kept on its pages by who manages staff, and who is in which (S4-23)."""

import re
from functools import partial

import pytest
from sqlalchemy import select

from app.database import db
from app.models import AuditEntry, Conversation, OrgUnit
from tests.school import at_once
from tests.units import put, supervisor, unit

MENTION = re.compile(r"org\.? unit|inbox\.unit|the unit’s", re.I)


@pytest.fixture
def browser(school):
    with school.browser(school.admin()) as browser:
        yield browser


def tree(school):
    """name → the name above it, as the API has them."""
    units = school.admin().api.get("/org-units").json()["items"]
    names = {u["id"]: u["name"] for u in units}
    return {u["name"]: names.get(u["parent_id"]) for u in units}


def add(browser, name, under=""):
    return browser.post("/staff/units", data={"name": name, "parent": under})


def save(browser, unit_id, name, under="", version=1):
    form = {"name": name, "parent": under, "version": version}
    return browser.post(f"/staff/units/{unit_id}", data=form)


def deeds(school, action):
    with school.app.app_context():
        found = select(AuditEntry.detail).where(
            AuditEntry.institution_id == school.id, AuditEntry.action == action
        )
        details = list(db.session.execute(found.order_by(AuditEntry.id)).scalars())
        db.session.remove()
    return details


# The tree


def test_units_are_made_renamed_moved_and_removed_and_all_of_it_is_written_down(school, browser):
    assert "No org units yet" in browser.get("/staff/units").text
    assert add(browser, "  College of   Health ").status_code == 303
    ids = {u["name"]: u["id"] for u in school.admin().api.get("/org-units").json()["items"]}
    health = ids["College of Health"]
    assert add(browser, "Nursing", health).status_code == 303
    assert add(browser, "Law").status_code == 303
    assert tree(school) == {"College of Health": None, "Nursing": "College of Health", "Law": None}
    ids = {u["name"]: u["id"] for u in school.admin().api.get("/org-units").json()["items"]}
    assert save(browser, ids["Law"], "School of Law", health).status_code == 303
    assert tree(school)["School of Law"] == "College of Health"
    page = browser.get("/staff/units").text
    assert page.index("College of Health") < page.index("Nursing") < page.index("School of Law")
    assert browser.post(f"/staff/units/{ids['Law']}/remove").status_code == 303
    assert "School of Law" not in tree(school)
    assert browser.get(f"/staff/units/{ids['Law']}").status_code == 404
    assert add(browser, "School of Law", health).status_code == 303  # its name is free again
    log = browser.get("/audit?kind=staff").text
    for told in ("made the org unit", "changed the org unit", "removed the org unit School of Law"):
        assert told in log
    assert f"/staff/units/{ids['Nursing']}" in log
    assert f"/staff/units/{ids['Law']}" not in log  # it has no page any more
    assert deeds(school, "org_unit.changed") == [{"was": "Law", "under": "College of Health"}]


@pytest.mark.parametrize(
    ("name", "under", "said"),
    [
        ("", "", "Give the unit a name."),
        ("   ", "", "Give the unit a name."),
        ("x" * 81, "", "A name has at most 80 characters."),
        ("nursing", "top", "Nursing is there already."),  # whatever the case
        ("Law", "999999999", "There is no such unit any more."),
        ("Law", "junk", "There is no such unit any more."),
        ("Law", str(2**70), "There is no such unit any more."),
    ],
)
def test_what_cannot_be_a_unit_is_said_at_its_field_and_kept(school, browser, name, under, said):
    top = unit(school, "College")
    unit(school, "Nursing", top)
    answer = add(browser, name, top if under == "top" else under)
    assert (answer.status_code, said in answer.text) == (422, True)
    assert name.strip() in answer.text
    assert len(tree(school)) == 2


def test_the_same_name_may_stand_in_two_places(school, browser):
    one, other = unit(school, "Health"), unit(school, "Law")
    assert add(browser, "Office", one).status_code == 303
    assert add(browser, "Office", other).status_code == 303


def test_a_unit_is_never_under_itself_however_it_is_asked(school, browser):
    """The page does not offer it, and a forged form is refused."""
    top = unit(school, "College")
    below = unit(school, "Nursing", top)
    page = browser.get(f"/staff/units/{top}").text
    assert f'<option value="{below}"' not in page
    for into in (top, below):
        refused = save(browser, top, "College", into)
        assert (refused.status_code, "cannot be under itself" in refused.text) == (422, True)
    assert tree(school) == {"College": None, "Nursing": "College"}


def test_two_who_move_units_into_each_other_make_no_circle(school):
    one, other = unit(school, "Health"), unit(school, "Law")
    admin = school.admin()
    with school.browser(admin) as first, school.browser(admin) as second:
        answers = at_once(
            partial(save, first, one, "Health", other), partial(save, second, other, "Law", one)
        )
    assert sorted(a.status_code for a in answers) == [303, 422]
    assert sorted(map(str, tree(school).values())) in (["Health", "None"], ["Law", "None"])


def test_of_two_who_save_at_once_the_second_sees_what_is_there(school, browser):
    """409: nothing is lost, and saving again holds."""
    health, law = unit(school, "Health"), unit(school, "Law")
    assert save(browser, law, "Law School", health).status_code == 303
    late = save(browser, law, "Faculty of Law", "", version=1)
    assert late.status_code == 409
    assert "Priya Shah changed this unit meanwhile." in late.text
    assert "It is Law School now, under Health." in late.text
    assert 'value="Faculty of Law"' in late.text
    assert tree(school)["Law School"] == "Health"
    version = late.text.split('name="version" value="')[1].split('"')[0]
    assert save(browser, law, "Faculty of Law", "", version).status_code == 303
    assert tree(school) == {"Health": None, "Faculty of Law": None}


def test_what_is_not_empty_stays_and_says_why(school, browser):
    health = unit(school, "Health")
    nursing = unit(school, "Nursing", health)
    dana = school.member()
    put(school, dana, nursing)
    for full, why in ((health, "It holds 1 unit below it."), (nursing, "It holds 1 person.")):
        assert why in browser.get(f"/staff/units/{full}").text
        assert browser.post(f"/staff/units/{full}/remove").status_code == 409
    assert set(tree(school)) == {"Health", "Nursing"}
    put(school, dana, None)
    assert browser.post(f"/staff/units/{nursing}/remove").status_code == 303


def test_another_schools_units_are_not_there(school, browser):
    """D1, by page, form and API."""
    mine = unit(school, "Health")
    with school.another() as other:
        theirs = unit(other, "Law")
        assert browser.get(f"/staff/units/{theirs}").status_code == 404
        assert save(browser, theirs, "Ours now").status_code == 404
        assert browser.post(f"/staff/units/{theirs}/remove").status_code == 404
        assert add(browser, "Below", theirs).status_code == 422
        assert save(browser, mine, "Health", theirs).status_code == 422
        dana = school.member()
        moved = school.admin().api.patch(f"/staff/{dana.id}", json={"org_unit_id": theirs})
        assert moved.status_code == 422
        assert browser.get(f"/messages?unit={theirs}").status_code == 404
        assert tree(other) == {"Law": None}
    assert tree(school) == {"Health": None}


def test_who_may_not_manage_staff_keeps_out(school):
    health = unit(school, "Health")
    with school.browser(supervisor(school, health)) as browser:
        for path in ("/staff/units", "/staff/units/new", f"/staff/units/{health}"):
            assert browser.get(path).status_code == 403
        assert add(browser, "Mine").status_code == 403
        assert save(browser, health, "Mine").status_code == 403
        assert browser.post(f"/staff/units/{health}/remove").status_code == 403
    assert tree(school) == {"Health": None}


# Who is in which


def test_the_unit_is_chosen_on_the_page_of_a_member_of_staff(school, browser):
    dana, health = school.member(), unit(school, "Health")
    law = unit(school, "Law")
    path = f"/staff/{dana.id}"

    def saved(chosen, seen, name="Dana Whitfield"):
        form = {"name": name, "role": "Advisor", "seen": ["", "Advisor"]}
        return browser.post(path, data={**form, "unit": chosen, "unit_seen": seen})

    assert saved(health, "").status_code == 303
    assert f'<option value="{health}" selected>' in browser.get(path).text
    assert "Health" in browser.get("/staff").text
    assert "Dana Whitfield" in browser.get("/staff?q=health").text
    assert deeds(school, "staff.changed")[-1]["org_unit"] == "Health"
    put(school, dana, law)
    # What was left as it was when the form was loaded is left as it is now.
    assert saved(health, health, "Dana W.").status_code == 303
    assert f'<option value="{law}" selected>' in browser.get(path).text
    gone = saved(999_999_999, law)
    assert (gone.status_code, "There is no such unit any more." in gone.text) == (422, True)
    assert saved("", law).status_code == 303
    assert deeds(school, "staff.changed")[-1]["org_unit"] == "none"
    invited = {"name": "Nia Fox", "email": f"nia.{dana.email}", "role": "Advisor", "unit": law}
    assert browser.post("/staff", data=invited).status_code == 303
    staff = school.admin().api.get("/staff").json()["items"]
    assert next(s for s in staff if s["name"] == "Nia Fox")["org_unit_id"] == law


def test_a_conversation_goes_along_and_a_message_stays_where_it_was_made(school):
    """S4-23: the unit it was sent from."""
    dana, ours = school.holder()
    health, law = unit(school, "Health"), unit(school, "Law")
    maya = school.person("mobile")
    sent = [dana.send(maya, "In no unit")]
    thread = sent[0]["conversation_id"]
    for into, body in ((health, "In Health"), (law, "In Law")):
        put(school, dana, into)
        sent.append(dana.send(maya, body))
    school.texts(maya.numbers[0], ours, "To Law")
    items = dana.thread(thread)
    assert [m["org_unit_id"] for m in items] == [None, health, law, law]
    assert dana.api.get(f"/conversations/{thread}").json()["org_unit_id"] == law
    kim = school.member(name="Kim Alvarez")
    put(school, kim, health)
    assert dana.api.patch(f"/conversations/{thread}", json={"staff_id": kim.id}).is_success
    assert kim.conversations()[0]["org_unit_id"] == health


def test_what_nobody_holds_stays_in_the_unit_of_the_last_one(school, browser):
    """D7: whoever leaves, the queue of their unit has what was theirs; a removed unit hands it
    up."""
    dana, ours = school.holder()
    health = unit(school, "Health")
    nursing = unit(school, "Nursing", health)
    put(school, dana, nursing)
    maya, tomas = school.person("mobile"), school.person("mobile", name="Tomás Herrera")
    for person in (maya, tomas):
        dana.send(person)
    form = {"number": "", "conversations": "", "students": "", "texts": "cancel"}
    assert browser.post(f"/staff/{dana.id}/deactivate", data=form).status_code == 303
    school.texts(maya.numbers[0], ours, "Is anybody there?")
    assert (
        '>3<span class="sr"> unclaimed in Nursing' in browser.get("/staff/units").text
    )  # and Noor's
    put(school, dana, None)
    assert browser.post(f"/staff/units/{nursing}/remove").status_code == 303
    with school.app.app_context():
        units = select(Conversation.org_unit_id).where(Conversation.institution_id == school.id)
        assert set(db.session.execute(units).scalars()) == {health}
        assert db.session.get_one(OrgUnit, nursing).removed_at
        db.session.remove()


def test_without_units_nothing_mentions_them(school, browser):
    """Only the door to making the first one, among the pages of staff."""
    dana, _ = school.holder()
    role = school.admin().api.get("/roles").json()["items"][0]["id"]
    message = dana.send(school.person("mobile"))["id"]
    for path in (
        *("/inbox", "/inbox?view=all", "/messages", f"/messages/{message}", "/messages/emails"),
        *("/people", "/analytics", "/staff/new", f"/staff/{dana.id}", "/staff/roles"),
        *(f"/staff/roles/{role}", "/staff/roles/new", "/tokens", "/settings", "/audit", "/profile"),
    ):
        assert MENTION.findall(browser.get(path).text) == [], path
    assert MENTION.findall(browser.get("/staff").text) == ["Org unit"]
    assert "nit" not in browser.get("/messages/export").text.splitlines()[0]


def test_a_role_keeps_the_right_that_its_page_does_not_show(school, browser):
    """Where there are no units the tick is not there, and saving takes nothing away."""
    roles = school.admin().api.get("/roles").json()["items"]
    manager = next(role for role in roles if role["name"] == "Manager")
    page = browser.get(f"/staff/roles/{manager['id']}").text
    ticked = re.findall(r'name="capability" value="([^"]+)" checked', page)
    seen = re.findall(r'name="seen" value="([^"]*)"', page)
    form = {"name": "Manager", "capability": [c for c in ticked if c != "reports.read"]}
    answer = browser.post(f"/staff/roles/{manager['id']}", data={**form, "seen": seen})
    assert answer.status_code == 303
    kept = {r["name"]: r["capabilities"] for r in school.admin().api.get("/roles").json()["items"]}
    assert set(kept["Manager"]) == {*manager["capabilities"]} - {"reports.read"}
    assert "inbox.unit" in kept["Manager"]
