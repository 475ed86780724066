"""Audit log: what was written down (`services.audit`), found again and with names for its ids."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, case, func, literal, or_, select, tuple_
from sqlalchemy.orm import aliased

from app.database import db
from app.models import AuditEntry, Staff
from app.rules.access import Viewer
from app.rules.audit_log import DEEDS, SETTINGS_CHANGED, Kind, Names, kind_of
from app.rules.days import span
from app.services import exporting, subjects
from app.services.subjects import Subject

PAGE = 50
MOST_STAFF = 1000  # to choose from
COMMAND_LINE = 0  # as `by`: what was done while nobody was signed in


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is looked for. `by`: a staff id or COMMAND_LINE. `first`, `last`: days where the viewer
    lives, both included. `q`: the name of the thing, or the end of its number."""

    by: int | None = None
    kind: Kind | None = None
    first: date | None = None
    last: date | None = None
    q: str = ""

    @property
    def said(self) -> dict[str, Any]:
        """What is set, as an audit entry keeps it."""
        found = {
            "by": self.by,
            "kind": self.kind and self.kind.value,
            "from": self.first and self.first.isoformat(),
            "to": self.last and self.last.isoformat(),
            "q": self.q or None,
        }
        return {name: value for name, value in found.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Place:
    """Where in the log an entry stands: what was before it is the next page."""

    at: datetime
    id: int


@dataclass(frozen=True, slots=True)
class Entry:
    """`who` None: the command line. `subject`: what it was done to, None where that is gone."""

    id: int
    at: datetime
    who: str | None
    action: str
    detail: dict[str, Any]
    subject: Subject | None
    names: Names

    @property
    def place(self) -> Place:
        return Place(self.at, self.id)


def page(
    viewer: Viewer, wanted: Wanted, *, limit: int = PAGE, before: Place | None = None
) -> list[Entry]:
    """The newest entries that are looked for."""
    return _read(viewer, [_inside(viewer), *_wanted(viewer, wanted), *_older(before)], limit)


def staff_to_choose(viewer: Viewer) -> list[tuple[int, str]]:
    """Everybody who may have done something, as (staff id, name), by name."""
    found = db.session.execute(
        select(Staff.id, Staff.name)
        .where(Staff.institution_id == viewer.institution_id)
        .order_by(func.lower(Staff.name), Staff.id)
        .limit(MOST_STAFF)
    )
    return [(staff_id, name) for staff_id, name in found]


def export(viewer: Viewer, wanted: Wanted) -> Iterator[Entry]:
    """All that is looked for, the newest first, read bit by bit; what is written meanwhile is not
    in it, and that it was exported is written down."""
    newest = _read(viewer, [_inside(viewer)], 1)
    exporting.write_down(viewer, "audit_log.exported", wanted.said)
    if not newest:
        return iter(())
    return exporting.every(
        lambda before: page(viewer, wanted, limit=exporting.BATCH, before=before),
        Place(newest[0].at, newest[0].id + 1),
    )


# What is looked for


def _inside(viewer: Viewer) -> ColumnElement[bool]:
    return AuditEntry.institution_id == viewer.institution_id


def _wanted(viewer: Viewer, wanted: Wanted) -> list[Any]:
    found: list[Any] = []
    if wanted.by is not None:
        by = wanted.by if wanted.by != COMMAND_LINE else None
        found.append(AuditEntry.staff_id == by)
    if wanted.kind is not None:
        found.append(_of_kind(wanted.kind))
    if wanted.first is not None:
        found.append(AuditEntry.at >= span(wanted.first, wanted.first, viewer.timezone)[0])
    if wanted.last is not None:
        found.append(AuditEntry.at < span(wanted.last, wanted.last, viewer.timezone)[1])
    if wanted.q.strip():
        found.append(_named(viewer, wanted.q))
    return found


def _of_kind(kind: Kind) -> ColumnElement[bool]:
    if kind is Kind.OTHER:
        return AuditEntry.action.not_in(DEEDS)
    return AuditEntry.action.in_([action for action in DEEDS if kind_of(action) is kind])


def _named(viewer: Viewer, q: str) -> ColumnElement[bool]:
    """About something of this name, also something that is gone but whose name the entry keeps."""
    kept = [
        func.lower(AuditEntry.detail[name].as_string()).contains(q.strip().lower(), autoescape=True)
        for name in ("name", "title")
    ]
    return or_(subjects.is_about(viewer, q), *kept)


def _older(before: Place | None) -> list[Any]:
    if before is None:
        return []
    return [
        tuple_(AuditEntry.at, AuditEntry.id)
        < tuple_(literal(before.at, AuditEntry.at.type), before.id)
    ]


# Reading


def _read(viewer: Viewer, wanted: Sequence[Any], limit: int) -> list[Entry]:
    rows = db.session.execute(_rows(wanted).limit(limit)).all()
    known = subjects.of(viewer, [(row.subject, row.detail) for row in rows])
    return [
        Entry(
            row.id,
            row.at,
            row.name,
            row.action,
            row.detail,
            known.subjects.get(row.subject),
            known.names(row.subject, row.version),
        )
        for row in rows
    ]


def _rows(wanted: Sequence[Any]) -> Select[Any]:
    """`version`: of the settings, after a change of them."""
    earlier = aliased(AuditEntry)
    changes = (
        select(func.count() + 1)
        .where(
            earlier.institution_id == AuditEntry.institution_id,
            earlier.action == SETTINGS_CHANGED,
            earlier.id <= AuditEntry.id,
        )
        .correlate(AuditEntry)
        .scalar_subquery()
    )
    version = case((AuditEntry.action == SETTINGS_CHANGED, changes)).label("version")
    return (
        select(
            AuditEntry.id,
            AuditEntry.at,
            AuditEntry.action,
            AuditEntry.subject,
            AuditEntry.detail,
            Staff.name,
            version,
        )
        .outerjoin(Staff, Staff.id == AuditEntry.staff_id)
        .where(*wanted)
        .order_by(AuditEntry.at.desc(), AuditEntry.id.desc())
    )
