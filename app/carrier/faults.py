"""Faults: what goes wrong at the carrier when a test, or a person on its page, wants it to.

A fault is set for one account and meets what comes by at its stage. `KINDS` is all there is. They
are kept in memory: a restart clears them.
"""

import itertools
import random
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

import gevent
from flask import Response, jsonify, request

from app.carrier.journal import Journal
from app.carrier.store import Text
from app.carrier.wire import TwilioError

_GATEWAY = "<!doctype html><title>Gateway</title><p>A gateway somewhere on the way.</p>"


class Stage(StrEnum):
    CREATE = "create"  # a text is asked for
    READ = "read"  # any GET of the REST API
    LIST = "list"  # a list of texts
    REPORT = "report"  # a status callback
    INBOUND = "inbound"  # the webhook of an inbound text


class NoAnswer(Response):
    """The connection is closed instead."""


# How a create or a read is answered; `good` is what a carrier that works answers, if it accepts.
Answers = Callable[["Fault", Response | None], Response]
Send = Callable[[], object]


def _refusal(status: int, code: int, message: str) -> Answers:
    def refuse(fault: "Fault", good: Response | None) -> Response:
        answer = jsonify(TwilioError(code, message, status).as_json())
        answer.status_code = status
        if status == 429 and fault.seconds:
            answer.headers["Retry-After"] = f"{fault.seconds:g}"
        return answer

    return refuse


def _web_page(fault: "Fault", good: Response | None) -> Response:
    return Response(_GATEWAY)


def _redirect(fault: "Fault", good: Response | None) -> Response:
    return Response(status=301, headers={"Location": f"{request.path}?moved=yes"})


def _half(fault: "Fault", good: Response | None) -> Response:
    content = good.get_data() if good else b""
    return Response(content[: len(content) // 2], 201, content_type="application/json")


def _late(fault: "Fault", good: Response | None) -> Response:
    gevent.sleep(fault.seconds)
    return good or NoAnswer()


def _good(fault: "Fault", good: Response | None) -> Response:
    return good or NoAnswer()


def _nothing(fault: "Fault", good: Response | None) -> Response:
    gevent.sleep(fault.seconds)
    return NoAnswer()


_error = _refusal(500, 20500, "Internal server error")


@dataclass(frozen=True, slots=True)
class Kind:
    """What a fault does. `seconds`: what `Fault.seconds` is where nobody says otherwise."""

    stage: Stage
    words: str
    answer: Answers | None = None  # of a create or a read
    accepts: bool = False  # a create: the text is taken all the same, before any waiting
    late: bool = False  # or after it
    copies: int = 1  # of a report
    held: bool = False  # a report: until the last one of its text, then the latest goes first
    seconds: float = 0


_C, _R = Stage.CREATE, Stage.REPORT
KINDS = {
    # `seconds` of "busy" are its Retry-After; else they are waited for.
    "busy": Kind(_C, "429, not accepted", _refusal(429, 20429, "Too Many Requests")),
    "denied": Kind(_C, "401, not accepted", _refusal(401, 20003, "Authenticate")),
    "redirect": Kind(_C, "301, not accepted", _redirect),
    "html": Kind(_C, "200 with a web page, not accepted", _web_page),
    "error_before": Kind(_C, "500, not accepted", _error),
    "error_after": Kind(_C, "500, but accepted", _error, accepts=True),
    "drop_before": Kind(_C, "hangs up, not accepted", _nothing),
    "drop_after": Kind(_C, "hangs up, but accepted", _nothing, accepts=True),
    "hang_before": Kind(_C, "is silent, not accepted", _nothing, seconds=30),
    "hang_after": Kind(_C, "is silent, but accepted", _nothing, accepts=True, seconds=30),
    "half_json": Kind(_C, "half an answer, but accepted", _half, accepts=True),
    "slow": Kind(_C, "answers late, accepted", _late, accepts=True, seconds=3),
    "late": Kind(_C, "accepted late", _good, accepts=True, late=True, seconds=0.3),
    "listing_down": Kind(Stage.READ, "503", _refusal(503, 20503, "Service Unavailable")),
    "reading_busy": Kind(Stage.READ, "429", _refusal(429, 20429, "Too Many Requests")),
    "reading_denied": Kind(Stage.READ, "401", _refusal(401, 20003, "Authenticate")),
    "reading_error": Kind(Stage.READ, "500", _error),
    "reading_hangs": Kind(Stage.READ, "is silent", _nothing, seconds=30),
    "listing_lag": Kind(Stage.LIST, "new texts are listed late", seconds=30),
    "callback_lost": Kind(_R, "never sent", copies=0),
    "callback_duplicate": Kind(_R, "sent twice", copies=2),
    "callback_reorder": Kind(_R, "in reverse order", held=True),
    "inbound_lost": Kind(Stage.INBOUND, "Replyline is not told"),
}


@dataclass
class Fault:
    """One that is set. `count`: how many it meets; None: until it is cleared. Whether it meets one
    is a `chance`, drawn from `dice`."""

    id: int
    account_sid: str
    name: str
    count: int | None
    seconds: float
    chance: float
    times: int  # copies of a report
    sender: str | None  # only what comes from here; None: from anywhere
    recipient: str | None
    dice: random.Random
    hits: int = 0

    @property
    def kind(self) -> Kind:
        return KINDS[self.name]

    @property
    def left(self) -> int | None:
        return None if self.count is None else self.count - self.hits

    def meets(self, stage: Stage, sender: str, recipient: str) -> bool:
        return (
            self.kind.stage is stage
            and self.left != 0
            and self.sender in (None, sender)
            and self.recipient in (None, recipient)
            and self.dice.random() < self.chance
        )

    def answer(self, good: Response | None = None) -> Response:
        assert self.kind.answer is not None
        return self.kind.answer(self, good)


class Faults:
    """Those that are set, by account. The first that meets something has it for itself."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._ids = itertools.count(1)
        self._set: defaultdict[str, list[Fault]] = defaultdict(list)
        self._held: defaultdict[str, list[tuple[float, Send]]] = defaultdict(list)

    def set(
        self,
        account_sid: str,
        name: str,
        *,
        count: int | None = 1,
        seconds: float | None = None,
        chance: float = 1,
        times: int | None = None,
        sender: str | None = None,
        recipient: str | None = None,
        seed: int | None = None,
    ) -> Fault:
        kind = KINDS[name]
        fault = Fault(
            next(self._ids),
            account_sid,
            name,
            count,
            kind.seconds if seconds is None else seconds,
            chance,
            kind.copies if times is None else times,
            sender,
            recipient,
            random.Random(seed),  # noqa: S311 - to be foreseen is its purpose
        )
        self._set[account_sid].append(fault)
        self._journal.notice()
        return fault

    def listed(self, account_sid: str | None = None) -> list[Fault]:
        """Oldest first, also those that have met all they were to meet."""
        found = self._set.values() if account_sid is None else [self._set.get(account_sid, [])]
        return sorted(itertools.chain.from_iterable(found), key=lambda fault: fault.id)

    def clear(self, *faults: Fault) -> None:
        for fault in faults:
            self._set[fault.account_sid].remove(fault)
        self._journal.notice()

    def take(
        self, stage: Stage, account_sid: str, sender: str = "", recipient: str = ""
    ) -> Fault | None:
        """The fault that meets this; it counts as met."""
        for fault in self._set.get(account_sid, ()):
            if fault.meets(stage, sender, recipient):
                fault.hits += 1
                self._journal.notice()
                return fault
        return None

    def report(self, text: Text, final: bool, send: Send) -> None:
        """Send a report: once, more often, later or never. Returns when it was first answered."""
        fault = self.take(Stage.REPORT, text.account_sid, text.sender, text.recipient)
        if fault is None:
            send()
        elif fault.kind.held:
            self._held[text.sid].append((fault.seconds, send))
        else:
            copies = [gevent.spawn_later(n * fault.seconds, send) for n in range(fault.times)]
            gevent.joinall(copies[:1])
        for seconds, held in reversed(self._held.pop(text.sid, []) if final else []):
            gevent.sleep(seconds)
            held()
