"""Opened: a thread as its page shows it. What was said, who it is, and the box to write in."""

import uuid
from typing import Any

from flask import request

from app import clock
from app.database import db
from app.models import Message
from app.routes import items, preview, shown
from app.routes.filters import day, row_id
from app.routes.moments import choices
from app.rules import texts
from app.rules.access import Viewer
from app.rules.dispatch import decide
from app.security import viewer
from app.services import inbox, later, people, reading
from app.services.deciding import Gathered, Target, gather
from app.services.dispatching import names_for
from app.services.identifying import may_identify
from app.services.inbox import Row
from app.services.reading import PAGE


def row_of(conversation_id: int) -> Row:
    return inbox.one(viewer(), conversation_id)


def target_of(row: Row) -> Target:
    return Target(row.person, row.thread)


def thread_of(row: Row, asking: Viewer) -> dict[str, Any]:
    before = request.args.get("before", type=row_id)
    next_page = db.session.get(Message, before) if before else None
    page = items.Page(
        reading.messages(row.thread, PAGE + 1, before),
        reading.asides(row.thread),
        later.coming(row.thread.id),
        next_page.created_at if next_page else None,
    )
    names = shown.names_of(row.person, inbox.institution_of(asking))
    return {"thread": items.thread_view(row, asking, page, names), "moments": choices()}


def whole(row: Row, asking: Viewer, form: dict[str, str] | None = None) -> dict[str, Any]:
    """All of an open thread: what was said, who it is, and the box, from facts gathered once."""
    box, gathered = box_of(row, asking, form)
    return {**thread_of(row, asking), **details_of(row, asking, gathered), **box}


def details_of(row: Row, asking: Viewer, gathered: Gathered | None = None) -> dict[str, Any]:
    gathered = gathered or gather(asking, target_of(row), "", clock.now())
    decision = decide(gathered.facts)
    texted = getattr(getattr(decision, "phone", None), "contact_id", None)
    verified = {
        phone.id: f"Verified by {gathered.verified_by.get(phone.id) or 'somebody'}"
        f" on {day(phone.verified_at)}"
        for phone in gathered.facts.phones
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
            may_identify(asking, row.thread),
        )
    }


def route_of(
    target: Target, asking: Viewer, body: str | None = None, only: int | None = None
) -> tuple[preview.RouteView, Gathered]:
    """What would happen to the message as it is written now; changes nothing. `only`: the phone
    that it goes to, or nowhere; else the one that is chosen in the form."""
    typed = texts.tidy(request.values.get("body", "") if body is None else body)[:5000]
    phone_id = only or request.values.get("phone_id", type=row_id)
    gathered = gather(asking, target, typed, clock.now(), chosen=phone_id)
    names = names_for(target, gathered)
    fixed = only is not None
    view = preview.route_view(gathered, names, typed, phone_id, asking, fixed=fixed)
    return view, gathered


def box_of(
    row: Row, asking: Viewer, form: dict[str, str] | None = None
) -> tuple[dict[str, Any], Gathered]:
    body = form["body"] if form else row.draft or ""
    key = request.form.get("key") if form else None
    found, gathered = route_of(target_of(row), asking, body)
    box = {"route": found, "form": form or {"body": body}, "key": key or str(uuid.uuid4())}
    return box, gathered
