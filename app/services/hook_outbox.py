"""Hook outbox: every chosen event reaches every address at least once, or is given up for all to
see.

Deliveries are made from the rows of the events, behind a bookmark of each address, so that nothing
is lost with a worker or with Redis. One worker at a time tells an address, one event after the
other; what it does not take comes again later, ever more rarely, for a day.
"""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from flask import current_app
from sqlalchemy import Select, delete, exists, insert, literal, or_, select, update

from app import clock, events
from app.config import Settings, Timing
from app.database import LOCK, database_now, db, retrying, transaction
from app.events import Event
from app.models import HOOK_WAITING, EventCounter, EventRow, Hook, HookDelivery, HookState
from app.posting import Answer
from app.rules import hooks as rules
from app.rules.access import Can
from app.rules.hooks import Verdict
from app.services import alerts, hook_payload
from app.vault import decrypt, encrypt

LEASE = 60.0  # seconds; longer than a worker stays with one address
KEPT = timedelta(days=7)  # what is done is shown so long
AGENT = "Replyline-Webhooks/1"
_EVENTS_AT_ONCE = 1000


def timing() -> Timing:
    settings: Settings = current_app.config["SETTINGS"]
    return settings.timing


# From events to deliveries


def make_deliveries() -> None:
    """Of what has happened since the last time, for every address that is not paused."""
    behind = (
        select(Hook.id)
        .join(EventCounter, EventCounter.institution_id == Hook.institution_id)
        .where(Hook.paused_at.is_(None), EventCounter.seq > Hook.seq)
        .order_by(Hook.id)
    )
    found = list(db.session.execute(behind).scalars())
    db.session.rollback()
    for hook_id in found:
        _make(hook_id)


@retrying
def _make(hook_id: int) -> None:
    with transaction():
        hook = _locked(hook_id)
        if hook is None or hook.paused_at:
            return
        until = min(events.newest(hook.institution_id), hook.seq + _EVENTS_AT_ONCE)
        columns = (EventRow.seq, EventRow.name, EventRow.ids, EventRow.status, EventRow.at)
        values = {
            "institution_id": EventRow.institution_id,
            "hook_id": literal(hook.id),
            **{column.key: column for column in columns},
            "state": literal(HookState.WAITING.value),
            "tries": literal(0),
            "error": literal(""),
            "since": EventRow.at,
            "due_at": EventRow.at,
        }
        chosen = (
            select(*values.values())
            .where(
                EventRow.institution_id == hook.institution_id,
                EventRow.seq > hook.seq,
                EventRow.seq <= until,
                EventRow.name.in_(hook.events),
            )
            .order_by(EventRow.seq)
        )
        db.session.execute(insert(HookDelivery).from_select(list(values), chosen))
        hook.seq = until


def _locked(hook_id: int) -> Hook | None:
    return db.session.execute(
        select(Hook)
        .where(Hook.id == hook_id)
        .with_for_update(**LOCK)
        .execution_options(populate_existing=True)
    ).scalar_one_or_none()


# Taking an address


@dataclass(frozen=True, slots=True)
class Claim:
    """`until`: when the lease ends; by it a worker knows whether the address is still its own."""

    hook_id: int
    institution_id: int
    url: str
    until: datetime


@dataclass(frozen=True, slots=True)
class Post:
    """What is sent, but for the time and the signature of the try."""

    delivery_id: int
    id: str  # the same for every try
    body: bytes
    secrets: tuple[str, ...]

    def headers(self, now: datetime) -> dict[str, str]:
        stamp = int(now.timestamp())
        return {
            "Content-Type": "application/json",
            "User-Agent": AGENT,
            "webhook-id": self.id,
            "webhook-timestamp": str(stamp),
            "webhook-signature": rules.signature(self.secrets, self.id, stamp, self.body),
        }


def _due(now: datetime) -> list[Any]:
    return [HOOK_WAITING, HookDelivery.due_at <= now]


def _free(now: datetime) -> Select[int]:
    return (
        select(Hook.id)
        .where(
            Hook.paused_at.is_(None),
            or_(Hook.lease_until.is_(None), Hook.lease_until < database_now()),
            or_(Hook.rest_until.is_(None), Hook.rest_until <= now),
            exists().where(HookDelivery.hook_id == Hook.id, *_due(now)),
        )
        .order_by(Hook.id)
    )


@retrying
def claim(slots: int) -> list[Claim]:
    """Take so many addresses at most that are to be told something now and nobody is at."""
    found = _free(clock.now()).limit(slots)
    any_ = slots > 0 and db.session.execute(found).first()
    db.session.rollback()
    if not any_:
        return []
    with transaction():
        locked = found.with_for_update(**LOCK, skip_locked=True)
        ids = list(db.session.execute(locked).scalars())
        taken = db.session.execute(
            update(Hook)
            .where(Hook.id.in_(ids))
            .values(lease_until=database_now(LEASE))
            .returning(Hook.id, Hook.institution_id, Hook.url, Hook.lease_until)
            .execution_options(synchronize_session=False)
        )
        return [Claim(id_, school, url, until) for id_, school, url, until in taken if until]


def next_post(claimed: Claim) -> Post | None:
    """The oldest event that this address is to be told now; None where there is none, or the
    address is not this worker's any more."""
    row = db.session.execute(
        select(HookDelivery, Hook)
        .join(Hook, Hook.id == HookDelivery.hook_id)
        .where(
            HookDelivery.hook_id == claimed.hook_id,
            *_due(clock.now()),
            Hook.lease_until == claimed.until,
            Hook.url == claimed.url,
            Hook.paused_at.is_(None),
        )
        .order_by(HookDelivery.id)
        .limit(1)
    ).first()
    if row is None:
        db.session.rollback()
        return None
    delivery, hook = row
    post = Post(
        delivery.id, public_id(delivery), hook_payload.body(delivery), tuple(valid_secrets(hook))
    )
    db.session.rollback()  # nothing is held during the call
    return post


def public_id(delivery: HookDelivery) -> str:
    """By which the other system knows an event again."""
    if delivery.seq is None:
        return f"test_{delivery.id}"
    return f"evt_{delivery.institution_id}_{delivery.seq}"


def valid_secrets(hook: Hook) -> Iterable[str]:
    yield decrypt(hook.secret)
    if hook.old_secret and hook.old_secret_until and hook.old_secret_until > clock.now():
        yield decrypt(hook.old_secret)


def new_secret() -> tuple[str, str]:
    """A secret as the other system has it, and as it is kept."""
    made = rules.PREFIX + rules.as_key(secrets.token_bytes(32))
    return made, encrypt(made)


# What became of it


@retrying
def record(claimed: Claim, delivery_id: int, answer: Answer, *, announced: bool = False) -> bool:
    """Write down what the address answered. Whether it can be told the next one at once.

    `announced`: the pages that show it hear of it now, not only when it is let go.
    """
    now = clock.now()
    with transaction():
        hook = _locked(claimed.hook_id)
        delivery = db.session.get(HookDelivery, delivery_id, populate_existing=True)
        if hook is None or delivery is None:
            return False  # deleted meanwhile
        verdict = rules.verdict(answer.status)
        delivery.tries += 1
        delivery.tried_at, delivery.code = now, answer.status
        if verdict is Verdict.TAKEN:
            _taken(hook, delivery, now)
        else:
            delivery.error = answer.problem or rules.said(answer.status or 0)
            _not_taken(hook, delivery, verdict, now)
        if announced:
            announce(claimed.institution_id, claimed.hook_id)
        return verdict is Verdict.TAKEN and hook.lease_until == claimed.until


def _taken(hook: Hook, delivery: HookDelivery, now: datetime) -> None:
    delivery.state, delivery.finished_at, delivery.error = HookState.DELIVERED, now, ""
    hook.failures, hook.failing_since, hook.rest_until = 0, None, None
    hook.delivered_at = now


def _not_taken(hook: Hook, delivery: HookDelivery, verdict: Verdict, now: datetime) -> None:
    """Both rest: the event for longer than the address, so that the others get their turn while one
    event is never taken."""
    waits = timing()
    first, longest, day = waits.hook_first_wait, waits.hook_longest_wait, waits.hook_give_up
    hook.failures += 1
    hook.failing_since = hook.failing_since or now
    hook.rest_until = now + timedelta(seconds=rules.wait(hook.failures, first, longest))
    delivery.due_at = now + timedelta(seconds=2 * rules.wait(delivery.tries, first, longest))
    gone = verdict is Verdict.GONE
    if gone or (now - delivery.since).total_seconds() > day:
        delivery.state, delivery.finished_at = HookState.GIVEN_UP, now
    if hook.paused_at is None and (gone or (now - hook.failing_since).total_seconds() > day):
        hook.paused_at, hook.paused_why = now, delivery.error
        alerts.hook_paused(hook.institution_id, urlsplit(hook.url).hostname or "", delivery.error)


@retrying
def release(claimed: Claim) -> None:
    """This worker is done with the address."""
    with transaction():
        db.session.execute(
            update(Hook)
            .where(Hook.id == claimed.hook_id, Hook.lease_until == claimed.until)
            .values(lease_until=None)
            .execution_options(synchronize_session=False)
        )
        announce(claimed.institution_id, claimed.hook_id)


def announce(institution_id: int, hook_id: int) -> None:
    """Something became of it, or of what it is told."""
    about = Event("hook.changed", {"hook": hook_id}, (Can.TOKENS_MANAGE.value,))
    events.publish(institution_id, about)


def forget_old() -> None:
    """What was delivered or given up is shown for KEPT."""
    with transaction():
        old = HookDelivery.finished_at < clock.now() - KEPT
        db.session.execute(
            delete(HookDelivery).where(old).execution_options(synchronize_session=False)
        )
