"""Cover: a colleague sees and answers somebody's conversations for some days, under their own
name."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import or_, select
from sqlalchemy.orm import aliased

from app import clock
from app.database import LOCK, db, retrying, transaction
from app.errors import Conflict, Forbidden, Invalid, NotFound
from app.events import Event, publish
from app.models import Cover, Staff
from app.rules.access import WRITERS, Can, Viewer, capabilities_of, staff_audience
from app.rules.days import day_in, span
from app.services import staff
from app.services.audit import audit

LONGEST = timedelta(days=366)


@dataclass(frozen=True, slots=True)
class Covered:
    """One cover, current or to come. Days are those of the zone it is asked for in, both
    included."""

    id: int
    staff_id: int
    holder: str
    by: str
    first: date
    last: date
    has_begun: bool


def of(viewer: Viewer, staff_id: int) -> list[Covered]:
    """Where this member of staff is covered or covers, current and to come, the next first."""
    holder, by = aliased(Staff), aliased(Staff)
    now = clock.now()
    rows = db.session.execute(
        select(Cover, holder.name, by.name)
        .join(holder, holder.id == Cover.staff_id)
        .join(by, by.id == Cover.by_staff_id)
        .where(
            Cover.institution_id == viewer.institution_id,
            or_(Cover.staff_id == staff_id, Cover.by_staff_id == staff_id),
            Cover.until_at > now,
            Cover.until_at > Cover.from_at,
        )
        .order_by(Cover.from_at, Cover.id)
    )
    return [_covered(cover, name, by_name, now, viewer) for cover, name, by_name in rows]


def _covered(cover: Cover, holder: str, by: str, now: datetime, viewer: Viewer) -> Covered:
    last = day_in(cover.until_at - timedelta(seconds=1), viewer.timezone)
    first = day_in(cover.from_at, viewer.timezone)
    return Covered(cover.id, cover.staff_id, holder, by, first, last, cover.from_at <= now)


@retrying
def arrange(viewer: Viewer, staff_id: int, by_id: int, first: date, last: date) -> None:
    """Let a colleague cover for this member of staff on these days of the viewer's zone.

    One's own, or with `staff.manage` anybody's. Raises Invalid for the colleague or the days;
    somebody has one cover at a time.
    """
    _require(viewer, staff_id)
    now = clock.now()
    _check_days(first, last, day_in(now, viewer.timezone))
    from_at, until_at = span(first, last, viewer.timezone)
    with transaction():
        holder = staff.one(viewer, staff_id)
        db.session.refresh(holder, with_for_update=LOCK)
        colleague = _able(viewer, by_id, staff_id)
        other = select(Cover.id).where(
            Cover.staff_id == staff_id,
            Cover.from_at < until_at,
            Cover.until_at > from_at,
            Cover.until_at > now,
            Cover.until_at > Cover.from_at,
        )
        if db.session.execute(other.limit(1)).first():
            raise Invalid("first", f"Somebody covers for {holder.name} on some of these days.")
        made = Cover(
            institution_id=viewer.institution_id,
            staff_id=staff_id,
            by_staff_id=by_id,
            from_at=from_at,
            until_at=until_at,
            created_at=now,
        )
        db.session.add(made)
        db.session.flush()
        days = {"by": colleague.id, "first": first.isoformat(), "last": last.isoformat()}
        audit(viewer.institution_id, "cover.arranged", f"staff:{staff_id}", viewer.staff_id, **days)
        _announce(made)


def _require(viewer: Viewer, staff_id: int) -> None:
    if staff_id != viewer.staff_id and not viewer.can(Can.STAFF_MANAGE):
        raise Forbidden(f"Your role does not allow this ({Can.STAFF_MANAGE}).")


def _check_days(first: date, last: date, today: date) -> None:
    if last < first:
        raise Invalid("last", "The last day is before the first one.")
    if last < today:
        raise Invalid("last", "That is over already.")
    if last - first > LONGEST or last > today + 2 * LONGEST:
        raise Invalid("last", "A cover lasts at most a year. To hand over for good, deactivate.")


def _able(viewer: Viewer, by_id: int, staff_id: int) -> Staff:
    """The colleague who is to cover, who may answer and is not the one who is covered."""
    try:
        found = staff.one(viewer, by_id)
    except NotFound:
        raise Invalid("by", "Choose a colleague.") from None
    can = capabilities_of((role.kind, role.capabilities) for role in found.roles)
    if by_id == staff_id or not found.active or not can & {*WRITERS}:
        raise Invalid("by", "Choose a colleague who may answer texts.")
    return found


def _announce(cover: Cover) -> None:
    audience = tuple(map(staff_audience, (cover.staff_id, cover.by_staff_id)))
    publish(cover.institution_id, Event("cover.changed", {"cover": cover.id}, audience))


@retrying
def end(viewer: Viewer, cover_id: int) -> int:
    """End a cover now, or before it begins; whose it was. Raises as `arrange`."""
    now = clock.now()
    with transaction():
        found = db.session.get(Cover, cover_id, with_for_update=LOCK)
        if found is None or found.institution_id != viewer.institution_id:
            raise NotFound("There is no such cover.")
        _require(viewer, found.staff_id)
        if found.until_at <= now:
            raise Conflict("This cover has ended already.", code="ended")
        found.until_at = max(found.from_at, now)
        audit(viewer.institution_id, "cover.ended", f"staff:{found.staff_id}", viewer.staff_id)
        _announce(found)
        return found.staff_id
