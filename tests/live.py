"""Live: a socket as a browser or a program holds it, with every frame it got."""

import json
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from simple_websocket import Client, ConnectionClosed
from wsproto import ConnectionType
from wsproto.connection import Connection
from wsproto.events import CloseConnection, Ping, Pong, TextMessage

from app import events
from app.database import db, transaction
from app.events import Event
from tests.helpers import until
from tests.school import Member, School

UPGRADE = {
    "Host": "127.0.0.1",
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Extensions": "permessage-deflate; client_max_window_bits",  # as browsers do
}
PROGRAM = "/api/v1/live"
CONTROL = {"ready", "resync", "seq", "presence"}  # frames that are no events
LONGEST = "message.status_changed"  # of the names of events


def cookie(browser: httpx.Client) -> str:
    return "; ".join(f"{name}={value}" for name, value in browser.cookies.items())


def bearer(member: Member) -> dict[str, str]:
    return {"Authorization": member.api.headers["Authorization"]}


def newest(school: School) -> int:
    """The bookmark of right now."""
    with school.app.app_context():
        seq = events.newest(school.id)
        db.session.remove()
    return seq


def happens(school: School, count: int = 1, audience: str = "everybody") -> int:
    """So many events in one transaction, for whoever has this word; the number of the last."""
    with school.app.app_context():
        with transaction():
            ids = ({"conversation": n, "message": n} for n in range(1, count + 1))
            told = [Event(LONGEST, its, (audience,), "delivered") for its in ids]
            events.publish(school.id, *told)
        db.session.remove()
    return newest(school)


@dataclass
class Socket:
    ws: Client
    raw: list[str] = field(default_factory=list)  # every frame as it came
    frames_: list[dict[str, Any]] = field(default_factory=list)
    closed: int | None = None  # with which code

    @classmethod
    @contextmanager
    def of_browser(
        cls, school: School, browser: httpx.Client, since: int | str = 0
    ) -> Iterator["Socket"]:
        headers = {"Cookie": cookie(browser), "Origin": school.url}
        yield from cls._held(school, f"/live?since={since}", headers)

    @classmethod
    @contextmanager
    def of_program(cls, school: School, member: Member, since: int | str = 0) -> Iterator["Socket"]:
        yield from cls._held(school, f"{PROGRAM}?since={since}", bearer(member))

    @classmethod
    @contextmanager
    def of_token(cls, school: School, token: str) -> Iterator["Socket"]:
        yield from cls._held(school, f"{PROGRAM}?since=0", {"Authorization": f"Bearer {token}"})

    @classmethod
    def _held(cls, school: School, path: str, headers: dict[str, str]) -> Iterator["Socket"]:
        address = school.url.replace("http://", "ws://") + path
        held = cls(Client.connect(address, headers=headers))
        try:
            yield held
        finally:
            if held.ws.connected:
                held.ws.close()

    @property
    def frames(self) -> list[dict[str, Any]]:
        """What has arrived up to now."""
        try:
            while self.closed is None and (frame := self.ws.receive(timeout=0)) is not None:
                self.raw.append(str(frame))
                self.frames_.append(json.loads(frame))
        except ConnectionClosed as end:
            self.closed = end.reason
        return self.frames_

    def events(self) -> list[dict[str, Any]]:
        """The frames that are events: not how far was looked."""
        return [frame for frame in self.frames if frame["name"] not in CONTROL]

    def numbers(self) -> list[int]:
        """Of the events, as they came."""
        return [frame["seq"] for frame in self.events()]

    def heartbeats(self) -> list[int]:
        """How far was looked, each time it was said."""
        return [frame["seq"] for frame in self.frames if frame["name"] == "seq"]

    def until(
        self, name: str, which: Callable[[dict[str, Any]], bool] = lambda frame: True
    ) -> dict[str, Any]:
        """The first frame of this name, once it is there."""

        def look() -> dict[str, Any] | None:
            return next((f for f in self.frames if f["name"] == name and which(f)), None)

        found = until(look)
        assert found is not None
        return found

    def until_heard(self, seq: int) -> None:
        """Once this event is there."""
        until(lambda: seq in self.numbers())

    def until_looked(self, seq: int) -> None:
        """Once it has been told that everything up to here was looked at."""
        self.until("seq", lambda frame: frame["seq"] >= seq)

    def until_closed(self) -> int:
        """The code that it was closed with."""

        def code() -> int | None:
            assert self.frames is not None
            return self.closed

        found = until(code)
        assert found is not None
        return found


class Wire:
    """A socket by hand: with it can be done what no browser does. It answers pings only while it
    reads. `status`: 101, or the refusal."""

    def __init__(
        self,
        school: School,
        path: str,
        headers: dict[str, str],
        *,
        method: str = "GET",
        room: int | None = None,
    ) -> None:
        """`room`: about so many bytes arrive before the server has to wait for us to read."""
        self.heard: list[dict[str, Any]] = []
        self.pongs: list[bytes] = []
        self._part = ""
        self._raw = socket.socket()
        if room:
            self._raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, room)
        self._raw.settimeout(30)
        self._raw.connect(("127.0.0.1", int(school.url.rpartition(":")[2])))
        sent = [f"{name}: {value}" for name, value in {**UPGRADE, **headers}.items() if value]
        self.send("\r\n".join([f"{method} {path} HTTP/1.1", *sent, "", ""]).encode())
        head = b""
        while b"\r\n\r\n" not in head and (more := self._raw.recv(4096)):
            head += more
        self.head, _, rest = head.partition(b"\r\n\r\n")
        self.status = int(head.split()[1])
        self._in = Connection(ConnectionType.CLIENT)
        self._in.receive_data(rest)

    def __enter__(self) -> "Wire":
        return self

    def __exit__(self, *_: object) -> None:
        self._raw.close()

    def send(self, sent: bytes) -> None:
        self._raw.sendall(sent)

    def until_closed(self, *, answers: bool = True) -> int | None:
        """The code that it is closed with, None where it just ends; `answers`: the pings."""
        return self._read(lambda: False, answers)

    def until_heard(self, seq: int) -> None:
        """Once this event is there; fails where it is closed before."""
        assert self._read(lambda: seq in self.numbers(), True) == 0, self.heard

    def first(self) -> tuple[str, int]:
        """Name and number of the first frame, once it is ready."""
        assert self._read(lambda: "ready" in [f["name"] for f in self.heard], True) == 0
        return self.heard[0]["name"], self.heard[0]["seq"]

    def numbers(self) -> list[int]:
        """Of the events, as they came."""
        return [frame["seq"] for frame in self.heard if frame["name"] not in CONTROL]

    def _read(self, done: Callable[[], bool], answers: bool) -> int | None:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            for event in self._in.events():
                if isinstance(event, CloseConnection):
                    return int(event.code)
                if isinstance(event, TextMessage):
                    self._part += event.data
                    if event.message_finished:
                        self.heard.append(json.loads(self._part))
                        self._part = ""
                elif isinstance(event, Pong):
                    self.pongs.append(bytes(event.payload))
                elif isinstance(event, Ping) and answers:
                    self.send(self._in.send(event.response()))
            if done():
                return 0
            if not (data := self._raw.recv(65536)):
                return None
            self._in.receive_data(data)
        pytest.fail(f"not so within a minute; heard: {self.heard[-5:]}")


def refused(
    school: School, path: str = "/live", headers: dict[str, str] | None = None, method: str = "GET"
) -> int:
    """The answer to an attempt to open a socket; 101 would be a socket."""
    with Wire(school, path, headers or {}, method=method) as wire:
        return wire.status
