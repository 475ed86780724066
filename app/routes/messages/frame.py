"""Frame: what the pages of messages share: who may open them, and what an address asks for."""

from collections.abc import Iterable
from datetime import date
from enum import StrEnum
from typing import Any, TypeVar

from flask import Blueprint, g, request

from app.routes import cursor
from app.routes.filters import row_id, zone
from app.rules.access import READERS
from app.rules.days import span
from app.rules.dispatch import Channel
from app.rules.lifecycle import Status
from app.rules.listing import Listed
from app.security import require_one, viewer
from app.services import org_units
from app.services.org_units import Offer, Within
from app.services.overview import Place, Sort, Wanted

bp = Blueprint("messages", __name__, url_prefix="/messages")

E = TypeVar("E", bound=StrEnum)
LONGEST = 100  # characters of a filter
ALL_UNITS = "all"
_PLACE = (lambda text: Status(int(text)), Channel, cursor.when, row_id)
_YEARS = range(1971, 2971)  # a day in none of these is a slip of the hand


@bp.before_request
def _for_readers() -> None:
    """Hidden from whom, refused to whom: the same right (S4-6)."""
    require_one(*READERS)


def words(name: str) -> str:
    return request.args.get(name, "").replace("\x00", "").strip()[:LONGEST]


def some(kind: type[E], name: str) -> frozenset[E]:
    """What is ticked of these; what is none of them is nothing."""
    return frozenset(kind(value) for value in request.args.getlist(name) if value in set(kind))


def day(name: str) -> date | None:
    try:
        found = date.fromisoformat(request.args.get(name, "")[:10])
    except ValueError:
        return None
    return found if found.year in _YEARS else None


def since_until() -> dict[str, Any]:
    """The moments between the days that are asked for, both included, in the viewer's zone."""
    first, last = day("since"), day("until")
    here = str(zone())
    return {
        "since": span(first, first, here)[0] if first else None,
        "until": span(last, last, here)[1] if last else None,
    }


def units() -> Offer:
    """The org units that the viewer may ask about; asked once for a page."""
    if "units_offered" not in g:
        g.units_offered = org_units.offered(viewer())
    found: Offer = g.units_offered
    return found


def within() -> Within | None:
    """The viewer's own unit, unless the address says another one, or all (S4-7, S4-23)."""
    offer, text = units(), request.args.get("unit", "")
    if text == ALL_UNITS:
        return None
    try:
        return offer.within(row_id(text))
    except ValueError:
        return offer.within(offer.own) if offer.own else None


def asked() -> Wanted:
    sort = request.args.get("sort", "")
    return Wanted(
        text=words("text"),
        phone=words("phone"),
        from_=words("from"),
        to=words("to"),
        error=words("error"),
        statuses=some(Listed, "status"),
        within=within(),
        sort=Sort(sort) if sort in set(Sort) else Sort.SENT,
        down=request.args.get("order") != "up",
        **since_until(),
    )


def state(wanted: Wanted) -> dict[str, Any]:
    """What an address says of it; what is as it is anyway stays out."""
    found = {
        "text": wanted.text,
        "phone": wanted.phone,
        "from": wanted.from_,
        "to": wanted.to,
        "error": wanted.error,
        "since": day("since"),
        "until": day("until"),
        "status": in_order(Listed, wanted.statuses),
        "unit": unit_said(wanted.within),
        "sort": wanted.sort.value if wanted.sort is not Sort.SENT else None,
        "order": None if wanted.down else "up",
    }
    return {name: value for name, value in found.items() if value}


def unit_said(asked_for: Within | None) -> str | None:
    """As the address has it, where it has it at all: else it is the viewer's own."""
    if "unit" not in request.args or not units().choices:
        return None
    return str(asked_for.id) if asked_for else ALL_UNITS


def in_order(kind: type[E], chosen: Iterable[E]) -> list[str]:
    return [each.value for each in kind if each in set(chosen)]


def place() -> Place | None:
    """Where the next page begins; None for anything else: the list from its top."""
    found = cursor.read(request.args.get("after", ""), _PLACE)
    return Place(*found) if found else None


def mark(place: Place) -> str:
    return cursor.written((int(place.status), place.channel.value, place.at, place.id))
