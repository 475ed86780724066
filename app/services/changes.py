"""Changes: what others have saved in the settings since an editor loaded them, and who they are."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select

from app.database import db
from app.models import AuditEntry, Institution, Staff
from app.rules.access import Viewer


@dataclass(frozen=True, slots=True)
class Saved:
    """One field as it was at a version and as it is, and who saved it last. `by` None: the command
    line."""

    was: Any
    now: Any
    by: str | None
    at: datetime


def newest(viewer: Viewer) -> int:
    """The version that the settings have now."""
    institution = db.session.get_one(Institution, viewer.institution_id, populate_existing=True)
    return institution.version


def since(viewer: Viewer, version: int) -> dict[str, Saved]:
    """The fields that were saved after `version`, by name; their audit entries know them all."""
    institution = db.session.get_one(Institution, viewer.institution_id, populate_existing=True)
    missed = max(institution.version - version, 0)
    rows = db.session.execute(
        select(AuditEntry, Staff.name)
        .outerjoin(Staff, Staff.id == AuditEntry.staff_id)
        .where(
            AuditEntry.institution_id == viewer.institution_id,
            AuditEntry.action == "settings.changed",
        )
        .order_by(AuditEntry.id.desc())
        .limit(min(missed, 200))
    ).all()
    found: dict[str, Saved] = {}
    for entry, name in reversed(rows):
        for field, (was, now) in entry.detail.items():
            first = found.get(field)
            found[field] = Saved(first.was if first else was, now, name, entry.at)
    return {field: saved for field, saved in found.items() if saved.was != saved.now}


def parts_of(field: str, saved: dict[str, Saved]) -> dict[str, Saved]:
    """A field of several parts, such as subject and body, part by part."""
    change = saved.get(field)
    if change is None:
        return {}
    return {
        part: Saved(was, change.now[part], change.by, change.at)
        for part, was in change.was.items()
        if was != change.now[part]
    }
