"""Alerts: emails to those who can mend what stands still, or is about to."""

from datetime import date

from sqlalchemy import or_, select, update
from sqlalchemy.orm import selectinload

from app import clock
from app.database import db, upsert
from app.models import Institution, LimitAlert, Staff
from app.rules import words
from app.rules.access import Can, capabilities_of
from app.rules.days import day_in
from app.rules.limits import LEVELS, LimitUnit, level
from app.rules.reasons import Reason
from app.rules.texts import fill
from app.services import emails


def account_stopped(institution_id: int, why: str) -> None:
    """The provider account was stopped: texts wait until somebody has looked (D35)."""
    institution = db.session.get_one(Institution, institution_id)
    fields = {"institution": institution.name, "reason": why}
    letter = (words.ACCOUNT_STOPPED_SUBJECT, words.ACCOUNT_STOPPED_BODY)
    _tell(institution, Can.PROVIDER_EDIT, letter, fields)


def limit_used(institution: Institution, month: str, used: int) -> None:
    """So much of the month is used, or the limit is another one, in the open transaction. What has
    been reached holds as a banner, and is told by email once per level and month."""
    reached = level(used, institution.message_limit)
    before = institution.alert_level if institution.alert_month == month else 0
    if reached == before:
        return
    institution.alert_month, institution.alert_level = month, reached
    known = {"institution_id": institution.id, "month": month, "at": clock.now()}
    rows = [{**known, "level": each} for each in LEVELS if each <= reached]
    if not rows:
        return
    kept = upsert(LimitAlert).values(rows).on_conflict_do_nothing().returning(LimitAlert.level)
    if reached not in set(db.session.execute(kept).scalars()):
        return
    first = date.fromisoformat(f"{month}-01")
    fields = {
        "institution": institution.name,
        "level": str(reached),
        "used": f"{used:,}",
        "limit": f"{institution.message_limit:,}",
        "month": f"{first:%B}",
        "unit": "texts" if institution.limit_unit is LimitUnit.MESSAGES else "segments",
    }
    _tell(institution, Can.LIMITS_EDIT, words.limit_letter(reached), fields)


def no_number(institution: Institution, name: str, reason: Reason) -> None:
    """Somebody's text went by email for want of a number, in the open transaction: told once a
    day."""
    today = day_in(clock.now(), institution.timezone)
    if institution.no_number_on == today:
        return
    told = (
        update(Institution)
        .where(
            Institution.id == institution.id,
            or_(Institution.no_number_on.is_(None), Institution.no_number_on < today),
        )
        .values(no_number_on=today)
        .returning(Institution.id)
    )
    if db.session.execute(told).first() is None:
        return  # somebody else has told it meanwhile
    fields = {
        "institution": institution.name,
        "name": name,
        "reason": words.REASON_IN_SHORT[reason].lower(),
    }
    _tell(institution, Can.NUMBERS_MANAGE, (words.NO_NUMBER_SUBJECT, words.NO_NUMBER_BODY), fields)


def _tell(
    institution: Institution, who: Can, letter: tuple[str, str], fields: dict[str, str]
) -> None:
    subject, body = (fill(part, fields) for part in letter)
    for staff in who_may(institution.id, who):
        emails.add(
            institution.id, "notice", staff.email, institution.name, subject, body, clock.now()
        )


def who_may(institution_id: int, what: Can) -> list[Staff]:
    """The active staff with a right, in the order they were made."""
    rows = db.session.execute(
        select(Staff)
        .where(Staff.institution_id == institution_id, Staff.active)
        .options(selectinload(Staff.roles))
        .order_by(Staff.id)
    ).scalars()
    return [s for s in rows if what in capabilities_of((r.kind, r.capabilities) for r in s.roles)]
