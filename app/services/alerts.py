"""Alerts: emails to those who can mend what stands still."""

from sqlalchemy import select
from sqlalchemy.orm import selectinload

from app import clock
from app.database import db
from app.models import Institution, Staff
from app.rules import words
from app.rules.access import Can, capabilities_of
from app.rules.texts import fill
from app.services import emails


def account_stopped(institution_id: int, why: str) -> None:
    """The provider account was stopped: texts wait until somebody has looked (D35)."""
    institution = db.session.get_one(Institution, institution_id)
    fields = {"institution": institution.name, "reason": why}
    for staff in _who_may(institution_id, Can.PROVIDER_EDIT):
        emails.add(
            institution_id,
            "notice",
            staff.email,
            institution.name,
            fill(words.ACCOUNT_STOPPED_SUBJECT, fields),
            fill(words.ACCOUNT_STOPPED_BODY, fields),
            clock.now(),
        )


def _who_may(institution_id: int, what: Can) -> list[Staff]:
    rows = db.session.execute(
        select(Staff)
        .where(Staff.institution_id == institution_id, Staff.active)
        .options(selectinload(Staff.roles))
        .order_by(Staff.id)
    ).scalars()
    return [s for s in rows if what in capabilities_of((r.kind, r.capabilities) for r in s.roles)]
