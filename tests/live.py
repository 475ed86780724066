"""Live: a socket as a browser or a program holds it, with every frame it got."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
from simple_websocket import Client, ConnectionClosed

from tests.helpers import until
from tests.school import Member, School

UPGRADE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}


def cookie(browser: httpx.Client) -> str:
    return "; ".join(f"{name}={value}" for name, value in browser.cookies.items())


@dataclass
class Socket:
    ws: Client
    raw: list[str] = field(default_factory=list)  # every frame as it came
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
        headers = {"Authorization": member.api.headers["Authorization"]}
        yield from cls._held(school, f"/api/v1/live?since={since}", headers)

    @classmethod
    def _held(cls, school: School, path: str, headers: dict[str, str]) -> Iterator["Socket"]:
        address = school.url.replace("http://", "ws://") + path
        socket = cls(Client.connect(address, headers=headers))
        try:
            yield socket
        finally:
            if socket.ws.connected:
                socket.ws.close()

    @property
    def frames(self) -> list[dict[str, Any]]:
        """What has arrived up to now."""
        try:
            while self.closed is None and (frame := self.ws.receive(timeout=0)) is not None:
                self.raw.append(str(frame))
        except ConnectionClosed as end:
            self.closed = end.reason
        return [json.loads(frame) for frame in self.raw]

    def events(self) -> list[dict[str, Any]]:
        """The frames that are events: not how far was looked."""
        control = {"ready", "resync", "seq", "presence"}
        return [frame for frame in self.frames if frame["name"] not in control]

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

    def until_closed(self, within: float = 5.0) -> int:
        """The code that it was closed with."""

        def code() -> int | None:
            assert self.frames is not None
            return self.closed

        found = until(code, timeout=within)
        assert found is not None
        return found


def refused(school: School, path: str = "/live", headers: dict[str, str] | None = None) -> int:
    """The answer to an attempt to open a socket; 101 would be a socket."""
    sent = {**UPGRADE, **(headers or {})}
    with (
        httpx.Client(trust_env=False, timeout=10) as client,
        client.stream("GET", school.url + path, headers=sent) as answer,
    ):
        return answer.status_code
