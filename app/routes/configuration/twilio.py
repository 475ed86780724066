"""Twilio: the month's texts, the numbers and who holds them, and the account (S3-18..S3-43)."""

from dataclasses import dataclass
from typing import Any

from flask import current_app, render_template, request, url_for

from app import clock
from app.config import Settings
from app.database import db
from app.models import Institution
from app.routes.configuration.frame import TWILIO, begin, bp, page
from app.routes.configuration.picture import SeatsView, UsageView, seats_view, usage_view
from app.rules.access import Can, Viewer
from app.rules.month import idle_days, month_at
from app.rules.phones import pretty
from app.security import allowed, require_one, viewer
from app.services import account_state, org_units, pool, sharing, usage
from app.services.pool import Counts, Row, Shown, Sort
from app.services.representatives import Standing

ENDPOINT = "configuration.twilio"
_MOST_HOLDERS = 120
_HEADS = {
    Shown.ASSIGNED: (
        ("Person", Sort.PERSON),
        ("Number", Sort.NUMBER),
        ("Assigned", Sort.ASSIGNED),
        ("Last used", Sort.USED),
        ("Open conversations", Sort.OPEN),
    ),
    Shown.FREE: (("Number", Sort.NUMBER), ("Last used", Sort.USED)),
    Shown.RETIRED: (("Number", Sort.NUMBER), ("Last used", Sort.USED)),
}
_NEWEST_FIRST = {Sort.ASSIGNED, Sort.USED, Sort.OPEN}


@bp.get("/twilio")
@allowed()
def twilio() -> Any:
    return _page()


def _page() -> str:
    """The whole tab; each part for whoever may see it."""
    require_one(*TWILIO)
    asking = begin()
    parts: dict[str, Any] = _month(asking)
    if asking.can(Can.NUMBERS_MANAGE):
        parts |= _grid(asking, parts["counts"])
    if asking.can(Can.PROVIDER_EDIT):
        settings: Settings = current_app.config["SETTINGS"]
        parts["account"] = account_state.of(asking, settings.public)
    return page("twilio.html", ENDPOINT, **parts)


@bp.get("/twilio/usage")
@allowed()
def usage_() -> Any:
    require_one(*TWILIO)
    return render_template("configuration/_usage.html", **_month(viewer()))


@bp.get("/twilio/numbers")
@allowed(Can.NUMBERS_MANAGE)
def grid() -> Any:
    """A part of the page; the address follows what was searched."""
    found = _grid(viewer(), pool.counts(viewer()))
    state = {name: found["grid"].get(name) for name in ("show", "q", "sort", "order")}
    part = render_template("configuration/_grid.html", **found)
    return part, {"HX-Replace-Url": url_for(ENDPOINT, **state)}


# The month


def _month(asking: Viewer) -> dict[str, Any]:
    now, counts = clock.now(), pool.counts(asking)
    institution = db.session.get_one(Institution, asking.institution_id)
    month = month_at(now, institution.timezone)
    used, days = usage.by_day(asking, month)
    picture: UsageView = usage_view(institution.usage(used), days, month, now)
    holders = pool.holders(asking, _MOST_HOLDERS)
    seats: SeatsView = seats_view(counts, institution.number_limit, holders, now)
    limits = asking.can(Can.LIMITS_EDIT) or asking.can(Can.SETTINGS_EDIT)
    return {"picture": picture, "seats": seats, "counts": counts, "may_open_limits": limits}


# The grid


@dataclass(frozen=True, slots=True)
class Head:
    """`order`: ascending | descending | none, as ARIA has it."""

    label: str
    href: str
    order: str


@dataclass(frozen=True, slots=True)
class RowView:
    id: int
    number: str
    name: str
    role: str
    row: Row
    idle: int | None
    cooling: bool
    stands: Standing | None  # of a number that a unit shares


def _grid(asking: Viewer, counts: Counts) -> dict[str, Any]:
    args = request.args
    shown = _one_of(Shown, args.get("show"), Shown.ASSIGNED)
    q = args.get("q", "").replace("\x00", "").strip()[:100]
    sort = _one_of(Sort, args.get("sort"), Sort.USED)
    if sort not in {key for _, key in _HEADS[shown]}:
        sort = Sort.USED
    descending = args.get("order", "down" if sort in _NEWEST_FIRST else "up") == "down"
    rows = pool.rows(asking, shown, q, sort, descending=descending, limit=pool.MOST + 1)
    show = None if shown is Shown.ASSIGNED else shown.value
    state: dict[str, Any] = {"show": show, "q": q or None}
    now = clock.now()
    shared = sharing.standing_of(asking, {row.unit.id for row in rows if row.unit})

    def head(label: str, key: Sort) -> Head:
        here = key is sort
        first_down = key in _NEWEST_FIRST
        down = not descending if here else first_down
        order = "down" if down else "up"
        href = url_for(ENDPOINT, **state, sort=key.value, order=order)
        said = ("descending" if descending else "ascending") if here else "none"
        return Head(label, href, said)

    def view(row: Row) -> RowView:
        roles = ", ".join(role.name for role in row.holder.roles) if row.holder else ""
        if row.holder and not pool.may_hold(row.holder):
            roles += ", may no longer start texts" if roles else "May no longer start texts"
        number = row.number
        return RowView(
            number.id,
            pretty(number.e164, asking.region),
            f"Shared: {row.unit.name}" if row.unit else row.holder.name if row.holder else "",
            roles,
            row,
            idle_days(number.last_used_at, now) if row.holder else None,
            bool(number.free_from and number.free_from > now),
            shared[row.unit.id] if row.unit else None,
        )

    order = {"sort": sort.value, "order": "down" if descending else "up"}
    return {
        "heads": [head(label, key) for label, key in _HEADS[shown]],
        "rows": [view(row) for row in rows[: pool.MOST]],
        "more": len(rows) > pool.MOST,
        "grid": {**state, "shown": shown.value, **(order if "sort" in args else {})},
        "counts": counts,
        "units": bool(org_units.choices(asking)) if shown is Shown.FREE else False,
    }


def _one_of(kind: Any, text: str | None, otherwise: Any) -> Any:
    return kind(text) if text in set(kind) else otherwise
