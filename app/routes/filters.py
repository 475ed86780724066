"""Filters: times and numbers as the viewer reads them, and what every page needs."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from flask import Flask, g, request, session, url_for
from werkzeug.routing import IntegerConverter, Map

from app import clock, events
from app.rules.access import READERS, Can, Viewer
from app.rules.limits import ONLY_ANSWERS, LimitUnit, month_of
from app.rules.phones import pretty
from app.services import inbox

ALERT_SEEN = "alert_seen"  # in the session: the key of the banner that was dismissed
LARGEST_ID = 2**63 - 1  # of both databases; a larger one is no row's


class _Id(IntegerConverter):
    """`<int:...>` in the address of a page."""

    def __init__(self, map: Map) -> None:
        super().__init__(map, max=LARGEST_ID)


def row_id(text: str) -> int:
    """An id as a query or a form brings it; ValueError for what cannot be one."""
    found = int(text)
    if not 0 <= found <= LARGEST_ID:
        raise ValueError(text)
    return found


def init_app(app: Flask) -> None:
    app.url_map.converters["int"] = _Id
    for name, rule in _FILTERS.items():
        app.add_template_filter(rule, name)
    app.context_processor(_for_every_page)
    app.jinja_env.trim_blocks = True
    app.jinja_env.lstrip_blocks = True


def zone() -> ZoneInfo:
    viewer: Viewer | None = g.get("viewer")
    return ZoneInfo(viewer.timezone if viewer else "UTC")


def local(at: datetime) -> datetime:
    return at.astimezone(zone())


def clock_time(at: datetime) -> str:
    """9:42 am"""
    return local(at).strftime("%-I:%M %p").lower()


def day(at: datetime) -> str:
    """Today, Yesterday, Monday, November 3; with the year where it is another one."""
    here, today = local(at).date(), local(clock.now()).date()
    if here == today:
        return "Today"
    if here == today - timedelta(days=1):
        return "Yesterday"
    return f"{here:%A, %B} {here.day}" + (f", {here.year}" if here.year != today.year else "")


def date_words(day: date) -> str:
    """Mon, November 23; with the year where it is another one."""
    year = f", {day.year}" if day.year != local(clock.now()).year else ""
    return f"{day:%a, %B} {day.day}{year}"


def when(at: datetime) -> str:
    """Short, for a list: 9:42 am today, Thu within six days, then Nov 3."""
    here, today = local(at).date(), local(clock.now()).date()
    if here == today:
        return clock_time(at)
    if timedelta(0) < today - here < timedelta(days=6):
        return f"{here:%a}"
    return brief_day(at)


def until(at: datetime) -> str:
    """A moment to come: 5:00 pm today, Monday 8:00 am within six days, then Nov 23, 5:00 pm."""
    here, today = local(at).date(), local(clock.now()).date()
    if here == today:
        return f"{clock_time(at)} today"
    if timedelta(0) < here - today < timedelta(days=7):
        return f"{here:%A} {clock_time(at)}"
    return f"{brief_day(at)}, {clock_time(at)}"


def brief_day(at: datetime) -> str:
    """Nov 3; with the year where it is another one."""
    here = local(at).date()
    year = f", {here.year}" if here.year != local(clock.now()).year else ""
    return f"{here:%b} {here.day}{year}"


def long_day(at: datetime) -> str:
    """February 3, 2025"""
    here = local(at).date()
    return f"{here:%B} {here.day}, {here.year}"


def short_day(at: datetime) -> str:
    """Feb 3, 2025"""
    here = local(at).date()
    return f"{here:%b} {here.day}, {here.year}"


def last_use(at: datetime) -> str:
    """Today 9:31 am, Yesterday 4:40 pm, then the day alone."""
    said = day(at)
    return f"{said} {clock_time(at)}" if said in ("Today", "Yesterday") else short_day(at)


def iso(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds")


def number(e164: str) -> str:
    viewer: Viewer | None = g.get("viewer")
    return pretty(e164, viewer.region if viewer else "US")


_FILTERS: dict[str, Callable[..., str]] = {
    "clock": clock_time,
    "day": day,
    "date": date_words,
    "when": when,
    "until": until,
    "long_day": long_day,
    "short_day": short_day,
    "last_use": last_use,
    "iso": iso,
    "number": number,
}


@dataclass(frozen=True, slots=True)
class Place:
    """One link of the navigation. `needs`: one of these rights opens it; none = everybody.
    `within`: the blueprints whose pages belong to it."""

    label: str
    endpoint: str
    icon: str
    within: tuple[str, ...]
    needs: tuple[Can, ...] = ()

    def open_to(self, viewer: Viewer) -> bool:
        return not self.needs or any(viewer.can(need) for need in self.needs)


_PLACES = (
    Place("Inbox", "inbox.index", "inbox", ("inbox",)),
    Place("Messages", "messages.index", "messages-square", ("messages",), READERS),
    Place(
        "People",
        "people.index",
        "users",
        ("people", "person_phones", "identify", "imports", "joining"),
        (Can.PEOPLE_READ,),
    ),
    Place("Analytics", "analytics.index", "chart-column", ("analytics",), (Can.REPORTS_READ,)),
    Place(
        "Staff", "staff.index", "users-round", ("staff", "roles", "org_units"), (Can.STAFF_MANAGE,)
    ),
    Place(
        "Settings",
        "configuration.index",
        "settings",
        ("configuration", "audit_log", "hooks"),
        (
            Can.SETTINGS_EDIT,
            Can.NUMBERS_MANAGE,
            Can.LIMITS_EDIT,
            Can.PROVIDER_EDIT,
            Can.AUDIT_READ,
            Can.TOKENS_MANAGE,
        ),
    ),
)


def _link(place: Place) -> dict[str, Any]:
    return {
        "label": place.label,
        "href": url_for(place.endpoint),
        "current": request.blueprint in place.within,
        "icon": place.icon,
    }


def _for_every_page() -> dict[str, Any]:
    """The viewer, the navigation and the bookmark of live events.

    The bookmark is read before the page's own queries: `g.live_seq` by whoever renders a live page.
    """
    viewer: Viewer | None = g.get("viewer")
    if viewer is None:
        return {"viewer": None, "nav": [], "request_id": g.get("request_id")}
    unread = g.get("unread_total")
    if unread is None:
        unread = inbox.unread_total(viewer)
    return {
        "viewer": viewer,
        "institution_name": inbox.institution_of(viewer).name,
        "unread_total": unread,
        "limit_alert": _limit_alert(viewer),
        "live_seq": g.get("live_seq"),
        "nav": [_link(place) for place in _PLACES if place.open_to(viewer)],
        "request_id": g.get("request_id"),
    }


@dataclass(frozen=True, slots=True)
class LimitAlert:
    """A banner about the month's limit. `key`: by which it is dismissed, once."""

    key: str
    text: str


def _limit_alert(viewer: Viewer) -> LimitAlert | None:
    """For whoever may change limits, until they have seen it."""
    institution = inbox.institution_of(viewer)
    month, level = institution.alert_month, institution.alert_level
    key = f"{month}-{level}-{institution.message_limit}"  # of another limit it is news
    if not level or not viewer.can(Can.LIMITS_EDIT) or session.get(ALERT_SEEN) == key:
        return None
    if month != month_of(clock.now(), institution.timezone):
        return None
    unit = "texts" if institution.limit_unit is LimitUnit.MESSAGES else "segments"
    name = f"{date.fromisoformat(f'{month}-01'):%B}"
    of = f"{institution.message_limit or 0:,} {unit} of {name}"
    if level == ONLY_ANSWERS:
        kept = f"The last {institution.reply_reserve:,} of the {of} are kept for them."
        return LimitAlert(key, f"Only answers still go as texts until the month ends. {kept}")
    if level < 100:
        return LimitAlert(key, f"{level}% of the {of} are used.")
    return LimitAlert(key, f"The {of} are used up. Messages go by email until the month ends.")


def bookmark(viewer: Viewer) -> int:
    """The newest event, for the page that is about to be made."""
    g.live_seq = events.newest(viewer.institution_id)
    return int(g.live_seq)
