"""Later: a text that waits for its time, and what may happen to it until then."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from sqlalchemy import delete, select

from app import clock
from app.database import db, transaction
from app.models import Message, Seats
from app.rules.days import day_in
from app.rules.lifecycle import Status
from app.services import later, sending
from app.services.dispatching import Draft
from tests.helpers import until
from tests.school import new_number


def at(seconds: float) -> str:
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()


@pytest.fixture
def written(school):
    """Dana with her number, Maya, and something that waits for its time."""

    def written(seconds=3600.0, body="Reminder: Tuesday, 8:30", **more):
        dana, ours = school.holder()
        maya = school.person("mobile", name="Maya Torres")
        return dana, maya, ours, dana.send(maya, body, send_at=at(seconds), **more)

    return written


def test_a_text_goes_at_its_time_and_not_before(school, written):
    """C-13, D28: no place and no number is taken before; then it is the text that was written."""
    used = school.usage()["messages"]["used"]
    dana, maya, ours, sent = written(4)
    assert (sent["status"], sent["channel"], sent["sent_at"]) == ("held", "sms", None)
    assert sent["send_at"] is not None
    assert school.ledger(maya.numbers[0]) == []
    assert school.usage()["messages"]["used"] == used + 1  # the text that made her a holder
    gone = dana.settled(sent["id"], "delivered")
    assert (gone["from"], gone["to"], gone["body"]) == (ours, maya.numbers[0], sent["body"])
    assert gone["created_at"] >= sent["send_at"]
    assert [text["body"] for text in school.ledger(maya.numbers[0])] == [sent["body"]]
    assert school.usage()["messages"]["used"] == used + 2


def test_what_holds_when_it_goes_decides(school, written):
    """D30: it was a text when it was written; when it goes the limit is reached."""
    dana, maya, _, sent = written(4)
    school.settings(message_limit=0)
    gone = until(lambda: (m := dana.message(sent["id"]))["channel"] == "email" and m)
    assert gone["reason"] == "message_limit_reached"
    assert until(lambda: school.mails(maya.email))
    assert school.ledger(maya.numbers[0]) == []


def test_an_opt_out_cancels_what_waits(school, written):
    """D34: canceled, its writer sees why, and nothing is sent at its time, text or email."""
    dana, maya, ours, sent = written(5)
    school.texts(maya.numbers[0], ours, "STOP")
    stopped = dana.message(sent["id"])
    assert stopped["status"] == "canceled"
    assert stopped["error"]["code"] == "opted_out"
    assert "STOP" in stopped["error"]["message"]
    due = datetime.fromisoformat(sent["send_at"])
    until(lambda: datetime.now(UTC) > due + timedelta(seconds=3))
    assert dana.message(sent["id"])["status"] == "canceled"
    assert school.ledger(maya.numbers[0]) == []
    assert school.mails(maya.email) == []


def test_a_reply_asks_before_it_goes(school, written):
    """A reminder that was answered meanwhile waits until its writer says that it still goes."""
    dana, maya, ours, sent = written(4)
    school.texts(maya.numbers[0], ours, "i will be there")
    due = datetime.fromisoformat(sent["send_at"])
    until(lambda: datetime.now(UTC) > due + timedelta(seconds=3))
    assert dana.message(sent["id"])["status"] == "held"
    with school.browser(dana) as browser:
        answer = browser.post(f"/inbox/messages/{sent['id']}/go-ahead")
        assert answer.status_code == 303
    dana.settled(sent["id"], "delivered")
    assert len(school.ledger(maya.numbers[0])) == 1


def test_it_is_changed_and_canceled_by_its_writer_alone(school, written):
    dana, _, _, sent = written()
    path = f"/inbox/messages/{sent['id']}"
    zone_time = (datetime.now(UTC) + timedelta(days=2)).strftime("%Y-%m-%dT%H:%M")
    change = {"body": "Reminder: Wednesday", "send_at": zone_time}
    with school.browser(school.member(name="Kim Alvarez")) as other:
        for forged in (f"{path}/later", f"{path}/cancel", f"{path}/go-ahead"):
            assert other.post(forged, data=change).status_code == 404
    assert dana.message(sent["id"]) == sent
    with school.browser(dana) as browser:
        assert browser.post(f"{path}/later", data=change).status_code == 303
        changed = dana.message(sent["id"])
        assert (changed["body"], changed["status"]) == ("Reminder: Wednesday", "held")
        assert changed["send_at"] > sent["send_at"]
        for wrong in ({"send_at": "2020-01-01T08:00"}, {"send_at": "soon"}, {"body": "  "}):
            assert browser.post(f"{path}/later", data=change | wrong).status_code == 422
        assert dana.message(sent["id"]) == changed
        assert browser.post(f"{path}/cancel").status_code == 303
        assert dana.message(sent["id"])["status"] == "canceled"
        assert browser.post(f"{path}/later", data=change).status_code == 409
        assert browser.post(f"{path}/go-ahead").status_code == 409


# No time, no day of the calendar, over, and before or after what any clock can tell.
ODD = ["", "soon", "2027-02-30T08:00", "2020-01-01T08:00", "0001-01-01T00:00", "9999-12-31T23:59"]


def test_an_odd_time_sends_nothing_and_what_was_typed_is_kept(school, written):
    """To a new person, in a conversation, and for what waits already; nor is anything snoozed."""
    dana, _, _, sent = written()
    path, ana = f"/inbox/{sent['conversation_id']}", school.person("mobile", name="Ana Li")
    with school.browser(dana) as browser:
        for typed in ODD:
            form = {"body": "See you", "send_at": typed, "when": "later", "person_id": ana.id}
            for to in ("/inbox/new", f"{path}/messages", f"/inbox/messages/{sent['id']}/later"):
                answer = browser.post(to, data=form)
                assert answer.status_code == 422, (to, typed)
                assert f'value="{typed}"' in answer.text
                assert "See you</textarea>" in answer.text
            assert browser.post(f"{path}/snooze", data={"until": typed}).status_code == 303
            assert "Not snoozed." in browser.get(path).text
    assert dana.said_to(ana) == []
    assert dana.thread(sent["conversation_id"]) == [sent]


def test_a_text_that_always_comes_second_is_put_off_and_holds_up_nobody(college):
    """D28, D34: it waits, and goes when there is room; texts of others go meanwhile. As if somebody
    else were faster each time, no number can be counted for a while."""
    with college.inside():
        college.many_numbers(1)
        college.text(by=college.kim)  # who has a number from now on
        soon = clock.now() + timedelta(minutes=1)
        dana, kim = (
            sending.to_person(by, college.maya, Draft("On Tuesday", send_at=soon)).id
            for by in (college.dana, college.kim)
        )
        with transaction():
            db.session.execute(delete(Seats))
        with time_machine.travel(soon + timedelta(seconds=1)):
            later.release_due()
            assert status_of(dana, kim) == [Status.HELD, Status.QUEUED]
            with transaction():
                db.session.add(Seats(institution_id=college.id, used=1))
            later.release_due()
            assert status_of(dana, kim) == [Status.QUEUED, Status.QUEUED]


def status_of(*messages):
    found = dict(db.session.execute(select(Message.id, Message.status)).all())
    db.session.rollback()
    return [found[message] for message in messages]


def test_who_covers_cancels_it_and_does_not_put_other_words_in_its_writers_mouth(school, written):
    """D34"""
    dana, _, _, sent = written()
    kim, today = school.member(name="Kim Alvarez"), day_in(clock.now(), "America/Chicago")
    with school.browser(dana) as browser:
        form = {"by": kim.id, "first": today.isoformat(), "last": today.isoformat()}
        assert browser.post("/profile/cover", data=form).status_code == 303
    path = f"/inbox/messages/{sent['id']}"
    change = {"body": "I am late", "send_at": "2027-01-01T08:00"}
    with school.browser(kim) as browser:
        assert browser.get(f"{path}/later").status_code == 403
        assert browser.post(f"{path}/later", data=change).status_code == 403
        assert dana.message(sent["id"])["body"] == sent["body"]
        page = browser.get(f"/inbox/{sent['conversation_id']}").text
        assert (f"{path}/cancel" in page, f"{path}/later" in page) == (True, False)
        assert browser.post(f"{path}/cancel").status_code == 303
    assert dana.message(sent["id"])["status"] == "canceled"


def test_what_never_went_is_no_first_text_and_decides_no_answer(school):
    """D43, D6: a text that was taken back told nobody who writes, and nobody answers it."""
    school.settings(first_contact="Northfield College. STOP ends texts.")
    dana, ours = school.holder()
    family = new_number()
    ana, ben = (school.person(("mobile", family), name=name) for name in ("Ana Li", "Ben Li"))
    dana.settled(dana.send(ana)["id"], "delivered")
    waiting = dana.send(ben, "See you", send_at=at(3600), phone_id=ben.phone_ids[0])
    school.texts(family, ours, "we will be there")
    assert dana.said_to(ana)[-1]["body"] == "we will be there"
    with school.browser(dana) as browser:
        assert browser.post(f"/inbox/messages/{waiting['id']}/cancel").status_code == 303
    assert dana.send(ben)["body"].endswith("STOP ends texts.")


def test_a_text_for_later_stands_where_it_went(school, written):
    """Below what was said meanwhile, though it was written first; also on the newest page."""
    dana, _maya, _ours, sent = written(6)
    thread = sent["conversation_id"]
    for n in range(3):
        dana.reply(thread, f"Meanwhile {n}")
    assert "Text for later" not in dana.conversations()[0]["snippet"]
    dana.settled(sent["id"], "delivered")
    with school.browser(dana) as browser:
        page = browser.get(f"/inbox/{thread}/thread").text
    assert page.index("Meanwhile 2") < page.index(sent["body"])


def test_whoever_no_longer_holds_the_conversation_sends_nothing(school, written):
    """D34: never under another person's name: canceled, and its writer sees why."""
    dana, maya, _, sent = written(4)
    kim = school.member(name="Kim Alvarez")
    path = f"/conversations/{sent['conversation_id']}"
    assert dana.api.patch(path, json={"staff_id": kim.id}).status_code == 200
    stopped = until(lambda: (m := kim.message(sent["id"]))["status"] == "canceled" and m)
    assert "Kim Alvarez" in stopped["error"]["message"]
    assert school.ledger(maya.numbers[0]) == []
