"""Counting: the figures of days, from the messages, the emails and the changes of consent."""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    String,
    and_,
    case,
    cast,
    func,
    literal,
    or_,
    select,
    union_all,
)
from sqlalchemy.orm import aliased

from app.database import UtcDateTime, db, seconds_between
from app.models import ConsentEntry, Direction, Email, Institution, Kind, Message
from app.rules.consent import ConsentEvent
from app.rules.days import span
from app.rules.dispatch import Channel
from app.rules.facts import Alike, Measure, figures, two_digits
from app.rules.keywords import Keyword
from app.rules.lifecycle import Status

Place = tuple[date, int, int, int]  # the day, staff, number and org unit: 0 = all of them
Counted = dict[Place, Counter[tuple[Measure, str]]]
Spans = Sequence[tuple[datetime, datetime]]
Row = tuple[int, int, int, int, Measure, str, int]  # the place of the day, staff, number, unit

EVER = datetime.fromisoformat("1970-01-01T00:00:00+00:00")
_STAFF = func.coalesce(Message.staff_id, Message.holder_id, 0)
_NO_ANSWER = (Status.HELD, Status.CANCELED, Status.NOT_SENT)


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
            theirs.created_at > func.coalesce(last_of_ours, literal(EVER, UtcDateTime())),
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
