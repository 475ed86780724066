"""Cover: a colleague sees and answers somebody's conversations for some days, in their own name."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from app import clock
from app.database import db
from app.models import AuditEntry
from app.rules.days import day_in
from tests.helpers import until
from tests.live import Socket, newest


def day(plus=0):
    return (day_in(clock.now(), "America/Chicago") + timedelta(days=plus)).isoformat()


def arrange(browser, by, first=0, last=1, path="/profile"):
    form = {"by": by.id, "first": day(first), "last": day(last)}
    return browser.post(f"{path}/cover", data=form)


def cover_ids(browser, path="/profile"):
    page = browser.get(path).text
    return [part.split("/")[0] for part in page.split('action="/profile/cover/')[1:]]


@pytest.fixture
def away(school):
    """Dana, who holds the only number and a thread in which Maya wrote last, is covered by Kim."""
    dana, ours = school.holder()
    kim, maya = school.member(name="Kim Alvarez"), school.person("mobile")
    thread = dana.send(maya, "How is the term?")["conversation_id"]
    with school.browser(dana) as browser:
        assert arrange(browser, kim).status_code == 303
        school.texts(maya.numbers[0], ours, "Fine")
        yield dana, kim, maya, ours, thread, browser


def test_who_covers_answers_from_the_holders_number_in_their_own_name(school, away):
    """D4, D23: nothing is assigned to them, and what the student says next comes to the holder's
    thread, which both see."""
    dana, kim, maya, ours, thread, _ = away
    school.pool(1)
    assert {c["staff_id"] for c in kim.conversations()} == {dana.id}
    answer = kim.reply(thread, "Kim here, for Dana")
    assert (answer["channel"], answer["from"], answer["staff_id"]) == ("sms", ours, kim.id)
    kim.settled(answer["id"], "delivered")
    assert school.usage()["numbers"]["assigned"] == 1
    school.texts(maya.numbers[0], ours, "Hello Kim")
    said = ["How is the term?", "Fine", "Kim here, for Dana", "Hello Kim"]
    for member in (dana, kim):
        assert [m["body"] for m in member.thread(thread)] == said
    assert dana.conversations(q="maya")[0]["unread"] == 1
    marked = kim.api.patch(f"/conversations/{thread}", json={"read": True, "archived": True})
    assert (marked.json()["unread"], marked.json()["archived"]) == (0, True)


def test_who_covers_hands_nothing_on(school, away):
    """Nothing changes hands while somebody is away."""
    _, kim, _, _, thread, _ = away
    lee = school.member(name="Lee Morgan")
    refused = kim.api.patch(f"/conversations/{thread}", json={"staff_id": lee.id})
    assert (refused.status_code, lee.conversations()) == (403, [])
    with school.browser(kim) as browser:
        page = browser.get(f"/inbox/{thread}").text
        assert "Archive" in page
        assert "Hand over" not in page
        assert (
            browser.post(f"/inbox/{thread}/hand-over", data={"staff_id": lee.id}).status_code == 403
        )


def test_a_new_text_of_theirs_is_their_own(school, away):
    """D5: writing to the same student anew is a thread of one's own, from one's own number."""
    _, kim, maya, ours, thread, _ = away
    (free,) = school.pool(1)
    own = kim.send(maya, "Kim, about something else")
    assert (own["from"], own["conversation_id"] != thread) == (free, True)
    assert free != ours


def test_who_may_only_answer_can_cover(school, away):
    """S3-15: without `text.start`; where the holder has no number left, from the conversation's."""
    _, kim, _, ours, thread, browser = away
    rosa = school.member("Responder", name="Rosa Diaz")
    (running,) = cover_ids(browser)
    assert browser.post(f"/profile/cover/{running}/end").status_code == 303
    assert kim.api.get(f"/conversations/{thread}").status_code == 404
    assert arrange(browser, rosa).status_code == 303
    assert rosa.reply(thread)["from"] == ours
    school.admin().api.delete(f"/numbers/{school.number(ours)['id']}/assignment")
    assert rosa.reply(thread)["from"] == ours


def test_it_lasts_from_a_day_to_a_day(school):
    """Neither before nor after, and never both at once."""
    dana, _ = school.holder()
    kim, lee = school.member(name="Kim Alvarez"), school.member(name="Lee Morgan")
    with school.browser(dana) as browser:
        assert arrange(browser, kim, first=1, last=2).status_code == 303
        assert kim.conversations() == []
        (coming,) = cover_ids(browser)
        assert arrange(browser, lee, first=2, last=3).status_code == 422
        assert arrange(browser, lee, first=3, last=3).status_code == 303
        assert browser.post(f"/profile/cover/{coming}/end").status_code == 303
        assert arrange(browser, lee, first=0, last=2).status_code == 303
        assert len(lee.conversations()) == 1
        assert kim.conversations() == []


def test_wrong_covers_are_refused(school, away):
    dana, kim, _, _, _, browser = away
    student = school.member("Student", name="Ana Ruiz")
    with school.another() as elsewhere:
        stranger = elsewhere.member()
        for by, first, last in (
            (dana, 5, 6),
            (student, 5, 6),
            (stranger, 5, 6),
            (kim, 6, 5),
            (kim, -3, -2),
            (kim, 5, 900),
        ):
            assert arrange(browser, by, first, last).status_code == 422
        assert len(cover_ids(browser)) == 1
        (running,) = cover_ids(browser)
        with elsewhere.browser(stranger) as other:
            assert other.post(f"/profile/cover/{running}/end").status_code == 404
    with school.browser(kim) as hers:
        assert hers.post(f"/profile/cover/{running}/end").status_code == 403
        assert arrange(hers, student, path=f"/staff/{dana.id}").status_code == 403
    for field, typed, told in (
        ("by", "x", "Choose a colleague."),
        ("first", "soon", "Choose a day."),
        ("first", "2027-02-30", "Choose a day."),
        ("last", "", "Choose a day."),
        ("last", "0001-01-01", "The last day is before the first one."),
        ("last", "9999-12-31", "A cover lasts at most a year."),
    ):
        form = {"by": kim.id, "first": day(5), "last": day(6), field: typed}
        answer = browser.post("/profile/cover", data=form)
        assert (answer.status_code, told in answer.text) == (422, True), (field, typed)
    assert len(cover_ids(browser)) == 1


def test_an_administrator_arranges_it_and_whoever_leaves_covers_no_more(school, away):
    """I23: with the account every cover ends."""
    dana, kim, _, _, thread, browser = away
    lee = school.member(name="Lee Morgan")
    with school.browser(school.admin()) as admin:
        (running,) = cover_ids(admin, f"/staff/{dana.id}")
        assert admin.post(f"/profile/cover/{running}/end").status_code == 303
        assert arrange(admin, lee, path=f"/staff/{dana.id}").status_code == 303
        assert lee.thread(thread)
        assert school.admin().api.patch(f"/staff/{lee.id}", json={"active": False}).is_success
    assert cover_ids(browser) == []
    assert kim.api.get(f"/conversations/{thread}").status_code == 404


def test_reading_as_cover_leaves_a_trace(school, away):
    """D3"""
    dana, kim, _, _, thread, _ = away
    kim.thread(thread)
    dana.thread(thread)
    with school.app.app_context():
        rows = db.session.execute(
            select(AuditEntry.staff_id).where(
                AuditEntry.institution_id == school.id, AuditEntry.action == "conversation.read"
            )
        )
        assert rows.scalars().all() == [kim.id]
        db.session.remove()


def test_the_notice_of_a_reply_goes_to_who_covers(school, away):
    """S3-16: not to somebody who is on holiday."""
    dana, kim, _, _, thread, _ = away
    (mail,) = until(lambda: school.mails(kim.email))
    assert f"{school.url}/inbox/{thread}" in mail["text"]
    assert school.mails(dana.email) == []


def test_an_open_socket_gains_and_loses_what_is_covered(school):
    """I23: within seconds of beginning and end, and told to look again."""
    dana, _ = school.holder()
    kim, maya = school.member(name="Kim Alvarez"), school.person("mobile")
    with school.browser(dana) as browser, Socket.of_program(school, kim) as socket:
        socket.until("ready")
        assert arrange(browser, kim).status_code == 303
        socket.until("resync")
        sent = dana.send(maya)
        socket.until("message.created", lambda frame: frame["ids"]["message"] == sent["id"])
        (running,) = cover_ids(browser)
        assert browser.post(f"/profile/cover/{running}/end").status_code == 303
        until(lambda: [f["name"] for f in socket.frames].count("resync") == 2)
        secret = dana.reply(sent["conversation_id"], "For nobody but me")
        socket.until_looked(newest(school))
        assert secret["id"] not in [e["ids"].get("message") for e in socket.events()]
