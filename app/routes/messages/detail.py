"""Detail: what is known of one message, as its page shows it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.models import Direction
from app.routes.messages.shown import moment, number
from app.rules import history, words
from app.rules.access import Viewer
from app.rules.codes import look_up
from app.rules.words import Names, StatusWords
from app.services.overview import Row
from app.services.trail import ConsentThen, Try


def facts(row: Row, viewer: Viewer) -> list[tuple[str, str]]:
    """Name and value of what is known, without what is not."""
    message, region = row.message, viewer.region
    inbound = message.direction is Direction.INBOUND
    found: list[tuple[str, Any]] = [
        ("From", number(message.from_address, region)),
        ("To", number(message.to_address, region)),
        ("Received" if inbound else "Written", moment(message.created_at)),
        ("Sent", moment(message.sent_at) if message.sent_at else ""),
        ("Delivered", moment(message.delivered_at) if message.delivered_at else ""),
        ("Goes at", moment(message.send_at) if message.send_at and not message.sent_at else ""),
        ("Org. unit", row.unit or ""),
        ("Length", _length(row)),
        ("Provider’s name for it", message.provider_sid or ""),
    ]
    return [(name, value) for name, value in found if value]


def _length(row: Row) -> str:
    parts = row.message.segments
    if not parts:
        return ""
    kind = {"gsm7": "plain letters", "ucs2": "with other letters"}
    said = kind.get(str(row.message.encoding or "").lower().replace("-", ""), "")
    texts = "1 text" if parts == 1 else f"{parts} texts"
    return f"{texts}, {said}" if said else texts


@dataclass(frozen=True, slots=True)
class ReportView:
    word: str
    error: str | None
    at: datetime
    when: str


@dataclass(frozen=True, slots=True)
class TryView:
    """`called`: when the provider was called; None = it never was."""

    status: StatusWords
    called: str | None
    answered: str | None
    sid: str | None
    error: str | None
    reports: list[ReportView]


def try_view(each: Try, region: str) -> TryView:
    attempt = each.attempt
    return TryView(
        words.TEXT_STATUS[attempt.status],
        moment(attempt.calling_at) if attempt.calling_at else None,
        moment(attempt.answered_at) if attempt.answered_at else None,
        attempt.provider_sid,
        _meaning(attempt.error_code),
        [
            ReportView(report.status, _meaning(report.error), report.at, moment(report.at))
            for report in each.reports
        ],
    )


def _meaning(code: str | None) -> str | None:
    return f"{code}: {look_up(code).meaning}" if code else None


@dataclass(frozen=True, slots=True)
class ConsentView:
    """`then`, `now`: a status of the number; `because`: what made it so before then."""

    number: str
    then: str
    now: str
    because: str
    since: str | None


def consent_view(found: ConsentThen | None, names: Names, region: str) -> ConsentView | None:
    if found is None:
        return None
    entry, because = found.since, "Nobody had chosen yet: the setting of the institution decided."
    if entry is not None:
        because = history.because(entry.event, names.person, entry.reason, found.staff)
    return ConsentView(
        number(found.number.e164, region),
        found.then.value,
        found.number.status.value,
        because,
        moment(entry.at) if entry else None,
    )
