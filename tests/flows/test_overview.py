"""The overview of messages: who sees which, every filter, both orders, and the email queue
(S4-1..S4-26, S4-51, S3-44). A filter means the same on both databases."""

import html
import re
from datetime import timedelta

import pytest
from sqlalchemy import insert, select, update

from app import clock
from app.database import db, transaction
from app.models import AuditEntry, ContactNumber, Message
from app.rules.access import Can
from app.rules.dispatch import Channel
from app.rules.lifecycle import Status
from app.rules.listing import Listed
from app.services import email_queue, overview
from app.services.email_queue import State
from app.services.ends import FEW
from app.services.overview import Sort, Wanted
from tests.configuring import role
from tests.listing import ALL, DANAS, KIMS, a_row, a_term
from tests.reading import plain

OWN = [Can.TEXT_REPLY]


@pytest.fixture
def term(school):
    return a_term(school)


@pytest.fixture
def found(school):
    """The texts that a list finds, in its order."""

    def found(member, rights=ALL, limit=50, after=None, **wanted):
        with school.app.app_context():
            rows = overview.page(school.viewer(member, rights), Wanted(**wanted), limit, after)
            return [row.message.body for row in rows]

    return found


def test_every_message_in_and_out_of_what_somebody_may_see(school, found, term):
    """S0-34, S4-1, S4-2, C-19: with `inbox.all` everybody's, else one's own; the latest first."""
    assert found(term["dana"]) == KIMS + DANAS
    assert found(term["dana"], OWN) == DANAS
    assert found(term["kim"], OWN) == KIMS
    with school.another() as other, other.app.app_context():
        assert overview.page(other.viewer(other.admin(), ALL), Wanted()) == []


@pytest.mark.parametrize("rights", [ALL, OWN])
def test_every_filter(found, term, rights):
    """S1-8, S3-44, S4-8..S4-11: each alone, and all of them together, in what one may see."""
    dana, maya = term["dana"], term["maya"]
    number, ours = maya.numbers[0], term["ours"]
    kims, well, bring = KIMS
    letter, said, cafe, hello = DANAS
    table = [
        ({"text": "CAFE nin"}, [cafe]),
        ({"text": "letter"}, [kims, bring, letter]),
        ({"text": "etter"}, []),
        ({"text": "%"}, []),
        ({"phone": number[-7:]}, [kims, said, cafe]),
        ({"phone": f"({number[2:5]}) {number[5:8]}-{number[8:]}"}, [kims, said, cafe]),
        ({"phone": "torres"}, [kims, said, cafe]),
        ({"phone": "herr tom"}, [letter]),
        ({"phone": "pat.r"}, [bring]),
        ({"phone": "pat@"}, []),
        ({"phone": "nobody at all"}, []),
        ({"from_": "whitfield"}, [letter, cafe, hello]),
        ({"from_": ours}, [letter, cafe, hello]),
        ({"from_": number}, [said]),
        ({"from_": "maya"}, [said]),
        ({"from_": "alvarez"}, KIMS),
        ({"to": number}, [kims, cafe]),
        ({"to": ours}, [said]),
        ({"to": "herrera"}, [letter]),
        ({"from_": "maya", "to": ours}, [said]),
        ({"to": "@students.example"}, [bring]),
        ({"statuses": {Listed.DELIVERED}}, [kims, cafe, hello]),
        ({"statuses": {Listed.RECEIVED, Listed.UNDELIVERED}}, [letter, said]),
        ({"statuses": {Listed.EMAIL_SENT, Listed.NOT_SENT}}, [well, bring]),
        ({"statuses": {Listed.NO_NUMBER}}, [well, bring]),
        ({"statuses": {Listed.NO_CONSENT, Listed.NOT_ALLOWED, Listed.RESENT}}, []),
        ({"statuses": {Listed.DELIVERED}, "text": "the", "to": "maya"}, [kims, cafe]),
    ]
    for asked, expected in table:
        wanted = {k: frozenset(v) if k == "statuses" else v for k, v in asked.items()}
        seen = [text for text in expected if rights is ALL or text in DANAS]
        assert found(dana, rights, **wanted) == seen, asked


@pytest.mark.parametrize("rights", [ALL, OWN])
@pytest.mark.parametrize("statuses", [(), (Listed.DELIVERED, Listed.RECEIVED, Listed.UNDELIVERED)])
@pytest.mark.parametrize("sort", Sort)
@pytest.mark.parametrize("down", [True, False])
def test_page_after_page_is_the_list(school, term, rights, statuses, sort, down):
    """S4-10, S4-11: in either order nothing is missing, and nothing comes twice."""
    wanted = Wanted(statuses=frozenset(statuses), sort=sort, down=down)
    with school.app.app_context():
        viewer = school.viewer(term["dana"], rights)
        whole = overview.page(viewer, wanted)
        pages, after = [], None
        while rows := overview.page(viewer, wanted, 2, after):
            pages += rows
            after = rows[-1].place
    ids = [row.message.id for row in whole]
    assert [row.message.id for row in pages] == ids
    everything = {ALL[1]: 7, OWN[0]: 4} if not statuses else {ALL[1]: 5, OWN[0]: 4}
    assert len(ids) == everything[rights[-1]]
    keys = [(row.message.status if sort is Sort.STATUS else row.place.at) for row in whole]
    assert keys == sorted(keys, reverse=down)


def test_some_digits_are_looked_for_among_numbers_whatever_many_there_are(college):
    """S4-9: an address of an email is none."""
    row = a_row(college)
    with college.inside():
        with transaction():
            mail = {**row, "channel": Channel.EMAIL, "status": Status.SENT}
            mail |= {"to_address": "maya5125@students.example", "created_at": clock.now()}
            db.session.execute(insert(Message), [mail])
        (few,) = overview.page(college.dana, Wanted(phone="5125"))
        with transaction():
            made = {"institution_id": college.id, "status": "default"}
            numbers = [{**made, "e164": f"+15125{n:06d}"} for n in range(FEW + 1)]
            db.session.execute(insert(ContactNumber), numbers)
        (many,) = overview.page(college.dana, Wanted(phone="5125"))
        assert few.message.channel is many.message.channel is Channel.SMS


def test_the_days_are_those_of_the_viewer(school, found, term):
    """S4-10: both days included, by the clock of whoever looks."""
    with school.browser(term["dana"]) as browser:
        here = (clock.now() - timedelta(hours=6)).date()  # in Chicago, in winter
        days = {"since": here.isoformat(), "until": here.isoformat()}
        assert "The café opens" in browser.get("/messages", params=days).text
        later = {"since": (here + timedelta(days=2)).isoformat()}
        assert "Nothing matches" in browser.get("/messages", params=later).text
        odd = {"since": "0001-01-01", "until": "9999-12-31", "status": "odd", "sort": "odd"}
        assert "The café opens" in browser.get("/messages", params=odd).text


def test_the_page_says_what_became_of_each(school, term):
    """S0-39..S0-41, S3-56, S3-86, S4-2, S4-13..S4-18, D32: our words, what S4 calls them, the code
    and its meaning."""
    with school.browser(term["dana"]) as browser:
        rows = _rows(browser.get("/messages").text)
    assert "Kim here" not in str(rows)
    letter, said, cafe, _ = rows
    assert "Undelivered" in letter
    assert "30005: number not in use" in letter
    assert "Also called “Sending failed”." in letter
    assert "Delivered" in cafe
    assert "Also called “Received”." in cafe
    assert "SMS in" in said
    with school.browser(term["kim"]) as browser:
        _, unsent, mailed = _rows(browser.get("/messages").text)
        page = browser.get(f"/messages/{term['unsent']['id']}").text
    assert "Email sent" in mailed
    assert "SMS phone number is not entered" in mailed
    assert "Not sent" in unsent
    assert "No phone" in unsent
    assert "There is no email address either" in unsent
    assert "Bo has no phone on record." in page


def _rows(page):
    """The text of each row."""
    rows = re.findall(r'<tr id="(?:message|email)-.*?</tr>', page, re.DOTALL)
    return [plain(row) for row in rows]


def test_the_page_of_a_message_tells_its_story(school, term):
    """Decision, every report with its time, and the consent of then, whatever it is now."""
    dana, maya = term["dana"], term["maya"]
    message = dana.said_to(maya)[0]
    school.texts(maya.numbers[0], term["ours"], "STOP")
    with school.browser(dana) as browser:
        page = browser.get(f"/messages/{message['id']}").text
    assert "Why a text?" in page
    assert "Which phone?" in page
    for report in ("sent", "delivered"):
        assert f"<td>{report}</td>" in page
    consent = page.partition("Consent at that moment")[2]
    assert consent.index("SMS Default") < consent.index("SMS Disabled")
    assert "Nobody had chosen yet" in consent


def test_reading_a_colleagues_message_leaves_a_trace(school, term):
    """D3: as in the inbox."""
    message = term["kim"].said_to(term["maya"])[-1]
    with school.browser(school.admin()) as browser:
        assert "Kim here" in browser.get(f"/messages/{message['id']}").text
    audits = _audits(school, "conversation.read")
    assert audits[-1] == f"conversation:{message['conversation_id']}"


def _audits(school, action):
    with school.app.app_context():
        rows = select(AuditEntry.subject).where(
            AuditEntry.institution_id == school.id, AuditEntry.action == action
        )
        return list(db.session.execute(rows.order_by(AuditEntry.id)).scalars())


def test_without_the_right_there_is_no_place_and_no_page(school):
    """S4-5, S4-6: the menu does not name it, and the addresses refuse, also to a forged request."""
    dana, _ = school.holder()
    maya = school.person("mobile")
    sent = dana.send(maya)
    clerk = school.member(role(school, "Clerk", "people.read"), name="Cleo Park")
    with school.browser(clerk) as browser:
        assert "Messages</a>" not in browser.get("/people").text
        for path in ("", "/rows", "/emails", f"/{sent['id']}"):
            assert browser.get(f"/messages{path}").status_code == 403
        assert browser.post(f"/messages/{sent['id']}/resend").status_code == 403
    with school.browser(dana) as browser:
        assert 'href="/messages"' in browser.get("/people").text
    sam = school.member(name="Sam Lee")
    with school.browser(sam) as browser:
        assert "Maya" not in browser.get("/messages").text
        assert "Maya" not in browser.get(f"/messages/rows?shown={sent['id']}").text
        assert "Maya" not in browser.get(f"/messages?picked={sent['id']}").text
        assert browser.get(f"/messages/{sent['id']}").status_code == 404
        assert browser.post(f"/messages/{sent['id']}/resend").status_code == 404
    assert len(school.ledger(maya.numbers[0])) <= 1


def test_what_can_be_done_from_the_page(school, term):
    """S4-3, S4-25, S4-27: the same list again with what is new in it, and a new text for whoever
    may start one."""
    dana, path = term["dana"], "/messages?text=door&sort=status"
    with school.browser(dana) as browser:
        links = _links(browser.get(path).text)
        assert links["Refresh"] == path
        dana.send(term["maya"], "The door is open")
        (row,) = _rows(browser.get(links["Refresh"]).text)
        assert "The door is open" in row
        assert browser.get(links["Send SMS"]).status_code == 200
    with school.browser(school.member("Auditor", name="Ari Gold")) as browser:
        links = _links(browser.get(path).text)
        assert ("Refresh" in links, "Send SMS" in links) == (True, False)


def _links(page):
    """{what a link says: where it leads}"""
    found = re.findall(r'<a [^>]*?href="([^"]+)"[^>]*>(.*?)</a>', page, re.DOTALL)
    return {plain(said): html.unescape(href) for href, said in found}


def test_rows_change_where_they_are(school, term):
    """S4-26: a refresh keeps the rows that are shown and the picked one, also where the filter
    would no longer find them, and counts what is new."""
    dana, maya = term["dana"], term["maya"]
    school.carrier.handset(maya.numbers[0], behaviour="silent")
    waits = dana.send(maya, "Are you coming?")
    dana.settled(waits["id"], "accepted", "sent")
    with school.browser(dana) as browser:
        asked = {"status": ["accepted", "sent"]}
        assert len(_rows(browser.get("/messages", params=asked).text)) == 1
        asked |= {"shown": str(waits["id"]), "picked": str(waits["id"])}
        page = browser.get("/messages/rows", params=asked).text
        assert re.search(rf'value="{waits["id"]}"[^>]*checked', page)
        assert "Same text to the same person." in page
        assert "new</a>" not in page
        more = dana.send(term["tomas"], "One more")
        dana.settled(more["id"], "undelivered", "not_sent", "queued", "sent", "failed")
        with school.app.app_context(), transaction():
            db.session.execute(
                update(Message).where(Message.id == waits["id"]).values(status=Status.DELIVERED)
            )
        (row,) = _rows(browser.get("/messages/rows", params=asked).text)
        assert "Delivered" in row
        del asked["status"]
        page = browser.get("/messages/rows", params=asked).text
        assert "1 new</a>" in page
        assert "It has arrived." in page


def test_a_list_that_was_empty_is_asked_for_as_what_it_is(school, term):
    """S4-26: the part of the page that is replaced, with what has come since."""
    dana = term["dana"]
    with school.browser(dana) as browser:
        for text, said in (("door", "Nothing matches"), ("café", "The café opens at nine")):
            part = browser.get("/messages/rows", params={"text": text, "shown": ""}).text
            assert part.lstrip().startswith('<div id="found"')
            assert "<html" not in part
            assert said in part


def test_the_email_queue(school, term):
    """S4-51: sent, awaiting and failed with the error; filtered, and of what one may see."""
    kim, ana = term["kim"], school.person(name="Ana Ruiz")
    school.mailbox.refuse(ana.email or "", 550)
    kim.settled(kim.send(ana, "To a dead address")["id"], "failed")
    with school.app.app_context():
        viewer = school.viewer(kim, OWN)
        for states, expected in (
            ({State.SENT}, ["Bring the letter"]),
            ({State.AWAITING}, []),
            ({State.FAILED}, ["To a dead address"]),
            (set(State), ["To a dead address", "Bring the letter"]),
        ):
            wanted = email_queue.Wanted(states=frozenset(states))
            rows = email_queue.page(viewer, wanted)
            assert [row.message.body for row in rows] == expected, states
        upwards = email_queue.page(viewer, email_queue.Wanted(down=False))
        assert [row.message.body for row in upwards] == ["Bring the letter", "To a dead address"]
        for to, expected in (("ree pat", 1), ("@students", 2), ("torres", 0)):
            assert len(email_queue.page(viewer, email_queue.Wanted(to=to))) == expected
        danas = email_queue.page(school.viewer(term["dana"], OWN), email_queue.Wanted())
        assert [row.message.body for row in danas] == ["Your scholarship letter"]
    with school.browser(kim) as browser:
        (row,) = _rows(browser.get("/messages/emails?state=sent").text)
        assert "Pat Reed" in row
        assert "Email sent" in row
        (row,) = _rows(browser.get("/messages/emails?state=failed").text)
        assert "Email failed" in row
        assert "550" in row
