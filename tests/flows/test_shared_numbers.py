"""Shared numbers of an org unit: what comes to one waits in the queue of the unit, and is answered
from the same number (issue 5, S4-21)."""

import secrets
from functools import partial

import pytest
from sqlalchemy import update

from app.database import db, transaction
from app.models import ProviderAccount, SenderNumber
from app.services import accounts, tokens
from tests.browser.pages import ON_SQLITE
from tests.flows.test_later import at
from tests.helpers import until
from tests.reading import pretty, text_of
from tests.school import at_once
from tests.stack import DELIVERY
from tests.units import put, share, supervisor, unit


def stands(school, into, member=None):
    """From now on they stand for the unit, None = nobody."""
    with school.browser(school.admin()) as browser:
        chosen = {"staff": member.id if member else ""}
        answer = browser.post(f"/staff/units/{into}/representative", data=chosen)
        assert answer.status_code == 303, answer.text


def claim(school, member, person):
    """Take what nobody holds of this person; the id of the conversation from now on."""
    (found,) = [c for c in unclaimed(member) if c["person_id"] == person.id]
    with school.browser(member) as browser:
        answer = browser.post(f"/inbox/{found['id']}/claim")
        assert answer.status_code == 303, answer.text
    return int(answer.headers["Location"].rpartition("/")[2])


def unclaimed(member):
    return [c for c in member.conversations() if c["staff_id"] is None]


def office_of(school, into=None, who="Lee Park"):
    """A unit with a shared number, and somebody who stands for it and starts texts too."""
    into = into or unit(school, "Admissions office")
    lee = supervisor(school, into, "text.start", name=who)
    stands(school, into, lee)
    (ours,) = school.pool(1)
    given = share(school, ours, into)
    assert (given.status_code, given.json()["status"]) == (200, "shared"), given.text
    return into, lee, ours


def by_number(message):
    return message["from"], message["channel"]


# What comes to it


def test_the_unit_claims_what_comes_to_its_number_and_answers_from_it(school):
    """Issue 5, D5, D6, D7, C-19: students see one number; another unit sees nothing of it; a STOP
    to it stops all numbers (D14)."""
    _, lee, ours = office_of(school)
    kim = supervisor(school, unit(school, "Financial aid"), "text.start", name="Kim Alvarez")
    maya, tomas = school.person("mobile", "home"), school.person("mobile", name="Tomás Herrera")
    (own,) = school.pool(1)
    assert by_number(lee.send(school.person("mobile", name="Noor Haddad"))) == (own, "sms")
    for person in (maya, tomas):
        school.texts(person.numbers[0], ours, "When is the deadline?")
    assert {c["person_id"] for c in unclaimed(lee)} == {maya.id, tomas.id}
    assert kim.conversations() == []

    thread = claim(school, lee, maya)
    route = lee.route(maya)
    said = {step["rule"]: step["result"] for step in route["steps"]}
    assert route["sender"] == ours
    assert said["written_to"] == "One that Admissions office shares."
    assert (said["representative"], "they wrote to" in said["number"]) == ("Lee Park.", True)
    answer = lee.reply(thread, "On December 4")
    assert by_number(lee.settled(answer["id"], "delivered")) == (ours, "sms")
    school.texts(maya.numbers[0], ours, "Thank you")
    assert [m["body"] for m in lee.thread(thread)][-1] == "Thank you"
    assert by_number(lee.send(school.person("mobile"))) == (own, "sms")  # new texts: as always
    assert [c["person_id"] for c in unclaimed(lee)] == [tomas.id]

    away = lee.api.patch(f"/conversations/{thread}", json={"archived": True})
    assert away.status_code == 200
    school.texts(maya.numbers[0], ours, "Another question")
    assert [m["body"] for m in lee.thread(thread)][-1] == "Another question"
    assert [c["person_id"] for c in unclaimed(lee)] == [tomas.id]

    school.texts(maya.numbers[0], ours, "STOP")
    assert school.phone_status(maya) == ["disabled", "disabled"]
    assert lee.reply(thread, "Too late")["reason"] == "opted_out"
    assert kim.conversations() == []


def test_who_has_no_number_answers_from_it_and_takes_none_from_the_pool(school):
    """D23, D24: and it is no number of the pool, so whoever needs one gets none of it."""
    _, lee, ours = office_of(school)
    maya, noor = school.person("mobile"), school.person("mobile", name="Noor Haddad")
    numbers = {"assigned": 0, "limit": None, "available": 0}
    assert school.usage()["numbers"] == numbers
    dana = school.member()
    refused = dana.send(noor)
    assert (refused["channel"], refused["reason"]) == ("email", "pool_empty")
    school.texts(maya.numbers[0], ours, "Hello?")
    assert by_number(lee.reply(claim(school, lee, maya))) == (ours, "sms")
    assert school.usage()["numbers"] == numbers

    school.settings(cool_off_days=7)
    assert share(school, ours, None).json()["status"] == "cooling"
    assert dana.send(noor)["reason"] == "pool_empty"
    (free,) = school.pool(1)
    assert by_number(dana.send(noor)) == (free, "sms")


@ON_SQLITE
def test_somebody_of_another_unit_answers_from_their_own_number(school):
    """Whoever answers for the unit from above, too, and from below it."""
    office, lee, ours = office_of(school)
    below = unit(school, "Transfers", office)
    tina, dana = school.member(name="Tina Below"), school.member()
    put(school, tina, below)
    (own,) = school.pool(1)
    maya, tomas = school.person("mobile"), school.person("mobile", name="Tomás Herrera")
    for person, member, expected in ((maya, tina, ours), (tomas, dana, own)):
        school.texts(person.numbers[0], ours, "Hello?")
        thread = claim(school, lee, person)
        handed = lee.api.patch(f"/conversations/{thread}", json={"staff_id": member.id})
        assert handed.status_code == 200, handed.text
        assert member.route(person)["sender"] == expected
        assert by_number(member.reply(thread)) == (expected, "sms")
    with school.browser(dana) as browser:
        assert "your number" in text_of(browser.get(f"/inbox/{thread}"))


@ON_SQLITE
def test_who_looks_after_the_unit_from_above_answers_from_it_also_by_program(school):
    """D40: what a token may do besides is not asked; as on the page."""
    college = unit(school, "College")
    _, _, ours = office_of(school, unit(school, "Admissions office", college))
    ana = supervisor(school, college, "text.start", name="Ana Above")
    (own,) = school.pool(1)
    for member, name in ((ana, "Maya Torres"), (school.admin(), "Tomás Herrera")):
        person = school.person("mobile", name=name)
        school.texts(person.numbers[0], ours, "Hello?")
        thread = claim(school, member, person)
        assert by_number(member.reply(thread)) == (ours, "sms")
        with school.app.app_context():
            few = ["text.reply", "text.start", "people.read"]
            token = tokens.issue(member.email, "few", few)
            db.session.remove()
        answer = member.api.post(
            f"/conversations/{thread}/messages",
            json={"body": "By program"},
            headers={"Authorization": f"Bearer {token}"},
        )
        assert (answer.status_code, by_number(answer.json())) == (201, (ours, "sms"))
    assert by_number(ana.send(school.person("mobile"))) == (own, "sms")


@ON_SQLITE
def test_for_later_and_by_itself_it_goes_from_the_shared_number_too(school):
    """C-13, D7: the automatic answer, and what waited for its time."""
    school.settings(unclaimed_answer="Somebody answers within a day.")
    _, lee, ours = office_of(school)
    maya = school.person("mobile")
    school.texts(maya.numbers[0], ours, "Hello?")
    (automatic,) = until(lambda: school.ledger(maya.numbers[0]))
    assert (automatic["from"], automatic["body"]) == (ours, "Somebody answers within a day.")
    thread = claim(school, lee, maya)
    later = lee.send(maya, "See you on Tuesday", send_at=at(4))
    assert (later["status"], later["conversation_id"]) == ("held", thread)
    assert by_number(lee.settled(later["id"], "delivered")) == (ours, "sms")


@ON_SQLITE
def test_the_account_of_the_number_that_is_used_decides_whether_it_can_go(school):
    """D30, D35: a school with two accounts, each stopped in its turn."""
    _, lee, ours = office_of(school)
    (own,) = school.pool(1)
    maya, noor = school.person("mobile"), school.person("mobile", name="Noor Haddad")
    assert by_number(lee.send(noor)) == (own, "sms")
    school.texts(maya.numbers[0], ours, "Hello?")
    claim(school, lee, maya)
    sid = "AC" + secrets.token_hex(16)
    school.carrier.account(sid, "token")
    with school.app.app_context():
        second = accounts.add(school.id, sid, "token", api_url=school.carrier.base_url)
        with transaction():
            moved = update(SenderNumber).where(SenderNumber.e164 == ours)
            db.session.execute(moved.values(provider_account_id=second))
    for stopped, reasons in (
        (second, ("sms_disabled", "default_phone")),
        (school.account_id, ("reply", "sms_disabled")),
        (None, ("reply", "default_phone")),
    ):
        with school.app.app_context(), transaction():
            for account in (second, school.account_id):
                why = "Suspended" if account == stopped else None
                found = db.session.get_one(ProviderAccount, account)
                found.stopped_reason = why
        assert tuple(lee.route(person)["reason"] for person in (maya, noor)) == reasons


def test_what_is_not_gone_when_the_number_is_taken_back_goes_by_email(school, stack):
    """D34"""
    _, lee, ours = office_of(school)
    maya = school.person("mobile")
    school.texts(maya.numbers[0], ours, "Hello?")
    thread = claim(school, lee, maya)
    with stack.asleep(stack.pid(*DELIVERY)):
        waiting = lee.reply(thread, "From the office")
        assert share(school, ours, None).status_code == 200
    gone = lee.settled(waiting["id"], "sent")
    assert (gone["channel"], school.ledger(maya.numbers[0])) == ("email", [])
    (free,) = school.pool(1)
    assert share(school, ours, unit(school, "Financial aid")).status_code == 200
    assert by_number(lee.reply(thread, "From myself")) == (free, "sms")


# Who stands for the unit


@ON_SQLITE
def test_s4_21_while_nobody_stands_for_the_unit_nothing_leaves_from_its_number(school):
    """S4-21, D32, D40: by email as every dead end, with the reason, and never sent again."""
    office, lee, ours = office_of(school)
    maya, tomas = school.person("mobile"), school.person("mobile", name="Tomás Ray", email=None)
    threads = []
    for person in (maya, tomas):
        school.texts(person.numbers[0], ours, "Hello?")
        threads.append(claim(school, lee, person))
    stands(school, office, None)
    assert lee.route(maya)["reason"] == "invalid_representative"
    sent, lost = (lee.reply(thread, "I am here") for thread in threads)
    assert (sent["channel"], sent["reason"]) == ("email", "invalid_representative")
    assert (lost["status"], lost["reason"]) == ("not_sent", "invalid_representative")
    assert lee.api.post(f"/messages/{lost['id']}/resend").status_code == 409
    with school.browser(school.admin()) as browser:
        listed = browser.get("/messages?status=no_representative").text
        assert listed.count('class="pick"') == 2
        assert "Invalid representative for unit" in listed
        told = text_of(browser.get(f"/messages/{lost['id']}"))
        assert "Admissions office has no valid representative." in told
        for page in ("/settings/twilio", "/staff/units", f"/staff/units/{office}"):
            assert "Invalid representative for unit" in text_of(browser.get(page)), page
    stands(school, office, lee)
    assert by_number(lee.reply(threads[0])) == (ours, "sms")


# Giving one to a unit, and taking it back


@pytest.mark.parametrize("again", range(2))
def test_while_it_is_being_shared_it_becomes_nobodys_own(school, again):
    """I11: ten first texts with one number: shared or assigned, never both."""
    office = unit(school, "Admissions office")
    (only,) = school.pool(1)
    members = [school.member(name=f"Dana {n}") for n in range(10)]
    maya = school.person("mobile")
    given, *sent = at_once(
        partial(share, school, only, office), *(partial(m.send, maya) for m in members)
    )
    number, texted = school.number(only), [m for m in sent if m["channel"] == "sms"]
    found = (
        given.status_code,
        len(texted),
        number["status"],
        school.usage()["numbers"]["assigned"],
    )
    assert found in ((200, 0, "shared", 0), (409, 1, "assigned", 1))
    assert (number["org_unit_id"] is None) is (number["staff_id"] is not None)
    assert {m["reason"] for m in sent if m["channel"] == "email"} == {"pool_empty"}


@ON_SQLITE
def test_what_cannot_be_shared_is_refused_and_nothing_changes(school):
    """D1, D3: forged or not, by program and in the form."""
    dana, held = school.holder()
    office, aid = unit(school, "Admissions office"), unit(school, "Financial aid")
    ours, spare, retired = school.pool(3)
    admin, api = school.admin(), school.admin().api
    assert api.delete(f"/numbers/{school.number(retired)['id']}").status_code == 204
    assert share(school, ours, office).status_code == 200
    before = api.get("/numbers").json()["items"]
    with school.another() as other:
        theirs = unit(other, "Theirs")
        (foreign,) = other.pool(1)
        not_ours = f"/numbers/{other.number(foreign)['id']}"
        assert api.patch(not_ours, json={"org_unit_id": office}).status_code == 404
        table = [
            (held, office, 409, "assigned"),
            (retired, office, 409, "retired"),
            (ours, aid, 409, "shared"),
            (spare, theirs, 422, "invalid"),
            (spare, 999_999_999, 422, "invalid"),
        ]
        with school.browser(admin) as browser:
            for number, into, status, code in table:
                answer = share(school, number, into)
                assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
                path = f"/settings/numbers/{school.number(number)['id']}"
                asked = "share" if into else "unshare"
                form = browser.post(f"{path}/{asked}", data={"org_unit_id": into or ""})
                assert form.status_code == status, (number, into)
            path = f"/settings/numbers/{school.number(spare)['id']}"
            for junk in ("", "junk", str(2**70)):
                assert browser.post(f"{path}/share", data={"org_unit_id": junk}).status_code == 422
            assert browser.get(f"{path}/unshare").status_code == 404
            assert browser.post(f"{path}/unshare").status_code == 404
    for number, same in ((ours, office), (spare, None), (held, None), (retired, None)):
        assert share(school, number, same).status_code == 200
    assign = f"/numbers/{school.number(ours)['id']}/assign"
    body = {"staff_id": school.member(name="Kim Alvarez").id, "conversations": "keep"}
    assert api.post(assign, json=body).json()["error"]["code"] == "shared"
    path = f"/numbers/{school.number(spare)['id']}"
    assert dana.api.patch(path, json={"org_unit_id": office}).status_code == 403
    assert api.get("/numbers").json()["items"] == before


@ON_SQLITE
def test_it_is_shared_and_taken_back_on_the_grid_and_written_down(school):
    """S3-29: it stands where its holder would, also without script; retiring it ends the sharing
    (D26)."""
    (ours,) = school.pool(1)
    admin = school.admin()
    with school.browser(admin) as browser:
        free = text_of(browser.get("/settings/twilio?show=free"))
        assert "Share (" not in free  # no unit could have it
        path = f"/settings/numbers/{school.number(ours)['id']}"
        assert "There are no org units yet." in text_of(browser.get(f"{path}/share"))
        office = unit(school, "Admissions office")
        assert "None yet." in text_of(browser.get(f"/staff/units/{office}"))
        assert f"{path}/share" in browser.get("/settings/twilio?show=free").text
        assert browser.post(f"{path}/share", data={"org_unit_id": office}).status_code == 303
        for page in ("", "?q=admissions", f"?q={ours[-4:]}", "?sort=person", "?sort=assigned"):
            assert "Shared: Admissions office" in text_of(browser.get(f"/settings/twilio{page}"))
        assert "Shared: " not in text_of(browser.get("/settings/twilio?show=free"))
        assert "Shared: Admissions office" in text_of(browser.get("/analytics/numbers"))
        assert pretty(ours) in text_of(browser.get(f"/staff/units/{office}"))
        assert browser.post(f"{path}/unshare").status_code == 303
        assert school.number(ours)["status"] == "available"
        assert share(school, ours, office).status_code == 200
        assert browser.post(f"{path}/retire").status_code == 303
        assert (school.number(ours)["status"], school.number(ours)["org_unit_id"]) == (
            "retired",
            None,
        )
        log = text_of(browser.get("/audit?kind=numbers"))
    assert log.count(f"gave {pretty(ours)} to Admissions office to share") == 2
    assert log.count(f"took {pretty(ours)} back from Admissions office") == 2
    names = [e["name"] for e in admin.events() if e["ids"].get("org_unit") and "number" in e["ids"]]
    assert names == ["number.shared", "number.released"] * 2


def test_what_waits_in_two_units_is_two_conversations_until_one_holds_them(school):
    """D5, D7, D25: the same student in two queues; a unit that is removed leaves its own to the one
    above, where the two become one, and so do they for whoever claims both."""
    college = unit(school, "College")
    office, aid = unit(school, "Admissions office", college), unit(school, "Financial aid", college)
    numbers, places = school.pool(3), (college, office, aid)
    for number, into in zip(numbers, places, strict=True):
        assert share(school, number, into).status_code == 200
    maya = school.person("mobile")
    at_once(
        *(
            partial(school.texts, maya.numbers[0], number, f"{body} at {n}")
            for n, number in enumerate(numbers)
            for body in ("One", "Two")
        )
    )
    admin = school.admin()
    assert [len(admin.thread(c["id"])) for c in unclaimed(admin)] == [2, 2, 2]
    with school.browser(admin) as browser:
        full = browser.post(f"/staff/units/{office}/remove")
        assert full.status_code == 409
        assert "It holds 1 shared number." in text_of(browser.get(f"/staff/units/{office}"))
        assert share(school, numbers[1], None).status_code == 200
        assert browser.post(f"/staff/units/{office}/remove").status_code == 303
        found = sorted(len(admin.thread(c["id"])) for c in unclaimed(admin))
        assert found == [2, 4]
        threads = [c["id"] for c in unclaimed(admin)]
        for thread in threads:
            assert browser.post(f"/inbox/{thread}/claim").status_code == 303
    (one,) = admin.conversations()
    assert (one["staff_id"], len(admin.thread(one["id"])), one["unread"]) == (admin.id, 6, 6)
