"""Hooks: the addresses of other systems, as those who manage tokens see and change them (C-32)."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from flask import current_app
from sqlalchemy import delete, func, select, update

from app import clock, events, jobs
from app.config import Settings
from app.database import LOCK, after_commit, db, transaction
from app.errors import Conflict, Forbidden, Invalid, NotFound
from app.models import HOOK_NOT_DELIVERED, EventRow, Hook, HookDelivery, HookState
from app.rules import hooks as rules
from app.rules.access import Viewer
from app.rules.hooks import BadAddress, checked
from app.services import hook_outbox
from app.services.audit import audit

MOST = 10  # of one institution
PAGE = 50
OVERLAP = timedelta(hours=24)  # how long the old secret signs beside a new one
BACK = timedelta(hours=24)  # what is older is not told any more when one is resumed


@dataclass(frozen=True, slots=True)
class Listed:
    """An address, with how many events wait for it and how many were given up (of those that are
    kept)."""

    hook: Hook
    waiting: int
    given_up: int


@dataclass(frozen=True, slots=True)
class Made:
    """`secret`: what the other system checks signatures with; never seen again."""

    hook_id: int
    secret: str


# Seeing them


def listed(viewer: Viewer) -> list[Listed]:
    """In the order they were made."""
    return _counted(
        list(
            db.session.execute(
                select(Hook).where(Hook.institution_id == viewer.institution_id).order_by(Hook.id)
            ).scalars()
        )
    )


def one(viewer: Viewer, hook_id: int) -> Listed:
    return _counted([_one(viewer, hook_id)])[0]


def _counted(found: list[Hook]) -> list[Listed]:
    rows = db.session.execute(
        select(HookDelivery.hook_id, HookDelivery.state, func.count())
        .where(
            HookDelivery.hook_id.in_([hook.id for hook in found]),
            HOOK_NOT_DELIVERED,
        )
        .group_by(HookDelivery.hook_id, HookDelivery.state)
    )
    counts = {(hook_id, state): count for hook_id, state, count in rows}
    return [
        Listed(
            hook,
            counts.get((hook.id, HookState.WAITING), 0),
            counts.get((hook.id, HookState.GIVEN_UP), 0),
        )
        for hook in found
    ]


def _one(viewer: Viewer, hook_id: int, *, lock: bool = False) -> Hook:
    wanted = select(Hook).where(Hook.id == hook_id, Hook.institution_id == viewer.institution_id)
    if lock:
        wanted = wanted.with_for_update(**LOCK).execution_options(populate_existing=True)
    found = db.session.execute(wanted).scalar_one_or_none()
    if found is None:
        raise NotFound("There is no such webhook.")
    return found


def deliveries(
    viewer: Viewer, hook_id: int, state: HookState | None, before: int | None, limit: int
) -> list[HookDelivery]:
    """What this address was told or is to be told, the newest first."""
    wanted = select(HookDelivery).where(
        HookDelivery.hook_id == hook_id, HookDelivery.institution_id == viewer.institution_id
    )
    if state:
        wanted = wanted.where(HookDelivery.state == state)
    if before:
        wanted = wanted.where(HookDelivery.id < before)
    return list(db.session.execute(wanted.order_by(HookDelivery.id.desc()).limit(limit)).scalars())


# Making and changing them


def may_choose(viewer: Viewer) -> list[str]:
    """The events that this viewer may hand on: of rows that they may see themselves."""
    return [name for name, choice in rules.CHOICES.items() if viewer.can(choice.needs)]


def create(viewer: Viewer, url: str, names: Collection[str]) -> Made:
    """From now on that address is told these events. Raises Invalid at `url` or `events`, Forbidden
    for events of rows that the viewer may not see."""
    address, chosen = _checked(viewer, url, names)
    secret, kept = hook_outbox.new_secret()
    with transaction():
        count = select(func.count()).select_from(Hook)
        mine = Hook.institution_id == viewer.institution_id
        if db.session.execute(count.where(mine)).scalar_one() >= MOST:
            raise Invalid("url", f"There are {MOST} webhooks already. Delete one first.")
        hook = Hook(
            institution_id=viewer.institution_id,
            url=address,
            events=chosen,
            secret=kept,
            seq=events.newest(viewer.institution_id),
            created_by=viewer.staff_id,
            created_at=clock.now(),
        )
        db.session.add(hook)
        db.session.flush()
        _note(viewer, hook, "webhook.created", events=chosen)
        return Made(hook.id, secret)


def change(viewer: Viewer, hook_id: int, url: str, names: Collection[str]) -> None:
    """Another address, or other events, from now on. Raises as `create` does."""
    with transaction():
        hook = _one(viewer, hook_id, lock=True)
        _may_hand_on(viewer, hook.events)
        hook.url, hook.events = _checked(viewer, url, names)
        hook.failures, hook.failing_since, hook.rest_until = 0, None, None
        _note(viewer, hook, "webhook.changed", events=hook.events)


def _checked(viewer: Viewer, url: str, names: Collection[str]) -> tuple[str, list[str]]:
    chosen = [name for name in rules.CHOICES if name in names]
    problems = {}
    settings: Settings = current_app.config["SETTINGS"]
    address = ""
    try:
        address = checked(url, loopback=settings.on_loopback).url
    except BadAddress as error:
        problems["url"] = str(error)
    if not chosen:
        problems["events"] = "Choose at least one."
    if problems:
        raise Invalid.many(problems)
    _may_hand_on(viewer, chosen)
    return address, chosen


def _may_hand_on(viewer: Viewer, names: Collection[str]) -> None:
    if beyond := sorted(rules.needed(names) - viewer.capabilities):
        raise Forbidden(f"You cannot hand on what you may not see ({', '.join(beyond)}).")


def renew_secret(viewer: Viewer, hook_id: int) -> Made:
    """A new one; the old one signs beside it for OVERLAP, so that nothing is refused meanwhile."""
    secret, kept = hook_outbox.new_secret()
    with transaction():
        hook = _one(viewer, hook_id, lock=True)
        _may_hand_on(viewer, hook.events)
        hook.old_secret, hook.old_secret_until = hook.secret, clock.now() + OVERLAP
        hook.secret = kept
        _note(viewer, hook, "webhook.secret_renewed")
    return Made(hook_id, secret)


def pause(viewer: Viewer, hook_id: int) -> None:
    """Nothing is told until it is resumed; paused already, it stays so."""
    with transaction():
        hook = _one(viewer, hook_id, lock=True)
        if hook.paused_at is None:
            hook.paused_at, hook.paused_why = clock.now(), ""
            _note(viewer, hook, "webhook.paused")


def resume(viewer: Viewer, hook_id: int) -> None:
    """It goes on where it stood, but what happened more than BACK ago is not told any more."""
    now = clock.now()
    with transaction():
        hook = _one(viewer, hook_id, lock=True)
        if hook.paused_at is None:
            return
        hook.paused_at, hook.paused_why = None, ""
        hook.failures, hook.failing_since, hook.rest_until = 0, None, None
        hook.seq = max(hook.seq, _last_before(viewer.institution_id, now - BACK))
        db.session.execute(
            update(HookDelivery)
            .where(
                HookDelivery.hook_id == hook_id,
                HookDelivery.state == HookState.WAITING,
                HookDelivery.since <= now - BACK,
            )
            .values(state=HookState.GIVEN_UP, finished_at=now, error="Too old when it was resumed")
            .execution_options(synchronize_session=False)
        )
        _send_soon(hook_id, now)
        _note(viewer, hook, "webhook.resumed")


def _last_before(institution_id: int, moment: datetime) -> int:
    """The last event until then; 0 where there is none."""
    found = (
        select(EventRow.seq)
        .where(EventRow.institution_id == institution_id, EventRow.at <= moment)
        .order_by(EventRow.seq.desc())
        .limit(1)
    )
    return db.session.execute(found).scalar_one_or_none() or 0


def _send_soon(hook_id: int, now: datetime) -> None:
    """What waits, waits no longer."""
    db.session.execute(
        update(HookDelivery)
        .where(HookDelivery.hook_id == hook_id, HookDelivery.state == HookState.WAITING)
        .values(due_at=now)
        .execution_options(synchronize_session=False)
    )


def remove(viewer: Viewer, hook_id: int) -> None:
    """With everything that it was told."""
    with transaction():
        hook = _one(viewer, hook_id, lock=True)
        db.session.execute(
            delete(HookDelivery)
            .where(HookDelivery.hook_id == hook_id)
            .execution_options(synchronize_session=False)
        )
        db.session.delete(hook)
        _note(viewer, hook, "webhook.deleted")


# Sending


def test(viewer: Viewer, hook_id: int) -> None:
    """An event that says that it is a test."""
    now = clock.now()
    with transaction():
        hook = _one(viewer, hook_id, lock=True)
        if hook.paused_at:
            raise Conflict("This webhook is paused. Resume it first.", code="paused")
        hook.rest_until = None
        db.session.add(
            HookDelivery(
                institution_id=viewer.institution_id,
                hook_id=hook_id,
                name=rules.TEST,
                ids={},
                at=now,
                since=now,
                due_at=now,
            )
        )
        _note(viewer, hook, "webhook.tested")


def send_again(viewer: Viewer, hook_id: int, delivery_id: int | None = None) -> int:
    """One delivery that was taken or given up, or all that were given up: how many."""
    now = clock.now()
    which = (
        (HookDelivery.state == HookState.GIVEN_UP)
        if delivery_id is None
        else (HookDelivery.id == delivery_id)
    )
    with transaction():
        hook = _one(viewer, hook_id, lock=True)
        again = db.session.execute(
            update(HookDelivery)
            .where(HookDelivery.hook_id == hook_id, which)
            .values(
                state=HookState.WAITING,
                tries=0,
                code=None,
                error="",
                since=now,
                due_at=now,
                finished_at=None,
            )
            .returning(HookDelivery.id)
            .execution_options(synchronize_session=False)
        )
        count = len(again.all())
        if delivery_id is not None and not count:
            raise NotFound("There is no such delivery.")
        if count:
            hook.rest_until = None
            _note(viewer, hook, "webhook.sent_again", count=count)
    return count


def _note(viewer: Viewer, hook: Hook, action: str, **detail: object) -> None:
    """In the open transaction: the audit log, and whoever shows or tells it."""
    audit(
        viewer.institution_id,
        action,
        f"webhook:{hook.id}",
        viewer.staff_id,
        host=urlsplit(hook.url).hostname,
        **detail,
    )
    hook_outbox.announce(viewer.institution_id, hook.id)
    after_commit(lambda: jobs.ring(jobs.Job.TELL_HOOKS))
