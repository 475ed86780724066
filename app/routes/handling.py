"""Handling: what is done with a whole conversation."""

from typing import Any

from flask import flash, redirect, render_template, request, url_for

from app.errors import Invalid
from app.routes.compose import emptied, kept, key_of_form
from app.routes.filters import row_id
from app.routes.filters import until as until_words
from app.routes.inbox import bp
from app.routes.moments import moment
from app.rules.access import Can
from app.security import allowed, viewer
from app.services import asking, handling, held, inbox


@bp.post("/<int:conversation_id>/claim")
@allowed(Can.TEXT_REPLY)
def claim(conversation_id: int) -> Any:
    """Take what nobody holds, to answer it (D7)."""
    asking = viewer()
    became = handling.hand_over(asking, conversation_id, asking.staff_id, only_unclaimed=True)
    return redirect(url_for("inbox.conversation", conversation_id=became), code=303)


def _changed(conversation_id: int, **change: bool) -> Any:
    handling.change(viewer(), conversation_id, **change)
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
    handling.change(viewer(), conversation_id, read=False)
    return redirect(url_for("inbox.index"), code=303)


@bp.post("/<int:conversation_id>/archive")
@allowed()
def archive(conversation_id: int) -> Any:
    handling.change(viewer(), conversation_id, archived=True)
    back = url_for("inbox.unarchive", conversation_id=conversation_id)
    flash("Archived. The next text brings it back.", back)  # the category says how to undo it
    return redirect(url_for("inbox.index"), code=303)


@bp.post("/<int:conversation_id>/unarchive")
@allowed()
def unarchive(conversation_id: int) -> Any:
    return _changed(conversation_id, archived=False)


@bp.post("/<int:conversation_id>/consent", endpoint="consent")
@allowed(Can.CONSENT_EDIT)
def consent_(conversation_id: int) -> Any:
    asking.answer_vague_opt_out(viewer(), conversation_id, opts_out=True)
    return _done(conversation_id)


@bp.post("/<int:conversation_id>/dismiss")
@allowed(Can.CONSENT_EDIT)
def dismiss(conversation_id: int) -> Any:
    asking.answer_vague_opt_out(viewer(), conversation_id, opts_out=False)
    return _done(conversation_id)


@bp.post("/<int:conversation_id>/snooze")
@allowed()
def snooze(conversation_id: int) -> Any:
    """Put off until `until`, a time in the viewer's zone."""
    try:
        until = moment(request.form.get("until", ""), "until")
        handling.snooze(viewer(), conversation_id, until)
    except Invalid as error:
        flash(f"Not snoozed. {error}")
        return redirect(url_for("inbox.conversation", conversation_id=conversation_id), code=303)
    back = url_for("inbox.wake", conversation_id=conversation_id)
    flash(f"Snoozed until {until_words(until)}. A reply brings it back at once.", back)
    return redirect(url_for("inbox.index"), code=303)


@bp.post("/<int:conversation_id>/wake")
@allowed()
def wake(conversation_id: int) -> Any:
    handling.snooze(viewer(), conversation_id, None)
    return _done(conversation_id)


@bp.get("/<int:conversation_id>/hand-over")
@allowed()
def hand_over_form(conversation_id: int) -> Any:
    return _hand_over_form(conversation_id)


@bp.post("/<int:conversation_id>/hand-over")
@allowed()
def hand_over(conversation_id: int) -> Any:
    asking = viewer()
    to = request.form.get("staff_id", type=row_id)
    if to is None:
        return _hand_over_form(conversation_id, "Choose a colleague."), 422
    became = handling.hand_over(asking, conversation_id, to)
    flash("The conversation is handed over.")
    if asking.sees_more:
        return redirect(url_for("inbox.conversation", conversation_id=became), code=303)
    return redirect(url_for("inbox.index"), code=303)


def _hand_over_form(conversation_id: int, problem: str | None = None) -> str:
    asking = viewer()
    row = inbox.one(asking, conversation_id)
    page = "_hand_over.html" if request.headers.get("HX-Request") else "hand_over.html"
    return render_template(
        f"inbox/{page}",
        conversation_id=conversation_id,
        title=row.title(asking.region),
        waiting=held.waiting_in([conversation_id]),
        colleagues=handling.colleagues(asking, row.thread),
        problem=problem,
    )


@bp.post("/<int:conversation_id>/notes")
@allowed()
def note(conversation_id: int) -> Any:
    """Keep what is typed as a private note."""
    asking = viewer()
    try:
        key = key_of_form() or None
        handling.write_note(asking, conversation_id, request.form.get("body", ""), key)
    except Invalid as error:
        return kept(conversation_id, asking, str(error)), 422
    if not request.headers.get("HX-Request"):
        return redirect(url_for("inbox.conversation", conversation_id=conversation_id), code=303)
    return emptied(conversation_id, asking)
