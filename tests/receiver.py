"""Receiver: a system of somebody else's that listens for events, on this machine."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True, slots=True)
class Heard:
    """`headers`: by their names in lower case."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]


@dataclass
class Receiver:
    """`answer`: what it says to a call; None hangs up, a negative number is silence for so many
    seconds. `took`: what it has answered 2xx."""

    url: str = ""
    answer: Callable[[Heard], float | None] = lambda _heard: 204
    heard: list[Heard] = field(default_factory=list)
    took: list[Heard] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)  # of its answers
    stopped: threading.Event = field(default_factory=threading.Event)

    @classmethod
    @contextmanager
    def listening(cls) -> Iterator["Receiver"]:
        receiver = cls()

        class Handler(_Handler):
            of = receiver

        with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
            server.daemon_threads = True
            receiver.url = f"http://127.0.0.1:{server.server_port}/told"
            threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
            yield receiver
            receiver.stopped.set()
            server.shutdown()

    def says(self, status: float | None) -> None:
        self.answer = lambda _heard: status


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    of: Receiver

    def do_POST(self) -> None:
        length = int(self.headers["Content-Length"])
        told = {name.lower(): value for name, value in self.headers.items()}
        heard = Heard(self.path, told, self.rfile.read(length))
        self.of.heard.append(heard)
        status = self.of.answer(heard)
        if status is None or status < 0:
            self.of.stopped.wait(-(status or 0))
            self.close_connection = True
            return
        if 200 <= status < 300:
            self.of.took.append(heard)
        self.send_response(int(status))
        for name, value in self.of.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """To nobody."""
