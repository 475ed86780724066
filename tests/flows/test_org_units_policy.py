"""C-19: whoever looks after a unit sees what is texted in it and below, the same on every surface;
of the neighbouring unit nothing, however it is asked for."""

import secrets
from dataclasses import dataclass
from datetime import timedelta

import httpx
import pytest

from app import clock
from app.database import db
from app.services import tokens
from tests.live import Socket, newest
from tests.school import Member, Someone
from tests.units import put, supervisor, unit


@dataclass
class Desk:
    """A member of staff with a student, to whom they wrote about `word`, and who answered."""

    member: Member
    number: str
    unit: int
    person: Someone
    word: str
    message: int
    thread: int

    def at(self, path):
        """The path with what it says of this desk."""
        return path.format(
            thread=self.thread,
            message=self.message,
            staff=self.member.id,
            person=self.person.id,
            unit=self.unit,
            digits=self.person.numbers[0][-7:],
            holder=self.member.name.split()[0],
        )


@dataclass
class Two:
    """Lee looks after Health. `below`: Dana in Nursing, which is below it; `beside`: Kim in Law."""

    lee: Member
    below: Desk
    beside: Desk

    def words(self, text):
        """Whose words stand in it: nobody types them into a filter."""
        return {desk.word for desk in (self.below, self.beside) if desk.word in text}


@pytest.fixture
def two(school):
    health, law = unit(school, "Health"), unit(school, "Law")
    nursing = unit(school, "Nursing", health)

    def desk(holder, into, student, word):
        member, number = school.holder(name=holder)
        put(school, member, into)
        person = school.person("mobile", name=student)
        sent = member.send(person, f"The syllabus of {word}")
        member.settled(sent["id"], "delivered")
        school.texts(person.numbers[0], number, f"Thanks for {word}")
        thread = sent["conversation_id"]
        return Desk(member, number, into, person, word, sent["id"], thread)

    below = desk("Dana Whitfield", nursing, "Nora Berg", "anatomy")
    beside = desk("Kim Alvarez", law, "Lars Berg", "torts")
    return Two(supervisor(school, health, "people.edit", "consent.edit"), below, beside)


LISTS = [
    "/inbox?view=all",
    "/inbox/list?view=all",
    "/inbox?view=all&q=berg",
    "/inbox?view=all&q=syllabus",
    "/messages",
    "/messages?unit=all",
    "/messages?unit=all&sort=status",
    "/messages?unit=all&status=delivered",
    "/messages?unit=all&text=syllabus",
    "/messages?unit=all&phone=berg",
    "/messages/export",
    "/messages/export?unit=all&text=syllabus",
    "/api/conversations",
    "/api/conversations?q=berg",
    "/api/conversations?q=syllabus",
    "/api/messages",
    "/api/messages?text=syllabus",
]
# Each of one desk, to whose words it would lead.
NARROW = [
    "/inbox?view=all&q={digits}",
    "/messages?unit=all&phone={digits}",
    "/messages?unit=all&from={holder}",
    "/messages/rows?shown={message}&unit=all",
    "/messages/rows?shown={message},{message}&picked={message}",
    "/api/conversations?staff_id={staff}",
    "/api/messages?staff_id={staff}",
    "/api/messages?person_id={person}",
    "/people/{person}",
]
PAGES = [
    "/inbox/{thread}",
    "/inbox/{thread}/thread",
    "/inbox/{thread}/details",
    "/inbox/messages/{message}/why",
    "/messages/{message}",
    "/messages?unit={unit}",
    "/messages/export?unit={unit}",
    "/people/identify/{thread}",
    "/api/conversations/{thread}",
    "/api/conversations/{thread}/messages",
    "/api/messages/{message}",
]


@pytest.fixture
def ask(school, two):
    """What Lee is answered, in a browser or with a token."""
    with school.browser(two.lee) as browser:

        def ask(path):
            api = path.startswith("/api/")
            return two.lee.api.get(path.removeprefix("/api")) if api else browser.get(path)

        yield ask


def test_c_19_every_list_and_search_shows_the_unit_and_no_other(two, ask):
    seen = {}
    for path in LISTS:
        answer = ask(path)
        assert answer.status_code == 200, path
        seen[path] = two.words(answer.text)
    assert seen == {path: {"anatomy"} for path in LISTS}


def test_c_19_asked_for_by_name_number_or_id_the_neighbour_is_absent(two, ask):
    seen = {}
    for path in NARROW:
        answers = [ask(desk.at(path)) for desk in (two.below, two.beside)]
        assert {answer.status_code for answer in answers} == {200}, path
        seen[path] = [two.words(answer.text) for answer in answers]
    assert seen == {path: [{"anatomy"}, set()] for path in NARROW}


def test_c_19_every_page_of_the_neighbour_is_404(two, ask):
    seen = {p: [ask(desk.at(p)).status_code for desk in (two.below, two.beside)] for p in PAGES}
    assert seen == {path: [200, 404] for path in PAGES}
    listed = [ask(desk.at("/api/messages?org_unit_id={unit}")) for desk in (two.below, two.beside)]
    assert [answer.status_code for answer in listed] == [200, 422]


WRITES = [
    ("/inbox/{thread}/notes", {"body": "I was here"}),
    ("/inbox/{thread}/claim", {}),
    ("/inbox/{thread}/hand-over", {"staff_id": "1"}),
    ("/inbox/{thread}/read", {}),
    ("/inbox/{thread}/archive", {}),
    ("/inbox/{thread}/snooze", {"until": f"{clock.now() + timedelta(days=2):%Y-%m-%dT%H:%M}"}),
    ("/inbox/{thread}/consent", {}),
    ("/inbox/{thread}/dismiss", {}),
    ("/inbox/{thread}/messages", {"body": "Hello", "key": "k"}),
    ("/messages/{message}/resend", {}),
]


def test_c_19_forged_requests_do_not_tell_that_the_neighbour_is_there(school, two):
    """404 as for a conversation that nobody has; nothing is changed."""
    before = two.beside.member.thread(two.beside.thread)
    nobody = {"thread": 999_999_999, "message": 999_999_999}
    with school.browser(two.lee) as browser:
        for path, form in WRITES:
            there = browser.post(two.beside.at(path), data=form)
            nowhere = browser.post(path.format(**nobody), data=form)
            assert (there.status_code, nowhere.status_code) == (404, 404), path
    api = two.lee.api
    path = f"/conversations/{two.beside.thread}"
    assert api.post(f"{path}/messages", json={"body": "Hello"}).status_code == 404
    assert api.patch(path, json={"staff_id": two.lee.id}).status_code == 404
    assert api.post(f"/messages/{two.beside.message}/resend").status_code == 404
    assert api.post(f"/messages/{two.beside.message}/cancel").status_code == 404
    assert two.beside.member.thread(two.beside.thread) == before


def test_whoever_looks_after_a_unit_reads_and_does_not_answer_for_others(school, two):
    """D3: to see is not to hold. What they read leaves a trace; a note they may leave."""
    thread = two.below.thread
    with school.browser(two.lee) as browser:
        page = browser.get(f"/inbox/{thread}").text
        assert 'aria-label="Message"' not in page
        assert "Hand over" not in page
        key = secrets.token_hex(8)
        form = {"body": "Spoke to Nora", "key": key}
        assert browser.post(f"/inbox/{thread}/notes", data=form).status_code == 303
        assert browser.post(f"/inbox/{thread}/archive").status_code == 403
        assert browser.post(f"/inbox/{thread}/hand-over", data={"staff_id": two.lee.id})
    api, path = two.lee.api, f"/conversations/{thread}"
    assert api.post(f"{path}/messages", json={"body": "Hello"}).status_code == 403
    assert api.patch(path, json={"staff_id": two.lee.id}).status_code == 403
    assert two.below.member.conversations(q="nora")[0]["staff_id"] == two.below.member.id
    with school.browser(school.admin()) as browser:
        log = browser.get("/audit?kind=conversations").text
    assert "Lee Park" in log
    assert "read the conversation of Dana Whitfield" in log


def heard(socket):
    return {f["ids"]["conversation"] for f in socket.events() if "conversation" in f["ids"]}


def test_c_19_the_socket_says_the_same_as_the_feed(school, two):
    """Of their unit everything, of the neighbour nothing: in the replay and as it happens."""
    seq = newest(school)
    say = [(desk.person.numbers[0], desk.number) for desk in (two.below, two.beside)]
    for number, ours in say:
        school.texts(number, ours, "Before the socket")
    with (
        school.browser(two.lee) as browser,
        Socket.of_browser(school, browser, seq) as hers,
        Socket.of_program(school, two.lee, seq) as programs,
    ):
        for socket in (hers, programs):
            socket.until("ready")
        for number, ours in reversed(say):
            school.texts(number, ours, "And while it is open")
        two.beside.member.reply(two.beside.thread, "Kim says")
        end = newest(school)
        for socket in (hers, programs):
            socket.until_looked(end)
            assert heard(socket) == {two.below.thread}
    feed = {e["ids"]["conversation"] for e in two.lee.events(seq) if "conversation" in e["ids"]}
    assert feed == {two.below.thread}


def test_whoever_moves_takes_it_along_and_sockets_hear_it_at_once(school, two):
    """The policy is that of now: Dana moves to Law, and Lee sees and hears her no more; Nursing
    moves under Law, and it is gone; Lee moves to Law, and sees Law."""
    dana, thread = two.below, two.below.thread
    put(school, dana.member, two.beside.unit)
    assert two.lee.conversations() == []
    assert two.lee.api.get(f"/conversations/{thread}").status_code == 404
    put(school, dana.member, dana.unit)
    assert [c["id"] for c in two.lee.conversations(q="nora")] == [thread]
    with Socket.of_program(school, two.lee, newest(school)) as socket:
        socket.until("ready")
        put(school, two.lee, two.beside.unit)
        socket.until("resync")
        assert {c["staff_id"] for c in two.lee.conversations()} == {two.beside.member.id}
        school.texts(dana.person.numbers[0], dana.number, "To Nursing")
        school.texts(two.beside.person.numbers[0], two.beside.number, "To Law")
        socket.until_looked(newest(school))
        assert heard(socket) == {two.beside.thread}


def test_without_the_right_or_the_unit_nothing_more_is_seen(school, two):
    """Being in a unit shows nothing of it; the right without a unit neither."""
    ana = school.member(name="Ana Ruiz")
    put(school, ana, two.below.unit)
    put(school, two.lee, None)
    for member in (ana, two.lee):
        assert member.conversations() == []
        assert member.api.get(f"/conversations/{two.below.thread}").status_code == 404
        with school.browser(member) as browser:
            assert two.words(browser.get("/messages?unit=all").text) == set()
            assert "view=unclaimed" not in browser.get("/inbox").text


def test_a_token_without_the_scope_sees_their_own(school, two):
    """D3: scopes are the same words."""
    path = f"{school.url}/api/v1/conversations/{two.below.thread}"
    for scope, status in (("inbox.unit", 200), ("text.reply", 404), ("people.read", 403)):
        with school.app.app_context():
            token = tokens.issue(two.lee.email, scope, [scope])
            db.session.remove()
        bearer = {"Authorization": f"Bearer {token}"}
        assert httpx.get(path, headers=bearer, trust_env=False).status_code == status, scope


def test_d7_the_unclaimed_of_a_unit_are_seen_and_claimed_there(school, two):
    """The queue of the unit: whoever looks after it takes one, to answer it; nobody beside."""
    with school.browser(school.admin()) as browser:
        for desk in (two.below, two.beside):
            form = {"number": "", "conversations": "", "students": "", "texts": "cancel"}
            left = browser.post(f"/staff/{desk.member.id}/deactivate", data=form)
            assert left.status_code == 303
    with school.browser(two.lee) as browser:
        assert two.words(browser.get("/inbox?view=unclaimed").text) == {"anatomy"}
        assert browser.post(f"/inbox/{two.beside.thread}/claim").status_code == 404
        page = browser.get(f"/inbox/{two.below.thread}").text
        assert f"/inbox/{two.below.thread}/claim" in page
        assert browser.post(f"/inbox/{two.below.thread}/claim").status_code == 303
    assert [c["staff_id"] for c in two.lee.conversations(q="nora")] == [two.lee.id]
    assert two.lee.reply(two.below.thread, "Lee here, about anatomy")["channel"] == "sms"
