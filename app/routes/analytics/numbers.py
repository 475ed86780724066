"""Numbers: how each number of ours fares, and how long the free ones will last."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import render_template

from app import clock
from app.errors import NotFound
from app.routes.analytics.page import bp
from app.rules.access import Can, Viewer
from app.rules.codes import look_up
from app.rules.figures import percent
from app.rules.month import idle_days
from app.rules.phones import pretty
from app.security import allowed, viewer
from app.services import analytics, pool_health
from app.services.pool_health import Health, Room


@dataclass(frozen=True, slots=True)
class RowView:
    """`idle`: for how many days it was not used, where that is long. `troubles`: why its texts
    failed, with how often."""

    id: int
    number: str
    whose: str
    used: datetime | None
    idle: int | None
    today: int
    texts: int
    delivered: str
    opt_outs: int
    troubles: list[tuple[str, int]]


@bp.get("/numbers")
@allowed(Can.REPORTS_READ)
def numbers() -> Any:
    asking = viewer()
    if analytics.only_units(asking):
        raise NotFound
    found = pool_health.numbers(asking)
    return render_template(
        "analytics/numbers.html",
        rows=[_row(each, asking) for each in found],
        most=pool_health.MOST,
        told=told(pool_health.room(asking)),
        may_manage=asking.can(Can.NUMBERS_MANAGE),
    )


def _row(health: Health, asking: Viewer) -> RowView:
    return RowView(
        health.id,
        pretty(health.e164, asking.region),
        f"Shared: {health.unit}" if health.unit else health.holder or "Nobody holds it",
        health.last_used_at,
        idle_days(health.last_used_at, clock.now()) if health.holder else None,
        health.today,
        health.texts,
        percent(health.arrived, health.texts),
        health.opt_outs,
        [(f"{look_up(code).meaning} ({code})", count) for code, count in health.codes],
    )


def told(room: Room) -> str:
    """How long the free numbers will last, in a sentence."""
    if not room.counts.total:
        return "The pool has no numbers. Until you add one, texts go by email."
    if not room.left:
        return "No number is left for newcomers: their texts go by email."
    left = "1 number is" if room.left == 1 else f"{room.left:,} numbers are"
    if room.days is None:
        return f"{left} left for newcomers. In the last 30 days no more were taken than came back."
    taken = f"{room.taken:,} taken in the last 30 days"
    days = "a day" if room.days == 1 else f"{room.days:,} days"
    return f"{left} left for newcomers. At the pace of {taken} they last about {days}."
