"""Later: texts that wait for their time, and texts that are taken back or sent once more."""

from typing import Any

from flask import flash, redirect, render_template, request, url_for

from app.errors import Invalid
from app.routes import items
from app.routes.filters import bookmark
from app.routes.inbox import bp
from app.routes.moments import in_field, moment
from app.security import allowed, viewer
from app.services import later, messages, resending


@bp.get("/later")
@allowed()
def later_() -> Any:
    """All that the viewer has written for later."""
    asking = viewer()
    bookmark(asking)
    found = [
        (items.held_item(message, asking), thread.id, person.name if person else thread.snippet)
        for message, thread, person in later.listed(asking)
    ]
    return render_template("inbox/later.html", found=found)


@bp.post("/messages/<int:message_id>/resend")
@allowed()
def resend(message_id: int) -> Any:
    resending.resend(viewer(), message_id)
    return _back(message_id, "The text is sent once more.")


@bp.post("/messages/<int:message_id>/cancel")
@allowed()
def cancel(message_id: int) -> Any:
    resending.cancel(viewer(), message_id)
    return _back(message_id, "The text is canceled.")


@bp.post("/messages/<int:message_id>/go-ahead")
@allowed()
def go_ahead(message_id: int) -> Any:
    later.go_ahead(viewer(), message_id)
    return _back(message_id)


@bp.get("/messages/<int:message_id>/later")
@allowed()
def change_later(message_id: int) -> Any:
    return _later_form(message_id)


@bp.post("/messages/<int:message_id>/later")
@allowed()
def save_later(message_id: int) -> Any:
    body, typed = request.form.get("body", "").replace("\x00", ""), request.form.get("send_at", "")
    try:
        later.change(viewer(), message_id, body, moment(typed, "send_at"))
    except Invalid as error:
        field = error.fields[0]["field"]
        form = {"body": body, "send_at": typed, "error": str(error), "field": field}
        return _later_form(message_id, form), 422
    return _back(message_id)


def _later_form(message_id: int, form: dict[str, str] | None = None) -> str:
    message = later.waiting(viewer(), message_id)
    page = "_change_later.html" if request.headers.get("HX-Request") else "change_later.html"
    filled = form or {"body": message.body, "send_at": in_field(message.send_at)}
    return render_template(f"inbox/{page}", message=message, form=filled)


def _back(message_id: int, said: str | None = None) -> Any:
    """To the thread of a message; htmx stays where it is, and what changed comes as an event."""
    if request.headers.get("HX-Request"):
        return "", 204
    if said:
        flash(said)
    thread = messages.one(viewer(), message_id).message.conversation_id
    return redirect(url_for("inbox.conversation", conversation_id=thread), code=303)
