"""Tracking: what became of a text. Reports of the provider and answers of calls, merged by rank.

`advance` is the one way a status changes, whoever brings the news: a callback, a call, a later
look.
"""

from datetime import datetime, timedelta
from functools import partial
from typing import Any

import structlog
from flask import current_app
from sqlalchemy import select

from app import clock
from app.config import Settings
from app.database import LOCK, after_commit, database_now, db, retrying, transaction, upsert
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
from app.rules.reasons import Reason
from app.services import accounts, consent, emails, threads
from app.services.usage import give_back

log = structlog.get_logger()

ENDED = FAILURES | {Status.CANCELED}  # of an attempt: only a better report moves it again


@retrying
def report(account_id: int, attempt_uuid: str, told: Report) -> None:
    """A status callback. Each different one is kept; what is new moves its attempt up the ladder.

    One for an unknown attempt, or for one of another account, changes nothing (I18).
    """
    now = clock.now()
    with transaction():
        found = _locked(attempt_uuid)
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


def _locked(attempt_uuid: str) -> tuple[Attempt, Message] | None:
    """The attempt and its message; the number and the thread are locked first, as everywhere."""
    ids = db.session.execute(
        select(Message.contact_number_id, Message.conversation_id, Message.id)
        .join(Attempt, Attempt.message_id == Message.id)
        .where(Attempt.uuid == attempt_uuid)
    ).first()
    if ids is None:
        return None
    contact_id, conversation_id, message_id = ids
    consent.lock([contact_id] if contact_id else [], with_siblings=True)
    for table, row_id in ((Conversation, conversation_id), (Message, message_id)):
        db.session.get_one(table, row_id, with_for_update=LOCK, populate_existing=True)
    attempt = db.session.execute(
        select(Attempt)
        .where(Attempt.uuid == attempt_uuid)
        .execution_options(populate_existing=True)
    ).scalar_one()
    return attempt, db.session.get_one(Message, message_id)


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
    if error:
        attempt.error_code = error
    if status in ENDED and (before in ENDED or not _is_latest(attempt)):
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
        threads.announce_status(message)


def _is_latest(attempt: Attempt) -> bool:
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
        email_instead(message, now)
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
    accounts.stop(message.provider_account_id, why, attempt.created_at)


def email_instead(message: Message, now: datetime, reason: Reason | None = None) -> bool:
    """Send the message by email, once; False where there is no address.

    A text that the provider never took becomes an email; one that it took and lost stays a failed
    text, which an email followed (D34, D35).
    """
    if message.email_id is not None:
        return False
    reason = reason or _reason_of(message)
    person = db.session.get(Person, message.person_id) if message.person_id else None
    writer: Any = db.session.get(Staff, message.staff_id) if message.staff_id else None
    message.reason = reason
    if person is None or not person.email or writer is None:
        return False
    if message.status in NEVER_TAKEN or message.status.unfinished:
        message.channel, message.status = Channel.EMAIL, Status.QUEUED
        message.to_address, message.from_address = person.email, writer.email
        message.lease_until = message.due_at = message.sent_at = None
    institution = db.session.get_one(Institution, message.institution_id)
    emails.write_fallback([message], writer, institution, person.email, now)
    return True


def _reason_of(message: Message) -> Reason:
    if message.error_code == "21610":
        return Reason.OPTED_OUT
    never_taken = message.status in NEVER_TAKEN
    invalid = codes.look_up(message.error_code).consent is ConsentEvent.NUMBER_INVALID
    return Reason.NUMBER_INVALID if never_taken and invalid else Reason.DELIVERY_FAILED
