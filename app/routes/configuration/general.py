"""General: who is texted by default, who may text, and the limits (S3-4..S3-28, D43). How many
people a new default moves is said before it is saved."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

from flask import flash, redirect, render_template, request, url_for

from app.errors import Conflict, Invalid
from app.routes.configuration.frame import (
    GENERAL,
    TWILIO,
    basis,
    begin,
    bp,
    overtaken,
    page,
    theirs,
    typed,
    version,
    whole_number,
)
from app.rules.access import Can, Viewer
from app.rules.limits import LimitUnit
from app.rules.phones import PhoneType
from app.rules.segments import measure
from app.security import allowed, require_one, viewer
from app.services import changes, settings, textable
from app.services.textable import Shift, Standards

LABELS = {
    "sms_enabled": "Texting",
    "student_default": "Student SMS Default Status",
    "staff_default": "Staff SMS Default Status",
    "default_phone_type": "Default SMS Phone Type",
    "permitted_roles": "Permitted Roles",
    "number_limit": "SMS Phone Number Usage Limit",
    "message_limit": "SMS Message Limit",
    "limit_unit": "What the limit counts",
    "reply_reserve": "Kept for answers",
    "segment_price": "Price of a segment, in US dollars",
    "cool_off_days": "Days before a number is given again",
    "max_length": "Longest text, in characters",
    "first_contact": "First contact line",
    "help_contact": "Contact in the answer to HELP",
    "more_stop_words": "More words that opt out",
    "more_start_words": "More words that opt in",
    "unclaimed_answer": "Automatic answer",
    "unclaimed_hours": "Hours until a reminder",
}
LIMITS = {"number_limit", "message_limit", "limit_unit", "reply_reserve", "segment_price"}
PHONE_TYPES = [kind.value for kind in PhoneType if kind is not PhoneType.SYSTEM]
OPTED = ("opted_in", "opted_out")
_NUMBERS = {"number_limit", "message_limit", "cool_off_days", "max_length", "reply_reserve"}
_NUMBERS |= {"unclaimed_hours"}
_MAY_BE_EMPTY = {**dict.fromkeys(LIMITS, "limit"), "unclaimed_hours": "reminder"}
_TYPED = {*_NUMBERS, "segment_price"}  # what is shown as it was typed, where it is wrong
_MILLION = 1_000_000
_WORDS = ("more_stop_words", "more_start_words")
_LINES = {"first_contact": 1600, "help_contact": 200, "unclaimed_answer": 1600}
_MOST_WORDS = 50
_CHOICES: dict[str, tuple[str, ...]] = {
    "student_default": OPTED,
    "staff_default": OPTED,
    "default_phone_type": tuple(PHONE_TYPES),
    "limit_unit": tuple(unit.value for unit in LimitUnit),
}
Values = dict[str, Any]  # as the API has them (contract 4)


@bp.get("")
@allowed()
def index() -> Any:
    """The tab, or the next page of the settings that this viewer may open."""
    asking = require_one(*TWILIO, Can.AUDIT_READ, Can.TOKENS_MANAGE)
    if not asking.capabilities & {*TWILIO}:
        log = asking.can(Can.AUDIT_READ)
        return redirect(url_for("audit_log.index" if log else "hooks.index"))
    if not asking.capabilities & {*GENERAL}:
        return redirect(url_for("configuration.twilio"))
    begin()
    found = settings.current(asking)
    return _page(found)


@bp.post("")
@allowed()
def save() -> Any:
    """Saved and shown again; or the form with what is wrong, what a change does to people, or what
    somebody else has saved meanwhile."""
    asking = require_one(*GENERAL)
    begin()
    found = settings.current(asking)
    typed_values, problems = _parsed(asking)
    values = {**found, **typed_values, "version": version()}
    wanted = theirs(typed_values)
    if problems:
        return _page(values, problems=problems), 422
    try:
        seen = basis(asking, set(wanted))
        if found["version"] == seen and (asked := _unasked(asking, {**found, **wanted})):
            return _page({**found, **wanted}, asked=asked)
        settings.change(asking, seen, wanted)
    except Conflict:
        return _overtaken(asking, typed_values), 409
    except Invalid as error:
        told = {each["field"]: each["message"] for each in error.fields}
        return _page(values, problems=told), error.http_status
    flash("The settings are saved.")
    return redirect(url_for("configuration.index"), code=303)


@bp.post("/preview")
@allowed()
def preview() -> Any:
    """What the form as it stands would do, for whoever is about to save it."""
    asking = require_one(*GENERAL)
    values = {**settings.current(asking), **_parsed(asking)[0]}
    return render_template(
        "configuration/_people.html", people=_people(asking, values), first=_first(values)
    )


def _page(
    values: Values,
    *,
    problems: dict[str, str] | None = None,
    asked: "PeopleView | None" = None,
    conflict: Any = None,
) -> str:
    asking = viewer()
    raw = {name: _raw(name, values[name]) for name in LABELS}
    for name in problems or {}:
        if name in _TYPED:
            raw[name] = typed(name, 40)
    return page(
        "general.html",
        "configuration.index",
        values={**raw, "version": values["version"]},
        labels=LABELS,
        roles=settings.staff_roles(asking),
        phone_types=PHONE_TYPES,
        problems=problems or {},
        people=asked or _people(asking, values),
        asked=asked is not None,
        first=_first(values),
        conflict=conflict,
        may_edit=asking.can(Can.SETTINGS_EDIT),
        may_limit=asking.can(Can.LIMITS_EDIT),
    )


def _overtaken(asking: Viewer, yours: Values) -> str:
    saved = changes.since(asking, version())
    told, merged = overtaken(yours, saved, LABELS, said)
    found = settings.current(asking)
    return _page({**found, **merged, "version": found["version"]}, conflict=told)


# What was typed


def _raw(name: str, value: Any) -> Any:
    if name in _WORDS:
        return "\n".join(value)
    if name == "segment_price":
        return price_words(value)
    if name in _NUMBERS or name in _LINES:
        return "" if value is None else str(value)
    return value


def _parsed(asking: Viewer) -> tuple[Values, dict[str, str]]:
    """The fields of the form, and what is wrong with them. A part that the viewer may not edit is
    read only where it was sent: then it is refused by name."""
    values: Values = {}
    problems: dict[str, str] = {}
    limits = asking.can(Can.LIMITS_EDIT) or LIMITS & set(request.form)
    rest = asking.can(Can.SETTINGS_EDIT) or (set(LABELS) - LIMITS) & set(request.form)
    for name in LABELS:
        if not (limits if name in LIMITS else rest):
            continue
        try:
            values[name] = _field(name)
        except ValueError as error:
            problems[name] = str(error)
    return values, problems


def _field(name: str) -> Any:
    if name == "sms_enabled":
        return request.form.get(name) == "on"
    if name == "permitted_roles":
        return [role.replace("\x00", "")[:80] for role in request.form.getlist(name)][:200]
    if name in _CHOICES:
        if (chosen := request.form.get(name)) not in _CHOICES[name]:
            raise ValueError("Choose one of these.")
        return chosen
    if name == "reply_reserve":
        return _number(name) or 0
    if name == "segment_price":
        return _price(typed(name, 40).strip().removeprefix("$"))
    if name in _NUMBERS:
        return _number(name)
    if name in _WORDS:
        return _words(name)
    line = typed(name, _LINES[name] + 1).strip()
    if len(line) > _LINES[name]:
        raise ValueError(f"{_LINES[name]:,} characters are the most.")
    return line or None


def _number(name: str) -> int | None:
    none = _MAY_BE_EMPTY.get(name)
    hint = "A whole number from 0 up" + (f"; empty for no {none}." if none else ".")
    try:
        found = whole_number(typed(name, 40))
    except ValueError:
        raise ValueError(hint) from None
    if found is None and not none:
        raise ValueError(hint)
    return found


def _price(text: str) -> int | None:
    """In millionths of a dollar."""
    if not text:
        return None
    try:
        found = Decimal(text) * _MILLION
        if found != int(found) or not 0 <= found <= settings.DEAREST:
            raise ValueError(text)
    except (ArithmeticError, ValueError):
        raise ValueError("A price such as 0.0079; empty where it is not known.") from None
    return int(found)


def price_words(price: int | None) -> str:
    """0.0079"""
    return "" if price is None else f"{price / _MILLION:.6f}".rstrip("0").rstrip(".")


def _words(name: str) -> list[str]:
    words = list(dict.fromkeys(line.strip() for line in typed(name, 4000).split("\n")))
    words = [word for word in words if word]
    if len(words) > _MOST_WORDS:
        raise ValueError(f"{_MOST_WORDS} words are the most.")
    for word in words:
        if not 2 <= len(word) <= 40:
            raise ValueError(f"“{word[:40]}” must have between 2 and 40 characters.")
    return words


def said(field: str, value: Any) -> str:
    """A value as people read it, where two of them stand beside each other."""
    if value is None or value == []:
        return "none"
    if field == "segment_price":
        return price_words(value)
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, list):
        return ", ".join(value)
    return {"opted_in": "opted in", "opted_out": "opted out"}.get(value, str(value))


# What it does to people


@dataclass(frozen=True, slots=True)
class PeopleView:
    """`key`: the defaults that it was counted for. `moves`: whether anybody is affected."""

    key: str
    changed: bool
    moves: bool
    text: str


def _standards(values: Values) -> Standards:
    return Standards(
        values["student_default"] == "opted_in",
        values["staff_default"] == "opted_in",
        PhoneType(values["default_phone_type"]),
    )


def _key(standards: Standards) -> str:
    opted = (standards.student_opted_in, standards.staff_opted_in)
    return "-".join(["in" if each else "out" for each in opted] + [standards.phone_type.value])


def _people(asking: Viewer, values: Values) -> PeopleView:
    old, new = textable.current(asking), _standards(values)
    found = textable.shift(asking, old, new)
    return PeopleView(_key(new), old != new, found != Shift(0, 0), _told(found))


def _unasked(asking: Viewer, values: Values) -> PeopleView | None:
    """Whom the change would move, where the editor has not seen it yet."""
    found = _people(asking, values)
    return found if found.moves and request.form.get("counted") != found.key else None


def _told(found: Shift) -> str:
    parts = []
    if found.gained:
        parts.append(f"{_count(found.gained, 'becomes', 'become')} textable.")
    if found.lost:
        gets = "gets" if found.lost == 1 else "get"
        parts.append(
            f"{_count(found.lost, 'stops', 'stop')} being textable and {gets} email instead."
        )
    return " ".join(parts) or "Nobody becomes textable or stops being so."


def _count(count: int, one: str, many: str) -> str:
    return f"1 person {one}" if count == 1 else f"{count:,} people {many}"


@dataclass(frozen=True, slots=True)
class FirstView:
    counter: str
    costly: str | None


def _first(values: Values) -> FirstView | Literal[""]:
    """How long the first contact line is, as the carriers count it (D43)."""
    line = values["first_contact"]
    if not line:
        return ""
    found = measure(f"\n{line}")
    texts = "1 text" if found.parts == 1 else f"{found.parts} texts"
    return FirstView(
        f"{len(line):,} characters. The line alone is {texts}, {found.left} left for the message.",
        found.costly,
    )
