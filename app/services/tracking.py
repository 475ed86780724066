"""Tracking: what became of a text. Reports of the provider and answers of calls, merged by rank.

`advance` is the one way a status changes, whoever brings the news: a callback, a call, a later
look.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import structlog
from flask import current_app
from sqlalchemy import select

from app import clock
from app.config import Settings
from app.database import LOCK, after_commit, database_now, db, retrying, transaction, upsert
from app.errors import Unavailable
from app.models import (
    Attempt,
    Conversation,
    DeliveryReport,
    Institution,
    Message,
    Person,
    Staff,
)
from app.providers import Report
from app.rules import codes
from app.rules.codes import Then
from app.rules.consent import ConsentEvent
from app.rules.dispatch import Channel
from app.rules.lifecycle import FAILURES, NEVER_TAKEN, Status, merge
from app.rules.looks import WAITS_FOR_REPORT, next_look
from app.rules.reasons import Reason
from app.services import accounts, alerts, consent, emails, facts, threads
from app.services.usage import give_back

log = structlog.get_logger()

_TRIES = 3
ENDED = FAILURES | {Status.CANCELED}  # of an attempt: only a better report moves it again


@retrying
def report(account_id: int, attempt_uuid: str, told: Report) -> None:
    """A status callback. Each different one is kept; what is new moves its attempt up the ladder.

    One for an unknown attempt, or for one of another account, changes nothing (I18).
    """
    now = clock.now()
    with transaction():
        found = locked(attempt_uuid)
        if found is None or found[1].provider_account_id != account_id:
            after_commit(partial(log.warning, "report_for_unknown_attempt", attempt=attempt_uuid))
            return
        attempt, message = found
        if attempt.provider_sid not in (None, told.sid):
            after_commit(partial(log.error, "two_messages_for_one_attempt", attempt=attempt_uuid))
            return
        kept = upsert(DeliveryReport).values(
            institution_id=message.institution_id,
            provider_account_id=account_id,
            provider_sid=told.sid,
            status=told.word,
            error=told.error,
            attempt_id=attempt.id,
            at=now,
        )
        new = db.session.execute(kept.on_conflict_do_nothing().returning(DeliveryReport.id)).first()
        if new is None or told.status is None:
            return
        advance(attempt, message, told.status, now, sid=told.sid, error=told.error)


def locked(attempt_uuid: str) -> tuple[Attempt, Message] | None:
    """The attempt and its message; the number and the thread are locked first, as everywhere."""
    ids = db.session.execute(
        select(Message.contact_number_id, Message.id)
        .join(Attempt, Attempt.message_id == Message.id)
        .where(Attempt.uuid == attempt_uuid)
    ).first()
    if ids is None:
        return None
    contact_id, message_id = ids
    consent.lock([contact_id] if contact_id else [], with_siblings=True)
    _lock_thread_of(message_id)
    db.session.get_one(Message, message_id, with_for_update=LOCK, populate_existing=True)
    attempt = db.session.execute(
        select(Attempt)
        .where(Attempt.uuid == attempt_uuid)
        .execution_options(populate_existing=True)
    ).scalar_one()
    return attempt, db.session.get_one(Message, message_id)


def _lock_thread_of(message_id: int) -> None:
    """The one that the message is in by now: it may be poured into another one while we wait."""
    for _ in range(_TRIES):
        here = select(Message.conversation_id).where(Message.id == message_id)
        thread_id = db.session.execute(here).scalar_one()
        found = db.session.get(
            Conversation, thread_id, with_for_update=LOCK, populate_existing=True
        )
        if found is not None:
            return
    raise Unavailable("This conversation is changing hands. Try again in a moment.")


def advance(
    attempt: Attempt,
    message: Message,
    status: Status,
    now: datetime,
    *,
    sid: str | None = None,
    error: str = "",
) -> None:
    """Move an attempt, and with it its message, up the ladder; never down (D31, I16).

    What a provider's code means for the number, the message and the account follows here (D19,
    D35).
    """
    if sid and attempt.provider_sid is None:
        attempt.provider_sid = sid
        message.provider_sid = sid
    before = attempt.status
    attempt.status = merge(before, status)
    if attempt.answered_at is None and attempt.calling_at is not None and status >= Status.ACCEPTED:
        attempt.answered_at = db.session.execute(select(database_now())).scalar_one()
    if attempt.status == before:
        return
    if not {before, attempt.status} <= WAITS_FOR_REPORT:  # else it keeps the looks it had
        attempt.looks = 0
        plan_look(attempt)
    if error:
        attempt.error_code = error
    if before is Status.UNCONFIRMED and status >= Status.ACCEPTED and not is_latest(attempt):
        # Settled as never taken, and it was: the one way to a double (reliability 3.2).
        after_commit(partial(log.error, "taken_after_all", message=message.id))
    if status in ENDED and (before in ENDED or not is_latest(attempt)):
        return  # one failure after another, or of a try that another has followed: no news
    was = message.status
    message.status = merge(message.status, attempt.status)
    taken = message.status >= Status.ACCEPTED and message.status not in NEVER_TAKEN
    if message.sent_at is None and taken:
        message.sent_at = now
    if message.status >= Status.DELIVERED and message.delivered_at is None:
        message.delivered_at = now
    if message.status >= Status.ACCEPTED and message.status not in FAILURES:
        message.error_code = message.error_message = None  # of an earlier try
    if message.status in FAILURES:
        _react(message, attempt, error, now)
    if message.status != was or error:
        facts.touched(message, now)
        threads.announce_status(message)


def plan_look(attempt: Attempt) -> None:
    """When the provider is asked about this attempt next, should it not tell (F45)."""
    settings: Settings = current_app.config["SETTINGS"]
    timing = settings.timing
    after = next_look(attempt.status, attempt.looks, timing.settle_looks, timing.report_looks)
    if after is None:
        attempt.look_at = None
        return
    called = attempt.calling_at or attempt.created_at
    soonest = clock.now() + timedelta(seconds=timing.settle_looks[0])  # between two looks
    attempt.look_at = max(called + timedelta(seconds=after), soonest)


def is_latest(attempt: Attempt) -> bool:
    """Whether no other attempt of its message followed."""
    later = select(Attempt.id).where(
        Attempt.message_id == attempt.message_id, Attempt.id > attempt.id
    )
    return db.session.execute(later.limit(1)).first() is None


def _react(message: Message, attempt: Attempt, error: str, now: datetime) -> None:
    """What follows from a failed text."""
    code = codes.look_up(error)
    message.error_code, message.error_message = error or "unknown", code.meaning
    if code.consent:
        _change_consent(message, code.consent, error, now)
    if code.then is Then.WAIT:
        wait_for_account(message, attempt, code.meaning)
    elif code.then is Then.RETRY and _requeue_later(message, now):
        return
    elif code.then in (Then.EMAIL, Then.RETRY):
        email_instead([message], now)
    if message.status in NEVER_TAKEN or message.channel is Channel.EMAIL:
        give_back(message)


def _change_consent(message: Message, event: ConsentEvent, error: str, now: datetime) -> None:
    """The provider's word about the number. A 21610 on a pair that was not known as blocked is news
    and counts as STOP; on a known one the message goes by email and nothing else changes (D18,
    S3-87)."""
    number_id, contact_id = message.sender_number_id, message.contact_number_id
    assert number_id is not None and contact_id is not None
    words = f"provider error {error}"
    if event is ConsentEvent.OPTED_OUT:
        if consent.block_pair(message.institution_id, number_id, contact_id, now):
            consent.opt_out(
                message.institution_id,
                contact_id,
                message.person_id,
                words=words,
                now=now,
                marker="The phone company says that this person opted out",
                message_id=message.id,
            )
        return
    change = consent.Change(contact_id, event, words, message_id=message.id)
    if consent.apply(message.institution_id, [change], now):
        consent.mark_threads(
            message.institution_id,
            contact_id,
            message.person_id,
            "number_invalid",
            f"The phone company says that a number cannot get texts ({error})",
            now,
        )


def _requeue_later(message: Message, now: datetime) -> bool:
    """The phone was out of reach: the same text again, later, while it is worth sending (D19,
    D31)."""
    settings: Settings = current_app.config["SETTINGS"]
    waits = settings.timing.unreachable_retries
    if message.retries >= len(waits):
        return False
    due = now + timedelta(seconds=waits[message.retries])
    if message.expires_at and due >= message.expires_at:
        return False
    message.status, message.due_at, message.lease_until = Status.QUEUED, due, None
    message.sent_at = None
    message.retries += 1
    return True


def wait_for_account(message: Message, attempt: Attempt, why: str) -> None:
    """A fault of ours: the text stays queued, and its account stops until somebody has looked
    (D35)."""
    message.status, message.lease_until, message.sent_at = Status.QUEUED, None, None
    assert message.provider_account_id is not None
    if accounts.stop(message.provider_account_id, why, attempt.created_at):
        alerts.account_stopped(message.institution_id, why)


def email_instead(texts: Sequence[Message], now: datetime, reason: Reason | None = None) -> bool:
    """Send these texts of one writer and thread by one email, once; False where there is no
    address.

    A text that the provider never took becomes an email; one that it took and lost stays a failed
    text, which an email followed (D34, D35).
    """
    texts = [text for text in texts if text.email_id is None]
    if not texts:
        return False
    first = texts[0]
    reason = reason or _reason_of(first)
    person = db.session.get(Person, first.person_id) if first.person_id else None
    writer: Any = db.session.get(Staff, first.staff_id) if first.staff_id else None
    for text in texts:
        text.reason = reason
    if person is None or not person.email or writer is None:
        return False
    for text in texts:
        if text.status in NEVER_TAKEN or text.status.unfinished:
            text.channel, text.status = Channel.EMAIL, Status.QUEUED
            text.to_address, text.from_address = person.email, writer.email
            text.lease_until = text.due_at = text.sent_at = None
    institution = db.session.get_one(Institution, first.institution_id)
    emails.write_fallback(texts, writer, institution, person.email, now)
    return True


def _reason_of(message: Message) -> Reason:
    if message.error_code == "21610":
        return Reason.OPTED_OUT
    never_taken = message.status in NEVER_TAKEN
    invalid = codes.look_up(message.error_code).consent is ConsentEvent.NUMBER_INVALID
    return Reason.NUMBER_INVALID if never_taken and invalid else Reason.DELIVERY_FAILED
