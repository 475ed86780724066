"""Page: the figures of a period that is chosen, and the same as a file."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from flask import Blueprint, redirect, render_template, request, session, url_for

from app import clock
from app.database import db
from app.errors import Invalid
from app.models import Institution
from app.routes import exports
from app.routes.analytics import shown
from app.routes.configuration.frame import GENERAL
from app.routes.configuration.general import price_words
from app.routes.configuration.picture import usage_view
from app.routes.filters import ALERT_SEEN, bookmark, row_id
from app.rules.access import Can, Viewer
from app.rules.days import day_in
from app.rules.facts import Measure
from app.rules.figures import days_words
from app.rules.month import month_at
from app.rules.periods import Days, Period, before, days_of
from app.rules.phones import pretty
from app.security import allowed, viewer
from app.services import analytics, usage
from app.services.analytics import Choice, Of

bp = Blueprint("analytics", __name__, url_prefix="/analytics")

_YEARS = range(2000, 2200)  # days outside of them are mistyped
_MOST_DAYS = 5 * 366
_KINDS = {"staff": "staff_id", "number": "number_id", "unit": "unit_id"}


@dataclass(frozen=True, slots=True)
class Asked:
    """What the address asks for. `typed`: the days as they were typed. `problems`: by field."""

    period: Period
    days: Days
    of: Of
    typed: dict[str, str]
    problems: dict[str, str]

    @property
    def state(self) -> dict[str, str]:
        """As an address has it; what is so anyway is left out."""
        found = {} if self.period is Period.MONTH else {"period": self.period.value}
        if self.period is Period.DAYS:
            found |= self.typed
        return found | ({"who": whose} if (whose := who(self.of)) else {})


@bp.get("")
@allowed(Can.REPORTS_READ)
def index() -> Any:
    asking = viewer()
    bookmark(asking)
    institution = the_institution()
    today = day_in(clock.now(), institution.timezone)
    asked = read(request.args, today, analytics.otherwise(asking))
    choices, chosen = analytics.choices(asking), analytics.chosen(asking, asked.of)
    if chosen and chosen not in choices:
        choices.append(chosen)
    found = {} if asked.problems else _figures(asking, asked, institution, today)
    page = render_template(
        "analytics/index.html",
        asked=asked,
        state=asked.state,
        who=who(asked.of),
        units=[(who(c.of), "\u2003" * c.depth + c.name) for c in choices if c.of.unit_id],
        only_units=analytics.only_units(asking),
        staff=[(who(c.of), _name(c, asking)) for c in choices if c.of.staff_id],
        numbers=[(who(c.of), _name(c, asking)) for c in choices if c.of.number_id],
        about=_name(chosen, asking) if chosen else institution.name,
        periods=shown.period_words(today),
        days=days_words(asked.days),
        live=today in asked.days,
        may_export=asking.can(Can.REPORTS_EXPORT),
        **found,
    )
    # A part of a page is only shown where its answer is no error.
    return page, 422 if asked.problems and "HX-Request" not in request.headers else 200


@bp.get("/export")
@allowed(Can.REPORTS_READ, Can.REPORTS_EXPORT)
def export() -> Any:
    """The same numbers as CSV."""
    asking, institution = viewer(), the_institution()
    today = day_in(clock.now(), institution.timezone)
    asked = read(request.args, today, analytics.otherwise(asking))
    if asked.problems:
        raise Invalid.many(asked.problems)
    analytics.chosen(asking, asked.of)
    analytics.exported(asking, asked.of, asked.days)
    found = analytics.figures(
        asking.institution_id, asked.of, asked.days, before(asked.period, asked.days)
    )
    _, rows = shown.rows(found, asked.days, today)
    return exports.sent("analytics", shown.CSV_HEAD, shown.cells(found, asked.days, rows))


@bp.post("/alert")
@allowed(Can.LIMITS_EDIT)
def alert_seen() -> Any:
    """The banner about the limit was read; the next level shows it again."""
    session[ALERT_SEEN] = request.form.get("key", "")[:40]
    return "" if "HX-Request" in request.headers else redirect(url_for("session.home"), code=303)


def the_institution() -> Institution:
    return db.session.get_one(Institution, viewer().institution_id)


def _figures(asking: Viewer, asked: Asked, institution: Institution, today: date) -> dict[str, Any]:
    days = asked.days
    found = analytics.figures(asking.institution_id, asked.of, days, before(asked.period, days))
    bar, rows = shown.rows(found, days, today)
    segments, price = found.totals[Measure.SEGMENTS].total(), institution.segment_price
    return {
        "tiles": shown.tiles(found, asked.period, days),
        "bar": bar.value,
        "rows": rows,
        "told": shown.picture_words(bar, rows),
        "anything": any(counts.total() for counts in found.totals.values()),
        "statuses": shown.statuses(found),
        "types": shown.types(found),
        "reasons": shown.reasons(found),
        "codes": shown.codes(found),
        "delivery": shown.times(found.totals[Measure.DELIVERY]),
        "reply": shown.times(found.totals[Measure.REPLY]),
        "segments": segments,
        "cost": shown.cost(segments, price),
        "price": price_words(price),
        "picture": _month(asking, institution) if asked.of == Of() else None,
        "may_open_limits": bool(asking.capabilities & {*GENERAL}),
    }


def _month(asking: Viewer, institution: Institution) -> Any:
    """This month against its limit (S0-45), whatever the period is."""
    now = clock.now()
    month = month_at(now, institution.timezone)
    used, by_day = usage.by_day(asking, month)
    return usage_view(institution.usage(used), by_day, month, now)


# What is asked for


def read(
    args: Mapping[str, str], today: date, otherwise: Of, kinds: Mapping[str, str] = _KINDS
) -> Asked:
    """What an address asks for. `kinds`: whose figures it may ask for; `otherwise`: whose they are
    where it does not."""
    name = args.get("period", "")
    period = Period(name) if name in set(Period) else Period.MONTH
    days = days_of(period, today)
    typed: dict[str, str] = {}
    problems: dict[str, str] = {}
    if period is Period.DAYS:
        typed = {
            "from": args.get("from", "").strip()[:10] or days.first.isoformat(),
            "to": args.get("to", "").strip()[:10] or days.last.isoformat(),
        }
        days, problems = _days(typed, days, today)
    return Asked(period, days, _of(args.get("who", ""), otherwise, kinds), typed, problems)


def _days(typed: Mapping[str, str], otherwise: Days, today: date) -> tuple[Days, dict[str, str]]:
    """Days that are still to come are left out."""
    found, problems = {}, {}
    for name, text in typed.items():
        try:
            found[name] = datetime.strptime(text, "%Y-%m-%d").date()
            if found[name].year not in _YEARS:
                raise ValueError(text)
        except ValueError:
            problems[name] = "Write a day such as 2026-11-20."
    if problems:
        return otherwise, problems
    first, last = found["from"], min(found["to"], today)
    if found["to"] < first:
        return otherwise, {"to": "The last day is before the first one."}
    if first > today:
        return otherwise, {"from": "This day is still to come."}
    if (last - first).days >= _MOST_DAYS:
        return otherwise, {"from": "Five years are the most."}
    return Days(first, last), {}


def _of(text: str, otherwise: Of, kinds: Mapping[str, str]) -> Of:
    """ "staff-5", "number-3", "unit-2"; what is shown `otherwise` for anything else."""
    kind, _, id_ = text.partition("-")
    try:
        return Of(**{kinds[kind]: row_id(id_)})
    except (KeyError, ValueError):
        return otherwise


def who(of: Of) -> str:
    """As an address has it; "" = everybody."""
    if of.unit_id:
        return f"unit-{of.unit_id}"
    if of.staff_id:
        return f"staff-{of.staff_id}"
    return f"number-{of.number_id}" if of.number_id else ""


def _name(choice: Choice, asking: Viewer) -> str:
    return pretty(choice.name, asking.region) if choice.of.number_id else choice.name
