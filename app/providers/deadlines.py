"""Deadlines: connections of which a call has a time for all of it, connect to last byte.

The client's own timeout is one per read, so that an answer which drips in may hang a worker for
ever.
"""

import socket
import threading
import time
from typing import Any

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection

_LOOK_EVERY = 0.1  # seconds; how exact the deadline is

_this = threading.local()  # the call of this thread: `ends`, monotonic


class DeadlinePassed(Exception):
    """The answer did not come in time; whether the call did anything is not known."""


def begin(seconds: float) -> None:
    """The call that this thread is about to make has so long."""
    _this.ends = time.monotonic() + seconds


def is_over() -> bool:
    """Whether the time of the latest call of this thread is up, as exactly as it is kept."""
    return time.monotonic() > getattr(_this, "ends", float("inf")) - _LOOK_EVERY


def left() -> float:
    """Seconds, never none at all."""
    return max(_this.ends - time.monotonic(), _LOOK_EVERY)


def read(answer: urllib3.BaseHTTPResponse, longest: int, **how: Any) -> bytes:
    """So many bytes at most, in time. Raises DeadlinePassed, also where there are more."""
    connection: Any = answer.connection
    sock = connection.sock if connection is not None else None
    try:
        content = answer.read(longest, **how)
        if is_over() or answer.read(1, **how):
            raise DeadlinePassed("the answer was not complete in time")
    except BaseException:
        answer.close()  # never back into the pool with half an answer in it
        raise
    finally:
        _watchdog.leave(sock)
    answer.release_conn()
    return content


class _Watchdog:
    """Cuts the connection of a call whose time is up, whatever it waits for."""

    def __init__(self) -> None:
        self._calls: dict[socket.socket, float] = {}
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def watch(self, sock: socket.socket | None) -> None:
        if sock is None:
            return
        with self._lock:
            self._calls[sock] = _this.ends
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="deadlines", daemon=True)
                self._thread.start()

    def leave(self, sock: socket.socket | None) -> None:
        with self._lock:
            self._calls.pop(sock, None)  # type: ignore[arg-type]

    def _run(self) -> None:
        """Ends by itself when no call is left."""
        while True:
            time.sleep(_LOOK_EVERY)
            with self._lock:
                late = [s for s, ends in self._calls.items() if ends < time.monotonic()]
                for sock in late:
                    del self._calls[sock]
                if not self._calls and not late:
                    self._thread = None
                    return
            for sock in late:
                try:
                    sock.shutdown(socket.SHUT_RDWR)
                except OSError:
                    continue


_watchdog = _Watchdog()


class _Http(HTTPConnection):
    def getresponse(self) -> Any:
        _watchdog.watch(self.sock)
        return super().getresponse()


class _Https(HTTPSConnection):
    def getresponse(self) -> Any:
        _watchdog.watch(self.sock)
        return super().getresponse()


class HttpPool(urllib3.HTTPConnectionPool):
    ConnectionCls = _Http


class HttpsPool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _Https
