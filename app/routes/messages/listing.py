"""Listing: the overview itself, its filters, and its rows as they change (S4-7..S4-26)."""

from dataclasses import dataclass
from typing import Any

from flask import g, render_template, request, url_for

from app.models import Direction
from app.routes.filters import bookmark, row_id
from app.routes.messages.frame import ALL_UNITS, asked, bp, day, mark, place, state, units
from app.routes.messages.shown import RowView, label_of, row_view
from app.rules import phones
from app.rules.access import Viewer
from app.rules.listing import Listed
from app.security import allowed, viewer
from app.services import overview, resending
from app.services.overview import MOST_NEW, PAGE, Row, Sort, Wanted

MOST_SHOWN = 100  # ids that a refresh may name
_NAMES = {
    "text": "Text",
    "phone": "Phone",
    "from": "From",
    "to": "Destination",
    "error": "Error code",
}


@bp.get("")
@allowed()
def index() -> Any:
    bookmark(viewer())
    return page()


def page(problem: str | None = None, template: str = "index.html") -> str:
    """The list that the address asks for. `problem`: why nothing was done with the picked row."""
    asking, wanted = viewer(), asked()
    rows = overview.page(asking, wanted, PAGE + 1, place())
    more = mark(rows[PAGE - 1].place) if len(rows) > PAGE else None
    return _list(template, asking, wanted, rows[:PAGE], more=more, problem=problem)


@bp.get("/rows")
@allowed()
def rows() -> Any:
    """The rows that a page shows, as they are now and where they are: also one that the filter
    would no longer find. How many are new is said, not shown (S4-26); where there was none, they
    are shown."""
    shown = [int(id_) for id_ in request.args.get("shown", "").split(",") if _is_id(id_)]
    if not shown:
        return page(template="_found.html")
    asking, wanted = viewer(), asked()
    found = overview.these(asking, shown[:MOST_SHOWN])
    first_page = wanted.sort is Sort.SENT and wanted.down and "after" not in request.args
    latest = max((row.place for row in found), key=lambda p: (p.at, p.id), default=None)
    new = overview.newer(asking, wanted, latest) if first_page and latest else 0
    return _list("_found.html", asking, wanted, found, new=new, more=request.args.get("more"))


def _is_id(text: str) -> bool:
    try:
        return row_id(text) > 0
    except ValueError:
        return False


def _list(template: str, asking: Viewer, wanted: Wanted, found: list[Row], **more: Any) -> str:
    kept = state(wanted)
    new = more.pop("new", 0)
    return render_template(
        f"messages/{template}",
        rows=[row_view(row, asking) for row in found],
        picked=_picked(asking, found),
        state=kept,
        after=request.args.get("after"),
        shown=",".join(str(row.message.id) for row in found),
        filters=_filters(wanted, kept),
        heads={sort.value: _head(wanted, kept, sort) for sort in Sort},
        new=f"{new} or more" if new == MOST_NEW else new,
        **more,
    )


# The picked row


@dataclass(frozen=True, slots=True)
class Picked:
    """`refusal`: why it cannot be sent again; None where it can. `write`: where the other side of
    it is written to; None where the viewer may not, or it has no number."""

    row: RowView
    refusal: str | None
    write: str | None


def _picked(asking: Viewer, found: list[Row]) -> Picked | None:
    id_ = g.get("picked") or request.args.get("picked", type=row_id)
    if not id_:
        return None
    here = [row for row in found if row.message.id == id_] or overview.these(asking, [id_])
    if not here:
        return None
    return Picked(
        row_view(here[0], asking), resending.refusal(asking, id_), _write(here[0], asking)
    )


def _write(row: Row, asking: Viewer) -> str | None:
    message = row.message
    inbound = message.direction is Direction.INBOUND
    address = (message.from_address if inbound else message.to_address) or ""
    if not asking.may_start:
        return None
    if row.person is not None:
        return url_for("messages.new", person=row.person.id)
    return url_for("messages.new", number=address) if phones.is_e164(address) else None


# What the filters and heads say


@dataclass(frozen=True, slots=True)
class Chip:
    """`href`: the list without this filter."""

    text: str
    href: str


@dataclass(frozen=True, slots=True)
class Head:
    """`order`: ascending | descending | none, as ARIA has it."""

    href: str
    order: str


def _filters(wanted: Wanted, kept: dict[str, Any]) -> dict[str, Any]:
    since, until = day("since"), day("until")
    chips = [
        Chip(f"{label}: {kept[name]}", _without(kept, name))
        for name, label in _NAMES.items()
        if name in kept
    ]
    if wanted.within:
        everywhere = url_for("messages.index", **{**kept, "unit": ALL_UNITS})
        chips.append(Chip(f"Org. unit: {wanted.within.name}", everywhere))
    if since or until:
        chips.append(Chip(_days(since, until), _without(kept, "since", "until")))
    for listed in (each for each in Listed if each in wanted.statuses):
        rest = [value for value in kept["status"] if value != listed.value]
        chips.append(Chip(label_of(listed), url_for("messages.index", **{**kept, "status": rest})))
    bare: dict[str, Any] = {n: kept[n] for n in ("sort", "order") if n in kept}
    if units().own:
        bare["unit"] = ALL_UNITS
    return {
        "chips": chips,
        "days": _days(since, until) if since or until else "Any time",
        "statuses": [(each.value, label_of(each), each in wanted.statuses) for each in Listed],
        "chosen": f"{len(wanted.statuses)} chosen" if wanted.statuses else "Any",
        "units": units().choices,
        "unit": wanted.within and wanted.within.id,
        "bare": url_for("messages.index", **bare),
    }


def _without(kept: dict[str, Any], *names: str) -> str:
    return url_for("messages.index", **{n: v for n, v in kept.items() if n not in names})


def _days(since: Any, until: Any) -> str:
    if since == until:
        return f"On {_short(since)}"
    if since and until:
        return f"{_short(since)} to {_short(until)}"
    return f"Since {_short(since)}" if since else f"Until {_short(until)}"


def _short(found: Any) -> str:
    return f"{found:%b} {found.day}, {found.year}"


def _head(wanted: Wanted, kept: dict[str, Any], sort: Sort) -> Head:
    here = wanted.sort is sort
    down = not wanted.down if here else True
    said = ("descending" if wanted.down else "ascending") if here else "none"
    order = {"sort": sort.value if sort is not Sort.SENT else None, "order": None if down else "up"}
    return Head(url_for("messages.index", **{**kept, **order}), said)
