"""Twilio: its words to ours and back, and what each of its answers proves."""

import json
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

import pytest

from app.errors import (
    ProviderBusy,
    ProviderDenied,
    ProviderError,
    ProviderRefused,
    ProviderUnknown,
)
from app.providers import Accepted, Account, Credentials, OutboundSms
from app.providers.twilio import TwilioProvider
from app.rules.lifecycle import Status
from tests.helpers import serving

SID, TOKEN = "AC" + "1" * 32, "12345"
MESSAGE = "SM" + "0" * 32
DEADLINE = 1.0
TEXT = OutboundSms("+15125550190", "+15125550147", "Hello", "https://x.example/status/1", 600)


class Answers(BaseHTTPRequestHandler):
    """Answers every request with what the test has laid down, and remembers it."""

    protocol_version = "HTTP/1.1"
    server: "Server"

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        form = {k: v[0] for k, v in parse_qs(self.rfile.read(length).decode()).items()}
        self.server.seen.append((self.command, self.path, form, self.headers["Authorization"]))
        self.server.answer(self)

    do_GET = do_POST  # noqa: N815

    def log_message(self, *_: Any) -> None:
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answers)
        self.seen: list[tuple[str, str, dict[str, str], str]] = []
        self.answer: Any = None

    def says(self, status: int, body: Any, **headers: str) -> None:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()

        def answer(to: Answers) -> None:
            to.send_response(status)
            for name, value in {"Content-Length": str(len(content)), **headers}.items():
                to.send_header(name, value)
            to.end_headers()
            to.wfile.write(content)

        self.answer = answer

    def hangs_up(self, to: Answers) -> None:
        to.close_connection = True
        to.connection.close()

    def drips(self, to: Answers) -> None:
        to.send_response(201)
        to.send_header("Content-Length", "1000")
        to.end_headers()
        for _ in range(100):
            try:
                to.wfile.write(b" ")
            except OSError:
                return
            time.sleep(DEADLINE / 10)

    def is_silent(self, to: Answers) -> None:
        time.sleep(DEADLINE * 3)
        to.close_connection = True

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    with serving(server):
        yield server


@pytest.fixture
def provider(server) -> TwilioProvider:
    return TwilioProvider(Credentials(SID, TOKEN, server.url), DEADLINE)


def outcome(provider: TwilioProvider) -> Accepted | ProviderError:
    try:
        return provider.send(TEXT)
    except ProviderError as error:
        return error


# What a create proves (reliability 3.2)


def test_a_text_is_handed_over_once_as_twilio_wants_it(server, provider):
    """Protocol 1.1: an explicit sender, our address for reports, and no longer than it is worth
    (S1-1)."""
    server.says(201, {"sid": MESSAGE, "status": "queued"})
    assert outcome(provider) == Accepted(MESSAGE, Status.ACCEPTED)
    ((method, path, form, authorization),) = server.seen
    assert (method, path) == ("POST", f"/2010-04-01/Accounts/{SID}/Messages.json")
    assert form == {
        "From": TEXT.from_,
        "To": TEXT.to,
        "Body": "Hello",
        "StatusCallback": TEXT.report_url,
        "ValidityPeriod": "600",
    }
    assert authorization.startswith("Basic ")


@pytest.mark.parametrize(
    ("word", "status"),
    [
        *((word, Status.ACCEPTED) for word in ("accepted", "scheduled", "queued", "sending")),
        ("sent", Status.SENT),
        ("delivered", Status.DELIVERED),
        ("banana", Status.ACCEPTED),
        (None, Status.ACCEPTED),
    ],
)
def test_what_an_accepted_text_is_called(server, provider, word, status):
    server.says(201, {"sid": MESSAGE, "status": word})
    assert outcome(provider) == Accepted(MESSAGE, status)


def error(code: int, status: int) -> dict[str, Any]:
    return {"code": code, "message": "No", "more_info": "https://x.example", "status": status}


def problem(code: int, status: int) -> dict[str, Any]:
    """RFC 9457, as Twilio's newer interfaces write it."""
    about = f"https://www.twilio.com/docs/api/errors/{code}"
    return {"type": about, "title": "No", "status": status, "code": code, "detail": "Why"}


HTML = b"<html><body>A gateway somewhere</body></html>"
PROVES = [
    # Provably not taken, and final.
    (400, error(21211, 400), ProviderRefused, "21211"),
    (400, error(21610, 400), ProviderRefused, "21610"),
    (404, error(20404, 404), ProviderRefused, "20404"),
    (400, problem(21211, 400), ProviderRefused, "21211"),
    # Our credentials.
    (401, error(20003, 401), ProviderDenied, "20003"),
    (403, error(20003, 403), ProviderDenied, "20003"),
    (401, HTML, ProviderDenied, "20003"),
    # Never processed: the same text may go again.
    (429, error(20429, 429), ProviderBusy, "20429"),
    (429, HTML, ProviderBusy, None),
    # It may have been taken.
    (500, error(20500, 500), ProviderUnknown, "20500"),
    (500, HTML, ProviderUnknown, None),
    (502, HTML, ProviderUnknown, None),
    (503, b"", ProviderUnknown, None),
    (504, HTML, ProviderUnknown, None),
    (400, HTML, ProviderUnknown, None),  # F39: not Twilio's own words
    (403, {"message": "A firewall"}, ProviderUnknown, None),
    (200, HTML, ProviderUnknown, None),
    (201, b'{"sid": "SM', ProviderUnknown, None),
    (201, b"", ProviderUnknown, None),
    (201, [], ProviderUnknown, None),
    (201, {}, ProviderUnknown, None),
    (201, {"sid": None, "status": "queued"}, ProviderUnknown, None),
    (201, {"sid": "SM1", "status": "queued"}, ProviderUnknown, None),
]


@pytest.mark.parametrize(("status", "body", "kind", "code"), PROVES)
def test_what_an_answer_proves(server, provider, status, body, kind, code):
    """Finding 1, F32, F35, F37, F39: yes, no or unknown; asked once in any case."""
    server.says(status, body)
    found = outcome(provider)
    assert type(found) is kind
    assert found.provider_code == code
    assert len(server.seen) == 1


def test_a_redirect_is_not_followed(server, provider):
    """F39, X21."""
    server.says(307, b"", Location=f"{server.url}/elsewhere")
    assert type(outcome(provider)) is ProviderUnknown
    assert len(server.seen) == 1


@pytest.mark.parametrize("answer", ["hangs_up", "drips", "is_silent"])
def test_an_answer_that_does_not_come_is_unknown_in_time(server, provider, answer):
    """Finding 2, F27, F34: a deadline around the whole call, however slowly it drips in."""
    server.answer = getattr(server, answer)
    began = time.monotonic()
    assert type(outcome(provider)) is ProviderUnknown
    assert time.monotonic() - began < DEADLINE * 2
    assert len(server.seen) == 1


def test_a_reused_connection_that_was_closed_is_unknown(server, provider):
    """Reliability 3.2: nobody knows whether it was read before it was closed; never asked again."""
    server.says(201, {"sid": MESSAGE, "status": "queued"})
    assert outcome(provider) == Accepted(MESSAGE, Status.ACCEPTED)
    server.answer = server.hangs_up
    assert type(outcome(provider)) is ProviderUnknown
    assert len(server.seen) == 2


def test_who_cannot_be_reached_got_nothing():
    """Reliability 3.2: a refused connection is proof that nothing was sent."""
    nowhere = TwilioProvider(Credentials(SID, TOKEN, "http://127.0.0.1:1"), DEADLINE)
    assert type(outcome(nowhere)) is ProviderBusy


# The account and its numbers


def test_an_account_is_tried_out(server, provider):
    """Suspended is not refused, and an answer about something else is none."""
    told = {"sid": SID, "status": "active", "type": "Trial", "friendly_name": "Northfield"}
    server.says(200, told)
    assert provider.check() == Account("Northfield", trial=True)
    assert server.seen[0][:2] == ("GET", f"/2010-04-01/Accounts/{SID}.json")
    server.says(200, told | {"status": "suspended"})
    with pytest.raises(ProviderRefused) as suspended:
        provider.check()
    assert suspended.value.provider_code == "20005"
    server.says(200, {"status": "active"})
    with pytest.raises(ProviderUnknown):
        provider.check()
    server.says(401, error(20003, 401))
    with pytest.raises(ProviderDenied):
        provider.check()


def test_a_number_is_pointed_at_us_with_more_tries_than_one(server, provider):
    """Protocol 1.5, finding 5: and with the fallback, so that a text is not lost."""
    owned = {"sid": "PN" + "0" * 32, "phone_number": "+15125550190", "account_sid": SID}

    def answer(to: Answers) -> None:
        listed = {"incoming_phone_numbers": [owned], "next_page_uri": None, "page": 0}
        server.says(200, listed if to.command == "GET" else owned)
        server.answer(to)
        server.answer = answer

    server.answer = answer
    hook, voice = "https://x.example/inbound", "https://x.example/voice"
    assert provider.connect_number("+15125550190", hook, voice) == owned["sid"]
    form = server.seen[1][2]
    assert form["SmsUrl"] == form["SmsFallbackUrl"] == f"{hook}#rc=5&rp=ct,rt,5xx"
    assert form["SmsMethod"] == form["SmsFallbackMethod"] == form["VoiceMethod"] == "POST"
    assert form["VoiceUrl"] == voice


def test_a_number_of_somebody_else_is_refused(server, provider):
    server.says(200, {"incoming_phone_numbers": [], "next_page_uri": None, "page": 0})
    with pytest.raises(ProviderRefused):
        provider.connect_number("+15125550190", "https://x.example/i", "https://x.example/v")
