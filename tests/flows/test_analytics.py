"""Analytics on its page and as a file (S0-42..S0-45), and what is told about the month's limit."""

import html
import re
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import insert, select, update

from app import clock
from app.database import db, transaction
from app.models import Institution, LimitAlert, Staff
from app.services import alerts
from tests.configuring import role
from tests.helpers import until
from tests.reading import table_of


def shown(browser, **query):
    answer = browser.get("/analytics", params=query)
    assert answer.status_code == 200, answer.text
    return answer.text


def tiles(page):
    """{"Texts out": ("3", "October to the 20th: 0"), ...}"""
    found = re.findall(
        r"<dt>([^<]+)</dt><dd><b>([^<]+)</b><span class=\"meta\">([^<]+)</span></dd>", page
    )
    return {label: (value, note) for label, value, note in found}


def lines(page, title):
    """The lines of one part of the page: (label, code, count)."""
    part = page.partition(f">{title}</h2>")[2].partition("</section>")[0]
    found = re.findall(
        r'line-label">([^<]+)</span>(?:<span class="meta">([^<]+)</span>)?.*?<b>([^<]+)</b>',
        part,
        re.S,
    )
    return [(html.unescape(label), code, count) for label, code, count in found]


def exported(browser, **query):
    answer = browser.get("/analytics/export", params=query)
    rows = table_of(answer)
    return {(row["What"], row["Which"]): row["Count"] for row in rows if row["Count"] != "0"}


@pytest.fixture
def busy(school):
    """Dana: two texts delivered, one undelivered with an email after it, an email instead, an
    answered text, and a STOP."""
    dana, ours = school.holder()
    maya, devon, lost = school.person("mobile"), school.person(), school.person("mobile")
    school.carrier.handset(lost.numbers[0], behaviour="undelivered", code=30005)
    first = dana.send(maya, "a" * 200)
    dana.settled(first["id"], "delivered")
    dana.settled(dana.send(lost)["id"], "undelivered")
    dana.settled(dana.send(devon)["id"], "sent")
    school.texts(maya.numbers[0], ours, "May I come on Tuesday?")
    until(lambda: any(talk["unread"] for talk in dana.conversations()))
    dana.settled(dana.reply(first["conversation_id"], "Tuesday is fine")["id"], "delivered")
    school.texts(maya.numbers[0], ours, "STOP")
    until(lambda: school.phone_status(maya) == ["disabled"])
    return dana, ours


def test_what_went_and_came_is_told(school, busy):
    """S0-42, S0-43, S0-44"""
    with school.browser(school.admin()) as browser:
        page = shown(browser)
        found = tiles(page)
        assert found["Texts out"][0] == "4"
        assert found["Texts in"][0] == "2"
        assert found["Delivered"] == ("75%", "3 of 4")
        assert re.fullmatch(r"\d+ s", found["First answer"][0])
        assert found["By email instead"][0] == "2"
        assert found["Opt-outs"] == ("1", "25% of texts out")
        assert lines(page, "Why texts failed") == [("Number not in use", "30005", "1")]
        assert set(lines(page, "Why no text went")) == {
            ("No phone on record", "", "1"),
            ("Text not delivered", "", "1"),
        }
        assert lines(page, "What became of the texts") == [
            ("Delivered", "75%", "3"),
            ("Undelivered", "25%", "1"),
        ]
        assert ("Texts from staff", "", "4") in lines(page, "Kinds of messages")
        assert "<dt>Segments</dt><dd>5<" in page
        assert "<dt>Estimated cost</dt><dd>$0.04<" in page


def test_of_one_member_of_staff_and_of_one_number(school, busy):
    dana, ours = busy
    school.pool(1)
    lee = school.member(name="Lee Morgan")
    lee.settled(lee.send(school.person("mobile"))["id"], "delivered")
    with school.browser(school.admin()) as browser:
        number = school.number(ours)["id"]
        for who, out, came in (
            ("", "5", "2"),
            (f"staff-{dana.id}", "4", "2"),
            (f"staff-{lee.id}", "1", "0"),
            (f"number-{number}", "4", "2"),
        ):
            page = shown(browser, who=who)
            assert (tiles(page)["Texts out"][0], tiles(page)["Texts in"][0]) == (out, came)
            assert ("Use of the month’s limit" in html.unescape(page)) is (not who)


def test_the_file_has_the_numbers_of_the_page_and_is_written_down(school, busy):
    with school.browser(school.admin()) as browser:
        found = exported(browser, period="7")
        assert found["Messages", "Texts out"] == "4"
        assert found["Messages", "Texts in"] == "2"
        assert found["Messages", "Emails"] == "2"
        assert found["Kind of message", "Emails because no text could go"] == "2"
        assert found["Why texts failed", "30005 Number not in use"] == "1"
        assert found["Segments", ""] == "5"
        assert "exported the figures of Analytics" in browser.get("/audit").text


def test_other_days(school, busy):
    """S0-45"""
    today = f"{clock.now():%Y-%m-%d}"
    with school.browser(school.admin()) as browser:
        for period in ("last_month", "30", "year"):
            shown(browser, period=period)
        empty = shown(browser, period="days", **{"from": "2024-01-01", "to": "2024-02-10"})
        assert "Nothing was written in these days" in empty
        assert tiles(empty)["Delivered"] == ("–", "0 of 0")
        page = shown(browser, period="days", **{"from": "2024-12-30", "to": today})
        assert tiles(page)["Texts out"][0] == "4"
        for wrong, field, said in (
            ({"from": "yesterday"}, "from", "Write a day such as"),
            ({"from": "2026-11-02", "to": "2026-11-01"}, "to", "before the first one"),
            ({"from": "2199-01-01", "to": "2199-01-02"}, "from", "still to come"),
            ({"from": "2001-01-01"}, "from", "Five years"),
        ):
            query = {"period": "days", **wrong}
            answer = browser.get("/analytics", params=query)
            assert answer.status_code == 422
            assert said in answer.text
            assert f'id="{field}-error"' in answer.text
            assert f'value="{wrong["from"]}"' in answer.text
            assert browser.get("/analytics/export", params=query).status_code == 422


def test_figures_are_for_those_who_may_read_reports(school, busy):
    dana, _ = busy
    with school.browser(dana) as browser:
        assert browser.get("/analytics").status_code == 403
        assert browser.get("/analytics/export").status_code == 403
        assert 'href="/analytics"' not in browser.get("/inbox").text
    reader = role(school, "Reader", "reports.read")
    with school.browser(school.member(reader, name="Robin Reed")) as browser:
        assert "/analytics/export" not in shown(browser)
        assert browser.get("/analytics/export").status_code == 403


def test_figures_of_one_carry_their_name_however_many_there_are(school, busy):
    """Also of somebody who is too far down the list to be chosen from it."""
    nobody = school.person()
    with school.app.app_context(), transaction():
        made = {"institution_id": school.id, "person_id": nobody.id, "password_hash": ""}
        made |= {"active": True, "weekly_summary": False, "created_at": clock.now()}
        names = [f"Advisor {n:04d}" for n in range(1005)]
        many = [{**made, "name": f"A {n}", "email": f"{school.id}.{n}@x.example"} for n in names]
        db.session.execute(insert(Staff), many)
    dana, _ = busy
    with school.browser(school.admin()) as browser:
        page = shown(browser, who=f"staff-{dana.id}")
        assert tiles(page)["Texts out"][0] == "4"
        assert f'<option value="staff-{dana.id}" selected>Dana Whitfield</option>' in page
        assert re.search(r'id="whose"[^>]*>Dana Whitfield, ', page)
        listed = re.findall(r"<option [^>]*>(A Advisor \d+)</option>", page)
        assert listed == [f"A {name}" for name in names[:1000]]


def test_another_school_is_not_there(school, busy):
    """D1"""
    dana, ours = busy
    number = school.number(ours)["id"]
    with school.another() as other, other.browser(other.admin()) as browser:
        for who in (f"staff-{dana.id}", f"number-{number}"):
            assert browser.get("/analytics", params={"who": who}).status_code == 404
            assert browser.get("/analytics/export", params={"who": who}).status_code == 404
        assert tiles(shown(browser))["Texts out"][0] == "0"
        assert "Dana" not in shown(browser)


# The month's limit


def subjects(school, email):
    return [mail["subject"] for mail in school.mails(email)]


def test_each_level_is_told_once_by_mail_and_as_a_banner(school):
    """Issue 5: 50, 80, 95 and 100 percent."""
    school.pool(1)
    admin, dana, maya = school.admin(), school.member(), school.person("mobile")
    school.settings(message_limit=2)
    month = f"{clock.now().astimezone(ZoneInfo('America/Chicago')):%B}"
    half, all_ = f"50% of the texts of {month} are used", f"The limit of {month} is reached"
    with school.browser(admin) as browser, school.browser(dana) as hers:
        assert "limit-alert" not in browser.get("/inbox").text
        dana.send(maya)
        until(lambda: subjects(school, admin.email) == [half])
        page = browser.get("/inbox").text
        assert f"50% of the 2 texts of {month} are used." in page
        assert "limit-alert" not in hers.get("/inbox").text  # who may not change it
        key = re.search(r'name="key" value="([^"]+)"', page)[1]
        assert browser.post("/analytics/alert", data={"key": key}).status_code == 303
        assert "limit-alert" not in browser.get("/inbox").text
        assert hers.post("/analytics/alert", data={"key": key}).status_code == 403
        dana.send(maya)
        until(lambda: len(subjects(school, admin.email)) == 2)
        assert subjects(school, admin.email)[-1].startswith(all_)
        assert "are used up" in browser.get("/inbox").text
        key = re.search(r'name="key" value="([^"]+)"', browser.get("/inbox").text)[1]
        browser.post("/analytics/alert", data={"key": key})
        school.settings(message_limit=4)
        assert f"50% of the 4 texts of {month} are used." in browser.get("/inbox").text
        dana.settled(dana.send(maya)["id"], "delivered")
        assert len(subjects(school, admin.email)) == 2  # it was told of the limit before
        dana.send(maya)
        until(lambda: len(subjects(school, admin.email)) == 3)  # what was above it is told again
        assert subjects(school, admin.email)[-1].startswith(all_)
        assert f"The 4 texts of {month} are used up." in browser.get("/inbox").text
        school.settings(message_limit=None)
        assert "limit-alert" not in browser.get("/inbox").text


def test_the_last_places_are_kept_for_answers(school):
    """Issue 5, beside D29: who wrote last is answered by text when others go by email."""
    (ours,) = school.pool(1)
    dana, maya = school.member(), school.person("mobile")
    thread = dana.send(maya)["conversation_id"]
    school.settings(message_limit=3, reply_reserve=2)
    assert dana.route(maya)["reason"] == "message_limit_reached"
    assert dana.send(maya)["channel"] == "email"
    school.texts(maya.numbers[0], ours, "Hi")
    until(lambda: dana.conversations()[0]["unread"])
    assert dana.route(maya)["channel"] == "sms"
    assert dana.reply(thread)["channel"] == "sms"
    assert dana.reply(thread)["channel"] == "email"  # now the last word is hers
    assert school.usage()["messages"] == {"used": 2, "limit": 3}


def test_that_only_answers_still_go_is_told(school):
    """Issue 5: to whoever may change limits, by mail once and as a banner; beside the picture."""
    school.pool(1)
    admin, dana, maya = school.admin(), school.member(), school.person("mobile")
    school.settings(message_limit=4, reply_reserve=3)
    here = clock.now().astimezone(ZoneInfo("America/Chicago"))
    with school.browser(admin) as browser:
        assert "limit-alert" not in browser.get("/inbox").text
        dana.settled(dana.send(maya)["id"], "delivered")
        told = f"Only answers still go as texts in {here:%B}"
        until(lambda: subjects(school, admin.email) == [told])
        (mail,) = school.mails(admin.email)
        assert "has used 1 of the 4 texts" in mail["text"]
        assert "The last 3 are kept for answers." in mail["text"]
        assert "Only answers still go as texts until the month ends." in browser.get("/inbox").text
        for page in ("/analytics", "/settings/twilio"):
            assert "Only answers still go as texts, until " in browser.get(page).text
        school.settings(reply_reserve=1)
        assert "Only answers still go" not in browser.get("/inbox").text
        dana.settled(dana.send(maya)["id"], "delivered")
        dana.send(maya)
        half = f"50% of the texts of {here:%B} are used"
        until(lambda: subjects(school, admin.email) == [told, half, told])


@pytest.mark.parametrize(("limit", "kept"), [(4, 4), (4, 5), (1, 1)])
def test_not_all_of_a_limit_is_kept_for_answers(school, limit, kept):
    """Else no conversation could begin."""
    admin = school.admin()
    version = school.settings(message_limit=10, reply_reserve=0)["version"]
    for changes in ({"message_limit": limit, "reply_reserve": kept}, {"reply_reserve": 10}):
        answer = admin.api.patch("/settings", json={"version": version, **changes})
        assert answer.status_code == 422
        (field,) = answer.json()["error"]["fields"]
        assert field["field"] == "reply_reserve"
        assert "nobody can begin" in field["message"]
    assert admin.api.get("/settings").json()["version"] == version
    for fine in ({"message_limit": 0, "reply_reserve": 3}, {"message_limit": None}):
        school.settings(**fine)


def test_an_answer_that_did_not_arrive_leaves_the_question_open(school):
    """Sent again it is an answer still, and may take what is kept for answers."""
    (ours,) = school.pool(1)
    dana, maya = school.member(), school.person("mobile")
    thread = dana.send(maya)["conversation_id"]
    school.settings(message_limit=10, reply_reserve=9)
    school.texts(maya.numbers[0], ours, "May I come?")
    until(lambda: dana.conversations()[0]["unread"])
    school.carrier.handset(maya.numbers[0], behaviour="failed", code=30001)
    lost = dana.reply(thread, "Yes")
    dana.settled(lost["id"], "failed")
    school.carrier.handset(maya.numbers[0], behaviour="delivered")
    assert dana.route(maya)["channel"] == "sms"
    again = dana.api.post(f"/messages/{lost['id']}/resend")
    assert (again.status_code, again.json()["channel"]) == (201, "sms")
    dana.settled(again.json()["id"], "delivered")
    assert dana.route(maya)["reason"] == "message_limit_reached"
    assert dana.reply(thread)["channel"] == "email"
    school.texts(maya.numbers[0], ours, "STOP")
    until(lambda: school.phone_status(maya) == ["disabled"])
    school.texts(maya.numbers[0], ours, "START")
    until(lambda: school.phone_status(maya) == ["enabled"])
    assert dana.route(maya)["reason"] == "message_limit_reached"  # which asked for nothing


def test_a_level_is_told_of_the_limit_as_it_is_now(college):
    """Somebody has raised it since this transaction read it."""
    with college.inside():
        with transaction():
            db.session.get_one(Institution, college.id).message_limit = 1
        with transaction():
            institution = db.session.get_one(Institution, college.id)
            assert institution.message_limit == 1
            raised = update(Institution).values(message_limit=100)
            db.session.execute(raised.execution_options(synchronize_session=False))
            alerts.limit_used(institution, "2026-11", 1)
        db.session.expire_all()
        assert db.session.get_one(Institution, college.id).alert_level == 0
        assert db.session.execute(select(LimitAlert)).first() is None


def test_the_price_and_the_reserve_in_the_form(school):
    """S2-7"""
    with school.browser(school.admin()) as browser:
        page = browser.get("/settings").text
        assert re.search(r'name="segment_price"[^>]* value="0.0079"', page)
        form = dict(re.findall(r'<input[^>]*name="(\w+)"[^>]* value="([^"]*)"', page))
        form |= dict.fromkeys(("student_default", "staff_default"), "opted_in")
        form |= {"default_phone_type": "mobile", "limit_unit": "messages", "sms_enabled": "on"}
        form |= {"permitted_roles": "Advisor", "max_length": "1000", "cool_off_days": "0"}
        wrong = browser.post("/settings", data={**form, "segment_price": "a lot"})
        assert wrong.status_code == 422
        assert "A price such as 0.0079" in wrong.text
        assert 'value="a lot"' in wrong.text
        more = {"segment_price": "$0.0123", "reply_reserve": "12"}
        assert browser.post("/settings", data={**form, **more}).status_code == 303
        saved = school.admin().api.get("/settings").json()
        assert (saved["segment_price"], saved["reply_reserve"]) == (12_300, 12)
