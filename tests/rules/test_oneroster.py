"""OneRoster: users of versions 1.1 and 1.2 become people."""

import pytest

from app.rules.importing import Entry, Refused
from app.rules.oneroster import Columns, File, agents, file_of, kind_of, read_user, version_of
from app.rules.phones import PhoneType

_V11 = "sourcedId status dateLastModified enabledUser orgSourcedIds role username userIds givenName"
_V11 += " familyName middleName identifier email sms phone agentSourcedIds grades password"
V11 = _V11.split()
_V12 = "sourcedId status dateLastModified enabledUser username userIds givenName familyName"
_V12 += " middleName identifier email sms phone agentSourcedIds grades password resourceSourcedIds"
_V12 += " userMasterIdentifier preferredGivenName preferredMiddleName preferredFamilyName"
V12 = (_V12 + " primaryOrgSourcedId pronouns").split()
USER = {"sourcedId": "u1", "enabledUser": "true", "givenName": "Maya", "familyName": "Torres"}


def user(columns=V11, kinds=None, **fields):
    values = {**USER, **({"role": "student"} if columns is V11 else {}), **fields}
    cells = [values.get(name, "") for name in columns]
    return read_user(cells, Columns.of(columns), (kinds or {}).get or str, "US")


@pytest.mark.parametrize(
    ("columns", "file"),
    [
        (V11, File.USERS),
        (V12, File.USERS),
        (["sourcedId", "status", "name", "type", "identifier"], File.ORGS),
        (["sourcedId", "userSourcedId", "roleType", "role", "orgSourcedId"], File.ROLES),
        (["propertyName", "value"], File.MANIFEST),
        (["sourcedId", "classSourcedId", "userSourcedId", "role"], None),  # enrollments.csv
        (["ID", "First name", "Last name"], None),
    ],
)
def test_a_file_is_told_from_its_columns(columns, file):
    assert file_of(columns) is file


def test_the_version_is_told_from_where_the_role_is():
    assert (version_of(V11), version_of(V12)) == ("1.1", "1.2")


KINDS = [
    ("student", "student"),
    ("teacher", "staff"),
    ("administrator", "staff"),
    ("siteAdministrator", "staff"),
    ("counselor", "staff"),
    ("guardian", "guardian"),
    ("parent", "guardian"),
    ("relative", "guardian"),
    ("wizard", ""),
]


@pytest.mark.parametrize(("role", "kind"), KINDS)
def test_a_role_is_a_kind_of_person_and_no_right(role, kind):
    """C18"""
    assert kind_of(role) == kind


def test_sms_is_the_mobile_and_phone_the_other():
    found = user(sms="(512) 555-0147", phone="512-555-0148", email="Maya@x.edu")
    phones = (("+15125550147", PhoneType.MOBILE), ("+15125550148", PhoneType.HOME))
    maya = ("u1", "u1", "Maya", "Torres", "maya@x.edu", "student")
    assert found == Entry(*maya, phones=phones, guardians=(), says_kind=True)
    same = user(sms="5125550147", phone="(512) 555-0147")
    assert same.phones == phones[:1]


def test_a_user_of_1_2_has_the_role_that_the_other_file_says():
    assert user(V12, {"u1": "guardian"}).kind == "guardian"
    assert "no role" in user(V12, {"u2": "guardian"}).reason
    assert "The role wizard is none" in user(role="wizard").reason


def test_the_agents_of_a_student_stand_for_them():
    found = user(agentSourcedIds="g1, t1 ,")
    assert found.advisors == found.guardians == ("g1", "t1")
    assert user(role="teacher", agentSourcedIds="g1").advisors == ()
    columns = Columns.of(["agentSourcedIds"])
    assert agents(columns, [""]) == ()
    assert agents(Columns.of(["sourcedId"]), ["u1"]) is None  # nothing is said, nothing changes


def test_who_is_to_be_deleted_and_who_is_switched_off():
    assert user(status="tobedeleted", givenName="", familyName="").gone
    found = user(enabledUser="false")
    assert isinstance(found, Refused)
    assert (found.key, found.skipped) == ("u1", True)


def test_what_is_wrong_is_told():
    for fields, says in (
        ({"sourcedId": ""}, "no sourcedId"),
        ({"givenName": ""}, "no givenName"),
        ({"sms": "911"}, "911 is an emergency number"),
        ({"email": "x"}, "not an email address"),
    ):
        found = user(**fields)
        assert isinstance(found, Refused)
        assert says in found.reason


def test_a_line_that_is_cut_wrong_is_refused_with_the_id_that_stands_first():
    found = read_user(["u1", "active"], Columns.of(V11), str, "US")
    assert found == Refused("This line has 2 cells, the first line has 18.", "u1")
