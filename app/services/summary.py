"""Summary: an email on Mondays about the week before, to whoever may read reports and wants it."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import structlog
from flask import current_app
from sqlalchemy import select

from app.config import Settings
from app.database import LOCK, db, retrying, transaction
from app.models import Institution, OrgUnit, Staff
from app.rules import words
from app.rules.access import Can
from app.rules.days import day_in
from app.rules.facts import Measure, Volume, share
from app.rules.figures import days_words, lasting, most_reasons, percent, told
from app.rules.lifecycle import ARRIVED
from app.rules.limits import LimitUnit, month_of
from app.rules.month import month_at
from app.rules.periods import Days, Period, before, week_to_tell
from app.rules.texts import fill
from app.security import viewer_of_staff
from app.services import analytics, emails, usage
from app.services.alerts import who_may
from app.services.analytics import Of

log = structlog.get_logger()


def write_due(now: datetime) -> int:
    """Write what is due; how many institutions had something. Whoever comes second finds it
    written."""
    count = 0
    for institution_id in db.session.execute(select(Institution.id)).scalars().all():
        try:
            count += _write(institution_id, now)
        except Exception:  # of one school; the others get theirs
            log.exception("summary_not_written", institution=institution_id)
            db.session.rollback()
    return count


@retrying
def _write(institution_id: int, now: datetime) -> bool:
    institution = db.session.get_one(Institution, institution_id)
    here = now.astimezone(ZoneInfo(institution.timezone))
    if week_to_tell(here, institution.summarized_on) is None:
        return False
    with transaction():
        institution = db.session.execute(
            select(Institution).where(Institution.id == institution_id).with_for_update(**LOCK)
        ).scalar_one()
        week = week_to_tell(here, institution.summarized_on)
        if week is None:
            return False
        institution.summarized_on = week.last
        if day_in(institution.created_at, institution.timezone) > week.last:
            return False  # it had no such week
        _tell(institution, week, now)
        return True


def _tell(institution: Institution, week: Days, now: datetime) -> None:
    settings: Settings = current_app.config["SETTINGS"]
    fields = {
        "week": days_words(week),
        "month": _month(institution, now),
        "link": f"{settings.public}/analytics",
        "profile": f"{settings.public}/profile",
    }
    written: dict[Of, tuple[str, str]] = {}
    for staff in who_may(institution.id, Can.REPORTS_READ):
        if staff.weekly_summary:
            of = _whose(staff)
            if of not in written:
                its = fields | _figures(institution, of, week)
                texts = (words.SUMMARY_SUBJECT, words.SUMMARY_BODY)
                written[of] = (fill(texts[0], its), fill(texts[1], its))
            sender, (subject, body) = institution.name, written[of]
            emails.add(institution.id, "notice", staff.email, sender, subject, body, now)


def _whose(staff: Staff) -> Of:
    """The figures that they see first on the page (C-19)."""
    viewer = viewer_of_staff(staff.id) if staff.org_unit_id else None
    return analytics.otherwise(viewer) if viewer else Of()


def _figures(institution: Institution, of: Of, week: Days) -> dict[str, str]:
    found = analytics.figures(institution.id, of, week, before(Period.WEEK, week))
    unit = db.session.get(OrgUnit, of.unit_id) if of.unit_id else None
    volume, was = found.totals[Measure.VOLUME], found.before
    by_word, instead = found.totals[Measure.STATUS], found.totals[Measure.INSTEAD]
    out = volume[Volume.TEXT_OUT]
    arrived = sum(by_word[status.word] for status in ARRIVED)
    answered: Any = share(found.totals[Measure.REPLY], 0.5)
    return {
        "institution": f"{unit.name}, {institution.name}" if unit else institution.name,
        "out": f"{out:,}",
        "out_before": f"{was[Volume.TEXT_OUT]:,}",
        "in": f"{volume[Volume.TEXT_IN]:,}",
        "in_before": f"{was[Volume.TEXT_IN]:,}",
        "delivered": percent(arrived, out),
        "instead": f"{instead.total():,} ({most_reasons(instead)})",
        "opt_outs": f"{found.totals[Measure.OPT_OUT].total():,}",
        "answered": "nobody waited" if answered is None else f"half within {lasting(answered)}",
    }


def _month(institution: Institution, now: datetime) -> str:
    used = usage.used_in(institution.id, month_of(now, institution.timezone))
    limit = institution.message_limit
    unit = "texts" if institution.limit_unit is LimitUnit.MESSAGES else "segments"
    of = "" if limit is None else f" of {limit:,}"
    month = month_at(now, institution.timezone)
    return f"{used:,}{of} {unit} so far. {''.join(told(institution.usage(used), month, now))}"
