"""A real carrier in a process of its own, and a small receiver in the place of Replyline."""

import itertools
import queue
import secrets
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest
from twilio.http.http_client import TwilioHttpClient
from twilio.rest import Client

from app.carrier.client import CarrierClient, MailboxClient
from tests.helpers import serving, until

NO_REPLY = (200, "text/xml", "<Response/>")
_numbers = itertools.count(5550100)


@dataclass
class Hook:
    """One request that the receiver got."""

    url: str
    headers: dict[str, str]
    form: dict[str, str]


@dataclass
class Receiver:
    """Stands in for Replyline: keeps what comes, and answers as it was told."""

    base_url: str
    got: "queue.Queue[Hook]" = field(default_factory=queue.Queue)
    answers: dict[str, tuple[int, str, str]] = field(default_factory=dict)  # by path

    def take(self, count: int) -> list[Hook]:
        """The next `count` requests, waited for."""
        return [self.got.get(timeout=15) for _ in range(count)]


@dataclass
class Carrier:
    """The process, restartable on the same files and ports."""

    var_dir: Path
    port: int
    mailbox_port: int
    smtp_port: int
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        code = (
            "import sys; from pathlib import Path; from app.carrier.main import run;"
            "run(int(sys.argv[1]), Path(sys.argv[2]), mailbox_port=int(sys.argv[3]),"
            " smtp_port=int(sys.argv[4]), app_url='http://127.0.0.1:8000')"
        )
        arguments = [self.port, self.var_dir, self.mailbox_port, self.smtp_port]
        self.process = subprocess.Popen([sys.executable, "-c", code, *map(str, arguments)])
        for port in (self.smtp_port, self.mailbox_port, self.port):
            until(lambda port=port: _answers(port))

    def stop(self) -> int:
        """The exit code."""
        assert self.process is not None
        self.process.terminate()
        return self.process.wait(5)

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@dataclass
class Account:
    """An account with one number whose webhooks go to the receiver, and its real client."""

    sid: str
    token: str
    number: str
    client: Client
    receiver: Receiver

    def send(self, to: str, body: str = "Hello", **more: Any) -> Any:
        """Create a message with reports to the receiver."""
        more.setdefault("status_callback", f"{self.receiver.base_url}/status")
        return self.client.messages.create(to=to, from_=self.number, body=body, **more)


def _answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


@pytest.fixture(scope="session")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Carrier]:
    running = Carrier(tmp_path_factory.mktemp("carrier"), *_free_ports(3))
    running.start()
    yield running
    assert running.stop() == 0


@pytest.fixture(scope="session")
def carrier(process: Carrier) -> CarrierClient:
    return CarrierClient(process.base_url)


@pytest.fixture(scope="session")
def mailbox(process: Carrier) -> MailboxClient:
    return MailboxClient(f"http://127.0.0.1:{process.mailbox_port}")


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            form = dict(parse_qsl(self.rfile.read(length).decode(), keep_blank_values=True))
            kept.got.put(Hook(kept.base_url + self.path, dict(self.headers), form))
            answer = kept.answers.get(self.path.partition("?")[0], NO_REPLY)
            status, content_type, body = answer
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body.encode())))
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, format: str, *args: Any) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 128  # many webhooks connect at once

    server = Server(("127.0.0.1", 0), Handler)
    kept = Receiver(f"http://127.0.0.1:{server.server_port}")
    with serving(server):
        yield kept


@pytest.fixture
def account(carrier: CarrierClient, receiver: Receiver) -> Account:
    sid, token, number = f"AC{secrets.token_hex(16)}", secrets.token_hex(16), new_number()
    carrier.account(sid, token)
    carrier.number(sid, number)
    client = Client(sid, token, http_client=TwilioHttpClient(timeout=10, max_retries=0))
    client.api.base_url = carrier.base_url
    owned = client.incoming_phone_numbers.list(phone_number=number)[0]
    owned.update(
        sms_url=f"{receiver.base_url}/inbound", sms_fallback_url=f"{receiver.base_url}/fallback"
    )
    return Account(sid, token, number, client, receiver)


@pytest.fixture
def phone() -> str:
    """A number that no other test uses."""
    return new_number()


def new_number() -> str:
    return f"+1512{next(_numbers)}"


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports
