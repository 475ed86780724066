"""Presence: who has a browser connected, so that nobody is emailed about what they can see
(S3-16)."""

from sqlalchemy import update

from app import clock
from app.database import db, retrying, transaction
from app.models import Staff


@retrying
def note(staff_ids: set[int]) -> None:
    """These members of staff have a browser connected now."""
    if not staff_ids:
        return
    with transaction():
        db.session.execute(
            update(Staff).where(Staff.id.in_(sorted(staff_ids))).values(last_live_at=clock.now())
        )
