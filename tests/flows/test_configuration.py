"""SMS Configuration as plain forms: what is said before it is saved, two admins at once, and what
forged requests may do (S3-1..S3-28, D25..D27, D43)."""

import html
import itertools
import re

import pytest
from sqlalchemy import select
from sqlalchemy.orm import selectinload

from app import create_app
from app.database import db, transaction
from app.models import ContactNumber, Institution, Person, PersonKind, PersonPhone
from app.rules.access import Can
from app.rules.consent import DisabledBy, SmsStatus
from app.rules.phones import PhoneType
from app.rules.recipient import choose_phone
from app.services import textable
from app.services.textable import Shift, Standards
from tests.counting import MOST_QUERIES, queries
from tests.helpers import until
from tests.school import PASSWORD, new_number

CONNECTION = "/settings/twilio/connection"


def text_of(answer):
    """What people read on a page."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", answer.text)).split())


def general(school, **changes):
    """The form of General Settings as the admin's browser would send it."""
    found = school.admin().api.get("/settings").json()
    form = {name: found[name] for name in ("student_default", "staff_default")}
    form |= {name: found[name] for name in ("default_phone_type", "permitted_roles", "limit_unit")}
    for name in ("number_limit", "message_limit", "cool_off_days", "max_length"):
        form[name] = "" if found[name] is None else str(found[name])
    for name in ("first_contact", "help_contact"):
        form[name] = found[name] or ""
    for name in ("more_stop_words", "more_start_words"):
        form[name] = "\r\n".join(found[name])
    form |= {"sms_enabled": "on", "version": str(found["version"])}
    return {k: v for k, v in {**form, **changes}.items() if v is not None}


def settings(school):
    return school.admin().api.get("/settings").json()


def role(school, name, *capabilities):
    body = {"name": name, "capabilities": list(capabilities)}
    assert school.admin().api.post("/roles", json=body).status_code == 201
    return name


# How many people a default moves

STANDARDS = [
    Standards(student, staff, kind)
    for student, staff in itertools.product((True, False), repeat=2)
    for kind in (PhoneType.MOBILE, PhoneType.HOME)
]


def some_of_everything(school):
    """A person of every kind with every phone there is: each state, each type, two of them, none,
    removed ones, ours, and a short code."""
    states = [(SmsStatus.ENABLED, None), (SmsStatus.DEFAULT, None)]
    states += [(SmsStatus.DISABLED, by) for by in (DisabledBy.OWN_STOP, DisabledBy.STAFF)]
    each = [[(kind, *state)] for kind in PhoneType for state in states]
    mobile, home = (PhoneType.MOBILE, *states[1]), (PhoneType.HOME, *states[1])
    each += [[], [mobile, home], [mobile, (PhoneType.HOME, *states[0])]]
    each += [[(PhoneType.MOBILE, *states[2]), home]]
    numbers = itertools.count(2_000_000)
    at = db.session.get_one(Institution, school.id).created_at
    for kind, phones, odd in itertools.product(PersonKind, each, ("", "short", "removed")):
        person = Person(
            institution_id=school.id, kind=kind, given_name="A", family_name="B", created_at=at
        )
        db.session.add(person)
        db.session.flush()
        for type_, status, by in phones:
            e164 = f"{next(numbers)}" if odd == "short" else f"+1512{next(numbers)}"
            number = ContactNumber(
                institution_id=school.id, e164=e164, status=status, disabled_by=by
            )
            db.session.add(number)
            db.session.flush()
            db.session.add(
                PersonPhone(
                    institution_id=school.id,
                    person_id=person.id,
                    contact_number_id=number.id,
                    type=type_,
                    removed_at=at if odd == "removed" else None,
                )
            )


def everybody(school):
    """The kind and the phones of each person, as the rules know them."""
    people = select(Person).where(Person.institution_id == school.id)
    found = db.session.execute(people.options(selectinload(Person.phones))).scalars()
    return [(person.kind, [phone.facts() for phone in person.phones]) for person in found]


def by_the_rule(people, old, new):
    """Person by person."""
    gained = lost = 0
    for kind, phones in people:
        before, after = (
            choose_phone(phones, standards.of(kind)).phone is not None for standards in (old, new)
        )
        gained += after and not before
        lost += before and not after
    return Shift(gained, lost)


def test_the_count_agrees_with_the_rule_person_by_person(school):
    """S3-4..S3-10, D8: one query and the rule say the same of everybody."""
    with school.app.app_context(), school.another() as other:
        other.person("mobile")
        with transaction():
            some_of_everything(school)
        asking = school.viewer(school.admin(), [Can.SETTINGS_EDIT])
        seen, people = set(), everybody(school)
        for old, new in itertools.product(STANDARDS, repeat=2):
            found = textable.shift(asking, old, new)
            assert found == by_the_rule(people, old, new), (old, new)
            seen.add((found.gained > 0, found.lost > 0))
        db.session.remove()
    assert seen == {(False, False), (True, False), (False, True), (True, True)}


def test_a_new_default_is_saved_only_when_its_effect_was_seen(school):
    """S3-4: without script the form comes back once and says whom it moves."""
    school.person("mobile")
    school.person("mobile", name="Lee Morgan", kind="staff")
    school.person("home")
    with school.browser(school.admin()) as browser:
        form = general(school, student_default="opted_out", cool_off_days="9")
        asked = browser.post("/settings", data=form)
        assert asked.status_code == 200
        assert "1 person stops being textable and gets email instead." in text_of(asked)
        assert 'value="9"' in asked.text
        assert settings(school)["version"] == 1
        counted = re.findall(r'name="counted" value="([^"]+)"', asked.text)
        assert counted == ["out-in-mobile"]
        other = browser.post("/settings", data={**form, "counted": "in-in-home"})
        assert other.status_code == 200  # of another change than was seen
        assert browser.post("/settings", data={**form, "counted": counted[0]}).status_code == 303
    found = settings(school)
    assert (found["student_default"], found["cool_off_days"]) == ("opted_out", 9)


def test_a_default_that_moves_nobody_is_saved_at_once(school):
    with school.browser(school.admin()) as browser:
        answer = browser.post("/settings", data=general(school, staff_default="opted_out"))
    assert answer.status_code == 303
    assert settings(school)["staff_default"] == "opted_out"


def test_the_preview_counts_what_is_not_saved_yet(school):
    """S3-6: the phone type, too; and the length of the first contact line (D43)."""
    for phones in (["mobile"], ["home"], ["home"]):
        school.person(*phones)
    line = "Northfield College. STOP ends texts."
    with school.browser(school.admin()) as browser:
        form = general(school, default_phone_type="home", first_contact=line)
        told = text_of(browser.post("/settings/preview", data=form))
    assert "2 people become textable. 1 person stops being textable" in told
    assert f"{len(line)} characters. The line alone is 1 text, {160 - len(line) - 1} left" in told
    assert settings(school)["version"] == 1


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


# The numbers


def test_a_number_is_reassigned_with_its_conversations(school):
    """S3-34, S3-76, D25: to whom it may go, and what becomes of the conversations."""
    dana, ours = school.holder()
    imani = school.member(name="Imani Carter")
    responder = school.member("Responder", name="Sam Nowak")
    path = f"/settings/numbers/{school.number(ours)['id']}/reassign"
    with school.browser(school.admin()) as browser:
        asked = browser.get(path)
        told = text_of(asked)
        assert "Held by Dana Whitfield since" in told
        assert "Dana’s 1 open conversation" in told
        offered = set(re.findall(r'<option value="(\d+)"', asked.text))
        assert offered == {str(imani.id), str(school.admin().id)}
        assert browser.post(path, data={"conversations": "move"}).status_code == 422
        refused = browser.post(path, data={"staff_id": responder.id, "conversations": "move"})
        assert refused.status_code == 403
        assert "Sam Nowak has no role that may hold a number." in text_of(refused)
        done = browser.post(path, data={"staff_id": imani.id, "conversations": "move"})
        assert done.status_code == 303
        page = text_of(browser.get("/settings/twilio"))
    assert "Imani Carter Advisor" in page
    assert school.number(ours)["staff_id"] == imani.id
    assert len(imani.conversations()) == 1
    assert dana.conversations() == []


def test_kept_conversations_stay_with_the_old_holder(school):
    dana, ours = school.holder()
    imani = school.member(name="Imani Carter")
    path = f"/settings/numbers/{school.number(ours)['id']}/reassign"
    with school.browser(school.admin()) as browser:
        form = {"staff_id": imani.id, "conversations": "keep"}
        assert browser.post(path, data=form).status_code == 303
    assert len(dana.conversations()) == 1
    assert imani.conversations() == []


def test_an_assignment_is_deleted_and_a_number_retired_only_when_asked(school):
    """S3-78, D26"""
    _, ours = school.holder()
    number = school.number(ours)["id"]
    with school.browser(school.admin()) as browser:
        question = text_of(browser.get(f"/settings/numbers/{number}/release"))
        assert "leaves Dana Whitfield for good and becomes free" in question
        assert "Dana’s 1 conversation stays readable" in question
        assert school.number(ours)["status"] == "assigned"
        assert browser.post(f"/settings/numbers/{number}/release").status_code == 303
        assert school.number(ours)["status"] == "available"
        assert browser.post(f"/settings/numbers/{number}/release").status_code == 409
        assert browser.get(f"/settings/numbers/{number}/release").status_code == 404
        assert browser.get(f"/settings/numbers/{number}/retire").status_code == 200
        assert browser.post(f"/settings/numbers/{number}/retire").status_code == 303
        assert "1 retired" in text_of(browser.get("/settings/twilio?show=retired"))
    assert school.number(ours)["status"] == "retired"


def test_numbers_are_added_together_or_not_at_all(school):
    """Each wrong one is named (S1-2)."""
    (known,) = school.pool(1)
    new = [new_number() for _ in range(2)]
    for number in new:
        school.carrier.number(school.account_sid, number)
    stranger = new_number()
    with school.browser(school.admin()) as browser:
        path = "/settings/numbers/add"
        typed = [*new, "555", "911"]
        bad = browser.post(path, data={"numbers": "\r\n".join(typed)})
        assert bad.status_code == 422
        assert "555" in text_of(bad)
        assert "911 is an emergency number." in text_of(bad)
        assert all(number in bad.text for number in typed)
        foreign = browser.post(path, data={"numbers": f"{new[0]}\n{stranger}"})
        assert foreign.status_code == 422
        assert f"{stranger} does not belong to the provider account." in text_of(foreign)
        twice = browser.post(path, data={"numbers": f"{new[0]}\n{known}"})
        assert (twice.status_code, "is in a pool already" in text_of(twice)) == (409, True)
        assert browser.post(path, data={"numbers": " \n"}).status_code == 422
        assert school.usage()["numbers"]["available"] == 1
        assert browser.post(path, data={"numbers": "\n\n".join(new)}).status_code == 303
    assert school.usage()["numbers"]["available"] == 3


def test_the_grid_is_found_sorted_and_linked(school):
    """S3-29, S3-41: search and order are in the address."""
    numbers = school.pool(3)
    for name in ("Ana Ruiz", "Bo Lind", "Cy Park"):
        school.member(name=name).send(school.person("mobile"))

    def names(browser, query):
        return re.findall(r'class="who">([^<]+)<', browser.get(f"/settings/twilio?{query}").text)

    with school.browser(school.admin()) as browser:
        assert names(browser, "") == ["Cy Park", "Bo Lind", "Ana Ruiz"]
        assert names(browser, "sort=person") == ["Ana Ruiz", "Bo Lind", "Cy Park"]
        assert names(browser, "sort=number&order=down") == ["Cy Park", "Bo Lind", "Ana Ruiz"]
        assert names(browser, "q=bo+li") == ["Bo Lind"]
        assert names(browser, f"q=({numbers[2][2:5]})+{numbers[2][5:8]}-{numbers[2][8:]}") == [
            "Cy Park"
        ]
        assert names(browser, "q=%25&sort=nothing&order=") == []
        assert names(browser, "show=free") == []
        assert browser.get("/settings/twilio?q=%00&show=x&sort=").status_code == 200


def test_anothers_numbers_are_not_there(school):
    """D1, D3"""
    (only,) = school.pool(1)
    number = school.number(only)["id"]
    acts = [f"/settings/numbers/{number}/{act}" for act in ("reassign", "release", "retire")]
    with school.another() as other, other.browser(other.admin()) as browser:
        for path in acts:
            assert browser.get(path).status_code == 404
            assert browser.post(path, data={"staff_id": other.admin().id}).status_code == 404
    registrar = school.member(role(school, "Registrar", "settings.edit"))
    with school.browser(registrar) as browser:
        for path in (*acts, "/settings/numbers/add"):
            assert browser.post(path).status_code == 403
        page = browser.get("/settings/twilio")
        assert (page.status_code, "Phone Number Usage" in page.text) == (200, False)
    porter = school.member(role(school, "Porter", "numbers.manage", "people.read"))
    with school.browser(porter) as browser:
        assert browser.get("/settings").headers["Location"] == "/settings/twilio"
        assert browser.get("/settings/email").status_code == 403
        assert "Phone Number Usage" in browser.get("/settings/twilio").text
    assert school.number(only)["status"] == "available"


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
