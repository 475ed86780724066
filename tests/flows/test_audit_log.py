"""Audit log: who did what to whom and when, told in words, found again and exported (issue 5)."""

import html
import re
from datetime import timedelta

import pytest
from sqlalchemy import update

from app import clock, create_app
from app.database import db, transaction
from app.models import AuditEntry
from app.rules.access import Can
from app.rules.audit_log import Kind
from app.rules.days import day_in, span
from app.services import audit_log
from app.services.audit import audit
from app.services.audit_log import Wanted
from tests.counting import MOST_QUERIES, queries
from tests.reading import plain, table_of
from tests.school import PASSWORD

ROW = re.compile(r"<tr>\s*<td class=\"at\">.*?</tr>", re.DOTALL)


def sentence(markup):
    """What people read; a link is a part of its sentence."""
    return plain(re.sub(r"</?a\b[^>]*>", "", markup))


def rows(browser, **query):
    """Who did what, as the page tells it, the newest first."""
    answer = browser.get("/audit", params=query)
    assert answer.status_code == 200, answer.text
    found = [re.findall(r"<td.*?</td>", row, re.DOTALL) for row in ROW.findall(answer.text)]
    return [" ".join(sentence(cell) for cell in cells[1:]) for cells in found]


def exported(browser, **query):
    return table_of(browser.get("/audit/export", params=query))


@pytest.fixture
def busy(school):
    """A school in which some things were done."""
    dana, _ = school.holder()
    maya = school.person("mobile", name="Maya Torres")
    thread = dana.send(maya)["conversation_id"]
    admin = school.admin()
    admin.api.get(f"/conversations/{thread}/messages")
    school.set_status(maya, 0, "disabled")
    school.verify(maya, 0)
    school.settings(cool_off_days=7, fallback_email={"subject": "From {sender}"})
    with school.browser(admin) as browser:
        yield dana, maya, browser


def test_what_was_done_is_told_in_words_with_names(school, busy):
    dana, maya, browser = busy
    number = f"({maya.numbers[0][2:5]}) {maya.numbers[0][5:8]}-{maya.numbers[0][8:]}"
    said = rows(browser)
    assert said[:4] == [
        "Priya Shah changed the settings, version 2 "
        "Days before a number is given again Before: 0 After: 7 "
        "Fallback email, subject Before: A message from {sender} at {institution} "
        "After: From {sender}",
        f"Priya Shah changed the phone {number} of Maya Torres Verified yes",
        f"Priya Shah set {number} of Maya Torres to SMS Disabled",
        "Priya Shah read the conversation of Dana Whitfield with Maya Torres",
    ]
    assert said[-2:] == [
        "The command line saved the provider account",
        "The command line created Northfield College",
    ]
    page = browser.get("/audit").text
    account = "/settings/twilio/connection"
    for path in (f"/people/{maya.id}", f"/staff/{dana.id}", "/settings", account):
        assert f'<a href="{path}"' in page


def test_it_is_filtered_by_who_what_when_and_about_whom(school, busy):
    dana, maya, browser = busy
    everything = rows(browser)
    by_admin = rows(browser, by=school.admin().id)
    assert by_admin == [row for row in everything if row.startswith("Priya Shah")]
    by_nobody = rows(browser, by=0)
    by_dana = rows(browser, by=dana.id)
    assert by_nobody == [row for row in everything if row.startswith("The command line")]
    assert sorted(by_admin + by_nobody + by_dana) == sorted(everything)
    assert rows(browser, kind="consent") == [row for row in everything if "SMS Disabled" in row]
    assert len(rows(browser, kind="settings")) == 2
    digits = maya.numbers[0][-7:]
    about = [row for row in everything if "Maya Torres" in row]
    assert rows(browser, q="torr") == rows(browser, q="maya") == rows(browser, q=digits) == about
    assert rows(browser, q="dana") == [r for r in everything if "added Dana" in r]
    assert rows(browser, q="maya", kind="conversations") == about[-1:]
    assert rows(browser, q="nobody") == rows(browser, q="%") == rows(browser, q="…") == []
    assert rows(browser, kind="nonsense", by="nonsense", before="nonsense") == everything
    assert rows(browser, q="\x00maya\x00") == about


def test_days_are_those_of_the_viewer(school, busy):
    """A day begins at midnight in Chicago."""
    _, _, browser = busy
    zone, before = "America/Chicago", rows(browser)
    today = day_in(clock.now(), zone)
    with school.app.app_context(), transaction():
        inside = AuditEntry.institution_id == school.id
        moved = update(AuditEntry).where(inside, AuditEntry.action == "consent.changed")
        start, _ = span(today, today, zone)
        db.session.execute(moved.values(at=start - timedelta(seconds=1)))
        moved = update(AuditEntry).where(inside, AuditEntry.action == "phone.changed")
        db.session.execute(moved.values(at=start))
    yesterday = today - timedelta(days=1)
    assert rows(browser, to=yesterday) == [r for r in before if "SMS Disabled" in r]
    since = rows(browser, **{"from": today})
    assert len(since) == len(before) - 1
    assert "Verified" in since[-1]
    assert sorted(rows(browser, **{"from": yesterday, "to": today})) == sorted(before)
    assert rows(browser, **{"from": today + timedelta(days=1)}) == []


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({"from": "tomorrow"}, "Write a day"),
        ({"to": "0001-01-01"}, "Write a day"),
        ({"to": "9999-12-31"}, "Write a day"),
        ({"from": "2026-11-20", "to": "2026-11-19"}, "before the first"),
    ],
)
def test_days_that_cannot_be_meant_are_said_so_and_kept(school, query, said):
    with school.browser(school.admin()) as browser:
        answer = browser.get("/audit", params=query)
        assert answer.status_code == 422
        assert said in answer.text
        assert all(f'value="{day}"' in answer.text for day in query.values())
        assert browser.get("/audit", params=query, headers={"HX-Request": "true"}).is_success
        assert browser.get("/audit/export", params=query).status_code == 422


def test_every_version_of_the_settings_has_its_difference(school):
    """In the words of the form, the newest first, and numbered as the settings number them
    (S0-46)."""
    changes = [
        {"student_default": "opted_out"},
        {"message_limit": 100, "permitted_roles": ["Advisor"]},
        {"message_limit": None, "sms_enabled": False, "more_stop_words": ["basta", "alto"]},
    ]
    versions = [school.settings(**change)["version"] for change in changes]
    assert versions == [2, 3, 4]
    with school.browser(school.admin()) as browser:
        found = rows(browser, kind="settings")
        assert "What was changed" in browser.get("/settings").text
        assert "/audit?kind=settings" in browser.get("/settings").text
        assert rows(browser, kind="settings", by=school.admin().id) == found[:3]
    told = [row.partition(", version ")[2] for row in found[:3]]
    assert told == [
        "4 SMS Message Limit Before: 100 After: none Texting Before: on After: off "
        "More words that opt out Before: none After: basta, alto",
        "3 SMS Message Limit Before: none After: 100 Permitted Roles "
        "Before: Administrator, Manager, Advisor After: Advisor",
        "2 Student SMS Default Status Before: opted in After: opted out",
    ]


def test_pages_follow_each_other_without_a_gap_though_entries_arrive(school):
    with school.app.app_context(), transaction():
        for n in range(120):
            audit(school.id, "number.retired", f"number:{n}", None)
    with school.browser(school.admin()) as browser:
        seen, path = [], "/audit?kind=numbers"
        while path:
            page = browser.get(path).text
            seen += [sentence(row) for row in ROW.findall(page)]
            with school.app.app_context(), transaction():
                audit(school.id, "number.retired", "number:999", None)
            following = re.search(r'href="(/audit\?before=[^"]+)">Older', page)
            path = following and html.unescape(following[1])
    told = [re.search(r"number (\d+)$", row) for row in seen]
    assert [int(found[1]) for found in told if found] == list(range(119, -1, -1))


def test_a_file_holds_what_is_filtered_and_nothing_that_is_calculated(school, busy):
    """Formula injection: names come from students and other systems."""
    dana, _, browser = busy
    evil = school.person("mobile", name="=HYPERLINK(1) Torres", email=None)
    with school.browser(dana) as own:
        assert own.get("/audit/export").status_code == 403
    dana.send(evil)
    school.set_status(evil, 0, "disabled")
    member = school.member("Auditor", name="+1 Evil")
    with school.browser(member) as theirs:
        [row] = exported(theirs, q="HYPERLINK", kind="consent")
        assert set(row) == {
            "When (America/Chicago)",
            *("Who", "What", "Kind", "Details", "Action", "Subject"),
        }
        assert row["What"].endswith("of =HYPERLINK(1) Torres to SMS Disabled")
        assert (row["Who"], row["Action"]) == ("Priya Shah", "consent.changed")
        [mine] = exported(theirs, by=member.id, kind="exports")
        assert mine["Who"] == "'+1 Evil"
        assert (mine["What"], mine["Action"]) == ("exported the audit log", "audit_log.exported")
        assert mine["Details"] == "Filter: kind: consent, q: HYPERLINK"
    last = rows(browser, by=member.id)[0]
    assert last == "+1 Evil exported the audit log Filter by: +1 Evil, kind: exports"
    [changed] = exported(browser, kind="settings", by=school.admin().id)
    assert changed["Details"].startswith("Days before a number is given again: 0 → 7; Fallback")


def test_an_export_is_written_down_and_holds_what_was_there_when_it_began(school, busy):
    _, _, browser = busy
    before = rows(browser)
    assert len(exported(browser)) == len(before)
    assert rows(browser) == ["Priya Shah exported the audit log Filter none", *before]
    with school.app.app_context():
        asking = school.viewer(school.admin(), [Can.AUDIT_READ])
        entries = audit_log.export(asking, Wanted(kind=Kind.EXPORTS))
        first = next(entries)
        with transaction():
            audit(school.id, "audit_log.exported", f"institution:{school.id}", None, filter={})
        assert [first.action, *(entry.action for entry in entries)] == ["audit_log.exported"]
        db.session.remove()


def test_who_may_not_see_it_is_refused_on_every_door(school):
    with school.browser(school.member("Manager", name="Kim Alvarez")) as browser:
        assert [browser.get(path).status_code for path in ("/audit", "/audit/export")] == [403] * 2
        assert 'href="/audit' not in browser.get("/inbox").text
    with school.browser(school.member("Auditor", name="Ari Gold")) as browser:
        assert 'href="/settings"' in browser.get("/inbox").text
        assert browser.get("/settings").headers["Location"] == "/audit"
        page = browser.get("/audit").text
        assert 'aria-current="page">Settings' in page
        assert 'href="/staff' not in page


def test_nothing_of_another_institution_is_in_it(school, busy):
    _, maya, _ = busy
    with school.another() as other, other.browser(other.admin()) as browser:
        with school.app.app_context(), transaction():
            audit(other.id, "advisor.added", f"person:{maya.id}", None, advisor=school.admin().id)
        assert rows(browser, q="maya") == rows(browser, by=school.admin().id) == []
        assert rows(browser)[0] == (f"The command line made person {maya.id} a student of somebody")
        assert len(exported(browser)) == len(rows(browser)) - 1


def test_a_thing_that_is_gone_and_an_action_that_nobody_knows_are_told_kindly(school):
    admin = school.admin()
    made = admin.api.post("/standard-texts", json={"title": "Old", "body": "x", "shared": True})
    assert admin.api.delete(f"/standard-texts/{made.json()['id']}").status_code == 204
    with school.app.app_context(), transaction():
        audit(school.id, "campaign.paused", "campaign:5", admin.id, rows=12, secret={"a": 1})
        audit(school.id, "conversation.read", "conversation:999999999", admin.id, holder=None)
    with school.browser(admin) as browser:
        assert rows(browser)[:3] == [
            "Priya Shah read the conversation of nobody with somebody",
            "Priya Shah paused campaign 5 Rows 12",
            "Priya Shah deleted the shared text Old",
        ]
        assert rows(browser, q="old") == [
            "Priya Shah deleted the shared text Old",
            "Priya Shah added the shared text Old",
        ]
        assert rows(browser, kind="other") == ["Priya Shah paused campaign 5 Rows 12"]


@pytest.mark.usefixtures("busy")
def test_a_page_full_of_everything_asks_no_more_than_a_dozen_times(stack, school):
    app = create_app(stack.app.config["SETTINGS"])
    app.config["WTF_CSRF_ENABLED"] = False
    client = app.test_client()
    form = {"email": school.admin().email, "password": PASSWORD}
    assert client.post("/login", data=form).status_code == 303
    for path in ("/audit", "/audit?q=maya&kind=people&from=2026-01-01"):
        client.get(path)
        with queries() as asked:
            assert client.get(path).status_code == 200
        assert len(asked) <= MOST_QUERIES
