"""Usage: the places under the monthly limit, and how many are left."""

from itertools import pairwise
from typing import Any

from sqlalchemy import func, select, update

from app import clock
from app.database import db, upsert
from app.events import Event, publish
from app.models import Institution, Message, Seats, Usage
from app.rules.access import EVERYBODY, Viewer
from app.rules.limits import cost, month_of
from app.rules.month import Month
from app.services import alerts, numbers


def take_places(
    institution: Institution, month: str, segments: int, *, kept: int = 0
) -> int | None:
    """Reserve what one text costs, in one atomic statement (D28); the places taken, None past the
    limit. `kept`: of the limit, for answers, where this text is none. Whoever may change limits is
    told when much of it is used."""
    places, limit = cost(institution.limit_unit, segments), institution.message_limit
    if limit is not None:
        limit = max(limit - kept, 0)
    if limit is not None and places > limit:
        return None
    row = {"institution_id": institution.id, "month": month, "used": places}
    statement = upsert(Usage).values(row)
    taken = db.session.execute(
        statement.on_conflict_do_update(
            index_elements=[Usage.institution_id, Usage.month],
            set_={"used": Usage.used + places},
            where=None if limit is None else Usage.used + places <= limit,
        ).returning(Usage.used)
    ).first()
    if taken is None:
        return None
    alerts.limit_used(institution, month, taken.used)
    publish(institution.id, Event("usage.changed", {}, (EVERYBODY,)))
    return places


def give_back(message: Message) -> None:
    """The provider provably never took it, in no try: its places return to the month they came from
    (D28)."""
    if not message.month or not message.places or message.provider_sid:
        return
    db.session.execute(
        update(Usage)
        .where(Usage.institution_id == message.institution_id, Usage.month == message.month)
        .values(used=Usage.used - message.places)
    )
    message.month, message.places = None, 0
    publish(message.institution_id, Event("usage.changed", {}, (EVERYBODY,)))


def of_now(viewer: Viewer) -> dict[str, Any]:
    """This month's use, as the API tells it (contract 4)."""
    institution = db.session.get_one(Institution, viewer.institution_id)
    month = month_of(clock.now(), institution.timezone)
    seats = db.session.execute(
        select(Seats.used).where(Seats.institution_id == institution.id)
    ).scalar_one()
    return {
        "month": month,
        "messages": {"used": used_in(institution.id, month), "limit": institution.message_limit},
        "numbers": {
            "assigned": seats,
            "limit": institution.number_limit,
            "available": numbers.available(institution.id),
        },
    }


def used_in(institution_id: int, month: str) -> int:
    """How many places a month, "2026-11", has used."""
    used = db.session.execute(
        select(Usage.used).where(Usage.institution_id == institution_id, Usage.month == month)
    ).scalar_one_or_none()
    return used or 0


def by_day(viewer: Viewer, month: Month) -> tuple[int, list[int]]:
    """The places that a month has used, and those taken on each local day of it: one question, one
    range of the index for each day.

    A text that was written before the month and queued in it counts on its first day.
    """
    name = f"{month.days[0]:%Y-%m}"
    of_month = select(func.coalesce(func.sum(Message.places), 0)).where(
        Message.institution_id == viewer.institution_id, Message.month == name
    )
    days: list[Any] = []
    for begin, end in pairwise(month.begins):
        day = of_month if end == month.end else of_month.where(Message.created_at < end)
        days.append(day.where(Message.created_at >= begin) if days else day)
    used = select(Usage.used).where(
        Usage.institution_id == viewer.institution_id, Usage.month == name
    )
    parts = (part.scalar_subquery() for part in (used, *days))
    total, *counts = db.session.execute(select(*parts)).one()
    return total or 0, [int(count) for count in counts]
