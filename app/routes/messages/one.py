"""One: what became of one message, and sending it once more (S4-29..S4-31, D32, D33)."""

from typing import Any

from flask import flash, g, redirect, render_template, url_for

from app.errors import Conflict
from app.models import Direction
from app.routes import preview, shown
from app.routes.filters import bookmark
from app.routes.messages import detail
from app.routes.messages.frame import asked, bp, state
from app.routes.messages.listing import page
from app.routes.messages.shown import row_view, went
from app.security import allowed, viewer
from app.services import inbox, overview, resending, trail


@bp.get("/<int:message_id>")
@allowed()
def one(message_id: int) -> Any:
    """Its decision, every try and report, and the consent of then (reading a colleague's is
    audited, D3)."""
    asking = viewer()
    bookmark(asking)
    found = overview.one(asking, message_id)
    inbox.opened(asking, found.message.conversation_id)
    found = overview.one(asking, message_id)
    names = shown.names_of(found.person, inbox.institution_of(asking))
    message = found.message
    steps = shown.steps_of(message)
    return render_template(
        "messages/one.html",
        row=row_view(found, asking),
        inbound=message.direction is Direction.INBOUND,
        channel=message.channel.value,
        facts=detail.facts(found, asking),
        steps=preview.step_views(steps, names, message.reason, asking),
        tries=[detail.try_view(each, asking.region) for each in trail.tries(message)],
        consent=detail.consent_view(trail.consent_then(message), names, asking.region),
        refusal=resending.refusal(asking, message_id),
        thread=message.conversation_id,
        resend_of=message.resend_of,
    )


@bp.post("/<int:message_id>/resend")
@allowed()
def resend(message_id: int) -> Any:
    """From the list, whose filter stays as it is; the new message is on top of it (S4-31)."""
    asking, wanted = viewer(), asked()
    try:
        made = resending.resend(asking, message_id)
    except Conflict as refused:
        g.picked = message_id
        bookmark(asking)
        return page(problem=str(refused)), 409
    new = overview.one(asking, made.id)
    flash(went(new, asking, again=True))
    return redirect(url_for("messages.index", **state(wanted)), code=303)
