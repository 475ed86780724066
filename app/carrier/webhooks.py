"""Webhooks: signed requests to Replyline, with Twilio's timeouts and retries.

Source: reference/protocol.md 1.5 and 1.6
"""

import select
import ssl
import time
from collections import defaultdict
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException, HTTPResponse
from typing import Any
from urllib.parse import SplitResult, parse_qs, urlencode, urlsplit

import gevent
import gevent.socket
import gevent.ssl
from gevent.lock import BoundedSemaphore
from twilio.request_validator import RequestValidator

from app.carrier.journal import Entry, Journal
from app.carrier.store import new_sid

_IN_FLIGHT = 64  # webhooks at a time
_FORM = "application/x-www-form-urlencoded; charset=UTF-8"


@dataclass(frozen=True, slots=True)
class Overrides:
    """Twilio's connection overrides; times in milliseconds."""

    ct: int = 5000  # connect timeout
    rt: int = 15000  # read timeout
    tt: int = 15000  # everything, retries included
    rc: int = 1  # retries
    rp: frozenset[str] = frozenset({"ct"})  # what is retried: ct, rt, 4xx, 5xx, all


@dataclass(frozen=True, slots=True)
class Answer:
    status: int | None  # None: there was none
    ms: float
    failure: str = ""  # "ct", "rt", "4xx", "5xx", or nothing
    content_type: str = ""
    body: bytes = b""
    at: float = field(default_factory=time.time)  # when it was there


@dataclass(frozen=True, slots=True)
class Request:
    """What is to be sent, once per call of `Webhooks.send`; its token stays the same."""

    url: str  # may carry overrides in its fragment
    form: dict[str, str]
    auth_token: str  # signs
    number: str  # the handset it is about
    about: str
    method: str = "POST"


class Webhooks:
    """A pool of kept-alive connections; `send` waits for the answer, retries included."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._idle: defaultdict[tuple[str, str], list[HTTPConnection]] = defaultdict(list)
        self._slots = BoundedSemaphore(_IN_FLIGHT)

    def send(self, request: Request) -> Answer:
        url, overrides = split_overrides(request.url)
        if request.method == "GET":
            url += ("&" if "?" in url else "?") + urlencode(request.form)
        call = _Call(request, urlsplit(url), _headers(request, url), overrides)
        began, answer = time.perf_counter(), None
        with self._slots, gevent.Timeout(overrides.tt / 1000, False):
            for _ in range(1 + overrides.rc):
                answer = self._once(call)
                self._record(call, answer)
                if not answer.failure or not {answer.failure, "all"} & overrides.rp:
                    return answer
        if answer is None:  # cut off by the total time
            answer = Answer(None, _since(began), "rt")
            self._record(call, answer)
        return answer

    def _once(self, call: "_Call") -> Answer:
        began, request = time.perf_counter(), call.request
        try:
            connection = self._connection(call)
        except OSError:
            return Answer(None, _since(began), "ct")
        try:
            target = (call.url.path or "/") + (f"?{call.url.query}" if call.url.query else "")
            body = urlencode(request.form) if request.method == "POST" else None
            connection.request(request.method, target, body, call.headers)
            reply = connection.getresponse()
            answer = _answer(reply, reply.read(), _since(began))
        except (OSError, HTTPException):
            return Answer(None, _since(began), "rt")
        if not reply.will_close:
            self._idle[call.url.scheme, call.url.netloc].append(connection)
        return answer

    def _connection(self, call: "_Call") -> HTTPConnection:
        idle = self._idle[call.url.scheme, call.url.netloc]
        connection: HTTPConnection | None = None
        while idle and connection is None:
            connection = idle.pop()
            if _readable(connection.sock):  # the other end has hung up meanwhile
                connection.close()
                connection = None
        if connection is None:
            connection = _Connection(call.url, call.overrides.ct / 1000)
            connection.connect()
        connection.sock.settimeout(call.overrides.rt / 1000)
        return connection

    def _record(self, call: "_Call", answer: Answer) -> None:
        request, what = call.request, f"{call.request.method} {call.url.path}, signed"
        at, number, about = time.time(), request.number, request.about
        self._journal.record(Entry(at, True, what, answer.status, answer.ms, number, about))


@dataclass(frozen=True, slots=True)
class _Call:
    """A request made ready: every try of it is the same."""

    request: Request
    url: SplitResult
    headers: dict[str, str]
    overrides: Overrides


class _Connection(HTTPConnection):
    """`http.client` over gevent's sockets: nothing is monkey-patched here."""

    def __init__(self, url: SplitResult, connect_timeout: float) -> None:
        super().__init__(url.hostname or "", url.port or (443 if url.scheme == "https" else 80))
        self._url, self._connect_timeout = url, connect_timeout

    def connect(self) -> None:
        sock = gevent.socket.create_connection((self.host, self.port), self._connect_timeout)
        sock.setsockopt(gevent.socket.IPPROTO_TCP, gevent.socket.TCP_NODELAY, 1)
        if self._url.scheme == "https":
            context = gevent.ssl.create_default_context(ssl.Purpose.SERVER_AUTH)
            sock = context.wrap_socket(sock, server_hostname=self.host)
        self.sock = sock


def split_overrides(url: str) -> tuple[str, Overrides]:
    """The address as it is requested and signed, and what its fragment asks for."""
    plain, _, fragment = url.partition("#")
    given = {name: values[-1] for name, values in parse_qs(fragment).items()}
    numbers = (name for name in ("ct", "rt", "tt", "rc") if given.get(name, "").isdigit())
    values: dict[str, Any] = {name: int(given[name]) for name in numbers}
    if "rp" in given:
        values["rp"] = frozenset(given["rp"].split(","))
    return plain, Overrides(**values)


def _headers(request: Request, url: str) -> dict[str, str]:
    is_post = request.method == "POST"
    signed = request.form if is_post else {}
    headers = {
        "Accept": "*/*",
        "User-Agent": "TwilioProxy/1.1",
        "X-Twilio-Signature": RequestValidator(request.auth_token).compute_signature(url, signed),
        "I-Twilio-Idempotency-Token": new_sid(""),
    }
    return headers | ({"Content-Type": _FORM} if is_post else {})


def _answer(reply: HTTPResponse, body: bytes, ms: float) -> Answer:
    failure = f"{reply.status // 100}xx" if reply.status >= 400 else ""
    return Answer(reply.status, ms, failure, reply.headers.get_content_type(), body)


def _readable(sock: Any) -> bool:
    poll = select.poll()
    poll.register(sock, select.POLLIN)
    return bool(poll.poll(0))


def _since(began: float) -> float:
    """Milliseconds."""
    return round((time.perf_counter() - began) * 1000, 1)
