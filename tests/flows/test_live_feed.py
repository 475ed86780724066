"""Live feed: a reader with a bookmark, who sees what they may see and nothing else (contract 5)."""

import pytest

from app import events
from app.database import db, transaction
from app.events import Event
from app.live import MOST_CLIENT_FRAMES, MOST_PER_PERSON, NOT_EXPECTED, SESSION_ENDED, TOO_MANY
from app.models import EventRow
from tests.helpers import until
from tests.live import Socket, cookie, refused
from tests.school import School, at_once


def newest(school: School) -> int:
    with school.app.app_context():
        seq = events.newest(school.id)
        db.session.remove()
    return seq


# Who may open one


def test_a_socket_needs_a_live_session_before_the_upgrade(school):
    """S1, S3, X1, X12: 401, never 101; no token in the address."""
    dana = school.member()
    bearer = dana.api.headers["Authorization"]
    with school.browser(dana) as browser:
        before = {"Cookie": cookie(browser), "Origin": school.url}
        assert browser.post("/logout").status_code == 303
    for headers in (
        {"Origin": school.url},
        before,
        {"Origin": school.url, "Authorization": bearer},
    ):
        assert refused(school, "/live", headers) == 401, headers
    token = bearer.removeprefix("Bearer ")
    for path, given in (
        ("/api/v1/live", ""),
        ("/api/v1/live", "Bearer rl_nonsense"),
        ("/api/v1/live", f"Basic {token}"),
        (f"/api/v1/live?token={token}&access_token={token}", ""),
    ):
        assert refused(school, path, {"Authorization": given} if given else {}) == 401, path


@pytest.mark.parametrize(
    "origin",
    [
        *("https://evil.example", "null", "", None, "http://127.0.0.1", "http://127.0.0.1:1"),
        *("https://{host}", "http://{host}.evil.example", "http://evil.example/{host}"),
    ],
)
def test_a_socket_opens_from_our_own_pages_only(school, origin):
    """S2, X1: with a good session; 403 before the upgrade."""
    host = school.url.removeprefix("http://")
    with school.browser(school.member()) as browser:
        headers = {"Cookie": cookie(browser)}
        if origin is not None:
            headers["Origin"] = origin.format(host=host)
        assert refused(school, "/live", headers) == 403


# What it hears


def test_from_a_bookmark_everything_since_in_order_and_once(school):
    """I19: the replay, then `ready`, then what happens; the same as asking."""
    dana, ours = school.holder()
    maya = school.person("mobile")
    bookmark = newest(school)
    school.texts(maya.numbers[0], ours, "Before you came")
    with school.browser(dana) as browser, Socket.of_browser(school, browser, bookmark) as socket:
        ready = socket.until("ready")
        missed = dana.events(bookmark)
        assert socket.frames[: len(missed) + 1] == [*missed, ready]
        assert ready["seq"] == newest(school)
        school.texts(maya.numbers[0], ours, "And after")
        until(lambda: socket.events() == dana.events(bookmark))
        heard = [frame["seq"] for frame in socket.events()]
        assert heard == sorted(set(heard))
        assert socket.until("seq")["seq"] <= newest(school)


def test_the_newest_bookmark_is_ready_at_once(school):
    """Contract 5."""
    dana, _ = school.holder()
    seq = newest(school)
    with Socket.of_program(school, dana, seq) as socket:
        assert socket.until("ready") == {"name": "ready", "seq": seq}
        assert socket.events() == []


@pytest.mark.parametrize("since", ["", "abc", "-1", "1.5", "1e3", "9" * 30, "999999999"])
def test_a_bookmark_that_cannot_be_is_told_to_reload(school, since):
    """I19, S7: malformed, or ahead of everything that ever was; then it goes on."""
    dana, ours = school.holder()
    with Socket.of_program(school, dana, since) as socket:
        assert socket.until("resync") == {"name": "resync", "seq": newest(school)}
        school.texts(school.person("mobile").numbers[0], ours, "Hello")
        socket.until("message.created")


def test_a_bookmark_too_far_back_is_told_to_reload(school):
    """I19: what it missed is more than is worth replaying."""
    dana, _ = school.holder()
    bookmark = newest(school)
    with school.app.app_context():
        with transaction():
            many = (Event("note", {"n": n}, ("everybody",)) for n in range(events.REPLAY_LIMIT + 1))
            events.publish(school.id, *many)
        db.session.remove()
    with Socket.of_program(school, dana, bookmark) as socket:
        assert socket.until("resync")["seq"] == newest(school)
    with Socket.of_program(school, dana, bookmark + 1) as socket:
        socket.until("ready")
        assert len(socket.events()) == events.REPLAY_LIMIT


def test_everybody_hears_what_they_may_see(school):
    """S7, D3: their own conversations; with `inbox.all` all of them; numbers with their right."""
    dana, ours = school.holder()
    kim, _ = school.holder(name="Kim Alvarez")
    manager = school.member("Manager", name="Lee Park")
    (free,) = school.pool(1)
    maya = school.person("mobile")
    seq = newest(school)
    with (
        Socket.of_program(school, dana, seq) as danas,
        Socket.of_program(school, kim, seq) as kims,
        Socket.of_program(school, manager, seq) as all_,
    ):
        for socket in (danas, kims, all_):
            socket.until("ready")
        school.texts(maya.numbers[0], ours, "To Dana")
        school.texts(maya.numbers[0], free, "To nobody")
        until(lambda: len([f for f in all_.frames if f["name"] == "message.created"]) == 2)
        end = newest(school)
        for socket in (danas, kims):
            socket.until("seq", lambda frame: frame["seq"] >= end)
        (thread,) = dana.conversations(unread="true")
        about = [
            f["ids"]["conversation"] for f in danas.frames if "conversation" in f.get("ids", {})
        ]
        assert set(about) == {thread["id"]}
        assert [f for f in kims.events() if "conversation" in f["ids"]] == []


def test_another_schools_events_are_never_heard(school):
    """S7, D1: by nobody there, whatever their rights."""
    _, ours = school.holder()
    with school.another() as other:
        theirs = other.admin()
        kim, kims = other.holder(name="Kim Alvarez")
        seq = newest(other)
        with Socket.of_program(other, theirs, seq) as socket:
            socket.until("ready")
            school.texts(school.person("mobile").numbers[0], ours, "In the first school")
            other.texts(other.person("mobile").numbers[0], kims, "In the other school")
            socket.until("message.created")
            assert socket.events() == theirs.events(seq)
            threads = {thread["id"] for thread in kim.conversations()}
            heard = {
                f["ids"]["conversation"] for f in socket.events() if "conversation" in f["ids"]
            }
            assert heard <= threads


def test_a_frame_names_rows_and_says_nothing(school):
    """Contract 5: never a text, a name, a number or an address."""
    dana, ours = school.holder()
    with Socket.of_program(school, school.admin()) as socket:
        maya = school.person("mobile", name="Xenia Quistgaard")
        dana.settled(dana.send(maya, "A very private text")["id"], "delivered")
        school.texts(maya.numbers[0], ours, "A very private answer")
        school.texts(maya.numbers[0], ours, "STOP")
        dana.send(maya, "A very private email")
        until(lambda: socket.events() == school.admin().events())
        for frame in socket.events():
            assert set(frame) <= {"seq", "name", "ids", "status"}
            assert all(isinstance(value, int) for value in frame["ids"].values())
        heard = "".join(socket.raw)
        secrets = ["private", "Xenia", "Quistgaard", "Dana", maya.email, dana.email, "STOP"]
        digits = [number[-7:] for number in (ours, maya.numbers[0])]
        assert [word for word in (*secrets, *digits) if word in heard] == []


def test_numbers_have_no_gap_whoever_writes_at_once(school):
    """I20: twenty senders; a socket connected throughout hears every event, in order."""
    members = [school.holder(name=name)[0] for name in ("Dana Whitfield", "Kim Alvarez")]
    people = [school.person("mobile") for _ in range(20)]
    seq = newest(school)
    admin = school.admin()
    with Socket.of_program(school, admin, seq) as socket:
        socket.until("ready")
        sent = at_once(*(lambda n=n, p=p: members[n % 2].send(p) for n, p in enumerate(people)))
        for n, message in enumerate(sent):
            members[n % 2].settled(message["id"], "delivered")
        until(lambda: socket.events() == admin.events(seq))
    with school.app.app_context():
        rows = db.session.query(EventRow.seq).filter_by(institution_id=school.id)
        numbers = [number for (number,) in rows.order_by(EventRow.seq)]
        db.session.remove()
    assert numbers == list(range(1, len(numbers) + 1))


# When it ends


def test_who_is_deactivated_hears_nothing_more(school):
    """I23, X12: closed within 5 s, browser and program alike."""
    dana, _ = school.holder()
    with (
        school.browser(dana) as browser,
        Socket.of_browser(school, browser) as page,
        Socket.of_program(school, dana) as program,
    ):
        page.until("ready")
        program.until("ready")
        answer = school.admin().api.patch(f"/staff/{dana.id}", json={"active": False})
        assert answer.status_code == 200
        assert page.until_closed(within=5) == SESSION_ENDED
        assert program.until_closed(within=5) == SESSION_ENDED
        assert refused(school, "/live", {"Cookie": cookie(browser), "Origin": school.url}) == 401


def test_a_sign_out_ends_the_socket_of_that_browser(school):
    """I23, X12: and of no other."""
    dana, ours = school.holder()
    with (
        school.browser(dana) as here,
        school.browser(dana) as there,
        Socket.of_browser(school, here) as gone,
        Socket.of_browser(school, there) as stays,
    ):
        gone.until("ready")
        stays.until("ready")
        here.post("/logout")
        assert gone.until_closed(within=5) == SESSION_ENDED
        seq = newest(school)
        school.texts(school.person("mobile").numbers[0], ours, "Hello")
        stays.until("message.created", lambda frame: frame["seq"] > seq)


def test_who_loses_a_right_hears_no_more_of_it(school):
    """I23: the socket stays; what it may hear follows the role within 5 s."""
    _, ours = school.holder()
    manager = school.member("Manager", name="Lee Park")
    maya = school.person("mobile")
    seq = newest(school)
    with Socket.of_program(school, manager, seq) as socket:
        school.texts(maya.numbers[0], ours, "Seen by all")
        socket.until("message.created")
        path = f"/staff/{manager.id}"
        assert school.admin().api.patch(path, json={"roles": ["Advisor"]}).status_code == 200
        looked = len(socket.heartbeats())
        until(lambda: len(socket.heartbeats()) > looked + 1)
        before = newest(school)
        school.texts(maya.numbers[0], ours, "Not seen any more")
        end = newest(school)
        socket.until("seq", lambda frame: frame["seq"] >= end)
        later = [f for f in socket.events() if f["seq"] > before]
        assert [f for f in later if "conversation" in f["ids"]] == []
        assert socket.closed is None


def test_a_client_that_talks_is_ignored_and_then_cut_off(school):
    """S4: a few frames do nothing; a flood ends it."""
    dana, ours = school.holder()
    with Socket.of_program(school, dana) as socket:
        socket.until("ready")
        for said in ('{"name": "subscribe", "institution": 1}', b"\x00\xff", "hello"):
            socket.ws.send(said)
        seq = newest(school)
        school.texts(school.person("mobile").numbers[0], ours, "Still here")
        socket.until("message.created", lambda frame: frame["seq"] > seq)
        for _ in range(MOST_CLIENT_FRAMES + 1):
            socket.ws.send("hello")
        assert socket.until_closed(within=5) == NOT_EXPECTED


def test_one_person_holds_so_many_sockets_and_the_oldest_goes(school):
    """S11."""
    dana, _ = school.holder()
    held = [Socket.of_program(school, dana) for _ in range(MOST_PER_PERSON + 1)]
    sockets = []
    try:
        for context in held:
            sockets.append(context.__enter__())
            sockets[-1].until("ready")
        assert sockets[0].until_closed(within=5) == TOO_MANY
        assert [s.closed for s in sockets[1:] if s.frames and s.closed] == []
    finally:
        for context in held[: len(sockets)]:
            context.__exit__(None, None, None)
