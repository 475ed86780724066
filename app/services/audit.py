"""Audit: who did what to what, written in the transaction of the deed."""

from typing import Any

from sqlalchemy import insert

from app import clock
from app.database import db
from app.models import AuditEntry


def audit(
    institution_id: int, action: str, subject: str, staff_id: int | None = None, **detail: Any
) -> None:
    """`action`: noun.past_tense. `subject`: "staff:5". `staff_id` None: the command line."""
    db.session.execute(
        insert(AuditEntry).values(
            institution_id=institution_id,
            staff_id=staff_id,
            action=action,
            subject=subject,
            detail=detail,
            at=clock.now(),
        )
    )
