"""OneRoster: a set of files becomes students, guardians, staff and whose students they are."""

import re

import pytest

from tests.imports import (
    ORGS,
    ROLES_12,
    USERS_11,
    USERS_12,
    answered,
    imported,
    numbers,
    person,
    settled,
    uploaded,
    zipped,
)
from tests.school import School, new_number


@pytest.mark.parametrize("version", ["1.1", "1.2"])
def test_oneroster_brings_students_guardians_and_advisors(school, version):
    dana = school.member()
    given = {name: new_number() for name in ("sms", "phone", "guardian")}
    text = (USERS_11 if version == "1.1" else USERS_12).format(**given, dana=dana.email)
    files = {"users.csv": text, "orgs.csv": ORGS}
    files |= {"roles.csv": ROLES_12} if version == "1.2" else {}
    run = imported(school, "", files=files)
    assert run["counts"] == {"created": 2, "changed": 1, "skipped": 1}
    maya, ana, teacher = (person(school, each) for each in ("s1", "g1", "t1"))
    assert numbers(maya) == {(given["sms"], "mobile"), (given["phone"], "home")}
    assert [maya["kind"], ana["kind"], teacher["kind"]] == ["student", "guardian", "staff"]
    found = dana.api.get(f"/people/{maya['id']}/advisors").json()["items"]
    assert [advisor["staff_id"] for advisor in found] == [dana.id]  # the person of the account
    again = imported(school, "", files=files)
    assert again["counts"] == {"unchanged": 3, "skipped": 1}
    leaving = text.replace("s1,active", "s1,tobedeleted")
    if version == "1.1":
        run = imported(school, "", files={"users.csv": leaving})
        assert (run["state"], run["leaving"]) == ("asking", 1)
        run = answered(school, run, remove=True, count=1)
        assert run["counts"] == {"unchanged": 2, "skipped": 1, "removed": 1}
        assert person(school, "s1") is None


def test_the_agents_of_a_student_are_their_guardians(school):
    """Each leads to the other; who is no agent any more is no guardian."""
    head = "sourcedId,role,givenName,familyName,agentSourcedIds\n"
    ana, maya = "g1,guardian,Ana,Torres,\n", 's1,student,Maya,Torres,"g1,g2"\n'
    imported(school, "", files={"users.csv": f"{head}{maya}{ana}"})
    late = imported(school, "", files={"users.csv": f"{head}g2,parent,Luis,Vega,\n"})
    assert late["counts"] == {"created": 1}
    assert family(school, "s1") == ["Ana Torres", "Luis Vega"]
    assert family(school, "g1") == family(school, "g2") == ["Maya Torres"]
    without = {"users.csv": f"{head}{maya.replace('g1,g2', 'g2')}{ana}"}
    assert imported(school, "", files=without)["counts"] == {"changed": 1, "unchanged": 1}
    assert imported(school, "", files=without)["counts"] == {"unchanged": 2}
    assert (family(school, "s1"), family(school, "g1")) == (["Luis Vega"], [])
    nothing_said = "sourcedId,role,givenName,familyName\ns1,student,Maya,Torres\n"
    assert imported(school, "", files={"users.csv": nothing_said})["counts"] == {"unchanged": 1}
    assert family(school, "s1") == ["Luis Vega"]


def family(school: School, source_id: str) -> list[str]:
    """Whom the page of this person leads to."""
    with school.browser(school.admin()) as browser:
        page = browser.get(f"/people/{person(school, source_id)['id']}").text
    _, _, card = page.partition('id="family"')
    return re.findall(r'<a href="/people/\d+">([^<]+)</a>', card.partition("</section>")[0])


def test_a_zip_of_oneroster_is_uploaded_as_it_is(school):
    text = USERS_12.format(sms=new_number(), phone="", guardian="", dana="t@x.edu")
    archive = zipped(users_csv=text, roles_csv=ROLES_12, orgs_csv=ORGS, classes_csv="x")
    with school.browser(school.admin()) as browser:
        path = uploaded(browser, ("oneroster.zip", archive)).headers["Location"]
        page = browser.get(path).text
        assert "OneRoster 1.2" in page
        assert "Northfield High" in page
        assert browser.post(f"{path}/start", data={"kind": "student"}).status_code == 303
    assert settled(school, int(path.rpartition("/")[2]))["counts"] == {"created": 3, "skipped": 1}
