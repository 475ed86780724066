"""Claiming: which texts may be called now. Taken for the length of a lease, checked once more.

A claim is committed before any call. Just before its call each text is checked again and stamped by
one statement (`begin_call`): a text that was claimed but never stamped is provably unsent, and only
a stamped one can be unknown.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import current_app
from sqlalchemy import ColumnElement, and_, func, or_, select, update
from sqlalchemy.orm import aliased

from app import clock
from app.config import Settings, Timing
from app.database import LOCK, database_now, db, retrying, transaction
from app.models import (
    KEYWORD_REPLIES,
    MESSAGE_UNFINISHED,
    Assignment,
    Attempt,
    ContactNumber,
    Conversation,
    Kind,
    Message,
    PairBlock,
    ProviderAccount,
    SenderNumber,
)
from app.providers import OutboundSms
from app.rules import breaker
from app.rules.consent import SmsStatus
from app.rules.dispatch import Channel
from app.rules.lifecycle import UNFINISHED, Status
from app.services import gaps
from app.services.tracking import advance

CALLS_PER_ACCOUNT = 64  # at once; a provider that hangs holds no more of our threads
KEPT_FOR_PEOPLE = 8  # of them; bulk texts never take these, so that nobody waits for their end


@dataclass(frozen=True, slots=True)
class Call:
    """One attempt that this worker has claimed."""

    attempt_id: int
    message_id: int
    account_id: int
    text: OutboundSms


def timing() -> Timing:
    settings: Settings = current_app.config["SETTINGS"]
    return settings.timing


def _open() -> ColumnElement[bool]:
    """Whether an account may be called at all."""
    return and_(
        gaps.may_deliver(),
        ProviderAccount.stopped_reason.is_(None),
        or_(ProviderAccount.paused_until.is_(None), ProviderAccount.paused_until <= database_now()),
    )


def accounts_with_work() -> list[int]:
    """The accounts that may be called and have a text due, whether or not its number is paced."""
    due = select(Message.id).where(
        MESSAGE_UNFINISHED,
        Message.provider_account_id == ProviderAccount.id,
        Message.status == Status.QUEUED,
        Message.due_at <= clock.now(),
    )
    rows = db.session.execute(
        select(ProviderAccount.id).where(_open(), due.exists()).order_by(ProviderAccount.id)
    )
    return list(rows.scalars())


@retrying
def claim(account_id: int, slots: int) -> list[Call]:
    """Take up to `slots` due texts of this account, by priority and age, for the length of a lease.

    One for each number of ours at a time, as fast as its pace allows; not one whose pair has an
    earlier unfinished text: that keeps a thread in order, and an unknown outcome from being texted
    twice (I15).
    """
    with transaction():
        free = _free_slots(account_id, slots)
        if free <= 0:
            return []
        taken = _due(account_id, free)
        if not taken:
            return []
        now = clock.now()
        attempts = [_attempt(message, now) for message in taken]
        db.session.add_all(attempts)
        db.session.execute(
            update(Message)
            .where(Message.id.in_([m.id for m in taken]))
            .values(status=Status.SENDING, lease_until=database_now(timing().lease))
        )
        db.session.execute(
            update(SenderNumber)
            .where(SenderNumber.id.in_([m.sender_number_id for m in taken]))
            .values(next_call_at=database_now(timing().pace))
        )
        db.session.flush()
        return [_call(m, a, now) for m, a in zip(taken, attempts, strict=True)]


def _free_slots(account_id: int, slots: int) -> int:
    """How many more calls this account may have on the wire. It is locked, so that two workers do
    not count the same ones."""
    account = db.session.execute(
        select(ProviderAccount)
        .where(ProviderAccount.id == account_id, _open())
        .with_for_update(**LOCK)
        .execution_options(populate_existing=True)
    ).scalar_one_or_none()
    if account is None:
        return 0
    under_way = db.session.execute(
        select(func.count(Message.id)).where(
            MESSAGE_UNFINISHED,
            Message.provider_account_id == account_id,
            Message.status == Status.SENDING,
            Message.lease_until > database_now(),
        )
    ).scalar_one()
    most = 1 if breaker.is_open(account.unclear) else CALLS_PER_ACCOUNT
    return min(slots, most - under_way)


def _due(account_id: int, free: int) -> list[Message]:
    """The texts to call now, locked; of each number of ours the first one."""
    earlier = aliased(Message)
    blocked = select(earlier.id).where(
        earlier.contact_number_id == Message.contact_number_id,
        earlier.sender_number_id == Message.sender_number_id,
        earlier.id < Message.id,
        earlier.channel == Channel.SMS,
        earlier.status.in_(UNFINISHED),
    )
    first = (
        select(Message.id)
        .where(
            MESSAGE_UNFINISHED,
            Message.sender_number_id == SenderNumber.id,
            Message.provider_account_id == account_id,
            Message.status == Status.QUEUED,
            Message.due_at <= clock.now(),
            or_(
                ~blocked.exists(),
                # An answer to a keyword waits for no unknown, but for what is on the wire.
                and_(
                    Message.kind.in_(KEYWORD_REPLIES),
                    ~blocked.where(earlier.status == Status.SENDING).exists(),
                ),
            ),
        )
        .order_by(Message.priority, Message.id)
        .limit(1)
        .correlate(SenderNumber)
        .scalar_subquery()
    )
    at_their_pace = or_(
        SenderNumber.next_call_at.is_(None), SenderNumber.next_call_at <= database_now()
    )
    of_each_number = select(first).where(
        SenderNumber.provider_account_id == account_id, at_their_pace
    )
    rows = db.session.execute(
        select(Message)
        .where(Message.id.in_(of_each_number), Message.status == Status.QUEUED)
        .order_by(Message.priority, Message.id)
        .limit(free)
        .with_for_update(**LOCK, skip_locked=True)
        .execution_options(populate_existing=True)
    ).scalars()
    return _with_room_for_people(list(rows), free)


def _with_room_for_people(messages: Sequence[Message], free: int) -> list[Message]:
    people = [m for m in messages if m.priority == 0]
    bulk = [m for m in messages if m.priority > 0]
    return people + bulk[: max(0, free - len(people) - KEPT_FOR_PEOPLE)]


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
    assert message.provider_account_id
    left = int((message.expires_at - now).total_seconds())
    text = OutboundSms(
        message.from_address,
        message.to_address,
        message.body,
        f"{settings.public}/webhooks/twilio/status/{attempt.uuid}",
        validity=max(5, min(left, 36_000)),
    )
    return Call(attempt.id, message.id, message.provider_account_id, text)


def changed_hands() -> ColumnElement[bool]:
    """Whether the number of a message was taken from its writer since they wrote it, or was given
    to an org unit or taken from one (D34).

    Not where it is theirs: of several first texts written at once only one came with the number,
    and the others may be older than the assignment.
    """
    of_number = select(Assignment.id).where(Assignment.sender_number_id == Message.sender_number_id)
    since = or_(
        Assignment.assigned_at > Message.created_at, Assignment.ended_at > Message.created_at
    )
    theirs = and_(Assignment.staff_id == Message.staff_id, Assignment.ended_at.is_(None))
    to_or_from_unit = select(SenderNumber.id).where(
        SenderNumber.id == Message.sender_number_id, SenderNumber.shared_at > Message.created_at
    )
    taken = or_(of_number.where(since).exists(), to_or_from_unit.exists())
    return and_(taken, ~of_number.where(theirs).exists())


def not_wanted() -> ColumnElement[bool]:
    """Whether a message is an automatic answer that has no place any more: they may have opted out
    (D20), or somebody holds the conversation by now (D7). Of a ContactNumber and its Message."""
    held = select(Conversation.id).where(
        Conversation.id == Message.conversation_id, Conversation.staff_id.is_not(None)
    )
    paused = ContactNumber.bulk_paused_at.is_not(None)
    return and_(Message.kind == Kind.AUTO_ANSWER, or_(paused, held.exists()))


def _may_go() -> Any:
    """The message of an attempt, where nothing forbids its call."""
    pair_blocked = select(PairBlock.sender_number_id).where(
        PairBlock.sender_number_id == Message.sender_number_id,
        PairBlock.contact_number_id == Message.contact_number_id,
    )
    return (
        select(Message.id)
        .join(ContactNumber, ContactNumber.id == Message.contact_number_id)
        .join(ProviderAccount, ProviderAccount.id == Message.provider_account_id)
        .where(
            Message.id == Attempt.message_id,
            Message.status == Status.SENDING,
            Message.lease_until > database_now(timing().call_deadline),
            Message.expires_at > clock.now(),
            _open(),
            ~changed_hands(),
            or_(
                Message.kind.in_(KEYWORD_REPLIES),  # the one confirmation of a STOP passes (D21)
                and_(
                    ContactNumber.status != SmsStatus.DISABLED,
                    ~pair_blocked.exists(),
                    ~not_wanted(),
                ),
            ),
        )
    )


def begin_call(call: Call) -> bool:
    """The last look, in one statement: still ours, still wanted, still the writer's number. Stamps
    `calling_at` and commits; False where the text must not go, and then no call may follow.

    A STOP commits before it looks for stamped calls, and this stamps what no committed STOP
    forbids: at least one of the two sees the other (reliability 3.1).
    """
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
                _may_go().exists(),
            )
            .values(calling_at=database_now())
            .execution_options(synchronize_session=False)
        )
        return bool(stamped.rowcount)  # type: ignore[attr-defined]


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
