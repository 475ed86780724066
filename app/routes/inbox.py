"""Inbox: the conversation list, a thread, and writing in it."""

import uuid
from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for

from app import clock
from app.database import db
from app.errors import Conflict, Invalid, NotFound
from app.models import Direction, Message, Person
from app.routes import preview, shown
from app.routes.filters import bookmark, day, row_id
from app.rules import texts
from app.rules.access import Can, Viewer
from app.rules.dispatch import decide
from app.security import allowed, viewer
from app.services import consent, inbox, people, sending
from app.services.deciding import Gathered, Target, gather
from app.services.inbox import PAGE, Box, Row
from app.services.sending import Draft
from app.services.threads import find

bp = Blueprint("inbox", __name__, url_prefix="/inbox")

MOST_ROWS = 500


# The list


@bp.get("")
@allowed()
def index() -> Any:
    bookmark(viewer())
    return render_template("inbox/index.html", thread=None, **_list(viewer()))


@bp.get("/list")
@allowed()
def list_() -> Any:
    open_id = request.headers.get("HX-Current-URL", "").rpartition("/inbox/")[2].partition("?")[0]
    current = {"id": int(open_id)} if open_id.isdecimal() and len(open_id) < 19 else None
    return render_template("inbox/_list.html", thread=current, **_list(viewer()))


def _list(asking: Viewer) -> dict[str, Any]:
    args = request.args
    view = args.get("view", Box.MINE)
    box = Box(view) if view in set(Box) else Box.MINE
    if box in (Box.ALL, Box.UNCLAIMED) and not asking.sees_all:
        box = Box.MINE
    q = args.get("q", "").replace("\x00", "")[:100]
    limit = min(max(args.get("limit", PAGE, type=int), PAGE), MOST_ROWS)
    rows = inbox.rows(asking, box=box, q=q, limit=limit + 1)
    more = (
        url_for("inbox.list_", view=box.value, q=q or None, limit=limit + PAGE)
        if len(rows) > limit
        else None
    )
    return {
        "rows": [shown.list_row(row, asking) for row in rows[:limit]],
        "filters": {
            "view": box.value,
            "q": q,
            "limit": limit if limit > PAGE else None,
            "more": more,
            "counts": inbox.counts(asking),
        },
    }


# A thread


@bp.get("/<int:conversation_id>")
@allowed()
def conversation(conversation_id: int) -> Any:
    asking = viewer()
    bookmark(asking)
    row = inbox.opened(asking, conversation_id)
    page = {**_thread(row, asking), **_details(row, asking), **_compose(row, asking)}
    return render_template("inbox/index.html", **page, **_list(asking))


@bp.get("/<int:conversation_id>/thread")
@allowed()
def thread(conversation_id: int) -> Any:
    return render_template("inbox/_thread.html", **_thread(_row(conversation_id), viewer()))


@bp.get("/<int:conversation_id>/details")
@allowed()
def details(conversation_id: int) -> Any:
    found = _details(_row(conversation_id), viewer())
    return render_template(
        "inbox/_details.html", conversation_id=conversation_id, thread=None, **found
    )


@bp.get("/<int:conversation_id>/route")
@bp.post("/<int:conversation_id>/route")
@allowed()
def route(conversation_id: int) -> Any:
    row = _row(conversation_id)
    return render_template("inbox/_route.html", route=_route(_target(row), viewer())[0])


@bp.get("/messages/<int:message_id>/why")
@allowed()
def why(message_id: int) -> Any:
    message = db.session.get(Message, message_id)
    if message is None or message.direction is Direction.INBOUND:
        raise NotFound("There is no such message.")
    row = inbox.one(viewer(), message.conversation_id)
    names = shown.names_of(row.person, inbox.institution_of(viewer()))
    decision = {
        "channel": message.channel.value,
        "headline": None,
        "steps": preview.step_views(shown.steps_of(message), names, message.reason),
        "status": shown.status_words(message),
    }
    page = "_why.html" if request.headers.get("HX-Request") else "why.html"
    return render_template(f"inbox/{page}", decision=decision)


def _row(conversation_id: int) -> Row:
    return inbox.one(viewer(), conversation_id)


def _target(row: Row) -> Target:
    return Target(row.person, row.thread)


def _thread(row: Row, asking: Viewer) -> dict[str, Any]:
    before = request.args.get("before", type=row_id)
    said = inbox.messages(row.thread, PAGE + 1, before)
    names = shown.names_of(row.person, inbox.institution_of(asking))
    marks = inbox.markers(row.thread)
    later = db.session.get(Message, before) if before else None
    until = later.created_at if later else None
    return {"thread": shown.thread_view(row, asking, said, marks, names, until)}


def _details(row: Row, asking: Viewer) -> dict[str, Any]:
    gathered = gather(asking, _target(row), "", clock.now())
    decision = decide(gathered.facts)
    texted = getattr(getattr(decision, "phone", None), "contact_id", None)
    verified = {
        phone.id: f"Verified by {name or 'somebody'} on {day(phone.verified_at)}"
        for phone, name in (inbox.phones_of(row.person.id) if row.person else [])
        if phone.verified_at
    }
    person = row.person
    return {
        "details": shown.Details(
            row.title(asking.region),
            shown.person_lines(person) if person else [],
            [
                shown.phone_view(p, gathered.facts, asking.region, verified.get(p.id), texted)
                for p in gathered.facts.phones
            ],
            person is not None and person.opted_out_at is not None,
            [p.name for p in people.who_may_it_be(row.thread)],
            person.id if person else None,
        )
    }


# Writing


def _route(
    target: Target, asking: Viewer, body: str | None = None
) -> tuple[preview.RouteView, Gathered]:
    """What would happen to the message as it is written now; changes nothing."""
    typed = texts.tidy(request.values.get("body", "") if body is None else body)[:5000]
    phone_id = request.values.get("phone_id", type=row_id)
    gathered = gather(asking, target, typed, clock.now(), chosen=phone_id)
    names = sending.names_for(target, gathered)
    view = preview.route_view(decide(gathered.facts), gathered.facts, names, typed, phone_id)
    return view, gathered


def _compose(row: Row, asking: Viewer, form: dict[str, str] | None = None) -> dict[str, Any]:
    body = form["body"] if form else ""
    key = request.form.get("key") if form else None
    found, _ = _route(_target(row), asking, body)
    return {"route": found, "form": form, "key": key or str(uuid.uuid4())}


@bp.post("/<int:conversation_id>/messages")
@allowed()
def reply(conversation_id: int) -> Any:
    asking = viewer()
    try:
        sending.in_thread(asking, conversation_id, _draft())
    except (Invalid, Conflict) as error:
        return _kept(conversation_id, asking, str(error)), error.http_status
    if not request.headers.get("HX-Request"):
        return redirect(url_for("inbox.conversation", conversation_id=conversation_id), code=303)
    row = _row(conversation_id)
    found = _compose(row, asking)
    return render_template(
        "inbox/_compose.html", **found, **_thread(row, asking), **_details(row, asking)
    )


def _draft() -> Draft:
    key = request.form.get("key", "")[:80]
    phone_id = request.form.get("phone_id", type=row_id)
    body = request.form.get("body", "").replace("\x00", "")
    return Draft(body, phone_id=phone_id, key=key or None)


def _kept(conversation_id: int, asking: Viewer, problem: str) -> str:
    """The form again, with what was typed and what is wrong."""
    form = {"body": request.form.get("body", ""), "error": problem}
    try:
        row = _row(conversation_id)
    except NotFound:
        row = None
    if row is None or row.thread.staff_id != asking.staff_id:  # a colleague's by now
        return render_template("inbox/gone.html", form=form)
    page = {**_compose(row, asking, form), **_thread(row, asking), **_details(row, asking)}
    if request.headers.get("HX-Request"):
        return render_template("inbox/_compose.html", **page)
    bookmark(asking)
    return render_template("inbox/index.html", **page, **_list(asking))


@bp.get("/new")
@allowed(Can.TEXT_START)
def new() -> Any:
    bookmark(viewer())
    person_id = request.args.get("person", type=row_id)
    if person_id is None:
        return render_template("inbox/new.html", person=None, **_people())
    thread = find(viewer().institution_id, viewer().staff_id, person_id)
    if thread:
        return redirect(url_for("inbox.conversation", conversation_id=thread.id))
    return _new_page(people.one(viewer(), person_id))


@bp.get("/new/route")
@bp.post("/new/route")
@allowed(Can.TEXT_START)
def new_route() -> Any:
    person = people.one(viewer(), request.args.get("person", 0, type=row_id))
    return render_template("inbox/_route.html", route=_route(Target(person, None), viewer())[0])


@bp.post("/new")
@allowed(Can.TEXT_START)
def start() -> Any:
    person_id = request.form.get("person_id", 0, type=row_id)
    try:
        message = sending.to_person(viewer(), person_id, _draft())
    except (Invalid, Conflict) as error:
        form = {"body": request.form.get("body", ""), "error": str(error)}
        return _new_page(people.one(viewer(), person_id), form), error.http_status
    return redirect(
        url_for("inbox.conversation", conversation_id=message.conversation_id), code=303
    )


def _new_page(person: Person, form: dict[str, str] | None = None) -> str:
    found, _ = _route(Target(person, None), viewer(), form["body"] if form else "")
    key = request.form.get("key") or str(uuid.uuid4())
    return render_template(
        "inbox/new.html", person=_found(person), thread=None, route=found, form=form, key=key
    )


@bp.get("/people", endpoint="people")
@allowed(Can.PEOPLE_READ)
def people_() -> Any:
    return render_template("inbox/_people.html", **_people())


def _people() -> dict[str, Any]:
    q = request.args.get("q", "").replace("\x00", "")[:100]
    found = people.search(viewer(), q=q, limit=20) if q.strip() else []
    return {"q": q, "people": [_found(person) for person in found]}


def _found(person: Person) -> dict[str, Any]:
    return {
        "id": person.id,
        "name": person.name,
        "detail": ", ".join(shown.person_lines(person)),
        "opted_out": person.opted_out_at is not None,
    }


# What is done with a whole conversation


@bp.post("/<int:conversation_id>/claim")
@allowed(Can.INBOX_ALL, Can.TEXT_REPLY)
def claim(conversation_id: int) -> Any:
    """Take what nobody holds, to answer it (D7)."""
    asking = viewer()
    became = inbox.hand_over(asking, conversation_id, asking.staff_id, only_unclaimed=True)
    return redirect(url_for("inbox.conversation", conversation_id=became), code=303)


def _changed(conversation_id: int, **change: bool) -> Any:
    inbox.change(viewer(), conversation_id, **change)
    return _done(conversation_id)


def _done(conversation_id: int) -> Any:
    if request.headers.get("HX-Request"):
        return "", 204
    return redirect(url_for("inbox.conversation", conversation_id=conversation_id), code=303)


@bp.post("/<int:conversation_id>/read")
@allowed()
def mark_read(conversation_id: int) -> Any:
    return _changed(conversation_id, read=True)


@bp.post("/<int:conversation_id>/unread")
@allowed()
def mark_unread(conversation_id: int) -> Any:
    inbox.change(viewer(), conversation_id, read=False)
    return redirect(url_for("inbox.index"), code=303)


@bp.post("/<int:conversation_id>/archive")
@allowed()
def archive(conversation_id: int) -> Any:
    inbox.change(viewer(), conversation_id, archived=True)
    return redirect(url_for("inbox.index"), code=303)


@bp.post("/<int:conversation_id>/unarchive")
@allowed()
def unarchive(conversation_id: int) -> Any:
    return _changed(conversation_id, archived=False)


@bp.post("/<int:conversation_id>/consent", endpoint="consent")
@allowed(Can.CONSENT_EDIT)
def consent_(conversation_id: int) -> Any:
    consent.answer_vague_opt_out(viewer(), conversation_id, opts_out=True)
    return _done(conversation_id)


@bp.post("/<int:conversation_id>/dismiss")
@allowed(Can.CONSENT_EDIT)
def dismiss(conversation_id: int) -> Any:
    consent.answer_vague_opt_out(viewer(), conversation_id, opts_out=False)
    return _done(conversation_id)
