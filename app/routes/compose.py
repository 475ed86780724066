"""Compose: writing in an open thread, and the first text to a person."""

import uuid
from typing import Any

from flask import redirect, render_template, request, url_for

from app.errors import Conflict, Invalid, NotFound
from app.models import Person
from app.routes import shown
from app.routes.filters import bookmark, row_id
from app.routes.inbox import bp, listed
from app.routes.moments import choices, moment
from app.routes.opened import route_of, row_of, whole
from app.rules.access import Can, Viewer, Whose
from app.security import allowed, viewer
from app.services import drafts, people, presence, sending
from app.services.deciding import Target
from app.services.dispatching import Draft
from app.services.threads import find


@bp.post("/<int:conversation_id>/messages")
@allowed()
def reply(conversation_id: int) -> Any:
    asking = viewer()
    try:
        sending.in_thread(asking, conversation_id, _draft())
    except (Invalid, Conflict) as error:
        return kept(conversation_id, asking, str(error)), error.http_status
    if not request.headers.get("HX-Request"):
        return redirect(url_for("inbox.conversation", conversation_id=conversation_id), code=303)
    return emptied(conversation_id, asking)


def emptied(conversation_id: int, asking: Viewer) -> str:
    """The box again, for the next message."""
    return render_template("inbox/_compose.html", **whole(row_of(conversation_id), asking))


def key_of_form() -> str:
    """What this form is sent under, however often; "" for none."""
    return request.form.get("key", "").replace("\x00", "")[:80]


def _draft() -> Draft:
    phone_id = request.form.get("phone_id", type=row_id)
    body = request.form.get("body", "").replace("\x00", "")
    later = request.form.get("when") == "later"
    send_at = moment(request.form.get("send_at", ""), "send_at") if later else None
    return Draft(body, phone_id=phone_id, key=key_of_form() or None, send_at=send_at)


@bp.post("/<int:conversation_id>/draft")
@allowed()
def draft(conversation_id: int) -> Any:
    """Keep what is typed; others who may answer are told that somebody does."""
    asking, body = viewer(), request.form.get("body", "").replace("\x00", "")
    drafts.save(asking, conversation_id, body, key_of_form())
    if body.strip():
        presence.note_typing(asking, row_of(conversation_id).thread)
    return "", 204


@bp.get("/<int:conversation_id>/presence", endpoint="presence")
@allowed()
def presence_(conversation_id: int) -> Any:
    row_of(conversation_id)
    typing = presence.typing(viewer(), conversation_id)
    return render_template("inbox/_presence.html", conversation_id=conversation_id, typing=typing)


def kept(conversation_id: int, asking: Viewer, problem: str) -> str:
    """The form again, with what was typed and what is wrong."""
    form = {name: request.form.get(name, "") for name in ("body", "send_at", "when")}
    form["error"] = problem
    try:
        row = row_of(conversation_id)
    except NotFound:
        row = None
    if row is None or not asking.answers_for(row.thread.staff_id):  # a colleague's by now
        return render_template("inbox/gone.html", form=form)
    page = whole(row, asking, form)
    if request.headers.get("HX-Request"):
        return render_template("inbox/_compose.html", **page)
    bookmark(asking)
    return render_template("inbox/index.html", **page, **listed(asking))


@bp.get("/new")
@allowed(Can.TEXT_START)
def new() -> Any:
    bookmark(viewer())
    person_id = request.args.get("person", type=row_id)
    if person_id is None:
        return render_template("inbox/new.html", person=None, **found_people())
    thread = find(viewer().institution_id, Whose(viewer().staff_id), person_id)
    if thread:
        return redirect(url_for("inbox.conversation", conversation_id=thread.id))
    person = people.one(viewer(), person_id)
    if person.merged_into is not None:
        return redirect(url_for("inbox.new", person=person.merged_into))
    return _new_page(person)


@bp.get("/new/route")
@bp.post("/new/route")
@allowed(Can.TEXT_START)
def new_route() -> Any:
    person = people.one(viewer(), request.args.get("person", 0, type=row_id))
    return render_template("inbox/_route.html", route=route_of(Target(person, None), viewer())[0])


@bp.post("/new")
@allowed(Can.TEXT_START)
def start() -> Any:
    person_id = request.form.get("person_id", 0, type=row_id)
    try:
        message = sending.to_person(viewer(), person_id, _draft())
    except (Invalid, Conflict) as error:
        form = {name: request.form.get(name, "") for name in ("body", "send_at", "when")}
        form["error"] = str(error)
        return _new_page(people.one(viewer(), person_id), form), error.http_status
    return redirect(
        url_for("inbox.conversation", conversation_id=message.conversation_id), code=303
    )


def _new_page(person: Person, form: dict[str, str] | None = None) -> str:
    found, _ = route_of(Target(person, None), viewer(), form["body"] if form else "")
    key = request.form.get("key") or str(uuid.uuid4())
    return render_template(
        "inbox/new.html",
        person=shown.card(person),
        thread=None,
        route=found,
        form=form,
        key=key,
        moments=choices(),
    )


@bp.get("/people", endpoint="people")
@allowed(Can.PEOPLE_READ)
def people_() -> Any:
    return render_template("inbox/_people.html", **found_people())


def found_people() -> dict[str, Any]:
    """Whom the search finds to write to."""
    q = request.args.get("q", "").replace("\x00", "")[:100]
    found = people.search(viewer(), q=q, limit=20) if q.strip() else []
    return {"q": q, "people": [shown.card(person) for person in found]}
