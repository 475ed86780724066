"""Staff: what each of them did in a period, side by side, and the same as a file."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from flask import render_template, request, url_for

from app import clock
from app.errors import Invalid
from app.routes import exports
from app.routes.analytics import shown
from app.routes.analytics.page import Asked, bp, read, the_institution, who
from app.routes.filters import bookmark
from app.rules.access import Can
from app.rules.days import day_in
from app.rules.figures import days_words, lasting, percent
from app.rules.search import folded
from app.security import allowed, viewer
from app.services import analytics, side_by_side
from app.services.analytics import Of
from app.services.side_by_side import Colleague

MOST = 200  # rows of the page; the file has all
_SHORT = 22  # characters of a name beside a bar
_FIRST = "-out"  # whoever sent the most comes first

SORTS: dict[str, Callable[[Colleague], Any]] = {
    "name": lambda c: folded(c.name),
    "out": lambda c: c.out,
    "in": lambda c: c.in_,
    "email": lambda c: c.emails,
    "delivered": lambda c: c.delivered,
    "answer": lambda c: c.answer,
    "opt_outs": lambda c: c.opt_outs,
}
HEADS = {
    "name": "Name",
    "out": "Texts out",
    "in": "Texts in",
    "email": "By email instead",
    "delivered": "Delivered",
    "answer": "First answer",
    "opt_outs": "Opt-outs",
}


@dataclass(frozen=True, slots=True)
class Head:
    """`order`: ascending | descending | none, as ARIA has it."""

    name: str
    label: str
    href: str
    order: str


@dataclass(frozen=True, slots=True)
class RowView:
    """`short`: the name beside a bar. `about`: where they work. `href`: all of their figures."""

    id: int
    name: str
    short: str
    about: str
    href: str
    out: int
    in_: int
    emails: int
    delivered: str
    answer: str
    opt_outs: int


@bp.get("/staff")
@allowed(Can.REPORTS_READ)
def staff() -> Any:
    asking = viewer()
    bookmark(asking)
    here = the_institution()
    today = day_in(clock.now(), here.timezone)
    asked, sort = _asked(), _sort()
    chosen = analytics.chosen(asking, asked.of)
    found, others = ([], 0) if asked.problems else side_by_side.staff(asking, asked.of, asked.days)
    state = {**asked.state, **({"sort": sort} if sort != _FIRST else {})}
    page = render_template(
        "analytics/staff.html",
        asked=asked,
        state=state,
        who=who(asked.of),
        units=[(who(c.of), "\u2003" * c.depth + c.name) for c in analytics.units(asking)],
        only_units=analytics.only_units(asking),
        about=chosen.name if chosen else here.name,
        periods=shown.period_words(today),
        days=days_words(asked.days),
        live=today in asked.days,
        may_export=asking.can(Can.REPORTS_EXPORT),
        rows=[_row(each, asked) for each in ordered(found, sort)[:MOST]],
        all=len(found),
        others=others,
        told=told(found),
        heads=[_head(name, label, sort, asked) for name, label in HEADS.items()],
    )
    # A part of a page is only shown where its answer is no error.
    return page, 422 if asked.problems and "HX-Request" not in request.headers else 200


def _asked() -> Asked:
    asking = viewer()
    today = day_in(clock.now(), the_institution().timezone)
    return read(request.args, today, analytics.otherwise(asking), kinds={"unit": "unit_id"})


def _sort() -> str:
    asked = request.args.get("sort", "")
    return asked if asked.removeprefix("-") in SORTS else _FIRST


def ordered(found: Sequence[Colleague], sort: str) -> list[Colleague]:
    """Whoever has no such figure comes last, whichever way; among equals it goes by name."""
    key, down = SORTS[sort.removeprefix("-")], sort.startswith("-")
    having = [each for each in found if key(each) is not None]
    return [
        *sorted(having, key=key, reverse=down),
        *(each for each in found if key(each) is None),
    ]


def told(found: Sequence[Colleague]) -> str:
    """The picture in a sentence, for whoever does not see it."""
    if not found:
        return ""
    out, came, mails = (
        sum(c) for c in zip(*((c.out, c.in_, c.emails) for c in found), strict=True)
    )
    said = f"{out:,} texts out, {came:,} texts in and {mails:,} by email instead"
    most = max(found, key=lambda each: each.out)
    return f"{said}. {most.name} sent the most: {most.out:,}." if most.out else said


def _row(each: Colleague, asked: Asked) -> RowView:
    name = each.name
    return RowView(
        each.id,
        name,
        name if len(name) <= _SHORT else f"{name[: _SHORT - 1].rstrip()}…",
        ", ".join(part for part in (each.unit, "" if each.active else "deactivated") if part),
        _link("analytics.index", asked, who=who(Of(staff_id=each.id))),
        each.out,
        each.in_,
        each.emails,
        percent(each.arrived, each.out),
        lasting(each.answer),
        each.opt_outs,
    )


def _head(name: str, label: str, sort: str, asked: Asked) -> Head:
    """A name is first sorted upwards, a figure downwards; a second press turns it around."""
    up, down = name, f"-{name}"
    first, second = (up, down) if name == "name" else (down, up)
    orders = {up: "ascending", down: "descending"}
    href = _link("analytics.staff", asked, sort=second if sort == first else first)
    return Head(name, label, href, orders.get(sort, "none"))


def _link(endpoint: str, asked: Asked, **more: Any) -> str:
    return url_for(endpoint, **{**asked.state, **more})


# The file

_CSV_HEAD = (
    *("ID", "Name", "Org. unit", "From", "To", "Texts out", "Texts in", "By email instead"),
    *("Delivered", "Delivered %", "First answer: half within, in seconds", "Opt-outs"),
)


@bp.get("/staff/export")
@allowed(Can.REPORTS_READ, Can.REPORTS_EXPORT)
def staff_export() -> Any:
    """The same numbers, of everybody who has any."""
    asked = _asked()
    if asked.problems:
        raise Invalid.many(asked.problems)
    found = ordered(side_by_side.export(viewer(), asked.of, asked.days), _sort())
    return exports.sent("staff", _CSV_HEAD, (_cells(each, asked) for each in found))


def _cells(each: Colleague, asked: Asked) -> tuple[exports.Cell, ...]:
    part = each.delivered
    return (
        each.id,
        each.name,
        each.unit or "",
        asked.days.first.isoformat(),
        asked.days.last.isoformat(),
        each.out,
        each.in_,
        each.emails,
        each.arrived,
        None if part is None else round(100 * part, 1),
        each.answer,
        each.opt_outs,
    )
