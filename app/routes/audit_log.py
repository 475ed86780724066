"""Audit log: who did what to whom and when, filtered, and as a file (issue 5)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from flask import Blueprint, render_template, request, url_for

from app.errors import Invalid
from app.routes import cursor, exports
from app.routes.configuration.frame import GENERAL
from app.routes.configuration.versions import Changed, changed
from app.routes.filters import date_words, local, row_id
from app.rules import audit_log as words
from app.rules.access import Can, Viewer
from app.rules.audit_log import KINDS, SETTINGS_CHANGED, Kind, Told
from app.security import allowed, viewer
from app.services import audit_log
from app.services.audit_log import COMMAND_LINE, PAGE, Entry, Place, Wanted
from app.services.subjects import Subject

bp = Blueprint("audit_log", __name__, url_prefix="/audit")

_YEARS = range(2000, 2200)  # days outside of them are mistyped
_HEAD = ("Who", "What", "Kind", "Details", "Action", "Subject")


@bp.get("")
@allowed(Can.AUDIT_READ)
def index() -> Any:
    asking = viewer()
    wanted, problems = _wanted(request.args)
    before = cursor.read(request.args.get("before", ""), cursor.BY_TIME)
    found = []
    if not problems:
        place = Place(*before) if before else None
        found = audit_log.page(asking, wanted, limit=PAGE + 1, before=place)
    last = found[PAGE - 1].place if len(found) > PAGE else None
    staff = audit_log.staff_to_choose(asking)
    page = render_template(
        "audit_log/index.html",
        rows=[_row(entry, asking) for entry in found[:PAGE]],
        staff=staff,
        kinds=KINDS,
        typed=_state(request.args),
        chips=_chips(wanted, dict(staff)),
        filters_on=len(_state(request.args).keys() - {"q"}),
        problems=problems,
        before=before,
        next=cursor.written((last.at, last.id)) if last else None,
        may_open_settings=asking.capabilities & {*GENERAL},
        command_line=(COMMAND_LINE, words.COMMAND_LINE),
    )
    # A part of a page is only shown where its answer is no error.
    return page, 422 if problems and "HX-Request" not in request.headers else 200


@bp.get("/export")
@allowed(Can.AUDIT_READ)
def export() -> Any:
    """What is filtered, as CSV; times as the viewer's clock shows them."""
    asking = viewer()
    wanted, problems = _wanted(request.args)
    if problems:
        raise Invalid.many(problems)
    head = (f"When ({asking.timezone})", *_HEAD)
    entries = audit_log.export(asking, wanted)
    return exports.sent("audit-log", head, (_cells(entry) for entry in entries))


# The filter, as the address has it

_FIELDS = ("q", "by", "kind", "from", "to")


def _state(args: Mapping[str, str]) -> dict[str, str]:
    """What was typed, without what is empty."""
    found = {name: args.get(name, "").replace("\x00", "").strip()[:100] for name in _FIELDS}
    return {name: value for name, value in found.items() if value}


def _wanted(args: Mapping[str, str]) -> tuple[Wanted, dict[str, str]]:
    """What is looked for, and what is wrong with it, by field."""
    typed, problems = _state(args), {}
    days: dict[str, date | None] = {}
    for name in ("from", "to"):
        try:
            days[name] = _day(typed.get(name, ""))
        except ValueError:
            days[name], problems[name] = None, "Write a day such as 2026-11-20."
    first, last = days["from"], days["to"]
    if first and last and last < first:
        problems["to"] = "The last day is before the first one."
    kind = typed.get("kind", "")
    return Wanted(
        _by(typed.get("by", "")),
        Kind(kind) if kind in set(Kind) else None,
        first,
        last,
        typed.get("q", ""),
    ), problems


def _day(text: str) -> date | None:
    if not text:
        return None
    found = datetime.strptime(text, "%Y-%m-%d").date()
    if found.year not in _YEARS:
        raise ValueError(text)
    return found


def _by(text: str) -> int | None:
    try:
        return row_id(text)
    except ValueError:
        return None


@dataclass(frozen=True, slots=True)
class Chip:
    """A part of the filter; `href`: the list without it."""

    text: str
    href: str


def _chips(wanted: Wanted, staff: Mapping[int, str]) -> list[Chip]:
    by = wanted.by
    name = words.COMMAND_LINE if by == COMMAND_LINE else staff.get(by or -1, "somebody")
    said = {
        "q": wanted.q and f"“{wanted.q}”",
        "by": None if by is None else f"By {name}",
        "kind": wanted.kind and KINDS[wanted.kind],
        "from": wanted.first and f"From {date_words(wanted.first)}",
        "to": wanted.last and f"To {date_words(wanted.last)}",
    }
    typed: dict[str, Any] = {**_state(request.args)}
    return [
        Chip(text, url_for("audit_log.index", **{k: v for k, v in typed.items() if k != field}))
        for field, text in said.items()
        if text
    ]


# Entries as they are shown


@dataclass(frozen=True, slots=True)
class Row:
    """`facts`: (label, value). `changed`: of settings, field by field."""

    id: int
    at: datetime
    who: str
    told: Told
    href: str | None
    facts: list[tuple[str, str]]
    changed: list[Changed]


def _row(entry: Entry, asking: Viewer) -> Row:
    of_settings = entry.action == SETTINGS_CHANGED
    return Row(
        entry.id,
        entry.at,
        entry.who or words.COMMAND_LINE,
        words.told(entry.action, entry.detail, entry.names),
        _href(entry, asking),
        [] if of_settings else words.shown(entry.action, entry.detail, entry.names),
        changed(entry.detail) if of_settings else [],
    )


def _href(entry: Entry, asking: Viewer) -> str | None:
    """Where the thing is, for whoever may open it; None where it is gone."""
    thing = entry.subject
    if thing is None:
        return url_for("configuration.connection") if _of_provider(entry, asking) else None
    match thing.table:
        case "staff" if asking.can(Can.STAFF_MANAGE):
            return url_for("staff.one", staff_id=thing.id)
        case "role" if asking.can(Can.STAFF_MANAGE):
            return url_for("roles.one", role_id=thing.id)
        case "org_unit" if asking.can(Can.STAFF_MANAGE):
            return url_for("org_units.one", unit_id=thing.id)
        case "conversation" if thing.whose and asking.may_see(thing.whose):
            return url_for("inbox.conversation", conversation_id=thing.id)
        case "number" if asking.can(Can.NUMBERS_MANAGE):
            return url_for("configuration.twilio", _anchor="numbers")
        case "token" if asking.can(Can.TOKENS_MANAGE):
            return url_for("tokens.index")
        case "webhook" if asking.can(Can.TOKENS_MANAGE):
            return url_for("hooks.one", hook_id=thing.id)
        case "standard_text":
            return url_for("standard_texts.index")
        case "institution" if asking.capabilities & {*GENERAL}:
            return url_for("configuration.index")
        case _:
            return _of_person(thing, asking)


def _of_person(thing: Subject, asking: Viewer) -> str | None:
    person_id = thing.id if thing.table == "person" else thing.owner and thing.owner[0]
    if person_id is None or not asking.can(Can.PEOPLE_READ):
        return None
    return url_for("people.person", person_id=person_id)


def _of_provider(entry: Entry, asking: Viewer) -> bool:
    return entry.action == "provider.saved" and asking.can(Can.PROVIDER_EDIT)


def _cells(entry: Entry) -> tuple[exports.Cell, ...]:
    if entry.action == SETTINGS_CHANGED:
        details = [f"{each.label}: {each.was} → {each.now}" for each in changed(entry.detail)]
    else:
        details = [f"{k}: {v}" for k, v in words.shown(entry.action, entry.detail, entry.names)]
    return (
        f"{local(entry.at):%Y-%m-%d %H:%M:%S}",
        entry.who or words.COMMAND_LINE,
        str(words.told(entry.action, entry.detail, entry.names)),
        KINDS[words.kind_of(entry.action)],
        "; ".join(details),
        entry.action,
        entry.names.target,
    )
