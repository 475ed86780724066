"""Email queue: the emails that carry messages, sent, awaiting and failed with the error (S4-51)."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, and_, false, func, or_, select
from sqlalchemy.orm import aliased

from app.database import db, has_word, only_checked
from app.models import Email, Message, OrgUnit, Person
from app.rules import search
from app.rules.access import Viewer
from app.rules.lifecycle import Status
from app.services.org_units import Within
from app.services.overview import PAGE, seen_by

_KIND = "fallback"  # notices to staff, and links to choose a password, are not messages


class State(StrEnum):
    AWAITING = "awaiting"
    SENT = "sent"
    FAILED = "failed"


_STATUSES = {
    State.AWAITING: (Status.QUEUED, Status.SENDING),
    State.SENT: (Status.SENT,),
    State.FAILED: (Status.FAILED,),
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """`to`: a part of the address, or of the person's name. `within`: of messages that were made in
    this org unit or below. `since` <= made < `until`. `down`: the latest first."""

    to: str = ""
    states: frozenset[State] = frozenset()
    since: datetime | None = None
    until: datetime | None = None
    within: Within | None = None
    down: bool = True


@dataclass(frozen=True, slots=True)
class Row:
    """One email with the last message that it carries, and how many those are (D34). `unit`: the
    name of the org unit that the message was made in."""

    email: Email
    message: Message
    person: Person | None
    carried: int
    unit: str | None


def page(
    viewer: Viewer, wanted: Wanted, limit: int = PAGE, after: tuple[datetime, int] | None = None
) -> list[Row]:
    """The emails of messages that the viewer may see. `after`: (made, id) of the last one they
    have."""
    inside = aliased(Message)
    of_it = inside.email_id == Email.id
    last = select(func.max(inside.id)).where(of_it).scalar_subquery()
    carried = select(func.count()).where(of_it).scalar_subquery()
    at, id_ = Email.created_at, Email.id
    order = (at.desc(), id_.desc()) if wanted.down else (at.asc(), id_.asc())
    rows = db.session.execute(
        select(Email, Message, Person, carried, OrgUnit.name)
        .select_from(Email)
        .join(Message, Message.id == last)
        .outerjoin(Person, Person.id == Message.person_id)
        .outerjoin(OrgUnit, OrgUnit.id == Message.org_unit_id)
        .where(
            Email.institution_id == viewer.institution_id,
            Email.kind == _KIND,
            seen_by(viewer),
            *_filtered(wanted),
            *([_later(after, down=wanted.down)] if after else []),
        )
        .order_by(*order)
        .limit(limit)
    )
    return [Row(*row) for row in rows]


def _filtered(wanted: Wanted) -> list[Any]:
    found: list[Any] = []
    if typed := wanted.to.strip():
        found.append(or_(Email.to_address.contains(typed.lower(), autoescape=True), _named(typed)))
    if wanted.states:
        statuses = [status for state in wanted.states for status in _STATUSES[state]]
        found.append(Email.status.in_(sorted(statuses)))
    if wanted.within is not None:
        found.append(only_checked(Message.org_unit_id).in_(sorted(wanted.within.units)))
    if wanted.since is not None:
        found.append(Email.created_at >= wanted.since)
    if wanted.until is not None:
        found.append(Email.created_at < wanted.until)
    return found


def _named(typed: str) -> ColumnElement[bool]:
    words = search.folded(typed).split()[: search.MOST_TERMS]
    return and_(*(has_word(Person, word) for word in words)) if words else false()


def _later(after: tuple[datetime, int], *, down: bool) -> ColumnElement[bool]:
    at, id_ = Email.created_at, Email.id
    time, last = after
    if down:
        return and_(at <= time, or_(at < time, id_ < last))
    return and_(at >= time, or_(at > time, id_ > last))
