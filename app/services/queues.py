"""Queues: what waits unclaimed in each org unit, for who may claim it there (D7)."""

from dataclasses import dataclass

from sqlalchemy import func, select

from app.database import db
from app.models import CONVERSATION_UNCLAIMED, Conversation
from app.rules.access import Viewer
from app.services import inbox, org_units


@dataclass(frozen=True, slots=True)
class Queue:
    """`waiting`: conversations in the unit itself, not below; as `org_units.Row.unclaimed`."""

    id: int
    name: str
    waiting: int


def of(viewer: Viewer) -> list[Queue]:
    """The units that the viewer sees, in the order of the tree; none where none was made."""
    units = org_units.offered(viewer).choices
    if not viewer.sees_more or not units:
        return []
    rows = db.session.execute(
        select(Conversation.org_unit_id, func.count())
        .where(
            inbox.seen_by(viewer),
            CONVERSATION_UNCLAIMED,
            Conversation.archived_at.is_(None),
            Conversation.org_unit_id.is_not(None),
        )
        .group_by(Conversation.org_unit_id)
    )
    waiting = {row[0]: row[1] for row in rows}
    return [Queue(unit.id, unit.name, waiting.get(unit.id, 0)) for unit in units]
