"""Live feed: a reader with a bookmark, who sees what they may see and nothing else (contract 5)."""

import random
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

from app.database import db
from app.live.line import SESSION_ENDED
from app.models import EventRow
from tests.helpers import until
from tests.live import PROGRAM, Socket, Wire, bearer, happens, newest
from tests.school import at_once

NAMES = ("Dana Whitfield", "Kim Alvarez", "Lee Park", "Ana Ruiz")


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
        assert socket.numbers() == sorted(set(socket.numbers()))
        socket.until_looked(newest(school))


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
            socket.until_looked(end)
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


def test_who_comes_while_much_happens_misses_nothing(school):
    """I19, I20: between the replay and what follows there is no gap and no repetition, whenever
    somebody comes."""
    members = [school.member(name=name) for name in NAMES]
    bookmark = newest(school)
    end = bookmark + 200

    def comes(member):
        since = random.randint(bookmark, min(newest(school), end - 1))
        with Wire(school, f"{PROGRAM}?since={since}", bearer(member)) as wire:
            wire.until_heard(end)
            return wire.numbers() == list(range(since + 1, end + 1))

    with ThreadPoolExecutor(8) as threads:
        came = [threads.submit(comes, member) for member in members * 6]
        for _ in range(40):
            happens(school, 5)
        assert [one.result() for one in came] == [True] * len(came)


# When a right ends


def test_who_loses_the_right_hears_nothing_more(school):
    """I23, X12: signed out, deactivated, token revoked, role without the right: closed; a second
    browser of the same person stays."""
    admin = school.admin()
    reporter = {"name": "Reporter", "capabilities": ["reports.read"]}
    assert admin.api.post("/roles", json=reporter).status_code == 201
    dana, kim, lee, ana = (school.member(name=name) for name in NAMES)
    made = admin.api.post("/tokens", json={"name": "revoked"}).json()
    with ExitStack() as stack:
        here, there, kims = (stack.enter_context(school.browser(m)) for m in (dana, dana, kim))
        ends = {
            "signed out": stack.enter_context(Socket.of_browser(school, here)),
            "deactivated, browser": stack.enter_context(Socket.of_browser(school, kims)),
            "deactivated, program": stack.enter_context(Socket.of_program(school, kim)),
            "revoked": stack.enter_context(Socket.of_token(school, made["token"])),
            "role taken": stack.enter_context(Socket.of_program(school, lee)),
        }
        stays = stack.enter_context(Socket.of_browser(school, there))
        other = stack.enter_context(Socket.of_program(school, ana))
        for socket in (*ends.values(), stays, other):
            socket.until("ready")
        assert here.post("/logout").status_code == 303
        for path, change in (
            (f"/staff/{kim.id}", {"active": False}),
            (f"/staff/{lee.id}", {"roles": ["Reporter"]}),
        ):
            assert admin.api.patch(path, json=change).status_code == 200
        assert admin.api.delete(f"/tokens/{made['id']}").status_code == 204
        closed = {why: socket.until_closed() for why, socket in ends.items()}
        assert closed == dict.fromkeys(ends, SESSION_ENDED)
        end = happens(school)
        for socket in (stays, other):
            socket.until_heard(end)
        assert [why for why, socket in ends.items() if end in socket.numbers()] == []


def test_who_loses_a_part_hears_no_more_of_that(school):
    """I23: the socket stays; what it may hear follows the role."""
    _, ours = school.holder()
    manager = school.member("Manager", name="Lee Park")
    maya = school.person("mobile")
    with Socket.of_program(school, manager, newest(school)) as socket:
        school.texts(maya.numbers[0], ours, "Seen by all")
        socket.until("message.created")
        path = f"/staff/{manager.id}"
        assert school.admin().api.patch(path, json={"roles": ["Advisor"]}).status_code == 200
        # A right is looked at twice per `live_poll`; this one is gone once its events are.
        until(lambda: (seq := happens(school, audience="inbox.all")) and not hears(socket, seq))
        before = newest(school)
        school.texts(maya.numbers[0], ours, "Not seen any more")
        end = happens(school)
        socket.until_heard(end)
        assert [f["name"] for f in socket.events() if before < f["seq"] < end] == []
        assert socket.closed is None


def hears(socket, seq):
    """Whether this event has been said to it, once everything up to there has been looked at."""
    socket.until_looked(seq)
    return seq in socket.numbers()


def test_who_hands_a_conversation_over_hears_no_more_of_it(school):
    """I23, D4: that it was handed over is the last thing; the new holder hears the rest."""
    dana, ours = school.holder()
    kim = school.member(name="Kim Alvarez")
    maya = school.person("mobile")
    sent = dana.send(maya)
    dana.settled(sent["id"], "delivered")
    thread = sent["conversation_id"]
    seq = newest(school)
    with (
        Socket.of_program(school, dana, seq) as danas,
        Socket.of_program(school, kim, seq) as kims,
    ):
        answer = dana.api.patch(f"/conversations/{thread}", json={"staff_id": kim.id})
        assert answer.status_code == 200
        handed = newest(school)
        school.texts(maya.numbers[0], ours, "Who is there?")
        end = happens(school)
        for socket in (danas, kims):
            socket.until_heard(end)
        assert "conversation.changed" in [f["name"] for f in danas.events()]
        assert [f["name"] for f in danas.events() if handed < f["seq"] < end] == []
        heard = [f for f in kims.events() if f["ids"].get("conversation") == thread]
        assert "message.created" in [f["name"] for f in heard]
