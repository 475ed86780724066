"""Line: one open socket. Whole frames go out, or the line ends; what comes in is of no interest.

A line has no thread and no queue of its own. Its queue is the kernel's send buffer: bounded, and
free while it is empty. Who lets it run full does not read, and is cut off.
"""

import json
import socket
import time
from contextlib import suppress
from typing import Any

from wsproto import ConnectionType
from wsproto.connection import Connection
from wsproto.events import CloseConnection, Ping, Pong
from wsproto.frame_protocol import FrameProtocol

from app.rules.access import Viewer
from app.security import Credential

BUFFER = 128 * 1024  # bytes; some thousand events: a browser this far behind is cut off
PATIENCE = 5.0  # seconds that a browser may take for each part of the replay
MOST_CLIENT_FRAMES = 10  # a minute; none are expected
MOST_UNANSWERED = 2  # pings
# Close codes
NOT_EXPECTED, TRY_AGAIN, TOO_SLOW, TOO_MANY, SESSION_ENDED = 1008, 1013, 4008, 4009, 4401

_out = FrameProtocol(client=False, extensions=[])
_PING = bytes(_out.ping())


def packed(what: dict[str, Any]) -> bytes:
    """As it goes over the line; the same bytes for whoever gets it."""
    return bytes(_out.send_data(json.dumps(what, separators=(",", ":"))))


class Line:
    """`seq`: it has been told everything up to here. `ending`: it hears no more, and is given a
    moment to read why."""

    __slots__ = (
        *("_in", "_minute", "_said", "_sock", "_unanswered", "_unsent"),
        *("credential", "ending", "seq", "viewer"),
    )

    def __init__(self, sock: socket.socket, viewer: Viewer, credential: Credential) -> None:
        self.viewer, self.credential = viewer, credential
        self.seq = 0
        self.ending = False
        self._sock = sock
        self._in = Connection(ConnectionType.SERVER)
        self._unsent = b""
        self._unanswered = self._said = 0
        self._minute = time.monotonic()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER)
        sock.settimeout(PATIENCE)

    def fileno(self) -> int:
        """-1 once it is closed."""
        return self._sock.fileno()

    def tell(self, frames: bytes) -> None:
        """Wait until the kernel has all of it. Raises OSError where that takes too long."""
        self._sock.sendall(frames)

    def never_wait(self) -> None:
        """From now on `say` is for many lines, and one must not hold up the others."""
        self._sock.setblocking(False)

    def say(self, frames: bytes) -> bool:
        """At once and all of it; False where it cannot take that, or is gone."""
        try:
            sent = self._sock.send(frames)
        except OSError:
            return False
        self._unsent = frames[sent:]
        return not self._unsent

    def ping(self, frames: bytes) -> bool:
        """Say these, and ask whether somebody is there; False where nobody has been for long."""
        self._unanswered += 1
        return self._unanswered <= MOST_UNANSWERED and self.say(_PING + frames)

    def hear(self) -> int | None:
        """Read what came. With which code to end the line, if any. Raises OSError where it is
        gone."""
        try:
            data = self._sock.recv(4096)
        except BlockingIOError:
            return None
        if not data:
            raise ConnectionResetError
        if self.ending:
            return None
        self._in.receive_data(data)
        for event in self._in.events():
            if isinstance(event, CloseConnection):  # theirs, or the answer to what is no frame
                return event.code
            if isinstance(event, Pong):
                self._unanswered = 0
            elif isinstance(event, Ping):
                if not self.say(self._in.send(event.response())):
                    return TOO_SLOW
            elif self._is_one_too_many():
                return NOT_EXPECTED
        return None

    def _is_one_too_many(self) -> bool:
        if time.monotonic() - self._minute >= 60:
            self._minute, self._said = time.monotonic(), 0
        self._said += 1
        return self._said > MOST_CLIENT_FRAMES

    def end(self, code: int) -> None:
        """Say why and hang up; the frame that was cut short is finished first."""
        self.ending = True
        with suppress(OSError):
            # Room for the last words where the buffer is full.
            self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 2 * BUFFER)
            self._sock.send(self._unsent + bytes(_out.close(code)))
            self._sock.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        self._sock.close()
