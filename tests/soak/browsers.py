"""Browsers: who follows the feed by socket, with a bookmark. Some leave and come back, one does not
read."""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager

import httpx
from simple_websocket.errors import SimpleWebsocketError
from wsproto.utilities import ProtocolError

from tests.live import PROGRAM, Socket, Wire, bearer, newest
from tests.school import Member
from tests.soak.actor import Actor, Run
from tests.soak.evidence import Row
from tests.soak.scene import Campus

_LOOK = 0.1  # seconds
_LITTLE = 4096  # bytes that arrive without being read
# While the web process is away, or where it dies in the middle of a handshake.
_NO_SOCKET = (OSError, SimpleWebsocketError, ProtocolError, IndexError, ValueError)


class Browser(Actor):
    """Knows how far it has read, whatever becomes of its connections. `opened`: a socket from a
    bookmark on. `stays`: for how many seconds, from and to."""

    pause = (0.05, 0.5)

    def __init__(
        self,
        run: Run,
        name: str,
        campus: Campus,
        member: Member,
        opened: Callable[[int], AbstractContextManager[Socket]],
        stays: tuple[float, float],
    ) -> None:
        super().__init__(run, name)
        self._campus, self._member = campus, member
        self._opened, self._stays = opened, stays
        self._bookmark = self._since = newest(campus.school)
        self._connections = 0

    def step(self) -> None:
        ends = time.monotonic() + self.dice.uniform(*self._stays)
        self._listen(lambda: time.monotonic() > ends or self.of.over.is_set())

    def _listen(self, leaves: Callable[[], bool]) -> None:
        self._connections += 1
        heard = 0
        try:
            with self._opened(self._bookmark) as socket:
                while socket.closed is None and not leaves():
                    time.sleep(_LOOK)
                    frames = socket.frames
                    self._note(frames[heard:])
                    heard = len(frames)
        except _NO_SOCKET:
            return

    def _note(self, frames: list[Row]) -> None:
        for frame in frames:
            self.of.evidence.note(
                "frames", browser=self.name, connection=self._connections, frame=frame
            )
            self._bookmark = max(self._bookmark, frame.get("seq", 0))

    def catch_up(self, patience: float) -> None:
        """After all is over: until it was told that everything has been looked at."""
        ends, until = time.monotonic() + patience, newest(self._campus.school)
        while self._bookmark < until and time.monotonic() < ends:
            self._listen(lambda: self._bookmark >= until or time.monotonic() > ends)
        self.of.evidence.note(
            "browsers",
            name=self.name,
            member=self._member.id,
            since=self._since,
            until=until,
            connections=self._connections,
        )


class Stalled(Browser):
    """Opens a socket and does not read, until it is cut off."""

    def step(self) -> None:
        self._connections += 1
        path, headers = f"{PROGRAM}?since={self._bookmark}", bearer(self._member)
        try:
            with Wire(self._campus.school, path, headers, room=_LITTLE) as wire:
                if wire.status == 101:
                    self.of.over.wait(self.dice.uniform(*self._stays))
                    try:
                        wire.until_closed(answers=False)
                    finally:
                        self._note(wire.heard)
        except _NO_SOCKET:
            return


def browsers_of(run: Run, campus: Campus, signed_in: httpx.Client) -> list[Browser]:
    """Of one school. The admin hears everything, a writer what is theirs. `signed_in`: a browser
    of the first writer."""
    school, (first, second, third, _), admin = campus.school, campus.writers, campus.admin

    def by_cookie(since: int) -> AbstractContextManager[Socket]:
        return Socket.of_browser(school, signed_in, since)

    def by_token(member: Member) -> Callable[[int], AbstractContextManager[Socket]]:
        return lambda since: Socket.of_program(school, member, since)

    always, briefly = (3600.0, 3600.0), (1.0, 10.0)
    name = f"browser {school.id}".format
    return [
        Browser(run, f"{name()} stays", campus, admin, by_token(admin), always),
        Browser(run, f"{name()} comes and goes", campus, admin, by_token(admin), briefly),
        Browser(run, f"{name()} signed in", campus, first, by_cookie, (5.0, 60.0)),
        Browser(run, f"{name()} of a writer", campus, second, by_token(second), briefly),
        Stalled(run, f"{name()} does not read", campus, third, by_token(third), (4.0, 8.0)),
    ]
