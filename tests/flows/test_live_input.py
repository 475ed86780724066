"""Live input: who may open a socket, and what is sent over it (reliability 4, "Websocket")."""

from contextlib import ExitStack

from sqlalchemy import delete
from wsproto.frame_protocol import Opcode

from app import events
from app.database import db, transaction
from app.live.hub import MOST_PER_PERSON
from app.live.line import MOST_CLIENT_FRAMES, NOT_EXPECTED, TOO_MANY, TOO_SLOW
from app.models import EventRow
from tests.configuring import role
from tests.live import (
    LONGEST,
    PROGRAM,
    Socket,
    Wire,
    bearer,
    cookie,
    happens,
    newest,
    refused,
)

# Who may open one


def test_nobody_without_a_live_session_or_token(school):
    """S1, S3, X1, X12: 401 and never 101; no token in the address."""
    dana, admin = school.member(), school.admin()
    with school.browser(dana) as browser:
        ended = {"Cookie": cookie(browser), "Origin": school.url}
        assert refused(school, "/live", ended) == 101
        assert browser.post("/logout").status_code == 303
    made = admin.api.post("/tokens", json={"name": "ended"}).json()
    assert refused(school, PROGRAM, {"Authorization": f"Bearer {made['token']}"}) == 101
    assert admin.api.delete(f"/tokens/{made['id']}").status_code == 204
    token = bearer(dana)["Authorization"].removeprefix("Bearer ")
    ours = {"Origin": school.url}
    table = [
        ("/live", ours),
        ("/live", ended),
        ("/live", {**ours, "Cookie": "replyline=nonsense"}),
        ("/live", {**ours, **bearer(dana)}),
        (f"/live?token={token}", ours),
        (PROGRAM, {}),
        (PROGRAM, ended),
        (PROGRAM, {"Authorization": "Bearer rl_nonsense"}),
        (PROGRAM, {"Authorization": f"Bearer {made['token']}"}),
        (PROGRAM, {"Authorization": f"Basic {token}"}),
        (f"{PROGRAM}?token={token}&access_token={token}", {}),
    ]
    assert [row for row in table if refused(school, *row) != 401] == []


def test_from_our_own_pages_only(school):
    """S2, X1: with a good session; 403 and never 101."""
    host = school.url.removeprefix("http://")
    origins = ["https://evil.example", "null", None, "http://127.0.0.1", "http://127.0.0.1:1"]
    origins += [f"https://{host}", f"http://{host}.evil.example", f"http://evil.example/{host}"]
    with school.browser(school.member()) as browser:
        good = {"Cookie": cookie(browser), "Origin": school.url}
        assert refused(school, "/live", good) == 101
        got = {o: refused(school, "/live", {**good, "Origin": o}) for o in origins}
    assert got == dict.fromkeys(origins, 403)


def test_nobody_who_may_not_read_conversations(school):
    """D3: neither by role nor by the scopes of a token."""
    admin = school.admin()
    kim = school.member(role(school, "Reporter", "reports.read"), name="Kim Alvarez")
    made = admin.api.post("/tokens", json={"name": "people", "scopes": ["people.read"]}).json()
    assert refused(school, PROGRAM, bearer(kim)) == 403
    assert refused(school, PROGRAM, {"Authorization": f"Bearer {made['token']}"}) == 403


def test_what_is_no_handshake_is_refused(school):
    """Answered as a bad request, whatever is missing; never an error of ours."""
    dana = bearer(school.member())
    table = [
        ({"Upgrade": "", "Connection": ""}, "GET", 400),
        ({"Upgrade": "h3"}, "GET", 400),
        ({"Sec-WebSocket-Key": ""}, "GET", 400),
        ({"Sec-WebSocket-Version": ""}, "GET", 400),
        ({"Sec-WebSocket-Version": "8"}, "GET", 400),
        ({"Content-Length": "0"}, "POST", 405),
    ]
    got = [refused(school, PROGRAM, {**dana, **given}, method) for given, method, _ in table]
    assert got == [status for _, _, status in table]


def test_nothing_is_compressed_for_one_socket_alone(school):
    """I22: though every browser offers it."""
    with Wire(school, PROGRAM, bearer(school.member())) as wire:
        assert wire.status == 101
        assert b"sec-websocket-extensions" not in wire.head.lower()


# From where


def test_a_bookmark_that_cannot_be_served_is_told_to_reload(school):
    """I19, S7: malformed, ahead, of another school, too far back, or with a hole since. Then it
    goes on."""
    dana, limit = school.member(), events.REPLAY_LIMIT
    with school.another() as other:
        theirs = happens(other, limit + 20)
    far, near = happens(school, 10), happens(school, limit)
    cannot = ["", "abc", "-1", "1.5", "1e3", "%2010", "null", "9" * 30, "999999999", theirs]
    cannot += [0, far - 1, near + 1]
    got = {since: first(school, dana, since) for since in cannot}
    assert got == dict.fromkeys(cannot, ("resync", near))
    assert first(school, dana, far) == (LONGEST, far + 1)
    assert first(school, dana, near) == ("ready", near)
    with school.app.app_context():
        with transaction():
            gone = (EventRow.institution_id == school.id, EventRow.seq <= near - 5)
            db.session.execute(delete(EventRow).where(*gone))
        db.session.remove()
    assert first(school, dana, near - 6) == ("resync", near)
    assert first(school, dana, near - 5) == (LONGEST, near - 4)


def first(school, member, since):
    with Wire(school, f"{PROGRAM}?since={since}", bearer(member)) as wire:
        return wire.first()


def test_a_bookmark_of_another_school_shows_nothing_of_it(school):
    """S7, D1: also where the number is one of ours."""
    with school.another() as other:
        theirs = happens(other, 30)
        happens(school, 60)
        with Socket.of_program(school, school.member(), theirs) as socket:
            end = happens(school)
            happens(other)
            socket.until_heard(end)
            socket.until_looked(end)
            assert socket.numbers() == list(range(theirs + 1, end + 1))


# What is sent over it

TOO_MANY_FRAMES = MOST_CLIENT_FRAMES + 1


def masked(kind: Opcode, payload: bytes = b"", fin: bool = True) -> bytes:
    """A frame as a client sends it, with a mask of zeros."""
    size, more = len(payload), b""
    if size > 125:
        size, more = 127, size.to_bytes(8, "big")
    return bytes([fin << 7 | kind, 0x80 | size]) + more + bytes(4) + payload


MISUSE = {
    # what: (bytes, the code it is closed with)
    "texts": (masked(Opcode.TEXT, b"hello") * TOO_MANY_FRAMES, NOT_EXPECTED),
    "binaries": (masked(Opcode.BINARY, b"\x00\xff") * TOO_MANY_FRAMES, NOT_EXPECTED),
    "commands": (masked(Opcode.TEXT, b'{"name":"subscribe"}') * TOO_MANY_FRAMES, NOT_EXPECTED),
    "one huge text": (masked(Opcode.TEXT, b"x" * 1_000_000), NOT_EXPECTED),
    "many pieces": (
        masked(Opcode.TEXT, b"x", fin=False) + masked(Opcode.CONTINUATION, b"x", fin=False) * 20,
        NOT_EXPECTED,
    ),
    "no mask": (b"\x81\x02hi", 1002),
    "a length of 2 to the 63": (b"\x81\xff" + b"\xff" * 8 + b"mask", 1002),
    "a frame of no kind": (b"\x83" + masked(Opcode.TEXT, b"hi")[1:], 1002),
    "compressed": (b"\xc1" + masked(Opcode.TEXT, b"hi")[1:], 1002),
    "half a character": (masked(Opcode.TEXT, b"\xe2\x82"), 1007),
    "a ping in pieces": (masked(Opcode.PING, b"a", fin=False), 1002),
    "a ping too long": (masked(Opcode.PING, b"x" * 126), 1002),
    "the rest of nothing": (masked(Opcode.CONTINUATION, b"hi"), 1002),
    "HTTP": (b"GET /live HTTP/1.1\r\nHost: x\r\n\r\n", 1002),
    "a close of one byte": (masked(Opcode.CLOSE, b"\x03"), 1002),
    "goodbye": (masked(Opcode.CLOSE, b"\x03\xe8"), 1000),
    "goodbye without a word": (masked(Opcode.CLOSE), 1005),
}


def test_whatever_is_sent_is_ignored_or_ends_that_socket_alone(school):
    """S4: a few frames do nothing, ten in a minute are enough; so is what is no frame."""
    dana, kim = school.member(), school.member(name="Kim Alvarez")
    bookmark = newest(school)
    with Socket.of_program(school, kim, bookmark) as neighbour:
        for said in ('{"name":"subscribe","institution":1}', b"\x00") * (MOST_CLIENT_FRAMES // 2):
            neighbour.ws.send(said)
        got = {what: _closed(school, dana, sent) for what, (sent, _) in MISUSE.items()}
        assert got == {what: code for what, (_, code) in MISUSE.items()}
        end = happens(school)
        neighbour.until_heard(end)
        assert neighbour.numbers() == [bookmark + 1] == [end]


def _closed(school, member, sent):
    with Wire(school, PROGRAM, bearer(member)) as wire:
        wire.send(sent)
        return wire.until_closed()


def test_who_answers_no_ping_is_gone(school):
    """S12: and who answers stays. A ping of theirs is answered, too."""
    dana = school.member()
    with Wire(school, PROGRAM, bearer(dana)) as dead, Socket.of_program(school, dana) as alive:
        dead.send(masked(Opcode.PING, b"there?"))
        assert dead.until_closed(answers=False) == TOO_SLOW
        assert dead.pongs == [b"there?"]
        alive.until_heard(happens(school))


def test_one_person_holds_so_many_sockets_and_the_oldest_go(school):
    """S11: fifty of one person; nobody else's go."""
    dana, kim = school.member(), school.member(name="Kim Alvarez")
    with ExitStack() as stack:
        other = stack.enter_context(Socket.of_program(school, kim))
        sockets = [stack.enter_context(Socket.of_program(school, dana)) for _ in range(50)]
        too_many, held = sockets[:-MOST_PER_PERSON], sockets[-MOST_PER_PERSON:]
        assert [socket.until_closed() for socket in too_many] == [TOO_MANY] * len(too_many)
        end = happens(school)
        for socket in (*held, other):
            socket.until_heard(end)
