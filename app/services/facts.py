"""Facts: the figures of days, kept for those that are closed; any other day is counted by the same
statements (`counting.py`) when somebody looks, so that both say the same.

A closed day is opened again by whatever changes a message of it, and counted anew by the job. A
text that came in belongs to whoever held its thread then, so handing that over changes no figure.
"""

import time
from collections.abc import Sequence
from datetime import date, datetime, timedelta

import structlog
from sqlalchemy import delete, insert, select

from app import clock
from app.database import db, retrying, transaction, upsert
from app.models import DailyFact, FactDay, Institution, Message
from app.rules.days import day_in
from app.rules.facts import CLOSED_AFTER
from app.rules.periods import Days
from app.services.counting import EVER, counted

log = structlog.get_logger()


def open_days(institution: Institution, days: Sequence[date]) -> list[date]:
    """Those of these days that are counted when they are asked about, in order."""
    today, first = day_in(clock.now(), institution.timezone), _first_day(institution)
    days = [day for day in days if first <= day <= today]
    if not days:
        return []
    closed = _closed(institution.id, min(days), max(days))
    return sorted(day for day in days if day not in closed)


def _first_day(institution: Institution) -> date:
    return day_in(institution.created_at, institution.timezone)


def _closed(institution_id: int, first: date, last: date) -> set[date]:
    return set(
        db.session.execute(
            select(FactDay.day).where(
                FactDay.institution_id == institution_id,
                FactDay.day.between(first, last),
                FactDay.closed,
            )
        ).scalars()
    )


def close_days(seconds: float) -> bool:
    """Keep the figures of every day that is over for long enough; False where there is more to do
    after so many seconds. Each day is a transaction of its own, so nothing is lost by stopping."""
    ends = time.monotonic() + seconds
    for institution_id in db.session.execute(select(Institution.id)).scalars().all():
        try:
            for day in _to_close(institution_id):
                close(institution_id, day)
                if time.monotonic() > ends:
                    return False
        except Exception:  # of one school; the others have their turn
            log.exception("days_not_closed", institution=institution_id)
            db.session.rollback()
    return True


def _to_close(institution_id: int) -> list[date]:
    """The days that are over for long enough and not kept, in order."""
    institution = db.session.get_one(Institution, institution_id)
    zone, first = institution.timezone, _first_day(institution)
    last = day_in(clock.now() - CLOSED_AFTER, zone) - timedelta(days=1)
    if first > last:
        return []
    closed = _closed(institution_id, first, last)
    return [day for day in Days(first, last).each() if day not in closed]


@retrying
def close(institution_id: int, day: date) -> None:
    """Count one day and keep what was counted."""
    with transaction():
        institution = db.session.get_one(Institution, institution_id)
        # Before it is counted: who changes a message of this day waits, and opens it again.
        row = upsert(FactDay).values(institution_id=institution_id, day=day, closed=True)
        new = row.on_conflict_do_nothing().returning(FactDay.day)
        if db.session.execute(new).first() is None:  # it was opened, or somebody was faster
            _mark(institution_id, day, closed=True)
            old = delete(DailyFact).where(DailyFact.institution_id == institution_id)
            db.session.execute(old.where(DailyFact.day == day))
        rows = [
            {
                **{"institution_id": institution_id, "day": day, "staff_id": staff},
                **{"number_id": number, "unit_id": unit},
                **{"measure": measure, "key": key, "count": count},
            }
            for (_, staff, number, unit), found in counted(institution, [day]).items()
            for (measure, key), count in found.items()
        ]
        if rows:
            db.session.execute(insert(DailyFact), rows)


def touched(message: Message, now: datetime) -> None:
    """A message has changed, or was found late, in the open transaction: its day may have been
    closed, and those of the answers after it."""
    if message.created_at <= now - CLOSED_AFTER:
        reopen(message.institution_id, message.conversation_id, message.created_at)


def reopen(institution_id: int, thread_id: int, since: datetime = EVER) -> None:
    """What was said in a thread is told otherwise now, in the open transaction: its closed days are
    counted anew."""
    zone = db.session.get_one(Institution, institution_id).timezone
    said = select(Message.created_at).where(
        Message.conversation_id == thread_id,
        Message.created_at >= since,
        Message.created_at <= clock.now() - CLOSED_AFTER,
    )
    for day in sorted({day_in(at, zone) for at in db.session.execute(said).scalars()}):
        _mark(institution_id, day, closed=False)


def _mark(institution_id: int, day: date, *, closed: bool) -> None:
    row = upsert(FactDay).values(institution_id=institution_id, day=day, closed=closed)
    keys = [FactDay.institution_id, FactDay.day]
    db.session.execute(row.on_conflict_do_update(index_elements=keys, set_={"closed": closed}))
