"""Metrics: what whoever watches over Replyline reads every few seconds (contract 6).

What is true of all processes is read from the database when it is asked for; what only this one
knows (its sockets, how long its webhooks took) is kept by the library.
"""

from collections.abc import Iterator
from datetime import timedelta

from flask import current_app
from prometheus_client import CollectorRegistry, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy import func, or_, select

from app import clock
from app.database import db
from app.models import (
    EMAIL_UNFINISHED,
    HOOK_WAITING,
    MESSAGE_UNFINISHED,
    Email,
    Hook,
    HookDelivery,
    Institution,
    Message,
    ProviderAccount,
)
from app.rules.lifecycle import Status
from app.rules.limits import month_of

DAY = timedelta(hours=24)

registry = CollectorRegistry()
webhook_seconds = Histogram(
    "replyline_webhook_seconds",
    "How long this process took to answer a webhook",
    ["webhook"],
    registry=registry,
)


def text() -> bytes:
    """All of them in Prometheus' text format."""
    return generate_latest(registry)


class _Seen(Collector):
    """What is read when it is asked for."""

    def describe(self) -> Iterator[Metric]:
        return iter(())  # or the library would ask the database at import

    def collect(self) -> Iterator[Metric]:
        yield from _queues()
        yield _imported()
        yield from _hooks()
        yield _sent()
        sockets = len(current_app.extensions["live"])
        yield GaugeMetricFamily(
            "replyline_sockets", "Browsers and programs connected to this process", sockets
        )


registry.register(_Seen())


def _queues() -> Iterator[Metric]:
    """What waits to leave, and since when; what left without a clear answer."""
    texts = select(Message.status, func.count(), func.min(Message.created_at)).where(
        MESSAGE_UNFINISHED
    )
    emails = select(func.count(), func.min(Email.due_at)).where(EMAIL_UNFINISHED)
    found = {
        status: (n, since)
        for status, n, since in db.session.execute(texts.group_by(Message.status))
    }
    waiting = {
        "text": found.get(Status.QUEUED, (0, None)),
        "email": db.session.execute(emails).one(),
    }
    queued = GaugeMetricFamily("replyline_queued", "What waits to leave", labels=["channel"])
    age = GaugeMetricFamily(
        "replyline_queue_age_seconds", "How long the oldest of it has waited", labels=["channel"]
    )
    for channel, (count, since) in waiting.items():
        queued.add_metric([channel], count)
        late = (clock.now() - since).total_seconds() if since else 0
        age.add_metric([channel], max(0, late))
    yield from (queued, age)
    unconfirmed, _ = found.get(Status.UNCONFIRMED, (0, None))
    yield GaugeMetricFamily(
        "replyline_unconfirmed", "Texts whose answer was lost and is being asked for", unconfirmed
    )


def _imported() -> Metric:
    """Per account, for how long it is not certain that every inbound text is here (D42)."""
    family = GaugeMetricFamily(
        "replyline_import_age_seconds",
        "Since when the provider was not asked for texts that came in",
        labels=["account"],
    )
    accounts = select(ProviderAccount.account_sid, ProviderAccount.imported_until).where(
        ProviderAccount.stopped_reason.is_(None)
    )
    for sid, until in db.session.execute(accounts):
        family.add_metric([sid], (clock.now() - until).total_seconds())
    return family


def _hooks() -> Iterator[Metric]:
    """What waits for other systems; and how late we are with what they could be told now."""
    now = clock.now()
    waiting = (
        select(func.count(), func.min(HookDelivery.due_at))
        .join(Hook, Hook.id == HookDelivery.hook_id)
        .where(HOOK_WAITING, Hook.paused_at.is_(None))
    )
    count, _ = db.session.execute(waiting).one()
    awake = or_(Hook.rest_until.is_(None), Hook.rest_until <= now)
    _, since = db.session.execute(waiting.where(awake)).one()
    yield GaugeMetricFamily(
        "replyline_webhook_events_waiting", "Events that wait for another system", count
    )
    late = (now - since).total_seconds() if since else 0
    yield GaugeMetricFamily(
        "replyline_webhook_late_seconds",
        "How long the oldest event waits for a system that is not resting",
        max(0, late),
    )


def _sent() -> Metric:
    """The texts of the last 24 hours by what became of them."""
    since = clock.now() - DAY
    months = {month_of(at, "UTC") for at in (since - DAY, clock.now(), clock.now() + DAY)}
    family = GaugeMetricFamily(
        "replyline_texts_24h", "Texts of the last 24 hours by status", labels=["status"]
    )
    counted = db.session.execute(
        select(Message.status, func.count())
        .join(Institution, Institution.id == Message.institution_id)
        .where(Message.month.in_(months), Message.created_at > since)
        .group_by(Message.status)
    )
    for status, count in counted:
        family.add_metric([status.word], count)
    return family
