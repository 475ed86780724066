"""Recount: the figures of all days by reading every message once more, as somebody would who keeps
a tally. Shares nothing with what counts them for the pages, so that the two can be compared."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import select

from app.database import db
from app.models import ConsentEntry, Direction, Email, Kind, Message
from app.rules.consent import ConsentEvent
from app.rules.dispatch import Channel
from app.rules.facts import CHOSEN, Measure, Type, Volume, two_digits
from app.rules.keywords import Keyword
from app.rules.lifecycle import FAILURES, Status
from app.rules.reasons import Reason
from app.services.analytics import Of

Counts = dict[Measure, Counter[str]]

_NO_ANSWER = (Status.HELD, Status.CANCELED, Status.NOT_SENT)
_OF_NO_PROVIDER = (None, "no_email", "email_failed")
_FIELDS = (
    Message.id, Message.conversation_id, Message.staff_id, Message.holder_id,
    Message.sender_number_id, Message.direction, Message.kind, Message.channel, Message.status,
    Message.reason, Message.error_code, Message.email_id, Message.provider_sid, Message.keyword,
    Message.segments, Message.created_at, Message.delivered_at,
)  # fmt: skip


def recounted(institution_id: int, of: Of) -> Counts:
    """Every measure of all messages of an institution, or of those of one of its staff or
    numbers."""
    found: Counts = defaultdict(Counter)
    waiting: dict[int, datetime] = {}  # by conversation, since when they wait for an answer
    opted_out = _opted_out(institution_id)
    rows = select(*_FIELDS).where(Message.institution_id == institution_id)
    rows = rows.order_by(Message.created_at, Message.id).execution_options(yield_per=10_000)
    for message in db.session.execute(rows):
        waited = _waited(message, waiting)
        staff = message.staff_id or message.holder_id
        if of.staff_id not in (0, staff) or of.number_id not in (0, message.sender_number_id):
            continue
        for measure, key, count in _tallied(message):
            found[measure][key] += count
        if waited is not None:
            found[Measure.REPLY][str(waited)] += 1
        found[Measure.OPT_OUT][""] += opted_out[message.id]
    if of == Of():
        found[Measure.OPT_OUT][""] += opted_out[None]
        ours = select(Email.kind).where(Email.institution_id == institution_id)
        found[Measure.TYPE].update(
            db.session.execute(ours.where(Email.kind != "fallback")).scalars()
        )
    return {measure: +counts for measure, counts in found.items() if +counts}


def _opted_out(institution_id: int) -> Counter[int | None]:
    """How many numbers opted out, by the message that said so; None: somebody's word."""
    rows = select(ConsentEntry.message_id).where(
        ConsentEntry.institution_id == institution_id,
        ConsentEntry.event == ConsentEvent.OPTED_OUT,
    )
    return Counter(db.session.execute(rows).scalars())


def _waited(message: Any, waiting: dict[int, datetime]) -> int | None:
    """How long somebody waited for this message, where somebody did."""
    thread = message.conversation_id
    if message.direction is Direction.INBOUND:
        if message.keyword in (Keyword.NONE, Keyword.VAGUE_STOP):
            waiting.setdefault(thread, message.created_at)
        return None
    answers = message.kind is Kind.CONVERSATION and message.status not in _NO_ANSWER
    since = waiting.pop(thread, None) if answers else None
    return _seconds(since, message.created_at) if since else None


def _tallied(message: Any) -> Iterator[tuple[Measure, str, int]]:
    if message.direction is Direction.INBOUND:
        yield Measure.VOLUME, Volume.TEXT_IN, 1
        yield Measure.TYPE, Type.TEXT_IN, 1
        return
    if message.status in (Status.HELD, Status.CANCELED):
        return
    is_text = message.channel is Channel.SMS
    if is_text:
        yield from _tallied_text(message)
    if message.channel is Channel.NONE:
        yield Measure.VOLUME, Volume.UNSENT, 1
        yield Measure.TYPE, Type.UNSENT, 1
        yield Measure.UNSENT, message.reason or CHOSEN, 1
    if message.channel is Channel.EMAIL or (is_text and message.email_id):
        reason = message.reason or (Reason.DELIVERY_FAILED if is_text else None)
        yield Measure.VOLUME, Volume.EMAIL, 1
        yield Measure.TYPE, Type.EMAIL_INSTEAD if reason else Type.EMAIL_CHOSEN, 1
        if reason:
            yield Measure.INSTEAD, reason, 1
    failed = message.status in FAILURES or message.channel is Channel.EMAIL
    if failed and message.error_code not in _OF_NO_PROVIDER:
        yield Measure.CODE, message.error_code, 1


def _tallied_text(message: Any) -> Iterator[tuple[Measure, str, int]]:
    by_hand = message.kind is Kind.CONVERSATION
    yield Measure.VOLUME, Volume.TEXT_OUT, 1
    yield Measure.TYPE, Type.TEXT_OUT if by_hand else Type.KEYWORD_ANSWER, 1
    yield Measure.STATUS, message.status.word, 1
    if message.provider_sid:
        yield Measure.SEGMENTS, "", message.segments or 0
    if message.delivered_at and message.status >= Status.DELIVERED:
        yield Measure.DELIVERY, str(_seconds(message.created_at, message.delivered_at)), 1


def _seconds(first: datetime, last: datetime) -> int:
    """To two digits."""
    return two_digits(int(last.timestamp()) - int(first.timestamp()))
