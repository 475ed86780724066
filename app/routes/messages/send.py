"""Send: the form for a new text, in a dialog over the overview or as a page of its own
(S4-27..S4-49). What happens to the text is decided as everywhere; here it is said who gets it."""

import json
import uuid
from dataclasses import dataclass, field
from typing import Any

from flask import Response, flash, redirect, render_template, request, url_for

from app.errors import Conflict, Invalid, Merged
from app.models import Message
from app.routes import preview, shown
from app.routes.compose import found_people, key_of_form
from app.routes.filters import bookmark, row_id
from app.routes.messages.frame import bp
from app.routes.messages.shown import RowView, row_view, went
from app.routes.opened import route_of
from app.rules.access import Can, Viewer
from app.security import allowed, require, viewer
from app.services import addressing, overview, sending
from app.services.deciding import Target
from app.services.dispatching import Draft


@dataclass(frozen=True, slots=True)
class To:
    """Who gets the text. `target` None: that is not said yet, and `missing` says what is, at the
    field `asks`.

    `in_context`: the form was opened for this person (S4-35). Else `typed` is the free number, and
    `owners` have it: `only` is the phone of the one who is meant, `e164` set where it is nobody's.
    """

    target: Target | None = None
    in_context: bool = False
    typed: str = ""
    owners: list[shown.Card] = field(default_factory=list)
    whose: int | None = None
    only: int | None = None
    e164: str = ""
    missing: str = "Type the number first."
    asks: str = "number"

    @property
    def person(self) -> shown.Card | None:
        person = self.target.person if self.target else None
        return shown.card(person) if person else None


def _to(asking: Viewer) -> To:
    """As the address and the form say. Raises NotFound for a person who is not there."""
    person_id = request.args.get("person", type=row_id)
    if person_id is not None:
        return To(sending.person_target(asking, person_id), in_context=True)
    typed = _typed("number")[:100].strip()
    if not typed:
        return To()
    try:
        address = addressing.look_up(asking, typed)
    except Invalid as error:
        return To(typed=typed, missing=str(error))
    if not address.owners:
        target = addressing.nobodys(asking, address.number)
        return To(target, typed=typed, e164=address.e164)
    return _owner(asking, typed, address)


def _owner(asking: Viewer, typed: str, address: addressing.Address) -> To:
    """Of a number on record its owner; of a shared one whoever is meant, which nobody guesses."""
    phones = {person.id: phone_id for person, phone_id in address.owners}
    owners = [shown.card(person) for person, _ in address.owners]
    whose = owners[0].id if len(owners) == 1 else request.values.get("whose", type=row_id)
    if whose not in phones:
        return To(typed=typed, owners=owners, missing="Choose who is meant.", asks="whose")
    target = sending.person_target(asking, whose)
    return To(target, typed=typed, owners=owners, whose=whose, only=phones[whose])


def _typed(name: str) -> str:
    return request.values.get(name, "").replace("\x00", "")


def _keeps() -> bool:
    return request.values.get("keep") == "yes"


def _in_dialog() -> bool:
    return bool(request.headers.get("HX-Request"))


# The form


@bp.get("/new")
@allowed(Can.TEXT_START)
def new() -> Any:
    asking = viewer()
    bookmark(asking)
    if "pick" in request.args:
        return _pick()
    sent = request.args.get("sent", type=row_id)
    rows = overview.these(asking, [sent]) if sent else []
    try:
        to = _to(asking)
    except Merged as error:
        return redirect(url_for("messages.new", person=error.into))
    return _form(asking, to, sent=row_view(rows[0], asking) if rows else None)


def _pick() -> str:
    """Choosing a person instead of typing a number."""
    require(Can.PEOPLE_READ)
    return _render("pick", **found_people())


def _form(
    asking: Viewer,
    to: To,
    body: str = "",
    problems: dict[str, str] | None = None,
    key: str = "",
    sent: RowView | None = None,
) -> str:
    """`problems`: by the field that they are about, "error" for the text. `sent`: what was sent
    just before."""
    return _render(
        "send",
        to=to,
        person=to.person if to.in_context else None,
        route=_route(asking, to, body),
        form={"body": body, **(problems or {})},
        key=key or str(uuid.uuid4()),
        keep=_keeps(),
        sent=sent,
    )


def _render(name: str, **values: Any) -> str:
    page = f"_{name}" if _in_dialog() else name
    return render_template(f"messages/{page}.html", dialog=_in_dialog(), **values)


def _route(asking: Viewer, to: To, body: str | None = None) -> preview.RouteView:
    if to.target is None:
        return preview.undecided(to.missing, _typed("body") if body is None else body)
    return route_of(to.target, asking, body, to.only)[0]


@bp.post("/new/route")
@allowed(Can.TEXT_START)
def new_route() -> Any:
    """What would happen to the text as the form is filled in now; changes nothing."""
    asking = viewer()
    to = _to(asking)
    return render_template("messages/_route.html", to=to, route=_route(asking, to), fresh=True)


# Sending


@bp.post("/new")
@allowed(Can.TEXT_START)
def send() -> Any:
    asking = viewer()
    try:
        to, message = _sent(asking)
    except (Invalid, Conflict) as error:
        return _again(asking, error), error.http_status
    return _confirmed(asking, to, message)


def _sent(asking: Viewer) -> tuple[To, Message]:
    to = _to(asking)
    if to.target is None:
        raise Invalid(to.asks, to.missing)
    phone_id = to.only or request.form.get("phone_id", type=row_id)
    draft = Draft(_typed("body"), phone_id=phone_id, key=key_of_form() or None)
    if to.target.person is None:
        return to, sending.to_number(asking, to.e164, draft)
    return to, sending.to_person(asking, to.target.person.id, draft)


def _again(asking: Viewer, error: Invalid | Conflict) -> str:
    """The form with what was typed and what is wrong. A form that has sent another text already,
    and was changed after Back, sends this one as a text of its own."""
    at = error.fields[0]["field"] if error.fields else "body"
    problem, key = str(error), key_of_form()
    if error.code == "idempotency_mismatch":
        key = ""
        problem = "This form has sent another text already. Send once more to send this one too."
    to = _to(asking)
    found = {"error": problem} if at not in ("number", "whose") else {at: problem}
    bookmark(asking)
    return _form(asking, to, _typed("body"), found, key)


def _confirmed(asking: Viewer, to: To, message: Message) -> Any:
    """Said in the window that stays, with the form ready for the next text; else where it was
    opened from (S4-44, S4-48, S4-49)."""
    row = overview.one(asking, message.id)
    person_id = to.person.id if to.in_context and to.person else None
    see = url_for("messages.one", message_id=message.id)
    if _keeps() and _in_dialog():
        fresh = _to(asking) if to.in_context else To()
        return _form(asking, fresh, sent=row_view(row, asking))
    if _keeps():
        stays = url_for("messages.new", person=person_id, keep="yes", sent=message.id)
        return redirect(stays, code=303)
    told = went(row, asking)
    if _in_dialog():
        toast = json.dumps({"toast": {"text": told, "see": see}})
        return Response(status=204, headers={"HX-Trigger": toast})
    flash(told, f"see {see}")
    return redirect(url_for("messages.index"), code=303)


@bp.get("/<int:message_id>/sent")
@allowed()
def sent(message_id: int) -> Any:
    """What has become of it, while the window stays."""
    asking = viewer()
    row = row_view(overview.one(asking, message_id), asking)
    return render_template("messages/_sent.html", sent=row)
