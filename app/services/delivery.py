"""Delivery: what became of the calls to a provider, and of texts that never got theirs."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import and_, or_, select, update

from app import clock
from app.database import LOCK, database_now, db, retrying, transaction
from app.errors import ProviderBusy, ProviderDenied, ProviderError, ProviderRefused
from app.models import (
    KEYWORD_REPLIES,
    MESSAGE_UNFINISHED,
    Attempt,
    ContactNumber,
    Conversation,
    Kind,
    Message,
    PairBlock,
)
from app.providers import Accepted
from app.rules.codes import EXPIRED, look_up
from app.rules.consent import SmsStatus
from app.rules.dispatch import Channel
from app.rules.lifecycle import Status
from app.rules.reasons import Reason
from app.services import accounts, consent, threads
from app.services.claiming import Call, changed_hands, not_wanted, timing
from app.services.tracking import advance, email_instead, is_latest, wait_for_account
from app.services.usage import give_back


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a call ended. `called` False: the last check stopped it, nothing was sent."""

    call: Call
    result: Accepted | ProviderError | None
    called: bool = True

    @property
    def unclear(self) -> bool:
        """Whether the provider gave no answer of its own: lost, or not reached."""
        if isinstance(self.result, ProviderBusy):
            return self.result.provider_code is None and self.result.retry_after is None
        return not isinstance(self.result, Accepted | ProviderRefused | ProviderDenied)


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
        _note_answers([o for o in ordered if o.called])


def _note_answers(outcomes: Sequence[Outcome]) -> None:
    """What the answers say about their accounts: which rest, and for how long (F32, F34)."""
    calls = Counter((o.call.account_id, o.unclear) for o in outcomes)
    for account_id in sorted({account for account, _ in calls}):
        clear, unclear = calls[account_id, False], calls[account_id, True]
        accounts.note_answers(account_id, clear=clear, unclear=unclear)
    for outcome in outcomes:
        if isinstance(outcome.result, ProviderBusy) and outcome.result.retry_after:
            accounts.pause(outcome.call.account_id, outcome.result.retry_after)


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
    if attempt.status is Status.SENDING:  # else the lease ran out: another attempt may have it
        message.lease_until = None
    match outcome.result:
        case Accepted(sid=sid, status=status):
            advance(attempt, message, status, now, sid=sid)
        case ProviderRefused(provider_code=code):
            advance(attempt, message, Status.REJECTED, now, error=code or "")
        case ProviderBusy(retry_after=wait):
            _again(attempt, message, now, wait or timing().busy_retry)
        case ProviderDenied() as denied:
            if _again(attempt, message, now, 0):
                wait_for_account(message, attempt, str(denied))
        case _:  # the answer was lost: not sent again until it is settled by asking
            advance(attempt, message, Status.UNCONFIRMED, now)


def _again(attempt: Attempt, message: Message, now: datetime, wait: float) -> bool:
    """The provider provably did not take it: queued again, for a new attempt (D31). Also where the
    lease had run out and it was held for lost; False where it is no longer this attempt's."""
    was = attempt.status
    if was not in (Status.SENDING, Status.UNCONFIRMED):
        return False
    attempt.status, attempt.look_at = Status.CANCELED, None
    if message.status is not was or (was is Status.UNCONFIRMED and not is_latest(attempt)):
        return False
    message.status, message.due_at = Status.QUEUED, now + timedelta(seconds=wait)
    threads.announce_status(message)
    return True


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
    if not _stopped(message, now):
        message.status, message.lease_until = Status.QUEUED, None


@retrying
def catch_forbidden(limit: int = 100) -> int:
    """Queued texts that wait for their turn while it is known that they must not go; how many.

    Not those of a thread with a call under way: what a STOP catches of a thread goes in one email
    (D34), and the outcome of that call may belong in it.
    """
    waits = and_(
        MESSAGE_UNFINISHED,
        Message.status == Status.QUEUED,
        Message.kind.not_in(KEYWORD_REPLIES),
    )
    forbidden = or_(ContactNumber.status == SmsStatus.DISABLED, not_wanted())
    with transaction():
        numbers = db.session.execute(
            select(ContactNumber.id)
            .join(Message, Message.contact_number_id == ContactNumber.id)
            .where(waits, forbidden)
            .distinct()
            .limit(limit)
        ).scalars()
        locked = consent.lock(list(numbers), with_siblings=True)
        rows = db.session.execute(
            select(Message)
            .join(ContactNumber, ContactNumber.id == Message.contact_number_id)
            .where(waits, forbidden, ContactNumber.id.in_(list(locked)))
            .order_by(Message.id)
            # A claim that is being committed is waited for, then seen.
            .with_for_update(**LOCK, of=Message)
            .execution_options(populate_existing=True)
        ).scalars()
        texts, now = list(rows), clock.now()
        calling = _calling({text.conversation_id for text in texts})
        found = [text for text in texts if text.conversation_id not in calling]
        for text in found:
            if text.channel is Channel.SMS:  # else it went with an earlier one of its thread
                _stopped(text, now)
        return len(found)


def _calling(conversation_ids: Collection[int]) -> set[int]:
    """Those of which a text is claimed, and perhaps on the wire."""
    rows = db.session.execute(
        select(Message.conversation_id).where(
            MESSAGE_UNFINISHED,
            Message.conversation_id.in_(conversation_ids),
            Message.status == Status.SENDING,
        )
    )
    return set(rows.scalars())


def _stopped(message: Message, now: datetime) -> bool:
    """Stop a text that must not go any more; whether it is one."""
    if reason := _why_caught(message):
        _stop(message, reason, now)
    elif message.kind is Kind.AUTO_ANSWER and _is_held(message.conversation_id):
        message.error_code, message.error_message = "claimed", "Somebody holds the conversation."
        _cancel(message)
    else:
        return False
    return True


def _is_held(conversation_id: int) -> bool:
    """Whether somebody holds it, as it is now."""
    holder = select(Conversation.staff_id).where(Conversation.id == conversation_id)
    return db.session.execute(holder).scalar_one() is not None


def _cancel(message: Message) -> None:
    message.status, message.lease_until = Status.CANCELED, None
    give_back(message)
    threads.announce_status(message)


def _stop(message: Message, reason: Reason, now: datetime) -> None:
    """Send a text by email, with all others of its thread that wait for the same reason (D34). What
    nobody wrote is canceled."""
    if message.kind is not Kind.CONVERSATION:
        message.reason = reason
        _cancel(message)
        return
    waiting = db.session.execute(
        select(Message)
        .where(
            MESSAGE_UNFINISHED,
            Message.conversation_id == message.conversation_id,
            Message.staff_id == message.staff_id,
            Message.status == Status.QUEUED,
            Message.kind == Kind.CONVERSATION,
            Message.id != message.id,
        )
        .order_by(Message.id)
        .with_for_update(**LOCK, skip_locked=True)
    ).scalars()
    texts = [message, *(m for m in waiting if _why_caught(m) is reason)]
    texts.sort(key=lambda m: m.id)
    sent = email_instead(texts, now, reason)
    for text in texts:
        if not sent:
            text.channel, text.status = Channel.NONE, Status.NOT_SENT
            text.error_code, text.error_message = "no_email", "There is no email address"
        give_back(text)
        threads.announce_status(text)


def _why_caught(message: Message) -> Reason | None:
    """Why a claimed text must not go any more; None where nothing stands in its way but time."""
    if message.kind not in KEYWORD_REPLIES and (reason := _why_forbidden(message)):
        return reason
    changed = select(Message.id).where(Message.id == message.id, changed_hands())
    return Reason.DELIVERY_FAILED if db.session.execute(changed.limit(1)).first() else None


def _why_forbidden(message: Message) -> Reason | None:
    """By whom it goes to; the answer to a keyword goes all the same (D21)."""
    number = db.session.get_one(ContactNumber, message.contact_number_id)
    if number.status is SmsStatus.DISABLED:
        by = number.disabled_by or ""
        return {"staff": Reason.DISABLED_BY_STAFF, "invalid": Reason.NUMBER_INVALID}.get(
            by, Reason.OPTED_OUT
        )
    if message.kind is Kind.AUTO_ANSWER and number.bulk_paused_at is not None:
        return Reason.OPTED_OUT  # perhaps, which is enough for what nobody wrote (D20)
    pair = db.session.get(PairBlock, (message.sender_number_id, message.contact_number_id))
    return Reason.CARRIER_BLOCKED if pair is not None else None


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
    message.error_code, message.error_message = EXPIRED, look_up(EXPIRED).meaning
    give_back(message)
    threads.announce_status(message)
