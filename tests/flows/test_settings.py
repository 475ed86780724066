"""Settings: what a school decides for itself, by whom, and what follows at once (S3-2..S3-23)."""

from functools import partial

import pytest

from tests.configuring import role
from tests.school import at_once


def error_of(answer):
    return answer.status_code, answer.json()["error"]["code"]


def change(member, **changes):
    version = member.api.get("/settings").json()["version"]
    return member.api.patch("/settings", json={"version": version, **changes})


def test_a_new_school_texts_everybody_without_limits(school):
    """Contract 1: the defaults (S3-73)."""
    found = school.admin().api.get("/settings").json()
    mails = {name: found.pop(name) for name in ("reply_notice", "fallback_email")}
    assert found == {
        "student_default": "opted_in",
        "staff_default": "opted_in",
        "default_phone_type": "mobile",
        "permitted_roles": ["Administrator", "Manager", "Advisor"],
        "number_limit": None,
        "message_limit": None,
        "limit_unit": "messages",
        "reply_reserve": 0,
        "segment_price": 7900,
        "cool_off_days": 0,
        "max_length": 1000,
        "sms_enabled": True,
        "first_contact": None,
        "help_contact": None,
        "more_stop_words": [],
        "more_start_words": [],
        "unclaimed_answer": None,
        "unclaimed_hours": 4,
        "version": 1,
    }
    assert {frozenset(mail) for mail in mails.values()} == {frozenset({"subject", "body"})}


def test_what_is_given_changes_and_the_rest_stays(school):
    admin = school.admin()
    before = admin.api.get("/settings").json()
    after = change(admin, cool_off_days=7, fallback_email={"subject": "From {sender}"}).json()
    mail = {**before["fallback_email"], "subject": "From {sender}"}
    assert after == {**before, "cool_off_days": 7, "fallback_email": mail, "version": 2}
    assert admin.api.get("/settings").json() == after
    assert change(admin, cool_off_days=7).json()["version"] == 2  # nothing has changed
    assert [e["name"] for e in school.member().events() if e["name"][:8] == "settings"] == [
        "settings.changed"
    ]


def test_two_who_save_at_once(school):
    """The second one sees what the first one did before it can overwrite it."""
    admin = school.admin()
    save = [
        partial(admin.api.patch, "/settings", json={"version": 1, "cool_off_days": days})
        for days in range(1, 6)
    ]
    answers = at_once(*save)
    (saved,) = [answer.json() for answer in answers if answer.status_code == 200]
    others = [error_of(answer) for answer in answers if answer.status_code != 200]
    assert others == [(409, "outdated")] * 4
    assert admin.api.get("/settings").json() == saved
    assert saved["version"] == 2


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("student_default", ["maybe", None, True]),
        ("default_phone_type", ["fax", "system", None]),
        ("permitted_roles", [["Nobody"], ["Student"], "Advisor", None]),
        ("number_limit", [-1, 1.5, "3"]),
        ("message_limit", [-1, 10**12]),
        ("limit_unit", ["letters"]),
        ("cool_off_days", [-1, None, 10_000]),
        ("max_length", [0, 1601, None]),
        ("sms_enabled", ["yes", None]),
        ("first_contact", ["x" * 1000]),  # no room for a text
        ("fallback_email", [{"subject": ""}, {"footer": "x"}, None]),
        ("hours", [{}]),  # arrive with campaigns (D39)
    ],
)
def test_what_is_no_setting_is_refused_by_name(school, field, values):
    admin = school.admin()
    for value in values:
        answer = change(admin, **{field: value})
        assert error_of(answer) == (422, "invalid"), value
        assert answer.json()["error"]["fields"][0]["field"].startswith(field)
    assert error_of(admin.api.patch("/settings", json={"cool_off_days": 1})) == (422, "invalid")
    assert admin.api.get("/settings").json()["version"] == 1


def test_who_may_change_what(school):
    """S2-6, S3-21, D3, D27: limits are a right of their own; without either nothing is shown."""
    bursar = school.member(role(school, "Bursar", "limits.edit"))
    registrar = school.member(role(school, "Registrar", "settings.edit"))
    limits = {"number_limit": 5, "message_limit": 100, "limit_unit": "segments"}
    rest = {"student_default": "opted_out", "cool_off_days": 3, "permitted_roles": ["Advisor"]}
    for name, value in limits.items():
        assert change(bursar, **{name: value}).status_code == 200
        assert error_of(change(registrar, **{name: value})) == (403, "forbidden")
    for name, value in rest.items():
        assert change(registrar, **{name: value}).status_code == 200
        assert error_of(change(bursar, **{name: value})) == (403, "forbidden")
    mixed = {"message_limit": 7, "cool_off_days": 7}
    assert error_of(change(bursar, **mixed)) == (403, "forbidden")
    found = school.admin().api.get("/settings").json()
    assert found | limits | rest == found
    for name in ("Manager", "Advisor", "Auditor"):
        assert error_of(school.member(name).api.get("/settings")) == (403, "forbidden")


def test_a_change_counts_for_the_next_text(school):
    """S3-61, S3-63: DEFAULT follows the setting at once, both ways; ENABLED does not."""
    school.pool(1)
    dana, asked, silent = school.member(), school.person("mobile"), school.person("mobile")
    school.set_status(asked, 0, "enabled")
    for default, channel in (("opted_out", "email"), ("opted_in", "sms")):
        school.settings(student_default=default)
        assert dana.send(silent)["channel"] == channel
        assert dana.send(asked)["channel"] == "sms"
    school.settings(default_phone_type="home")
    assert dana.send(silent)["reason"] == "no_textable_phone"
    assert school.phone_status(silent) == ["default"]
    school.settings(sms_enabled=False)
    assert dana.send(asked)["reason"] == "sms_disabled"


# Permitted roles


def may_start(school, member):
    """Whether they may text somebody new; where not, nothing comes of it."""
    person = school.person("mobile")
    answer = member.tries(person)
    if answer.status_code == 201:
        assert answer.json()["channel"] == "sms"
        return True
    assert error_of(answer) == (403, "role_not_permitted")
    assert error_of(member.tries(person, channel="email")) == (403, "role_not_permitted")
    return False


@pytest.mark.parametrize(
    ("roles", "permitted"),
    [
        (["Administrator"], True),
        (["Manager"], True),
        (["Advisor"], True),
        (["Responder"], False),
        (["Auditor"], False),
        (["Student"], False),
        (["Responder", "Advisor"], True),  # one permitted role is enough
        (["Student", "Advisor"], True),  # texts by their staff role only (D2)
        (["Student", "Responder"], False),
    ],
    ids=str,
)
def test_which_roles_may_start(school, roles, permitted):
    """S0-4, S3-13, S3-14, S3-40, S3-75, D41: a missing right is a 403, no email, and takes no
    number."""
    school.pool(1)
    assert may_start(school, school.member(*roles)) is permitted
    assert school.usage()["numbers"]["assigned"] == permitted


def test_permitted_roles_are_the_roles_that_may_start(school):
    """S3-13, D3: set here or at the role, it is the same; it counts for the next request."""
    school.pool(2)
    dana, rosa = school.member(), school.member("Responder", name="Rosa Diaz")
    assert change(school.admin(), permitted_roles=["Responder"]).status_code == 200
    assert (may_start(school, dana), may_start(school, rosa)) == (False, True)
    roles = {r["name"]: r for r in school.admin().api.get("/roles").json()["items"]}
    assert "text.start" in roles["Responder"]["capabilities"]
    assert "text.start" not in roles["Advisor"]["capabilities"]
    assert "text.reply" in roles["Advisor"]["capabilities"]


def test_a_student_never_holds_a_number(school):
    """S3-42: it cannot be ticked on their role, and they hold none."""
    school.pool(1)
    max_ = school.member("Student", name="Max Student")
    admin = school.admin()
    roles = {r["name"]: r for r in admin.api.get("/roles").json()["items"]}
    ticked = {"capabilities": ["text.start", "text.reply", "people.read"]}
    refused = admin.api.patch(f"/roles/{roles['Student']['id']}", json=ticked)
    assert refused.status_code == 422
    assert refused.json()["error"]["fields"][0]["field"] == "capabilities"
    assert not may_start(school, max_)
    assert "Student" not in admin.api.get("/settings").json()["permitted_roles"]
    assert school.usage()["numbers"]["assigned"] == 0


def test_a_number_from_before_is_taken_from_a_student(school):
    """S3-43, D2: who is only a student by now texts nobody, and is in the grid to be taken out."""
    dana, ours = school.holder()
    admin, number = school.admin(), school.number(ours)
    assert admin.api.patch(f"/staff/{dana.id}", json={"roles": ["Student"]}).status_code == 200
    assert not may_start(school, dana)
    with school.browser(admin) as browser:
        assert 'class="who">Dana Whitfield<' in browser.get("/settings/twilio").text
        path = f"/settings/numbers/{number['id']}/release"
        assert browser.post(path).status_code == 303
        assert 'class="who">Dana Whitfield<' not in browser.get("/settings/twilio").text
    assert school.number(ours)["status"] == "available"


def test_another_school_is_untouched(school):
    """S3-23, D1."""
    with school.another() as other:
        before = other.admin().api.get("/settings").json()
        school.settings(message_limit=0, number_limit=0, permitted_roles=["Manager"])
        assert other.admin().api.get("/settings").json() == before
