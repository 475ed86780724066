"""Alerts: emails to those who can mend what stands still, or is about to."""

from datetime import date

from sqlalchemy import delete, or_, select, update
from sqlalchemy.orm import selectinload

from app import clock
from app.database import LOCK, db, upsert
from app.models import Institution, LimitAlert, Staff
from app.rules import words
from app.rules.access import Can, capabilities_of
from app.rules.days import day_in
from app.rules.dispatch import Decision, Refuse
from app.rules.limits import LEVELS, LimitUnit, level
from app.rules.texts import fill
from app.services import emails


def account_stopped(institution_id: int, why: str) -> None:
    """The provider account was stopped: texts wait until somebody has looked (D35)."""
    institution = db.session.get_one(Institution, institution_id)
    fields = {"institution": institution.name, "reason": why}
    letter = (words.ACCOUNT_STOPPED_SUBJECT, words.ACCOUNT_STOPPED_BODY)
    _tell(institution, Can.PROVIDER_EDIT, letter, fields)


def hook_paused(institution_id: int, host: str, why: str) -> None:
    """Another system is told nothing any more until somebody has looked (C-32)."""
    institution = db.session.get_one(Institution, institution_id)
    fields = {"institution": institution.name, "host": host, "reason": why}
    letter = (words.HOOK_PAUSED_SUBJECT, words.HOOK_PAUSED_BODY)
    _tell(institution, Can.TOKENS_MANAGE, letter, fields)


def limit_used(institution: Institution, month: str, used: int) -> None:
    """So much of the month is used, in the open transaction. What has been reached holds as a
    banner, and is told by email once per level and month."""
    if level(institution.usage(used)) == _holds(institution, month):
        return
    db.session.refresh(institution, with_for_update=LOCK)  # the limit may be another one by now
    reached = level(institution.usage(used))
    if reached == _holds(institution, month):
        return
    institution.alert_month, institution.alert_level = month, reached
    known = {"institution_id": institution.id, "month": month, "at": clock.now()}
    rows = [{**known, "level": each} for each in LEVELS if each <= reached]
    if not rows:
        return
    kept = upsert(LimitAlert).values(rows).on_conflict_do_nothing().returning(LimitAlert.level)
    if reached in set(db.session.execute(kept).scalars()):
        _tell_limit(institution, month, reached, used)


def limit_changed(institution: Institution, month: str, used: int) -> None:
    """The limit is another one, in the open transaction: what it has not reached is told when it
    does, though it was told of the one before."""
    db.session.execute(
        delete(LimitAlert).where(
            LimitAlert.institution_id == institution.id,
            LimitAlert.month == month,
            LimitAlert.level > level(institution.usage(used)),
        )
    )
    limit_used(institution, month, used)


def _holds(institution: Institution, month: str) -> int:
    return institution.alert_level if institution.alert_month == month else 0


def _tell_limit(institution: Institution, month: str, reached: int, used: int) -> None:
    first = date.fromisoformat(f"{month}-01")
    fields = {
        "institution": institution.name,
        "level": str(reached),
        "used": f"{used:,}",
        "limit": f"{institution.message_limit:,}",
        "kept": f"{institution.reply_reserve:,}",
        "month": f"{first:%B}",
        "unit": "texts" if institution.limit_unit is LimitUnit.MESSAGES else "segments",
    }
    _tell(institution, Can.LIMITS_EDIT, words.limit_letter(reached), fields)


def no_number(institution: Institution, name: str, decision: Decision) -> None:
    """Somebody's message could not go as a text for want of a number, in the open transaction: told
    once a day."""
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
    assert decision.reason is not None
    fields = {
        "institution": institution.name,
        "name": name,
        "went": "was not sent" if isinstance(decision, Refuse) else "went by email",
        "reason": words.REASON_IN_SHORT[decision.reason].lower(),
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
