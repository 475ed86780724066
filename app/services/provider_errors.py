"""Provider errors: what the provider said of our texts that failed lately, code by code."""

from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import and_, func, or_, select

from app import clock
from app.database import db
from app.models import Direction, Institution, Message, SenderNumber
from app.rules.access import Viewer
from app.rules.days import day_in, span
from app.rules.dispatch import Channel
from app.rules.lifecycle import FAILURES
from app.rules.periods import Period, days_of

_OURS = {"no_email", "email_failed", "expired"}  # no provider said these


@dataclass(frozen=True, slots=True)
class Trouble:
    """One code. `numbers`: of ours, the one with the most first."""

    code: str
    count: int
    last_at: datetime
    numbers: list[tuple[str, int]]


@dataclass(frozen=True, slots=True)
class Lately:
    """`since`: the first of the seven days, in the institution's zone. The code with the most
    first."""

    since: date
    troubles: list[Trouble]


def lately(viewer: Viewer) -> Lately:
    """Of the last seven days, today included. Failed texts, also those that became emails."""
    institution = db.session.get_one(Institution, viewer.institution_id)
    days = days_of(Period.WEEK, day_in(clock.now(), institution.timezone))
    begin, end = span(days.first, days.last, institution.timezone)
    rows = db.session.execute(
        select(Message.error_code, SenderNumber.e164, func.count(), func.max(Message.created_at))
        .outerjoin(SenderNumber, SenderNumber.id == Message.sender_number_id)
        .where(
            Message.institution_id == institution.id,
            Message.created_at >= begin,
            Message.created_at < end,
            Message.direction == Direction.OUTBOUND,
            Message.error_code.is_not(None),
            Message.error_code.not_in(_OURS),
            or_(
                Message.channel == Channel.EMAIL,
                and_(Message.channel == Channel.SMS, Message.status.in_(FAILURES)),
            ),
        )
        .group_by(Message.error_code, SenderNumber.e164)
    ).all()
    return Lately(days.first, _by_code([tuple(row) for row in rows]))


def _by_code(rows: list[tuple[Any, ...]]) -> list[Trouble]:
    found = []
    for code in {code for code, *_ in rows}:
        of = [row for row in rows if row[0] == code]
        numbers = Counter({e164: count for _, e164, count, _ in of if e164})
        total, last_at = sum(row[2] for row in of), max(row[3] for row in of)
        found.append(Trouble(code, total, last_at, numbers.most_common()))
    return sorted(found, key=lambda each: (-each.count, each.code))
