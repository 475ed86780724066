"""Unclaimed: texts that nobody holds get one automatic answer, and somebody is reminded of them."""

import re
from datetime import timedelta
from functools import partial

import pytest
from sqlalchemy import select, update

from app.database import db, transaction
from app.models import Conversation, Email, Message
from app.services import reminders
from tests.browser.pages import ON_SQLITE
from tests.helpers import until
from tests.school import at_once
from tests.stack import DELIVERY
from tests.units import put, supervisor, unit

WORDS = "Thank you for your text. Somebody answers within a day."
HOURS = 4  # of a new school


def said(school, number):
    """What was said with a number that nobody holds, oldest first, as the admin sees it."""
    items = school.admin().api.get("/messages", params={"limit": 200}).json()["items"]
    return [m for m in reversed(items) if number in (m["from"], m["to"])]


def answers(school, number):
    return [m for m in said(school, number) if m["type"] == "auto_answer"]


def kept(school, **changes):
    """The conversations as they are in the database, changed."""
    with school.app.app_context(), transaction():
        db.session.execute(
            update(Conversation).where(Conversation.institution_id == school.id).values(**changes)
        )


def earlier(school, hours):
    """All that was said here was said so many hours before."""
    back = timedelta(hours=hours)
    with school.app.app_context(), transaction():
        for table, *columns in (
            (Message, "created_at"),
            (Conversation, "last_message_at", "reminded_at"),
        ):
            rows = select(table).where(table.institution_id == school.id)
            for row in db.session.execute(rows).scalars():
                for column in columns:
                    if at := getattr(row, column):
                        setattr(row, column, at - back)


def swept(school):
    """After a sweep: how many of the conversations somebody was reminded of, and the addresses that
    were written to, in their order."""
    with school.app.app_context():
        reminders.remind()
        db.session.rollback()
        talks = select(Conversation.id).where(
            Conversation.institution_id == school.id, Conversation.reminded_at.is_not(None)
        )
        told = select(Email.to_address).where(
            Email.institution_id == school.id, Email.subject.contains("unclaimed in")
        )
        found = len(db.session.execute(talks).all()), sorted(db.session.execute(told).scalars())
        db.session.remove()
    return found


def orphaned(school, into, name="Noor Haddad"):
    """A conversation of a unit that nobody holds since its holder has left: the person, and the
    number of ours that they write to."""
    kim, ours = school.holder(name="Kim Alvarez")
    put(school, kim, into)
    person = school.person("mobile", name=name)
    sent = kim.send(person)
    kim.settled(sent["id"], "delivered")
    form = {"number": "", "conversations": "", "students": "", "texts": "cancel"}
    with school.browser(school.admin()) as browser:
        assert browser.post(f"/staff/{kim.id}/deactivate", data=form).status_code == 303
    return person, ours


# The automatic answer


def test_one_answer_goes_to_a_text_that_nobody_holds_and_counts_as_one(school):
    """D7, D27, D43: once in a conversation, with the line that a first text carries."""
    (free,) = school.pool(1)
    school.settings(unclaimed_answer=WORDS, first_contact="Northfield. STOP ends this.")
    maya = school.person("mobile")
    before = school.usage()["messages"]["used"]
    for body in ("Is anybody there?", "Hello?"):
        school.texts(maya.numbers[0], free, body)
    (answer,) = answers(school, maya.numbers[0])
    school.admin().settled(answer["id"], "delivered")
    assert answer["body"] == f"{WORDS}\nNorthfield. STOP ends this."
    assert (answer["from"], answer["staff_id"], answer["channel"]) == (free, None, "sms")
    assert school.usage()["messages"]["used"] == before + 1
    (talk,) = school.admin().conversations()
    assert (talk["staff_id"], talk["snippet"]) == (None, "Hello?")  # it waits for a person still
    with school.browser(school.admin()) as browser:
        assert "Automatic answer" in browser.get(f"/inbox/{talk['id']}").text
        again = browser.post(f"/inbox/{talk['id']}/messages/{answer['id']}/resend")
        assert again.status_code in (403, 404, 409)
        assert browser.post(f"/inbox/{talk['id']}/claim").status_code == 303
    school.texts(maya.numbers[0], free, "And on Friday?")
    assert len(answers(school, maya.numbers[0])) == 1  # in however many conversations, on one day


def test_two_texts_at_the_same_moment_get_one_answer(school):
    """D7, I9"""
    (free,) = school.pool(1)
    school.settings(unclaimed_answer=WORDS, message_limit=5)
    people = [school.person("mobile", name=f"Maya {n}") for n in "ABC"]
    write = school.texts
    at_once(
        *(partial(write, p.numbers[0], free, f"{body} of {p.id}") for p in people for body in "ab")
    )
    assert [len(answers(school, p.numbers[0])) for p in people] == [1, 1, 1]
    assert school.usage()["messages"]["used"] == 3


@ON_SQLITE
@pytest.mark.parametrize("body", ["STOP", "START", "HELP", "please stop texting me"])
def test_a_keyword_gets_no_automatic_answer_nor_does_whoever_opted_out(school, body):
    """D7, D20, D21"""
    (free,) = school.pool(1)
    school.settings(unclaimed_answer=WORDS)
    maya = school.person("mobile")
    school.texts(maya.numbers[0], free, body)
    if body in ("STOP", "please stop texting me"):
        school.texts(maya.numbers[0], free, "Is anybody there?")
    assert answers(school, maya.numbers[0]) == []


@ON_SQLITE
def test_nobody_answers_for_a_holder_nor_a_machine_nor_where_it_is_off(school):
    """D7: an answer to an automatic answer would go on for ever."""
    dana, ours = school.holder()
    (free,) = school.pool(1)
    maya, tomas = school.person("mobile"), school.person("mobile", name="Tomás Herrera")
    school.texts(tomas.numbers[0], free, "Nothing is set yet")
    school.settings(unclaimed_answer=WORDS)
    dana.send(maya)
    school.texts(maya.numbers[0], ours, "Thanks")
    with school.another() as other:
        (theirs,) = other.pool(1)
        school.texts(theirs, free, "Thank you for your text. We are closed.")
    school.settings(sms_enabled=False)
    noor = school.person("mobile", name="Noor Haddad")
    school.texts(noor.numbers[0], free, "Is texting off?")
    found = [answers(school, number) for number in (maya.numbers[0], theirs, noor.numbers[0])]
    assert found == [[], [], []]
    assert answers(school, tomas.numbers[0]) == []


@ON_SQLITE
def test_past_the_limit_it_is_not_sent_and_says_so_once(school):
    """D29, S3-20: an answer that nobody wrote is worth no email."""
    (free,) = school.pool(1)
    school.settings(unclaimed_answer=WORDS, message_limit=0)
    maya = school.person("mobile")
    for body in ("Is anybody there?", "Hello?"):
        school.texts(maya.numbers[0], free, body)
    (answer,) = answers(school, maya.numbers[0])
    assert (answer["status"], answer["reason"]) == ("not_sent", "message_limit_reached")
    assert school.mails(maya.email) == []
    school.settings(message_limit=1)
    school.texts(maya.numbers[0], free, "Still there?")
    assert [m["status"] == "not_sent" for m in answers(school, maya.numbers[0])] == [True, False]


def test_a_stop_catches_an_answer_that_has_not_gone_yet(school, stack):
    """D14, D34: what nobody wrote is canceled, and its place returns."""
    (free,) = school.pool(1)
    school.settings(unclaimed_answer=WORDS)
    maya = school.person("mobile")
    with stack.asleep(stack.pid(*DELIVERY)):
        school.texts(maya.numbers[0], free, "Is anybody there?")
        school.texts(maya.numbers[0], free, "STOP")
    (answer,) = answers(school, maya.numbers[0])
    assert school.admin().settled(answer["id"], "canceled")["reason"] == "opted_out"
    assert school.ledger(maya.numbers[0]) == []
    assert school.mails(maya.email) == []
    assert school.usage()["messages"]["used"] == 0


# The queue


@ON_SQLITE
def test_each_unit_has_a_queue_for_whoever_sees_it(school):
    """D7, C-19: what is in the unit itself; another one is not there."""
    college, law = unit(school, "College"), unit(school, "Law")
    health = unit(school, "Health", college)
    lee = supervisor(school, college)
    for into, name in ((health, "Maya Torres"), (law, "Tomás Herrera")):
        person, ours = orphaned(school, into, name=name)
        school.texts(person.numbers[0], ours, f"From {name}")
    with school.browser(school.admin()) as browser:
        everything = browser.get("/inbox?view=unclaimed").text
        assert "From Maya Torres" in everything
        assert "Unclaimed in Health" in everything
        of_law = browser.get(f"/inbox?view=unclaimed&unit={law}").text
        assert ("From Tomás Herrera" in of_law, "From Maya Torres" in of_law) == (True, False)
        assert (
            "Nothing is unclaimed in College"
            in browser.get(f"/inbox?view=unclaimed&unit={college}").text
        )
        assert f"view=unclaimed&amp;unit={law}" in browser.get("/staff/units").text
        gone = unit(school, "Music")
        assert browser.post(f"/staff/units/{gone}/remove").status_code == 303
        refreshed = browser.get(f"/inbox/list?view=unclaimed&unit={gone}")
        assert (refreshed.status_code, "From Tomás Herrera" in refreshed.text) == (200, True)
    with school.browser(lee) as hers:
        found = hers.get(f"/inbox?view=unclaimed&unit={health}").text
        assert "From Maya Torres" in found
        assert "Law" not in hers.get("/inbox?view=unclaimed").text
        assert hers.get(f"/inbox?view=unclaimed&unit={law}").status_code == 404
        assert hers.get("/inbox?view=unclaimed&unit=junk").status_code == 404
    with school.another() as other, school.browser(other.admin()) as stranger:
        unit(other, "Theirs")
        for not_theirs in (law, gone):
            page = f"/inbox?view=unclaimed&unit={not_theirs}"
            assert stranger.get(page).status_code == 404


@ON_SQLITE
def test_the_answer_and_the_hours_in_the_form(school):
    """D7: what is wrong is said at its field and kept, and empty is none."""
    with school.browser(school.admin()) as browser:
        page = browser.get("/settings").text
        form = dict(re.findall(r'<input[^>]*name="(\w+)"[^>]* value="([^"]*)"', page))
        form |= dict.fromkeys(("student_default", "staff_default"), "opted_in")
        form |= {"default_phone_type": "mobile", "limit_unit": "messages", "sms_enabled": "on"}
        form |= {"permitted_roles": "Advisor", "unclaimed_answer": WORDS}
        assert form["unclaimed_hours"] == str(HOURS)
        for hours, said in (
            ("soon", "empty for no reminder."),
            ("0", "Between 1 and 720 hours"),
            ("721", "Between 1 and 720 hours"),
        ):
            wrong = browser.post("/settings", data={**form, "unclaimed_hours": hours})
            assert (wrong.status_code, said in wrong.text) == (422, True)
            assert f'value="{hours}"' in wrong.text
            assert WORDS in wrong.text
        longer = {"first_contact": "x" * 900, "unclaimed_answer": "y" * 100}
        wrong = browser.post("/settings", data={**form, **longer})
        assert (wrong.status_code, "with the first contact line." in wrong.text) == (422, True)
        assert school.admin().api.get("/settings").json()["version"] == 1
        saved = browser.post("/settings", data={**form, "unclaimed_hours": ""})
        assert saved.status_code == 303
    found = school.admin().api.get("/settings").json()
    short = {"version": found["version"], "max_length": len(WORDS) - 1}
    assert school.admin().api.patch("/settings", json=short).status_code == 422
    assert (found["unclaimed_answer"], found["unclaimed_hours"]) == (WORDS, None)


# The representative


def test_s4_21_without_a_representative_the_answer_of_a_unit_is_not_sent(school):
    """S4-21, D32: the overview says so, it cannot be sent again, and once somebody stands for the
    unit the next text is answered."""
    health = unit(school, "Health")
    lee = supervisor(school, health)
    maya, ours = orphaned(school, health)
    school.settings(unclaimed_answer=WORDS)
    school.texts(maya.numbers[0], ours, "Is anybody there?")
    school.texts(maya.numbers[0], ours, "Hello?")
    (refused,) = answers(school, maya.numbers[0])
    assert (refused["status"], refused["reason"]) == ("not_sent", "invalid_representative")
    assert refused["org_unit_id"] == health
    with school.browser(school.admin()) as browser:
        listed = browser.get("/messages?status=no_representative").text
        assert listed.count('class="pick"') == 1
        assert "Invalid representative for unit" in listed
        detail = browser.get(f"/messages/{refused['id']}").text
        assert "Health has no valid representative." in detail
        assert school.admin().api.post(f"/messages/{refused['id']}/resend").status_code == 403
        chosen = browser.post(f"/staff/units/{health}/representative", data={"staff": lee.id})
        assert chosen.status_code == 303
    school.texts(maya.numbers[0], ours, "Still there?")
    answer = answers(school, maya.numbers[0])[-1]
    assert lee.settled(answer["id"], "delivered")["from"] == ours
    with school.browser(lee) as browser:
        assert "<span>Lee Park.</span>" in browser.get(f"/inbox/messages/{answer['id']}/why").text


# The reminder


def test_whoever_may_claim_it_is_reminded_once_of_a_text_that_waits(school):
    """D7: after the hours that are set; the next text is told of by itself."""
    (free,) = school.pool(1)
    admin, dana = school.admin(), school.member()
    maya, tomas = school.person("mobile"), school.person("mobile", name="Tomás Herrera")
    for person in (maya, tomas):
        school.texts(person.numbers[0], free, f"Is anybody there? {person.id}")
    earlier(school, HOURS - 1)
    assert swept(school) == (0, [])
    earlier(school, 1)
    until(lambda: swept(school) == (2, [admin.email]))
    (mail,) = until(lambda: school.mails(admin.email))
    assert mail["subject"] == "Texts of 2 people wait unclaimed in Northfield College"
    for told in (f"Is anybody there? {maya.id}", "Tomás Herrera, ", "/inbox?view=unclaimed"):
        assert told in mail["text"]
    assert "Invalid representative" not in mail["text"]  # no unit, no representative
    school.texts(maya.numbers[0], free, "I am still waiting")
    with school.app.app_context(), transaction():
        mine = select(Message.id).where(Message.body == "I am still waiting")
        row = db.session.get_one(Message, db.session.execute(mine).scalar_one())
        row.created_at -= timedelta(hours=HOURS)
        talk = db.session.get_one(Conversation, row.conversation_id)
        talk.reminded_at = row.created_at - timedelta(milliseconds=1)
    mails = until(lambda: len(found := school.mails(admin.email)) > 1 and found)
    assert [m["subject"] for m in mails[1:]] == ["A text waits unclaimed in Northfield College"]
    assert "I am still waiting" in mails[1]["text"]
    assert school.mails(dana.email) == []


@ON_SQLITE
def test_nobody_is_reminded_of_what_is_held_answered_put_away_or_a_stop(school):
    """D7: only of what waits for somebody; never where the hours are empty."""
    dana, ours = school.holder()
    free, other = school.pool(2)
    people = [school.person("mobile", name=f"{name} Roe") for name in ("Held", "Claimed", "Stop")]
    dana.send(people[0])
    school.texts(people[0].numbers[0], ours, "To Dana")
    school.texts(people[1].numbers[0], free, "To nobody")
    school.texts(people[2].numbers[0], other, "STOP")
    talk = next(c for c in school.admin().conversations() if c["person_id"] == people[1].id)
    with school.browser(school.admin()) as browser:
        assert browser.post(f"/inbox/{talk['id']}/claim").status_code == 303
    earlier(school, HOURS)
    assert swept(school) == (0, [])


def test_the_representative_of_the_unit_is_reminded_else_its_supervisors(school):
    """D7, S4-21: and the email says where nobody can stand for the unit."""
    college = unit(school, "College")
    health = unit(school, "Health", college)
    lee, ann = supervisor(school, health), supervisor(school, college, name="Ann Ray")
    maya, ours = orphaned(school, health)
    school.texts(maya.numbers[0], ours, "Is anybody there?")
    earlier(school, HOURS)
    for member in (lee, ann):
        (mail,) = until(partial(school.mails, member.email))
        assert mail["subject"] == "A text waits unclaimed in Health"
        assert "(Invalid representative for unit)" in mail["text"]
    assert school.mails(school.admin().email) == []
    with school.browser(school.admin()) as browser:
        browser.post(f"/staff/units/{health}/representative", data={"staff": lee.id})
    kept(school, reminded_at=None)
    (_, mail) = until(lambda: len(found := school.mails(lee.email)) == 2 and found)
    assert "Invalid representative" not in mail["text"]
    assert len(school.mails(ann.email)) == 1


def test_two_sweeps_at_once_remind_once(school):
    """D7"""
    (free,) = school.pool(1)
    school.settings(unclaimed_hours=None)
    for n in range(5):
        school.texts(school.person("mobile").numbers[0], free, f"Is anybody there? {n}")
    earlier(school, HOURS)
    school.settings(unclaimed_hours=HOURS)

    def sweep():
        with school.app.app_context():
            found = reminders.remind()
            db.session.remove()
            return found

    at_once(sweep, sweep, sweep)
    until(lambda: swept(school)[0] == 5)  # the worker sweeps too
    assert swept(school) == (5, [school.admin().email])
    (mail,) = until(lambda: school.mails(school.admin().email))
    assert mail["text"].count("Is anybody there?") == 5
