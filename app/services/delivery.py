"""Delivery: texts on their way to the provider. Claimed, checked once more, called, recorded.

A claim is committed before any call and no transaction is open during one. Just before its call
each text is checked again and stamped by one statement (`begin_call`): a text that was claimed but
never stamped is provably unsent, and only a stamped one can be unknown.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from flask import current_app
from sqlalchemy import ColumnElement, and_, or_, select, update
from sqlalchemy.orm import aliased

from app import clock
from app.config import Settings, Timing
from app.database import LOCK, database_now, db, retrying, transaction
from app.errors import ProviderBusy, ProviderDenied, ProviderError, ProviderRefused
from app.models import (
    MESSAGE_UNFINISHED,
    Assignment,
    Attempt,
    ContactNumber,
    Kind,
    Message,
    PairBlock,
    ProviderAccount,
)
from app.providers import Accepted, OutboundSms
from app.rules.consent import SmsStatus
from app.rules.dispatch import Channel
from app.rules.lifecycle import UNFINISHED, Status
from app.rules.reasons import Reason
from app.services import consent, threads
from app.services.tracking import advance, email_instead, wait_for_account
from app.services.usage import give_back

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Call:
    """One attempt that this worker has claimed."""

    attempt_id: int
    message_id: int
    text: OutboundSms


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a call ended. `called` False: the last check stopped it, nothing was sent."""

    call: Call
    result: Accepted | ProviderError | None
    called: bool = True


def _timing() -> Timing:
    settings: Settings = current_app.config["SETTINGS"]
    return settings.timing


def accounts_with_work() -> list[int]:
    """The accounts that may send and have a text due or a lease that ran out."""
    rows = db.session.execute(
        select(Message.provider_account_id)
        .join(ProviderAccount, ProviderAccount.id == Message.provider_account_id)
        .where(
            MESSAGE_UNFINISHED,
            Message.status == Status.QUEUED,
            Message.due_at <= clock.now(),
            ProviderAccount.stopped_reason.is_(None),
        )
        .distinct()
    )
    return [account for account in rows.scalars() if account is not None]


@retrying
def claim(account_id: int, slots: int) -> list[Call]:
    """Take up to `slots` due texts of this account, by priority and age, for the length of a lease.

    Not one whose pair has an earlier unfinished text: that keeps a thread in order, and an unknown
    outcome from being texted twice (I15).
    """
    with transaction():
        now = clock.now()
        earlier = aliased(Message)
        blocked = select(earlier.id).where(
            earlier.contact_number_id == Message.contact_number_id,
            earlier.sender_number_id == Message.sender_number_id,
            earlier.id < Message.id,
            earlier.channel == Channel.SMS,
            earlier.status.in_(UNFINISHED),
        )
        due = (
            select(Message)
            .join(ProviderAccount, ProviderAccount.id == Message.provider_account_id)
            .where(
                Message.provider_account_id == account_id,
                ProviderAccount.stopped_reason.is_(None),
                MESSAGE_UNFINISHED,
                Message.status == Status.QUEUED,
                Message.due_at <= now,
                or_(Message.kind != Kind.CONVERSATION, ~blocked.exists()),
            )
            .order_by(Message.priority, Message.id)
            .limit(slots)
            .with_for_update(**LOCK, of=Message, skip_locked=True)
        )
        taken = list(db.session.execute(due).scalars())
        if not taken:
            return []
        attempts = [_attempt(message, now) for message in taken]
        db.session.add_all(attempts)
        db.session.execute(
            update(Message)
            .where(Message.id.in_([m.id for m in taken]))
            .values(status=Status.SENDING, lease_until=database_now(_timing().lease))
        )
        db.session.flush()
        return [_call(m, a, now) for m, a in zip(taken, attempts, strict=True)]


def _attempt(message: Message, now: datetime) -> Attempt:
    return Attempt(
        institution_id=message.institution_id,
        uuid=str(uuid.uuid4()),
        message_id=message.id,
        contact_number_id=message.contact_number_id,
        status=Status.SENDING,
        created_at=now,
    )


def _call(message: Message, attempt: Attempt, now: datetime) -> Call:
    settings: Settings = current_app.config["SETTINGS"]
    assert message.from_address and message.to_address and message.expires_at
    left = int((message.expires_at - now).total_seconds())
    text = OutboundSms(
        message.from_address,
        message.to_address,
        message.body,
        f"{settings.public}/webhooks/twilio/status/{attempt.uuid}",
        validity=max(5, min(left, 36_000)),
    )
    return Call(attempt.id, message.id, text)


def _changed_hands() -> ColumnElement[bool]:
    """Whether the number of a message was taken from its writer since they wrote it (D34).

    Not where it is theirs: of several first texts written at once only one came with the number,
    and the others may be older than the assignment.
    """
    of_number = select(Assignment.id).where(Assignment.sender_number_id == Message.sender_number_id)
    since = or_(
        Assignment.assigned_at > Message.created_at, Assignment.ended_at > Message.created_at
    )
    theirs = and_(Assignment.staff_id == Message.staff_id, Assignment.ended_at.is_(None))
    return and_(of_number.where(since).exists(), ~of_number.where(theirs).exists())


def begin_call(call: Call) -> bool:
    """The last look, in one statement: still ours, still wanted, still the writer's number. Stamps
    `calling_at` and commits; False where the text must not go, and then no call may follow.

    A STOP commits before it looks for stamped calls, and this stamps what no committed STOP
    forbids: at least one of the two sees the other (reliability 3.1).
    """
    pair_blocked = select(PairBlock.sender_number_id).where(
        PairBlock.sender_number_id == Message.sender_number_id,
        PairBlock.contact_number_id == Message.contact_number_id,
    )
    may_go = (
        select(Message.id)
        .join(ContactNumber, ContactNumber.id == Message.contact_number_id)
        .where(
            Message.id == Attempt.message_id,
            Message.status == Status.SENDING,
            Message.lease_until > database_now(_timing().call_deadline),
            Message.expires_at > clock.now(),
            ~_changed_hands(),
            or_(
                Message.kind != Kind.CONVERSATION,  # the one confirmation of a STOP passes (D21)
                and_(ContactNumber.status != SmsStatus.DISABLED, ~pair_blocked.exists()),
            ),
        )
    )
    number = select(Attempt.contact_number_id).where(Attempt.id == call.attempt_id)
    with transaction():
        # Shared with other calls, but not with a STOP: a statement sees what was committed before
        # it began, so the stamp must begin after a STOP that is being committed.
        db.session.execute(
            select(ContactNumber.id)
            .where(ContactNumber.id == number.scalar_subquery())
            .with_for_update(read=True)
        )
        stamped = db.session.execute(
            update(Attempt)
            .where(
                Attempt.id == call.attempt_id,
                Attempt.status == Status.SENDING,
                Attempt.calling_at.is_(None),
                may_go.exists(),
            )
            .values(calling_at=database_now())
            .execution_options(synchronize_session=False)
        )
        return bool(stamped.rowcount)  # type: ignore[attr-defined]


@retrying
def record(outcomes: Sequence[Outcome]) -> None:
    """Store how these calls ended, together."""
    now = clock.now()
    ordered = sorted(outcomes, key=lambda o: o.call.message_id)
    with transaction():
        called = Attempt.id.in_([o.call.attempt_id for o in ordered])
        numbers = db.session.execute(select(Attempt.contact_number_id).where(called)).scalars()
        consent.lock(list(numbers), with_siblings=True)
        messages = _locked_messages([o.call.message_id for o in ordered])
        db.session.execute(update(Attempt).where(called).values(answered_at=database_now()))
        fresh = select(Attempt).where(called).execution_options(populate_existing=True)
        attempts = {a.id: a for a in db.session.execute(fresh).scalars()}
        for outcome in ordered:
            call = outcome.call
            _record_one(outcome, attempts[call.attempt_id], messages[call.message_id], now)


def _locked_messages(ids: Sequence[int]) -> dict[int, Message]:
    rows = db.session.execute(
        select(Message)
        .where(Message.id.in_(ids))
        .order_by(Message.id)
        .with_for_update(**LOCK)
        .execution_options(populate_existing=True)
    ).scalars()
    return {message.id: message for message in rows}


def _record_one(outcome: Outcome, attempt: Attempt, message: Message, now: datetime) -> None:
    if not outcome.called:
        _caught(attempt, message, now)
        return
    message.lease_until = None
    match outcome.result:
        case Accepted(sid=sid, status=status):
            advance(attempt, message, status, now, sid=sid)
        case ProviderRefused(provider_code=code):
            advance(attempt, message, Status.REJECTED, now, error=code or "")
        case ProviderBusy(retry_after=wait):
            _again(attempt, message, now, wait or _timing().busy_retry)
        case ProviderDenied() as denied:
            _again(attempt, message, now, 0)
            wait_for_account(message, attempt, str(denied))
        case _:  # the answer was lost: not sent again until it is settled by asking
            advance(attempt, message, Status.UNCONFIRMED, now)


def _again(attempt: Attempt, message: Message, now: datetime, wait: float) -> None:
    """The provider provably did not take it: queued again, for a new attempt (D31)."""
    attempt.status = Status.CANCELED
    if message.status is Status.SENDING:
        message.status, message.due_at = Status.QUEUED, now + timedelta(seconds=wait)
        threads.announce_status(message)


def _caught(attempt: Attempt, message: Message, now: datetime) -> None:
    """The last check stopped this text; nothing was sent. By email with the reason (D34), failed
    when it is stale (D38), or simply free again when only the lease ran out."""
    if attempt.status is not Status.SENDING:
        return  # the lease ran out, and another attempt has the text
    attempt.status = Status.CANCELED
    if message.status is not Status.SENDING:
        return
    if message.expires_at and message.expires_at <= now:
        _fail_stale(message)
        return
    if reason := _why_caught(message):
        if email_instead(message, now, reason):
            give_back(message)
        else:
            message.channel, message.status = Channel.NONE, Status.NOT_SENT
            message.error_code, message.error_message = "no_email", "There is no email address"
            give_back(message)
        threads.announce_status(message)
        return
    message.status, message.lease_until = Status.QUEUED, None


def _why_caught(message: Message) -> Reason | None:
    """Why a claimed text must not go any more; None where nothing stands in its way but time."""
    number = db.session.get_one(ContactNumber, message.contact_number_id)
    if number.status is SmsStatus.DISABLED:
        by = number.disabled_by or ""
        return {"staff": Reason.DISABLED_BY_STAFF, "invalid": Reason.NUMBER_INVALID}.get(
            by, Reason.OPTED_OUT
        )
    pair = db.session.get(PairBlock, (message.sender_number_id, message.contact_number_id))
    if pair is not None:
        return Reason.CARRIER_BLOCKED
    changed = select(Message.id).where(Message.id == message.id, _changed_hands())
    return Reason.DELIVERY_FAILED if db.session.execute(changed.limit(1)).first() else None


@retrying
def fail_stale(limit: int = 500) -> int:
    """Texts that nobody could send within their validity: never sent stale (D38); how many."""
    with transaction():
        now = clock.now()
        stale = db.session.execute(
            select(Message)
            .where(
                MESSAGE_UNFINISHED,
                Message.status == Status.QUEUED,
                Message.expires_at <= now,
            )
            .order_by(Message.id)
            .limit(limit)
            .with_for_update(**LOCK, skip_locked=True)
        ).scalars()
        found = list(stale)
        for message in found:
            _fail_stale(message)
        return len(found)


def _fail_stale(message: Message) -> None:
    message.status, message.lease_until = Status.FAILED, None
    message.error_code, message.error_message = "expired", "Not sent in time"
    give_back(message)
    threads.announce_status(message)


@retrying
def free_dead_claims() -> int:
    """Texts whose worker died: those never stamped are free again, the others are unknown (F6)."""
    with transaction():
        rows = db.session.execute(
            select(Message, Attempt)
            .join(
                Attempt,
                and_(Attempt.message_id == Message.id, Attempt.status == Status.SENDING),
            )
            .where(
                MESSAGE_UNFINISHED,
                Message.status == Status.SENDING,
                Message.lease_until < database_now(),
            )
            .order_by(Message.id)
            .with_for_update(**LOCK, of=Message, skip_locked=True)
        ).all()
        now = clock.now()
        for message, attempt in rows:
            message.lease_until = None
            if attempt.calling_at is None:
                attempt.status, message.status = Status.CANCELED, Status.QUEUED
            else:
                advance(attempt, message, Status.UNCONFIRMED, now)
        return len(rows)
