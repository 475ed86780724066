"""Posting: one event to the address of another system, which may be anywhere but inside.

The name is looked up once, what it stands for is checked, and that very address is called: a name
that stands for another one a moment later leads nowhere. Nothing is followed, and of the answer
only its status counts.
"""

import socket
import ssl
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import urllib3
from urllib3.util import Url

from app.providers import deadlines
from app.rules.hooks import BadAddress, checked, may_reach

_LONGEST = 64 * 1024  # bytes that are read of an answer, so that the connection can be kept


@dataclass(frozen=True, slots=True)
class Answer:
    """`status`: None where there was none, and then `problem` says why."""

    status: int | None
    problem: str = ""


class Line:
    """A connection to one address, kept alive from one event to the next.

    `deadline`: seconds for each of them, without the look-up of the name. `loopback`: see
    `rules.hooks.checked`.
    """

    def __init__(self, url: str, *, deadline: float, loopback: bool) -> None:
        self._url, self._deadline, self._loopback = url, deadline, loopback
        self._pool: urllib3.HTTPConnectionPool | None = None
        self._parts = Url()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._pool:
            self._pool.close()

    def post(self, body: bytes, headers: dict[str, str]) -> Answer:
        """Say it once. Never raises."""
        was_open = self._pool is not None
        answer = self._once(body, headers)
        if answer == _HUNG_UP and was_open:  # it closed the connection meanwhile: it never heard us
            return self._once(body, headers)
        return answer

    def _once(self, body: bytes, headers: dict[str, str]) -> Answer:
        try:
            pool = self._pool = self._pool or self._opened()
        except BadAddress as error:
            return Answer(None, str(error).rstrip("."))
        deadlines.begin(self._deadline)
        try:
            answer = pool.urlopen(
                "POST",
                self._parts.request_uri,
                body=body,
                headers={"Host": self._parts.netloc or "", **headers},
                timeout=urllib3.Timeout(total=deadlines.left()),
                redirect=False,
                retries=False,
                assert_same_host=False,
                preload_content=False,
                decode_content=False,
            )
        except urllib3.exceptions.HTTPError as error:
            return self._failed(error)
        if deadlines.is_over():  # what was cut in the middle of its head looks like a whole one
            answer.close()
            return self._late()
        with suppress(deadlines.DeadlinePassed, urllib3.exceptions.HTTPError):
            deadlines.read(answer, _LONGEST, decode_content=False)
        return Answer(answer.status)

    def _opened(self) -> urllib3.HTTPConnectionPool:
        """Raises BadAddress, also for a name that stands for an address inside."""
        parts = self._parts = checked(self._url, loopback=self._loopback)
        host = (parts.host or "").strip("[]").rstrip(".")
        port = parts.port or (443 if parts.scheme == "https" else 80)
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            raise BadAddress("The name in its address is not known") from None
        addresses = [str(each[4][0]) for each in found]
        if not all(may_reach(address, loopback=self._loopback) for address in addresses):
            raise BadAddress("Its name stands for an address inside a network, so it is not called")
        if parts.scheme == "http":
            return deadlines.HttpPool(addresses[0], port)
        named: dict[str, Any] = {"server_hostname": host, "assert_hostname": host}
        return deadlines.HttpsPool(addresses[0], port, **named)

    def _failed(self, error: Exception) -> Answer:
        if isinstance(error, urllib3.exceptions.NewConnectionError):  # a kind of time-out to them
            return Answer(None, "Nobody answers at its address")
        if isinstance(error, urllib3.exceptions.TimeoutError) or deadlines.is_over():
            return self._late()
        if isinstance(error, urllib3.exceptions.SSLError | ssl.SSLError):
            return Answer(None, "No secure connection: its certificate is not valid for its name")
        return _HUNG_UP

    def _late(self) -> Answer:
        return Answer(None, f"No answer within {self._deadline:g} seconds")


_HUNG_UP = Answer(None, "It hung up without an answer")
