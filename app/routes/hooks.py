"""Hooks: the page "Webhooks": which other systems are told what, and what became of it (C-32)."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from flask import Blueprint, flash, redirect, render_template, request, url_for

from app.errors import Invalid
from app.models import Hook, HookDelivery, HookState
from app.routes.configuration.frame import around
from app.routes.filters import bookmark, clock_time, day, row_id
from app.rules import hooks as rules
from app.rules.access import Can
from app.rules.words import StatusWords
from app.security import allowed, viewer
from app.services import hook_outbox, hooks
from app.services.hooks import PAGE, Listed

bp = Blueprint("hooks", __name__, url_prefix="/settings/webhooks")

ENDPOINT = "hooks.index"

_WORDS: dict[HookState, StatusWords] = {
    HookState.WAITING: StatusWords("Waiting", "clock", "Next in line."),
    HookState.DELIVERED: StatusWords(
        "Delivered", "circle-check", "The other system took it.", "text"
    ),
    HookState.GIVEN_UP: StatusWords(
        "Given up", "circle-x", "It was not taken, and is not sent again by itself.", "bad"
    ),
}
_AGAIN = StatusWords("Trying again", "rotate-ccw", "It was not taken yet.", "warn")


@dataclass(frozen=True, slots=True)
class HookView:
    """`state`: how it fares. `note`: since when, and why. `may_change`: whether the viewer may see
    what it hands on."""

    id: int
    host: str
    url: str
    events: list[str]
    paused: bool
    state: StatusWords
    note: str
    waiting: int
    given_up: int
    may_change: bool


@dataclass(frozen=True, slots=True)
class DeliveryView:
    """`about`: "message 9, delivered". `next`: of one that waits, the moment of the next try."""

    id: int
    public_id: str
    name: str
    about: str
    at: datetime
    state: StatusWords
    error: str
    answer: str
    tries: int
    tried_at: datetime | None
    next: datetime | None
    finished: bool


# The list, and a new one


@bp.get("")
@allowed(Can.TOKENS_MANAGE)
def index() -> Any:
    return _index()


@bp.post("")
@allowed(Can.TOKENS_MANAGE)
def create() -> Any:
    """The page of the new one with its secret: no other answer ever holds it, and no address
    does."""
    url, chosen = _typed()
    try:
        made = hooks.create(viewer(), url, chosen)
    except Invalid as error:
        return _index(_form(error, url, chosen)), error.http_status
    return _one(made.hook_id, secret=made.secret, is_new=True)


def _index(form: dict[str, Any] | None = None) -> str:
    asking = viewer()
    bookmark(asking)
    return render_template(
        "hooks/index.html",
        **around(ENDPOINT),
        hooks=[_view(each) for each in hooks.listed(asking)],
        most=hooks.MOST,
        choices=_choices(),
        form=form or {"problems": {}, "url": "", "chosen": set()},
    )


def _choices() -> dict[str, str]:
    return {name: rules.words_of(name) for name in hooks.may_choose(viewer())}


def _typed() -> tuple[str, set[str]]:
    url = request.form.get("url", "").replace("\x00", "").strip()[: rules.LONGEST_URL + 1]
    return url, {name for name in rules.CHOICES if name in request.form.getlist("event")}


def _form(error: Invalid, url: str, chosen: set[str]) -> dict[str, Any]:
    problems = {each["field"]: each["message"] for each in error.fields}
    return {"problems": problems, "url": url, "chosen": chosen}


# One of them


@bp.get("/<int:hook_id>")
@allowed(Can.TOKENS_MANAGE)
def one(hook_id: int) -> Any:
    return _one(hook_id)


@bp.post("/<int:hook_id>")
@allowed(Can.TOKENS_MANAGE)
def change(hook_id: int) -> Any:
    url, chosen = _typed()
    try:
        hooks.change(viewer(), hook_id, url, chosen)
    except Invalid as error:
        return _one(hook_id, form=_form(error, url, chosen)), error.http_status
    return _back(hook_id, "The webhook is saved.")


@bp.post("/<int:hook_id>/secret")
@allowed(Can.TOKENS_MANAGE)
def renew(hook_id: int) -> Any:
    """The page with the new secret, as after `create`."""
    made = hooks.renew_secret(viewer(), hook_id)
    return _one(hook_id, secret=made.secret)


@bp.post("/<int:hook_id>/pause")
@allowed(Can.TOKENS_MANAGE)
def pause(hook_id: int) -> Any:
    hooks.pause(viewer(), hook_id)
    return _back(hook_id, "The webhook is paused.")


@bp.post("/<int:hook_id>/resume")
@allowed(Can.TOKENS_MANAGE)
def resume(hook_id: int) -> Any:
    hooks.resume(viewer(), hook_id)
    return _back(hook_id, "The webhook is resumed.")


@bp.post("/<int:hook_id>/delete")
@allowed(Can.TOKENS_MANAGE)
def delete(hook_id: int) -> Any:
    hooks.remove(viewer(), hook_id)
    flash("The webhook is deleted. That system is told nothing any more.")
    return redirect(url_for(ENDPOINT), code=303)


@bp.post("/<int:hook_id>/test")
@allowed(Can.TOKENS_MANAGE)
def test(hook_id: int) -> Any:
    hooks.test(viewer(), hook_id)
    return _back(hook_id, "A test event is on its way.")


@bp.post("/<int:hook_id>/again")
@allowed(Can.TOKENS_MANAGE)
def send_all_again(hook_id: int) -> Any:
    count = hooks.send_again(viewer(), hook_id)
    return _back(hook_id, f"{count:,} {'event is' if count == 1 else 'events are'} sent again.")


@bp.post("/<int:hook_id>/deliveries/<int:delivery_id>/again")
@allowed(Can.TOKENS_MANAGE)
def send_again(hook_id: int, delivery_id: int) -> Any:
    hooks.send_again(viewer(), hook_id, delivery_id)
    return _back(hook_id, "The event is sent again.")


def _back(hook_id: int, told: str) -> Any:
    flash(told)
    return redirect(url_for("hooks.one", hook_id=hook_id), code=303)


def _one(
    hook_id: int,
    *,
    secret: str | None = None,
    is_new: bool = False,
    form: dict[str, Any] | None = None,
) -> str:
    asking, args = viewer(), request.args
    bookmark(asking)
    found = hooks.one(asking, hook_id)
    state = HookState(args["state"]) if args.get("state") in set(HookState) else None
    rows = hooks.deliveries(asking, hook_id, state, _before(args.get("before", "")), PAGE + 1)
    return render_template(
        "hooks/one.html",
        **around(ENDPOINT),
        hook=_view(found),
        rows=[_delivery(row, found.hook) for row in rows[:PAGE]],
        next=rows[PAGE - 1].id if len(rows) > PAGE else None,
        before=args.get("before"),
        state=state.value if state else None,
        states={each.value: words.word for each, words in _WORDS.items()},
        choices=_choices(),
        form=form or {"problems": {}, "url": found.hook.url, "chosen": set(found.hook.events)},
        secret=secret,
        is_new=is_new,
        old_until=_old_until(found.hook),
        kept_days=hook_outbox.KEPT.days,
    )


def _before(text: str) -> int | None:
    try:
        return row_id(text)
    except ValueError:
        return None


def _old_until(hook: Hook) -> datetime | None:
    return hook.old_secret_until if len(list(hook_outbox.valid_secrets(hook))) > 1 else None


# As they are shown


def _view(found: Listed) -> HookView:
    hook = found.hook
    state, note = _fares(hook)
    return HookView(
        hook.id,
        urlsplit(hook.url).netloc,
        hook.url,
        [rules.words_of(name) for name in hook.events],
        hook.paused_at is not None,
        state,
        note,
        found.waiting,
        found.given_up,
        rules.needed(hook.events) <= viewer().capabilities,
    )


def _fares(hook: Hook) -> tuple[StatusWords, str]:
    if hook.paused_at and hook.paused_why:
        why = f"Since {_moment(hook.paused_at)}. The last try: {hook.paused_why}."
        return StatusWords("Paused", "circle-x", "It failed for too long.", "bad"), why
    if hook.paused_at:
        since = f"Since {_moment(hook.paused_at)}. Nothing is sent until it is resumed."
        return StatusWords("Paused", "pause", "Somebody paused it."), since
    if hook.failing_since:
        since = f"Since {_moment(hook.failing_since)}. It is tried again by itself."
        return StatusWords("Failing", "clock-alert", "The last try failed.", "warn"), since
    if hook.delivered_at:
        told = f"The last event was taken: {_moment(hook.delivered_at)}."
        return StatusWords("Working", "circle-check", "The last try went well.", "text"), told
    return StatusWords("New", "clock", "It was told nothing yet."), "It was told nothing yet."


def _moment(at: datetime) -> str:
    """today, 9:42 am"""
    said = day(at)
    return f"{said.lower() if said in ('Today', 'Yesterday') else said}, {clock_time(at)}"


def _delivery(row: HookDelivery, hook: Hook) -> DeliveryView:
    waits = row.state is HookState.WAITING
    state = _AGAIN if waits and row.tries else _WORDS[row.state]
    ids = ", ".join(f"{kind.replace('_', ' ')} {id_}" for kind, id_ in row.ids.items())
    return DeliveryView(
        row.id,
        hook_outbox.public_id(row),
        row.name,
        ", ".join(filter(None, [ids, row.status])),
        row.at,
        state,
        row.error,
        str(row.code or ""),
        row.tries,
        row.tried_at,
        _next_try(row, hook) if waits and row.tries and not hook.paused_at else None,
        not waits,
    )


def _next_try(row: HookDelivery, hook: Hook) -> datetime:
    return max(row.due_at, hook.rest_until or row.due_at)
