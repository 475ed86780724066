"""OneRoster orgs become org units where whoever imports chose that, and staff are put into them."""

import pytest
from sqlalchemy import select

from app.database import db
from app.models import OrgUnit, Staff
from tests.imports import imported, person, rows, settled, uploaded
from tests.units import put, unit

ORGS = (
    "sourcedId,status,name,type,parentSourcedId\n"
    "o2,active,Northfield High,school,o1\n"  # the one above it comes later
    "o1,active,Northfield District,district,\n"
    "o3,active,nursing,department,o4\n"
    "o4,active,Health,school,\n"
    "o5,active,Lost,school,zzz\n"
    "o6,active,Round,school,o7\n"
    "o7,active,About,school,o6\n"
)
USERS = (
    "sourcedId,status,enabledUser,orgSourcedIds,role,givenName,familyName,email\n"
    's1,active,true,o2,student,Maya,Torres,\nt1,active,true,"o5,o2",teacher,Dana,Whitfield,{dana}\n'
    "t2,active,true,o3,teacher,Kim,Alvarez,{kim}\n"
)


def tree(school):
    """The org units, as name → the name above."""
    with school.app.app_context():
        found = select(OrgUnit.id, OrgUnit.name, OrgUnit.parent_id).where(
            OrgUnit.institution_id == school.id
        )
        units = db.session.execute(found).all()
        db.session.remove()
    names = {each.id: each.name for each in units}
    return {each.name: names.get(each.parent_id) for each in units}


def works_in(school, member):
    """The org unit that somebody is in, as (id, name)."""
    found = select(OrgUnit.id, OrgUnit.name).join(Staff, Staff.org_unit_id == OrgUnit.id)
    with school.app.app_context():
        row = db.session.execute(found.where(Staff.id == member.id)).first()
        db.session.remove()
    return tuple(row) if row else (None, None)


@pytest.fixture
def term(school):
    """Health with Nursing below it, made by hand; Dana, who has written to somebody, and Kim."""
    nursing = unit(school, "Nursing", unit(school, "Health"))
    school.pool(1)
    dana, kim = school.member(), school.member(name="Kim Alvarez")
    dana.send(school.person("mobile", name="Noor Haddad"), "Hello")
    users = USERS.format(dana=dana.email, kim=kim.email)
    files = {"users.csv": users, "orgs.csv": ORGS}
    return {"nursing": nursing, "dana": dana, "kim": kim, "files": files}


def test_orgs_become_units_and_staff_work_in_them(school, term):
    dana, kim, files = term["dana"], term["kim"], term["files"]
    counts = {"created": 3, "changed": 2, "unchanged": 2, "refused": 3}
    before = tree(school)
    tried = imported(school, "", files=files, make_units=True, dry_run=True)
    assert tried["counts"] == counts
    assert tree(school) == before
    assert works_in(school, dana) == (None, None)
    run = imported(school, "", files=files, make_units=True)
    assert (run["counts"], run["total"], run["done"]) == (counts, 10, 10)
    for each in (tried, run):
        assert rows(school, each)[:7] == [
            (2, "created", "Org. unit: under Northfield District."),
            (3, "created", "Org. unit: at the top."),
            (4, "unchanged", "Org. unit: under Health."),
            (5, "unchanged", "Org. unit: at the top."),
            (6, "refused", "Org. unit: There is no org zzz in orgs.csv."),
            (7, "refused", "Org. unit: It is below itself: Round, About."),
            (8, "refused", "Org. unit: It is below itself: Round, About."),
        ]
        assert {row[2] for row in rows(school, each, outcome="changed")} == {"ID, org. unit."}
    new = {"Northfield District": None, "Northfield High": "Northfield District"}
    assert tree(school) == {**before, **new}  # and "Nursing" is not called "nursing" now
    made, name = works_in(school, dana)
    assert (name, works_in(school, kim)[1]) == ("Northfield High", "Nursing")
    (talk,) = dana.api.get("/conversations").json()["items"]
    said = dana.reply(talk["id"], "From there")
    assert said["org_unit_id"] == made  # their conversations went along
    same = {"unchanged": 7, "refused": 3}
    assert imported(school, "", files=files, make_units=True)["counts"] == same
    with school.browser(school.admin()) as browser:
        log = browser.get("/audit").text
        assert log.count("by an import") == 2
        assert "made the org unit" in log


def test_what_was_done_by_hand_stays_and_what_an_import_did_follows_the_file(school, term):
    dana, kim, files = term["dana"], term["kim"], term["files"]
    assert imported(school, "", files=files, make_units=True)["state"] == "done"
    put(school, dana, term["nursing"])
    moved = files["users.csv"].replace("true,o3,", "true,o2,")
    run = imported(school, "", files={**files, "users.csv": moved}, make_units=True)
    assert [works_in(school, each)[1] for each in (dana, kim)] == ["Nursing", "Northfield High"]
    assert [why for _, _, why in rows(school, run, outcome="changed")] == ["Org. unit."]
    stays = "Stays in Nursing: put there by hand."
    assert stays in [why for _, _, why in rows(school, run, outcome="unchanged")]


def test_only_where_it_was_chosen_and_by_who_manages_staff(school, term):
    before = tree(school)
    run = imported(school, "", files=term["files"])
    assert run["total"] == 3
    assert (tree(school), works_in(school, term["dana"])) == (before, (None, None))
    manager = school.member("Manager", name="Joan Tran")
    body = {"files": [{"name": n, "text": text} for n, text in term["files"].items()]}
    for api, files, why in (
        (manager.api, body["files"], "Your role may not make org units."),
        (school.admin().api, body["files"][:1], "There is no orgs.csv among these files."),
    ):
        refused = api.post("/imports", json={"files": files, "make_units": True})
        assert refused.status_code == 422
        assert refused.json()["error"]["fields"] == [{"field": "make_units", "message": why}]
    files = [(name, text.encode()) for name, text in term["files"].items()]
    with school.browser(manager) as browser:
        path = uploaded(browser, *files).headers["Location"]
        assert "make_units" not in browser.get(path).text
        forged = browser.post(f"{path}/start", data={"make_units": "on"})
        assert forged.status_code == 422
        assert tree(school) == before
    with school.browser(school.admin()) as browser:
        path = uploaded(browser, *files).headers["Location"]
        box = '<input type="checkbox" name="make_units"'
        assert f"{box} checked" not in browser.get(path).text
        assert box in browser.get(path).text
        assert browser.post(f"{path}/start", data={"make_units": "on"}).status_code == 303
    assert settled(school, int(path.rpartition("/")[2]))["state"] == "done"
    assert "Northfield High" in tree(school)
    assert person(school, "s1")["kind"] == "student"


def test_of_1_2_the_primary_role_says_where_somebody_works(school, term):

    dana = term["dana"]
    users = f"sourcedId,enabledUser,givenName,familyName,email\nt1,true,Dana,W,{dana.email}\n"
    roles = (
        "sourcedId,userSourcedId,roleType,role,orgSourcedId\n"
        "r1,t1,secondary,teacher,o3\nr2,t1,primary,teacher,o2\n"
    )
    files = {"users.csv": users, "roles.csv": roles, "orgs.csv": ORGS}
    assert imported(school, "", files=files, make_units=True)["state"] == "done"
    assert works_in(school, dana)[1] == "Northfield High"
