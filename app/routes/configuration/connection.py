"""Connection: the provider account and how it and Replyline reach each other: credentials, webhook
addresses with a self-test, numbers on both sides, errors of late, and registrations (C-31).

What asks the provider is asked for by hand, and shown alone or within the page.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import Response, current_app, flash, redirect, render_template, request, url_for

from app.config import Settings
from app.errors import Conflict, Invalid, NotFound, ProviderError, ReplylineError
from app.models import OptOutReplies
from app.providers import Registrations
from app.routes.configuration.frame import begin, bp, page, typed
from app.routes.configuration.numbers import MOST_ADDED
from app.rules.access import READERS, Can, Viewer
from app.rules.addresses import State
from app.rules.codes import look_up
from app.rules.phones import pretty
from app.rules.registration import Word, word_for
from app.security import allowed, viewer
from app.services import (
    account_state,
    accounts,
    credentials,
    own_numbers,
    provider_errors,
    registration,
    self_test,
)
from app.services.own_numbers import Compared

_HERE = "/twilio/connection"
_TAB = "configuration.twilio"
_MOST = 10  # numbers of ours named with one error


def _public() -> str:
    settings: Settings = current_app.config["SETTINGS"]
    return settings.public


@bp.get(_HERE)
@allowed(Can.PROVIDER_EDIT)
def connection() -> Any:
    return _page()


@bp.get(f"{_HERE}/state")
@allowed(Can.PROVIDER_EDIT)
def connection_state() -> Any:
    """The part that changes by itself."""
    account = account_state.of(viewer(), _public())
    return render_template("configuration/_account_state.html", account=account)


def _page(**more: Any) -> str:
    asking = begin()
    lately = provider_errors.lately(asking)
    shown: dict[str, Any] = {
        "account": account_state.of(asking, _public()),
        "troubles": [_trouble(each, asking) for each in lately.troubles],
        "since": lately.since.isoformat(),
        "may_read": any(asking.can(right) for right in READERS),
        "form": {},
    }
    return page("connection.html", _TAB, **{**shown, **more})


def _part(template: str, **found: Any) -> Any:
    """Alone for a page that is open, else within the whole one."""
    if request.headers.get("HX-Request"):
        return render_template(f"configuration/{template}", **found)
    return _page(**found)


def _status(error: ReplylineError) -> int:
    """A part of a page is only shown where its answer is no error."""
    return 200 if request.headers.get("HX-Request") else error.http_status


# The account


@dataclass(frozen=True, slots=True)
class Tested:
    """What came of the test. `tone`: text | bad. `field`: at which it is said. `anyway`: it may be
    saved all the same."""

    tone: str
    told: str
    field: str = ""
    anyway: bool = False


@bp.post(f"{_HERE}/account")
@allowed(Can.PROVIDER_EDIT)
def connect() -> Any:
    """Tested, or tested and saved; what the provider does not accept is not saved."""
    sid, secret = typed("account_sid", 60).strip().lower(), typed("auth_token", 200).strip()
    sid = f"AC{sid[2:]}" if sid.startswith("ac") else sid
    ours = request.form.get("answers") == OptOutReplies.OURS
    form = {"account_sid": sid, "ours": ours}
    replies = OptOutReplies.OURS if ours else OptOutReplies.PROVIDER
    asking, untested = viewer(), request.form.get("untested") == "on"
    try:
        if request.form.get("act") != "save":
            found = credentials.test(asking, sid, secret)
            trial = " It is on trial, so it texts only numbers that were verified there."
            name = f" It is called “{found.name}”." if found.name else ""
            told = f"Twilio accepts them.{name}{trial if found.trial else ''} Nothing was saved."
            return _part("_tested.html", tested=Tested("text", told), form=form)
        credentials.save(asking, sid, secret, replies, tested=not untested)
    except (Invalid, Conflict) as error:
        field = error.fields[0]["field"] if error.fields else "account_sid"
        anyway = error.code in (accounts.NO_ANSWER, accounts.NOT_IN_USE)
        tested = Tested("bad", f"{error} Nothing was saved.", field, anyway)
        answer = _part("_tested.html", tested=tested, form=form)
        return answer, _status(error)
    flash("The account is saved.")
    here = url_for("configuration.connection")
    if request.headers.get("HX-Request"):
        return Response(headers={"HX-Redirect": here})
    return redirect(here, code=303)


@bp.post(f"{_HERE}/self-test")
@allowed(Can.PROVIDER_EDIT)
def go_round() -> Any:
    """C-31"""
    return _part("_self_test.html", steps=self_test.run(viewer(), _public()))


# The numbers


@dataclass(frozen=True, slots=True)
class NumberView:
    """`tone`: text | warn | bad. `act`: right | add | retire, None = nothing to be done."""

    id: int | None
    e164: str
    number: str
    told: str
    tone: str
    act: str | None


_TONES = {State.RIGHT: "text", State.HALF: "warn", State.UNKNOWN: "warn"}
_ACTS = {State.HALF: "right", State.ASTRAY: "right", State.ABSENT: "retire", State.UNKNOWN: "add"}


@bp.get(f"{_HERE}/numbers")
@allowed(Can.PROVIDER_EDIT)
def compared() -> Any:
    """Those of the pool beside those at the provider."""
    return _numbers()


@bp.post(f"{_HERE}/numbers/<int:number_id>")
@allowed(Can.PROVIDER_EDIT)
def set_right(number_id: int) -> Any:
    """Its webhook addresses at the provider become ours."""
    try:
        e164 = own_numbers.set_right(viewer(), number_id, _public())
    except Invalid as error:
        return _numbers(str(error)), _status(error)
    told = f"What comes to {pretty(e164, viewer().region)} comes in here now."
    if request.headers.get("HX-Request"):
        return _numbers(done=told)
    flash(told)
    return redirect(url_for("configuration.compared"), code=303)


def _numbers(problem: str = "", done: str = "") -> Any:
    found: list[NumberView] = []
    try:
        found = [_number(each, viewer()) for each in own_numbers.of(viewer(), _public())]
    except (ProviderError, NotFound) as error:
        problem = problem or f"The numbers could not be compared: {_why(error)}."
    shown = {
        "wanting": [each for each in found if each.tone != "text"],
        "right": [each for each in found if each.tone == "text"],
        "to_add": [each.e164 for each in found if each.act == "add"][:MOST_ADDED],
        "problem": problem,
        "done": done,
    }
    return _part("_compared.html", compared=shown)


def _number(found: Compared, asking: Viewer) -> NumberView:
    act = _ACTS.get(found.state)
    if act in ("add", "retire") and not asking.can(Can.NUMBERS_MANAGE):
        act = None
    return NumberView(
        found.id,
        found.e164,
        pretty(found.e164, asking.region),
        found.told,
        _TONES.get(found.state, "bad"),
        act if found.texts else None,
    )


def _why(error: ProviderError | NotFound) -> str:
    return str(error).rstrip(".")


# What went wrong


@dataclass(frozen=True, slots=True)
class TroubleView:
    """`numbers`: as (E.164, as people write it, how often); `more`: how many others."""

    code: str
    meaning: str
    count: int
    last_at: datetime
    numbers: list[tuple[str, str, int]]
    more: int


def _trouble(found: provider_errors.Trouble, asking: Viewer) -> TroubleView:
    numbers = [(e164, pretty(e164, asking.region), count) for e164, count in found.numbers]
    return TroubleView(
        found.code,
        look_up(found.code).meaning,
        found.count,
        found.last_at,
        numbers[:_MOST],
        len(numbers[_MOST:]),
    )


# What carriers were told


@dataclass(frozen=True, slots=True)
class Line:
    """A registration: what it is, how far it is, and what the provider says about it."""

    what: str
    word: Word
    about: list[str]


@bp.get(f"{_HERE}/registration")
@allowed(Can.PROVIDER_EDIT)
def registered() -> Any:
    """10DLC and toll-free, as far as the provider tells it."""
    asking = viewer()
    try:
        answer = registration.of(asking)
    except (ProviderError, NotFound) as error:
        return _part("_registered.html", registered={"problem": f"No answer: {_why(error)}."})
    groups = [
        (each.tone, each.told, [pretty(e164, asking.region) for e164 in each.numbers])
        for each in answer.numbers
    ]
    lines = _lines(answer.found, asking) if answer.found else None
    return _part("_registered.html", registered={"lines": lines, "groups": groups})


def _lines(found: Registrations, asking: Viewer) -> list[Line]:
    brands = [Line("Brand", word_for(b.status), list(b.errors)) for b in found.brands]
    campaigns = [
        Line(
            f"Campaign of “{c.service}”",
            word_for(c.status),
            [f"For {c.use.replace('_', ' ').lower()}.", *c.errors] if c.use else list(c.errors),
        )
        for c in found.campaigns
    ]
    toll_free = [
        Line(
            pretty(v.e164, asking.region),
            word_for(v.status),
            [v.reason] if v.reason else [],
        )
        for v in found.verifications
    ]
    return [*brands, *campaigns, *toll_free]
