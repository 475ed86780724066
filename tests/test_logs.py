"""Logs: every event is one line, nothing on it says who or what, and writing it never fails."""

import io
import json
import logging
import sys
from collections.abc import Callable, Iterator

import pytest
import structlog
from cryptography.fernet import Fernet

from app import logs
from app.config import load

SECRET = "a-long-and-random-enough-secret-key-0123"
Lines = Callable[[], list[dict[str, object]]]


@pytest.fixture
def written(capsys) -> Iterator[Callable[[], str]]:
    """What was written to stderr since it was last asked."""
    root = logging.getLogger()
    before = root.handlers[:], root.level
    yield lambda: capsys.readouterr().err
    root.handlers[:], root.level = before
    logging.captureWarnings(False)
    logging.raiseExceptions = True
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


def configure(log_format: str = "json") -> None:
    key = Fernet.generate_key().decode()
    logs.configure(load(secret_key=SECRET, encryption_keys=key, log_format=log_format), "web")


@pytest.fixture
def lines(written) -> Lines:
    return lambda: [json.loads(line) for line in written().splitlines()]


def test_an_event_is_one_line_with_its_request_process_and_level(lines):
    configure()
    structlog.contextvars.bind_contextvars(request_id="r-1")
    structlog.get_logger("app.x").warning("message_stored", message=9)
    [line] = lines()
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "event": "message_stored",
        "message": 9,
        "request_id": "r-1",
        "process": "web",
        "level": "warning",
        "logger": "app.x",
    }


@pytest.mark.parametrize("name", ["gunicorn.error", "rq.worker", "sqlalchemy.engine"])
def test_a_librarys_line_goes_the_same_way(lines, name):
    theirs = logging.getLogger(name)
    if name.startswith("gunicorn"):  # it brings its own handler
        theirs.addHandler(logging.StreamHandler(sys.stderr))
        theirs.propagate = False
    configure()
    structlog.contextvars.bind_contextvars(request_id="r-2")

    theirs.error("text to %s failed", "+14155550123")

    [line] = lines()
    assert (line["event"], line["logger"]) == ("text to ***0123 failed", name)
    assert (line["request_id"], line["level"]) == ("r-2", "error")


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("to +14155550123.", "to ***0123."),
        ("to +1 (415) 555-0123", "to ***0123"),
        ("to (415) 555-0123", "to ***0123"),
        ("to 415.555.0123,", "to ***0123,"),
        ("to 14155550123", "to ***0123"),
        ("To=%2B14155550123&From=%2B442079460018", "To=***0123&From=***0018"),
        ("+442079460018 and +14155550123", "***0018 and ***0123"),
        ("whatsapp:+14155550123", "whatsapp:***0123"),
        ("mail to jo.doe+x@example.edu bounced", "mail to ***@example.edu bounced"),
        ("smtp://user:hunter2@mail.example.edu", "smtp://***@mail.example.edu"),
        # and what is nobody's number stays readable
        ("2026-11-20T13:27:00+00:00", "2026-11-20T13:27:00+00:00"),
        ("on 2026-11-20 13:27:00", "on 2026-11-20 13:27:00"),
        ("550e8400-e29b-41d4-a716-446655440000", "550e8400-e29b-41d4-a716-446655440000"),
        ("SM0123456789abcdef0123456789abcdef", "SM0123456789abcdef0123456789abcdef"),
        ("GET /inbox/123456789012", "GET /inbox/123456789012"),
        ("from 192.168.10.20:54321", "from 192.168.10.20:54321"),
        ("error 21610 after 3 tries in 0.25 s", "error 21610 after 3 tries in 0.25 s"),
    ],
)
def test_a_number_is_cut_to_its_last_digits_and_an_address_to_its_host(text, kept):
    assert logs.masked(text) == kept


def test_what_people_wrote_and_who_they_are_is_dropped_at_any_depth(lines):
    configure()
    structlog.get_logger().info(
        "stored",
        body="see you",
        token="t-1",
        sms={"Body": "see you", "id": 4, "numbers": ["+14155550123"], "given_name": "Jo"},
    )
    [line] = lines()
    assert line["sms"] == {"id": 4, "numbers": ["***0123"]}
    assert not {"body", "token"} & line.keys()


def test_an_exception_is_told_without_the_row_it_was_about(lines):
    configure()
    try:
        raise ValueError(
            "no: +14155550123\n[SQL: INSERT]\n[parameters: ('see you', 1)]\nDETAIL: Key (see you)"
        )
    except ValueError:
        structlog.get_logger().exception("failed")
    [line] = lines()
    assert "ValueError: no: ***0123" in line["exception"]
    assert "see you" not in str(line)


class Broken:
    def __str__(self) -> str:
        raise RuntimeError("cannot be written")


class FullDisk(io.StringIO):
    refused = 0

    def write(self, _: str) -> int:
        self.refused += 1
        raise OSError(28, "No space left on device")


def test_a_value_that_cannot_be_written_costs_the_line_only(lines):
    configure()
    structlog.get_logger().info("odd", value=Broken())
    structlog.get_logger().info("odd %s %s", 1)
    logging.getLogger("rq.worker").error("odd %s", Broken())
    structlog.get_logger().info("next")
    assert lines()[-1]["event"] == "next"


def test_a_full_disk_stops_nobody(written, monkeypatch):
    """F54."""
    full = FullDisk()
    monkeypatch.setattr(sys, "stderr", full)
    configure()
    structlog.get_logger().error("lost")
    logging.getLogger("rq.worker").error("lost")
    assert full.refused == 2


@pytest.mark.parametrize("log_format", ["console", "json"])
def test_a_value_cannot_begin_a_line_of_its_own(written, log_format):
    """ASVS 16.4.1."""
    configure(log_format)
    structlog.get_logger().info("login", user_agent="x\n{'event': 'forged'}\r\n\x1b[2J")
    line = written()
    assert line.count("\n") == 1
    assert "\x1b[2J" not in line


def test_the_console_form_is_for_reading(written):
    configure("console")
    structlog.get_logger().info("message_stored", message=9)
    line = written()
    assert "message_stored" in line
    assert "message=9" in line
