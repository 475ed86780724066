"""HTTP: a lean client for the Twilio SDK, with a deadline around the whole call.

The SDK's own client has no timeout by default, and then one per read, so that an answer which drips
in may hang a worker for ever. This one keeps connections alive for as many calls as run at once.
"""

import socket
import threading
import time
from typing import Any
from urllib.parse import urlencode

import urllib3
from twilio.http import HttpClient
from twilio.http.response import Response
from urllib3.connection import HTTPConnection, HTTPSConnection

LONGEST_ANSWER = 4 * 1024 * 1024  # bytes
_LOOK_EVERY = 0.1  # seconds; how exact the deadline is

_this = threading.local()  # the call of this thread: `ends`, monotonic; `wait`, see asked_to_wait


class DeadlinePassed(Exception):
    """The answer did not come in time; whether the call did anything is not known."""


def asked_to_wait() -> float | None:
    """The seconds that the latest answer of this thread asked for by Retry-After."""
    return getattr(_this, "wait", None)


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


class _HttpPool(urllib3.HTTPConnectionPool):
    ConnectionCls = _Http


class _HttpsPool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _Https


class DeadlineHttpClient(HttpClient):
    """`deadline`: seconds from the first byte sent to the last received. `calls`: how many at
    once."""

    def __init__(self, deadline: float, calls: int = 64) -> None:
        self._deadline = deadline
        self._pool = urllib3.PoolManager(num_pools=4, maxsize=calls, retries=False)
        self._pool.pool_classes_by_scheme = {"http": _HttpPool, "https": _HttpsPool}

    def request(
        self,
        method: str,
        url: str,
        params: dict[str, object] | None = None,
        data: dict[str, object] | None = None,
        headers: dict[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        timeout: float | None = None,
        allow_redirects: bool = False,
        **_: Any,
    ) -> Response:
        _this.ends, _this.wait = time.monotonic() + self._deadline, None
        sent = dict(headers or {})
        if auth:
            sent |= urllib3.make_headers(basic_auth=":".join(auth))
        body = None
        if data is not None:
            body = urlencode(data, doseq=True)
            sent["Content-Type"] = "application/x-www-form-urlencoded"
        if params:
            url = f"{url}?{urlencode(params, doseq=True)}"
        try:
            return self._once(method.upper(), url, body, sent)
        except urllib3.exceptions.ProtocolError:
            # A lost connection says nothing, but a read may be repeated (reliability 3.2).
            if method.upper() != "GET" or time.monotonic() > _this.ends:
                raise
            return self._once("GET", url, body, sent)

    def _once(self, method: str, url: str, body: str | None, headers: dict[str, str]) -> Response:
        answer = self._pool.request(
            method,
            url,
            body=body,
            headers=headers,
            timeout=urllib3.Timeout(total=max(_this.ends - time.monotonic(), _LOOK_EVERY)),
            redirect=False,
            preload_content=False,
        )
        connection: Any = answer.connection
        sock = connection.sock if connection is not None else None
        try:
            text = answer.read(LONGEST_ANSWER).decode("utf-8", "replace")
            if time.monotonic() > _this.ends or answer.read(1):
                raise DeadlinePassed("the answer was not complete in time")
        except BaseException:
            answer.close()  # never back into the pool with half an answer in it
            raise
        finally:
            _watchdog.leave(sock)
        answer.release_conn()
        _this.wait = _retry_after(answer)
        return Response(answer.status, text, answer.headers)


def _retry_after(answer: urllib3.BaseHTTPResponse) -> float | None:
    try:
        return urllib3.Retry().get_retry_after(answer)
    except urllib3.exceptions.InvalidHeader:
        return None
