"""Facts: the figures of days, counted from the messages. Kept for days that are closed; any other
day is counted by the same statements when somebody looks, so that both say the same.

A closed day is opened again by whatever changes a message of it, and counted anew by the job. A
text that came in belongs to whoever held its thread then, so handing that over changes no figure.
"""

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import (
    ColumnElement,
    String,
    and_,
    case,
    cast,
    delete,
    func,
    insert,
    literal,
    or_,
    select,
    union_all,
)
from sqlalchemy.orm import aliased

from app import clock
from app.database import UtcDateTime, db, retrying, seconds_between, transaction, upsert
from app.models import (
    ConsentEntry,
    DailyFact,
    Direction,
    Email,
    FactDay,
    Institution,
    Kind,
    Message,
)
from app.rules.consent import ConsentEvent
from app.rules.days import day_in, span
from app.rules.dispatch import Channel
from app.rules.facts import CLOSED_AFTER, Alike, Measure, figures, two_digits
from app.rules.keywords import Keyword
from app.rules.lifecycle import Status
from app.rules.periods import Days

log = structlog.get_logger()

Place = tuple[date, int, int, int]  # the day, staff, number and org unit: 0 = all of them
Counted = dict[Place, Counter[tuple[Measure, str]]]

_EVER = datetime.fromisoformat("1970-01-01T00:00:00+00:00")
_STAFF = func.coalesce(Message.staff_id, Message.holder_id, 0)
_NO_ANSWER = (Status.HELD, Status.CANCELED, Status.NOT_SENT)


# Days


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


def reopen(institution_id: int, thread_id: int, since: datetime = _EVER) -> None:
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


# Counting


def counted(institution: Institution, days: Sequence[date]) -> Counted:
    """The figures of these days, of everybody and of each member of staff, each number and each
    org unit. What nobody held belongs to no member of staff."""
    found: Counted = {}
    if not days:
        return found
    spans = [span(day, day, institution.timezone) for day in days]
    for n, staff, number, unit, measure, key, count in (
        *_messages(institution.id, spans),
        *_others(institution.id, spans),
    ):
        for place in {(0, 0, 0), (staff, 0, 0), (0, number, 0), (0, 0, unit)}:
            found.setdefault((days[n], *place), Counter())[measure, key] += count
    return found


Spans = Sequence[tuple[datetime, datetime]]
Row = tuple[int, int, int, int, Measure, str, int]  # the place of the day, staff, number, unit


def _which(at: Any, spans: Spans) -> ColumnElement[int]:
    """The place of the day that a time is on, among these in order."""
    return case(*((at < end, n) for n, (_, end) in enumerate(spans)))


def _within(at: Any, spans: Spans) -> ColumnElement[bool]:
    """On one of these days; days that follow each other are one range."""
    ranges: list[list[datetime]] = []
    for begin, end in spans:
        if ranges and ranges[-1][1] == begin:
            ranges[-1][1] = end
        else:
            ranges.append([begin, end])
    return or_(*(and_(at >= begin, at < end) for begin, end in ranges))


def _messages(institution_id: int, spans: Spans) -> Iterator[Row]:
    arrived = Message.status >= Status.DELIVERED
    took = seconds_between(Message.created_at, Message.delivered_at)
    each = (
        select(
            _which(Message.created_at, spans).label("day"),
            _STAFF.label("staff"),
            func.coalesce(Message.sender_number_id, 0).label("number"),
            func.coalesce(Message.org_unit_id, 0).label("unit"),
            Message.direction,
            Message.kind,
            Message.channel,
            Message.status,
            Message.reason,
            Message.error_code,
            Message.email_id.is_not(None).label("followed"),
            Message.provider_sid.is_not(None).label("taken"),
            case((and_(arrived, Message.delivered_at.is_not(None)), took)).label("seconds"),
            Message.segments,
        )
        .where(Message.institution_id == institution_id, _within(Message.created_at, spans))
        .subquery()
    )
    alike = [column for column in each.c if column.name != "segments"]
    sums = (func.count(), func.coalesce(func.sum(each.c.segments), 0))
    for day, staff, number, unit, direction, kind, *rest in db.session.execute(
        select(*alike, *sums).group_by(*alike)
    ):
        channel, status, reason, code, followed, taken, seconds, count, segments = rest
        same = Alike(
            direction is Direction.INBOUND,
            kind is not Kind.CONVERSATION,
            channel,
            status,
            reason,
            code,
            followed,
            taken,
            seconds,
            count,
            int(segments),
        )
        for measure, key, n in figures(same):
            yield day, staff, number, unit, measure, key, n


def _others(institution_id: int, spans: Spans) -> Iterator[Row]:
    """What is not told by the messages alone, in one question."""
    parts = (
        _answers(institution_id, spans),
        _opt_outs(institution_id, spans),
        _mails(institution_id, spans),
    )
    for measure, *place, key, count in db.session.execute(union_all(*parts)):
        of = Measure(measure)
        day, staff, number, unit = place
        if of is not Measure.REPLY:
            yield day, staff, number, unit, of, key, count
        elif key is not None:  # else nobody waited for it
            yield day, staff, number, unit, of, str(two_digits(int(key))), count


def _answers(institution_id: int, spans: Spans) -> Any:
    """How long whoever wrote first has waited, by the answers of these days: from the first text
    since we last wrote, keywords aside, until our answer."""
    before, theirs = aliased(Message), aliased(Message)
    last_of_ours = (
        select(before.created_at)
        .where(
            before.conversation_id == Message.conversation_id,
            before.created_at < Message.created_at,
            before.direction == Direction.OUTBOUND,
            before.kind == Kind.CONVERSATION,
            before.status.not_in(_NO_ANSWER),
        )
        .order_by(before.created_at.desc())
        .limit(1)
        .correlate(Message)
        .scalar_subquery()
    )
    first_of_theirs = (
        select(theirs.created_at)
        .where(
            theirs.conversation_id == Message.conversation_id,
            theirs.created_at < Message.created_at,
            theirs.created_at > func.coalesce(last_of_ours, literal(_EVER, UtcDateTime())),
            theirs.direction == Direction.INBOUND,
            theirs.keyword.in_((Keyword.NONE, Keyword.VAGUE_STOP)),
        )
        .order_by(theirs.created_at)
        .limit(1)
        .correlate(Message)
        .scalar_subquery()
    )
    each = (
        select(
            _which(Message.created_at, spans).label("day"),
            func.coalesce(Message.staff_id, 0).label("staff"),
            func.coalesce(Message.sender_number_id, 0).label("number"),
            func.coalesce(Message.org_unit_id, 0).label("unit"),
            seconds_between(first_of_theirs, Message.created_at).label("seconds"),
        )
        .where(
            Message.institution_id == institution_id,
            _within(Message.created_at, spans),
            Message.direction == Direction.OUTBOUND,
            Message.kind == Kind.CONVERSATION,
            Message.channel != Channel.NONE,
            Message.status.not_in(_NO_ANSWER),
        )
        .subquery()
    )
    # Neither grouped nor narrowed here: each would look for both texts once more.
    key = cast(each.c.seconds, String)
    return select(literal(Measure.REPLY.value), *_place(each), key, literal(1))


def _opt_outs(institution_id: int, spans: Spans) -> Any:
    """By the number that said it; the person's other numbers that follow are not counted (D14)."""
    each = (
        select(
            _which(ConsentEntry.at, spans).label("day"),
            _STAFF.label("staff"),
            func.coalesce(Message.sender_number_id, 0).label("number"),
            func.coalesce(Message.org_unit_id, 0).label("unit"),
            literal("").label("key"),
        )
        .outerjoin(Message, Message.id == ConsentEntry.message_id)
        .where(
            ConsentEntry.institution_id == institution_id,
            _within(ConsentEntry.at, spans),
            ConsentEntry.event == ConsentEvent.OPTED_OUT,
        )
        .subquery()
    )
    return _grouped(Measure.OPT_OUT, each, each.c.key)


def _mails(institution_id: int, spans: Spans) -> Any:
    """Those to staff; what people get is a message, and counted there."""
    nobody = literal(0)
    each = (
        select(
            _which(Email.created_at, spans).label("day"),
            nobody.label("staff"),
            nobody.label("number"),
            nobody.label("unit"),
            Email.kind.label("key"),
        )
        .where(
            Email.institution_id == institution_id,
            _within(Email.created_at, spans),
            Email.kind != "fallback",
        )
        .subquery()
    )
    return _grouped(Measure.TYPE, each, each.c.key)


def _grouped(measure: Measure, each: Any, key: Any) -> Any:
    place = _place(each)
    counts = select(literal(measure.value), *place, key, func.count())
    return counts.group_by(*place, key)


def _place(each: Any) -> tuple[Any, ...]:
    return each.c.day, each.c.staff, each.c.number, each.c.unit
