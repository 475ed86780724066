"""SMS Configuration as plain forms: what is typed there, two admins at once, the emails, and what
forged requests may do (S3-1..S3-28, D25..D27, D43)."""

import html

import pytest

from app import create_app
from tests.configuring import general, role, settings
from tests.counting import MOST_QUERIES, queries
from tests.helpers import until
from tests.reading import text_of
from tests.school import PASSWORD

CONNECTION = "/settings/twilio/connection"


# What is typed


def test_everything_of_the_form_is_saved(school):
    changes = {
        "permitted_roles": ["Manager", "Advisor"],
        "number_limit": "12",
        "message_limit": "1,000",
        "limit_unit": "segments",
        "max_length": "700",
        "first_contact": "Northfield College. STOP ends texts.",
        "help_contact": "call 555-0100",
        "more_stop_words": "alto\r\n\r\n basta \r\nalto",
        "more_start_words": "dale",
        "sms_enabled": None,
    }
    with school.browser(school.admin()) as browser:
        answer = browser.post("/settings", data=general(school, **changes))
    assert answer.status_code == 303, text_of(answer)
    found = settings(school)
    assert found["permitted_roles"] == ["Manager", "Advisor"]
    assert (found["number_limit"], found["message_limit"]) == (12, 1000)
    assert (found["limit_unit"], found["max_length"]) == ("segments", 700)
    assert found["more_stop_words"] == ["alto", "basta"]
    assert (found["first_contact"], found["help_contact"]) == (
        changes["first_contact"],
        "call 555-0100",
    )
    assert (found["more_start_words"], found["sms_enabled"]) == (["dale"], False)


@pytest.mark.parametrize(
    ("field", "typed", "told"),
    [
        ("number_limit", "many", "A whole number from 0 up; empty for no limit."),
        ("message_limit", "-1", "A whole number from 0 up; empty for no limit."),
        ("max_length", "1601", "Between 1 and 1,600 characters"),
        ("max_length", "", "A whole number from 0 up."),
        ("cool_off_days", "4000", "Between 0 and 3650 days."),
        ("first_contact", "x" * 1000, "leaves no room for a text"),
        ("help_contact", "x" * 300, "200 characters are the most."),
        ("more_stop_words", "x", "must have between 2 and 40 characters"),
        ("default_phone_type", "system", "Choose one of these."),
        ("permitted_roles", ["Student"], "they hold no number"),
    ],
)
def test_what_is_wrong_is_said_at_the_field_and_nothing_is_lost(school, field, typed, told):
    """S3-42 among them."""
    with school.browser(school.admin()) as browser:
        form = general(school, **{"help_contact": "call Priya", field: typed})
        answer = browser.post("/settings", data=form)
    assert answer.status_code == 422
    assert told in text_of(answer)
    assert f'id="{field}-error"' in answer.text
    if field in ("number_limit", "message_limit", "max_length", "cool_off_days"):
        assert f'value="{typed}"' in answer.text
    assert field == "help_contact" or "call Priya" in answer.text
    assert settings(school)["version"] == 1


# Two who save at once


def test_the_second_to_save_sees_the_difference_and_chooses(school):
    """C-37: field by field; what only one of them touched is kept from both."""
    kim = school.member("Administrator", name="Kim Alvarez")
    with school.browser(school.admin()) as priya, school.browser(kim) as other:
        mine = general(school, cool_off_days="30", max_length="500")
        first = general(school, cool_off_days="7", help_contact="call Kim")
        assert other.post("/settings", data=first).status_code == 303
        late = priya.post("/settings", data=mine)
        assert late.status_code == 409
        told = text_of(late)
        assert "Kim Alvarez saved these settings a moment ago" in told
        assert "Yours 30 Saved by Kim Alvarez a moment ago 7" in told
        assert "Contact in the answer to HELP: none is now call Kim" in told
        assert 'value="30"' in late.text
        assert settings(school)["cool_off_days"] == 7
        again = {**mine, "version": "2", "help_contact": "call Kim"}
        theirs = priya.post("/settings", data={**again, "take_cool_off_days": "theirs"})
        assert theirs.status_code == 303
        found = settings(school)
        assert (found["cool_off_days"], found["max_length"]) == (7, 500)
        mine_after_all = {**again, "version": "3", "take_cool_off_days": "mine"}
        assert priya.post("/settings", data=mine_after_all).status_code == 303
    found = settings(school)
    assert (found["cool_off_days"], found["max_length"]) == (30, 500)
    assert found["help_contact"] == "call Kim"


def test_who_may_open_and_save_what(school):
    """S0-2, S3-28, D3, D27: also where the request is forged."""
    bursar = school.member(role(school, "Bursar", "limits.edit", "people.read"))
    registrar = school.member(role(school, "Registrar", "settings.edit"))
    with school.browser(bursar) as browser:
        assert browser.get("/settings").status_code == 200
        forged = browser.post("/settings", data=general(school, cool_off_days="9"))
        assert forged.status_code == 403
        version = {"version": "1", "number_limit": "5", "message_limit": "9"}
        assert browser.post("/settings", data={**version, "limit_unit": "messages"}).is_redirect
    with school.browser(registrar) as browser:
        assert browser.post("/settings", data=general(school, number_limit="6")).status_code == 403
        rest = dict.fromkeys(("number_limit", "message_limit", "limit_unit"))
        assert browser.post("/settings", data=general(school, **rest)).status_code == 303
    with school.browser(school.member()) as browser:
        for path in ("/settings", "/settings/email", "/settings/twilio"):
            assert browser.get(path).status_code == 403
        assert browser.post("/settings", data=general(school)).status_code == 403
        assert 'href="/settings"' not in browser.get("/inbox").text
    found = settings(school)
    assert (found["number_limit"], found["message_limit"], found["cool_off_days"]) == (5, 9, 0)


def test_what_others_saved_elsewhere_is_no_conflict(school):
    """The words of an email do not overtake a form without them."""
    with school.browser(school.admin()) as browser:
        form = general(school, cool_off_days="3")
        school.settings(fallback_email={"subject": "From {sender}"})
        assert browser.post("/settings", data=form).status_code == 303
    found = settings(school)
    assert (found["cool_off_days"], found["version"]) == (3, 3)


# The emails


def letter(school, kind, **changes):
    found = settings(school)
    return {**found[kind], "version": str(found["version"]), **changes}


def test_the_words_of_an_email_are_tried_out_and_saved(school):
    """S3-16: the sample is made as the real mail is, and goes through the real queue."""
    admin = school.admin()
    with school.browser(admin) as browser:
        form = letter(school, "fallback_email", subject="From {sender}", body="{text} {sendr}")
        shown = browser.post("/settings/email/fallback_email/preview", data=form)
        assert "From Priya Shah" in shown.text
        assert "{sendr} is no field" in text_of(shown)
        without = browser.post(
            "/settings/email/fallback_email/preview", data={**form, "body": "Hello"}
        )
        assert "{text} is missing" in text_of(without)
        tested = browser.post("/settings/email/fallback_email", data={**form, "act": "test"})
        assert tested.status_code == 200
        assert settings(school)["version"] == 1
        assert "{text} {sendr}" in html.unescape(tested.text)
        assert browser.post("/settings/email/fallback_email", data=form).status_code == 303
    (mail,) = until(lambda: school.mails(admin.email))
    assert mail["subject"] == "From Priya Shah"
    assert "Your advising appointment moved" in str(mail)
    assert settings(school)["fallback_email"]["subject"] == "From {sender}"
    dana, person = school.member(), school.person()
    dana.send(person, "See you Tuesday")
    (real,) = until(lambda: school.mails(person.email))
    assert real["subject"] == "From Dana Whitfield"


def test_an_email_goes_back_to_its_standard_text(school):
    standard = settings(school)["reply_notice"]
    school.settings(reply_notice={"subject": "News", "body": "See {link}"})
    with school.browser(school.admin()) as browser:
        form = letter(school, "reply_notice", act="standard")
        assert browser.post("/settings/email/reply_notice", data=form).status_code == 303
        empty = browser.post(
            "/settings/email/reply_notice", data=letter(school, "reply_notice", body=" ")
        )
        assert (empty.status_code, "Write something here." in empty.text) == (422, True)
        assert browser.post("/settings/email/footer", data=form).status_code == 404
    assert settings(school)["reply_notice"] == standard


def test_two_who_word_the_same_email(school):
    kim = school.member("Administrator", name="Kim Alvarez")
    with school.browser(school.admin()) as priya, school.browser(kim) as other:
        mine = letter(school, "reply_notice", subject="Mine: {name}")
        theirs = letter(school, "reply_notice", subject="Kim's: {name}", body="{link}")
        assert other.post("/settings/email/reply_notice", data=theirs).status_code == 303
        late = priya.post("/settings/email/reply_notice", data=mine)
        assert late.status_code == 409
        assert "Yours Mine: {name} Saved by Kim Alvarez a moment ago Kim's: {name}" in text_of(late)
        again = {**mine, "version": "2", "body": "{link}", "take_subject": "mine"}
        assert priya.post("/settings/email/reply_notice", data=again).status_code == 303
    assert settings(school)["reply_notice"] == {"subject": "Mine: {name}", "body": "{link}"}


# Around the tabs


def test_the_deciding_rule_links_to_its_setting(school):
    """The link is for whoever may open it (S0-46)."""
    school.pool(1)
    school.settings(student_default="opted_out")
    dana, admin = school.member(), school.admin()
    for member, linked in ((dana, False), (admin, True)):
        sent = member.send(school.person("mobile"))
        with school.browser(member) as browser:
            page = browser.get(f"/inbox/messages/{sent['id']}/why").text
        assert ('href="/settings#student_default"' in page) is linked


def test_no_tab_asks_more_than_a_dozen_times(school, stack):
    """However many numbers there are, and for somebody with every right."""
    school.pool(3)
    for name in ("Ana Ruiz", "Bo Lind", "Cy Park"):
        school.member(name=name).send(school.person("mobile"))
    app = create_app(stack.app.config["SETTINGS"])
    app.config["WTF_CSRF_ENABLED"] = False
    client, form = app.test_client(), {"email": school.admin().email, "password": PASSWORD}
    assert client.post("/login", data=form).status_code == 303
    counts = {}
    for path in ("/settings", "/settings/email", "/settings/twilio", CONNECTION):
        client.get(path)  # the first notes that the sign-in is used
        with queries() as asked:
            assert client.get(path).status_code == 200
        counts[path] = len(asked)
    assert max(counts.values()) <= MOST_QUERIES, counts
