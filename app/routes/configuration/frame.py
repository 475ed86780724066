"""Frame: what the tabs of SMS Configuration share: who may open which, and how a form that somebody
else has overtaken is told apart field by field."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import Blueprint, render_template, request, url_for

from app import clock
from app.routes.filters import bookmark, clock_time, day
from app.rules.access import Can, Viewer
from app.rules.audit_log import Kind
from app.security import viewer
from app.services import changes
from app.services.changes import Saved

bp = Blueprint("configuration", __name__, url_prefix="/settings")

GENERAL = (Can.SETTINGS_EDIT, Can.LIMITS_EDIT)
TWILIO = (Can.SETTINGS_EDIT, Can.NUMBERS_MANAGE, Can.LIMITS_EDIT, Can.PROVIDER_EDIT)


@dataclass(frozen=True, slots=True)
class Tab:
    label: str
    endpoint: str
    needs: tuple[Can, ...]

    def open_to(self, asking: Viewer) -> bool:
        return any(asking.can(need) for need in self.needs)


TABS = (
    Tab("General Settings", "configuration.index", GENERAL),
    Tab("Email Notifications", "configuration.email", (Can.SETTINGS_EDIT,)),
    Tab("Twilio", "configuration.twilio", TWILIO),
    Tab("Webhooks", "hooks.index", (Can.TOKENS_MANAGE,)),
)


def page(template: str, endpoint: str, **found: Any) -> str:
    """A tab as a whole page; the bookmark is the caller's, read before its queries."""
    return render_template(f"configuration/{template}", **around(endpoint), **found)


def around(endpoint: str) -> dict[str, Any]:
    """What the frame of a tab needs."""
    tabs = [
        {"label": tab.label, "href": url_for(tab.endpoint), "current": tab.endpoint == endpoint}
        for tab in TABS
        if tab.open_to(viewer())
    ]
    log = url_for("audit_log.index", kind=Kind.SETTINGS) if viewer().can(Can.AUDIT_READ) else None
    return {"tabs": tabs, "log": log}


def begin() -> Viewer:
    """Who asks for a page that stays up to date."""
    bookmark(viewer())
    return viewer()


# What was typed


def typed(name: str, length: int, *, form: Mapping[str, str] | None = None) -> str:
    """One field as a database can keep it, with line ends as ours; cut where it cannot be meant."""
    value = (request.form if form is None else form).get(name, "")
    return value.replace("\x00", "").replace("\r\n", "\n").replace("\r", "\n")[:length]


def whole_number(text: str) -> int | None:
    """ "" is None; ValueError for what is no whole number from 0 up."""
    text = text.strip().replace(",", "")
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        raise ValueError(text)
    return int(text)


def version() -> int:
    found = request.form.get("version", type=int)
    return found if found is not None and 0 <= found < 2**31 else 0


# Two who save at once


def basis(asking: Viewer, fields: set[str]) -> int:
    """The version that a form with these fields is up to date with: the newest where others have
    saved nothing of them since it was loaded."""
    newest, saved = changes.newest(asking), changes.since(asking, version())
    return newest if version() <= newest and not fields & set(saved) else version()


@dataclass(frozen=True, slots=True)
class Difference:
    """A field that both have changed, each in their own way."""

    field: str
    label: str
    yours: str
    saved: str


@dataclass(frozen=True, slots=True)
class Overtaken:
    """`by`: "Kim Alvarez". `told`: "a minute ago". `taken`: what only the other one has changed, as
    "Cool-off: 0 is now 7"."""

    by: str
    told: str
    differences: list[Difference]
    taken: list[str]


def overtaken(
    yours: Mapping[str, Any],
    saved: Mapping[str, Saved],
    labels: Mapping[str, str],
    said: Callable[[str, Any], str],
) -> tuple[Overtaken, dict[str, Any]]:
    """What differs, and the form to go on with: what you have not touched is as it is saved now,
    and nothing that you typed is lost."""
    merged, differences, taken = dict(yours), [], []
    for field, change in saved.items():
        if field not in yours:
            continue
        if yours[field] == change.was:
            merged[field] = change.now
            taken.append(
                f"{labels[field]}: {said(field, change.was)} is now {said(field, change.now)}"
            )
        elif yours[field] != change.now:
            words = said(field, yours[field]), said(field, change.now)
            differences.append(Difference(field, labels[field], *words))
    last = max(saved.values(), key=lambda change: change.at, default=None)
    by = (last.by if last else None) or "Somebody"
    return Overtaken(by, ago(last.at) if last else "a moment ago", differences, taken), merged


def theirs(typed_values: Mapping[str, Any]) -> dict[str, Any]:
    """What is to be saved: all but the fields of which the other one's value was taken."""
    return {f: v for f, v in typed_values.items() if request.form.get(f"take_{f}") != "theirs"}


def ago(at: datetime) -> str:
    """a moment ago, a minute ago, 5 minutes ago, then as in a list."""
    minutes = int((clock.now() - at).total_seconds() // 60)
    if minutes < 1:
        return "a moment ago"
    if minutes < 2:
        return "a minute ago"
    if minutes < 60:
        return f"{minutes} minutes ago"
    said = day(at)
    return f"{said.lower() if said in ('Today', 'Yesterday') else said}, {clock_time(at)}"
