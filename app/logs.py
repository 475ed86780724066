"""Logs: one structured line per event, about rows and states, never about what people wrote.

    log = structlog.get_logger()
    log.info("message_stored", message=9, institution=1)

The request's id is bound once (`structlog.contextvars.bind_contextvars(request_id=...)`) and is on
every line of that request. The standard library's loggers (gunicorn, rq, SQLAlchemy) write through
the same handler and the same mask. Everything that could fail happens inside the handler, where a
failure costs the line and not the work.
"""

import logging
import re
import sys
from collections.abc import Callable, Mapping
from typing import Any

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from app.config import Settings, console_logs

PRIVATE_KEYS = {"authorization", "body", "email", "family_name", "given_name", "name", "password"}
PRIVATE_KEYS |= {"secret", "text", "token"}
NOISY = ("alembic", "httpx", "httpcore", "mail.log", "twilio", "urllib3")  # some log whole texts
TOOK_OVER = ("gunicorn.error", "gunicorn.access", "rq.worker", "rq.scheduler")

_INTERNATIONAL = re.compile(r"(?:\+|%2B)\(?\d(?:[ ().-]{0,2}\d){6,14}", re.IGNORECASE)
# No date, no time, no part of an identifier, a path or an address of the network.
_NATIONAL = re.compile(r"(?<![\w.:/-])(?!\d{4}-\d\d-\d\d)\(?\d(?:[ ().-]{0,2}\d){9,14}(?![\w:-])")
_MAILBOX = re.compile(r"[^\s@/\"'<>()\[\],;]+@(?=[\w\[])")  # also the user:password@ of a URL
_ROW = re.compile(r"\[parameters: .*|^DETAIL: .*", re.MULTILINE)  # the row in a database's error
_CONTROL = re.compile(r"[\x00-\x1f\x7f]+")  # a value must not begin a line of its own
_SHOWN = 4  # digits


def configure(settings: Settings, process: str) -> None:
    """Send every log line of this process to stderr: JSON, or for a person's eyes on a terminal.

    `process` names it on each line. May be called again, also after a library added its handlers.
    """
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.contextvars.merge_contextvars,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=_line(process, console=console_logs(settings)),
            foreign_pre_chain=[structlog.contextvars.merge_contextvars],
        )
    )
    logging.basicConfig(handlers=[handler], level=logging.INFO, force=True)
    logging.captureWarnings(True)
    logging.raiseExceptions = False  # a full disk must not stop a text
    for name in NOISY:
        logging.getLogger(name).setLevel(logging.WARNING)
    for name in TOOK_OVER:
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True


def masked(value: str) -> str:
    """`value` with phone numbers cut to their last digits, and without addresses and rows."""
    value = _ROW.sub("[row hidden]", value)
    value = _MAILBOX.sub("***@", value)
    value = _INTERNATIONAL.sub(_last_digits, value)
    return _NATIONAL.sub(_last_digits, value)


def _line(process: str, *, console: bool) -> list[Processor]:
    """What turns one event into one line."""

    def add_process(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
        return {**event, "process": process}

    colors = sys.stderr.isatty()
    return [
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
        structlog.processors.format_exc_info,
        _without_people,
        structlog.stdlib.add_log_level,
        add_process,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.dev.ConsoleRenderer(colors=colors)
        if console
        else structlog.processors.JSONRenderer(),
    ]


def _without_people(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    clean: EventDict = _clean(event, _one_line)
    if "exception" in event:
        clean["exception"] = masked(str(event["exception"]))
    return clean


def _clean(value: Any, tidy: Callable[[str], str]) -> Any:
    """`value` as plain data that may be written down."""
    match value:
        case None | bool() | int() | float():
            return value
        case Mapping():
            return {
                str(key): _clean(inner, tidy)
                for key, inner in value.items()
                if str(key).lower() not in PRIVATE_KEYS
            }
        case list() | tuple() | set() | frozenset():
            return [_clean(inner, tidy) for inner in value]
        case _:
            return tidy(str(value))


def _one_line(value: str) -> str:
    return _CONTROL.sub(" ", masked(value))


def _last_digits(number: re.Match[str]) -> str:
    return "***" + re.sub(r"\D", "", number[0])[-_SHOWN:]
