"""Settling: texts of which the provider did not tell. It is asked; nothing is ever sent blind.

An attempt whose answer was lost is found in the provider's list, or proven absent by empty looks
and queued again; one that was taken but never reported is asked for, and times out in the end.

Source: reference/reliability.md 3.2, F27, F28, F45
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from sqlalchemy import select, update

from app import clock
from app.database import LOCK, database_now, db, retrying, transaction
from app.models import Attempt, Message
from app.providers import Found, Provider
from app.rules.lifecycle import Status
from app.rules.looks import WAITS_FOR_REPORT
from app.services import threads
from app.services.claiming import timing
from app.services.tracking import advance, locked, plan_look

log = structlog.get_logger()

_BEFORE_THE_CALL = timedelta(seconds=60)  # the provider's clock may be behind ours by this


@dataclass(frozen=True, slots=True)
class Look:
    """One attempt to ask about. `sid` None: its answer was lost."""

    uuid: str
    account_id: int
    from_: str
    to: str
    sid: str | None
    since: datetime


@retrying
def claim_looks(limit: int) -> list[Look]:
    """Attempts whose look is due, for the length of a lease."""
    with transaction():
        rows = db.session.execute(
            select(Attempt, Message)
            .join(Message, Message.id == Attempt.message_id)
            .where(Attempt.look_at.is_not(None), Attempt.look_at <= database_now())
            .order_by(Attempt.look_at)
            .limit(limit)
            .with_for_update(**LOCK, of=Attempt, skip_locked=True)
        ).all()
        db.session.execute(
            update(Attempt)
            .where(Attempt.id.in_([attempt.id for attempt, _ in rows]))
            .values(look_at=database_now(timing().lease))
        )
        return [_look(attempt, message) for attempt, message in rows]


def _look(attempt: Attempt, message: Message) -> Look:
    assert message.provider_account_id and message.from_address and message.to_address
    return Look(
        attempt.uuid,
        message.provider_account_id,
        message.from_address,
        message.to_address,
        attempt.provider_sid,
        (attempt.calling_at or attempt.created_at) - _BEFORE_THE_CALL,
    )


def ask(provider: Provider, look: Look) -> list[Found]:
    """What the provider knows about an attempt. Raises ProviderError, and then nothing is known."""
    if look.sid is None:
        return provider.sent(look.from_, look.to, look.since)
    found = provider.fetch(look.sid)
    return [found] if found else []


@retrying
def record(look: Look, found: Sequence[Found]) -> None:
    """Store what a look brought."""
    with transaction():
        attempt, message = _both(look)
        if attempt.status is Status.UNCONFIRMED:
            match = _ours(attempt, message, found)
        elif attempt.status in WAITS_FOR_REPORT:
            match = next(iter(found), None)
        else:
            return  # a callback was faster
        before = attempt.status
        if match:
            advance(
                attempt,
                message,
                match.status or Status.ACCEPTED,
                clock.now(),
                sid=match.sid,
                error=match.error,
            )
        if attempt.status is before or {before, attempt.status} <= WAITS_FOR_REPORT:
            _look_again(attempt, message)


def _both(look: Look) -> tuple[Attempt, Message]:
    both = locked(look.uuid)
    assert both is not None, "attempts are never deleted"
    return both


def _ours(attempt: Attempt, message: Message, found: Sequence[Found]) -> Found | None:
    """The text of this attempt among those found: the same words, and no other attempt's."""
    others = select(Attempt.provider_sid).where(
        Attempt.contact_number_id == attempt.contact_number_id,
        Attempt.provider_sid.in_([f.sid for f in found]),
    )
    taken = set(db.session.execute(others).scalars())
    words = message.body.split()
    return next((f for f in found if f.body.split() == words and f.sid not in taken), None)


def _look_again(attempt: Attempt, message: Message) -> None:
    """It is not over yet: the next look, or what follows from the last one."""
    attempt.looks += 1
    plan_look(attempt)
    if attempt.look_at is not None:
        return
    if attempt.status is Status.UNCONFIRMED:
        _never_taken(message)
    else:
        advance(attempt, message, Status.TIMED_OUT, clock.now())


def _never_taken(message: Message) -> None:
    """Queued again for a new attempt, which passes every check anew. This one stays unconfirmed:
    should a report of it come after all, it counts."""
    if message.status is Status.UNCONFIRMED:
        message.status, message.due_at = Status.QUEUED, clock.now()
        threads.announce_status(message)


@retrying
def postpone(look: Look) -> None:
    """The provider could not be asked: nothing is known, and the look does not count."""
    with transaction():
        db.session.execute(
            update(Attempt)
            .where(Attempt.uuid == look.uuid, Attempt.look_at.is_not(None))
            .values(look_at=database_now(timing().settle_looks[0]))
        )
