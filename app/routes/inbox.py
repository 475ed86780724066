"""Inbox: the conversation list, and an open thread."""

from typing import Any

from flask import Blueprint, Response, g, render_template, request, url_for

from app.database import db
from app.errors import NotFound, ProviderError, ProviderRefused, Unavailable
from app.models import Direction, Message
from app.routes import preview, shown
from app.routes.cursor import when
from app.routes.filters import bookmark, row_id
from app.routes.opened import details_of, route_of, row_of, target_of, thread_of, whole
from app.rules.access import Viewer
from app.security import allowed, viewer
from app.services import inbox, org_units, queues, reading
from app.services.inbox import PAGE, Box, Place, Row
from app.services.queues import Queue

bp = Blueprint("inbox", __name__, url_prefix="/inbox")

MOST_ROWS = 500  # of one refresh; whoever scrolls further sees the first ones fresh


# The list


@bp.get("")
@allowed()
def index() -> Any:
    bookmark(viewer())
    return render_template("inbox/index.html", thread=None, **listed(viewer()))


@bp.get("/list")
@allowed()
def list_() -> Any:
    open_id = request.headers.get("HX-Current-URL", "").rpartition("/inbox/")[2].partition("?")[0]
    current = {"id": int(open_id)} if open_id.isdecimal() and len(open_id) < 19 else None
    part = "_rows.html" if "after" in request.args else "_list.html"
    return render_template(f"inbox/{part}", thread=current, **listed(viewer()))


def listed(asking: Viewer) -> dict[str, Any]:
    """What a list shows: of the view and the words in the address, from `after` on."""
    args = request.args
    view = args.get("view", Box.MINE)
    box = Box(view) if view in set(Box) else Box.MINE
    if not box.own and not asking.sees_more:
        box = Box.MINE
    q = args.get("q", "").replace("\x00", "")[:100].strip()
    limit = min(max(args.get("limit", PAGE, type=int), PAGE), MOST_ROWS)
    after = _place(args.get("after", ""))
    units = queues.of(asking) if box is Box.UNCLAIMED and not q else []
    unit = _unit(units)
    rows = inbox.page(asking, box, q, limit + 1, after, unit)
    more = _mark(rows[limit - 1]) if len(rows) > limit else None
    names = {each.id: each.name for each in units}
    state: dict[str, Any] = {"view": box.value, "q": q or None, "unit": unit}
    counts = {}
    if after is None:
        waiting = inbox.counts(asking)
        counts, g.unread_total = waiting.waiting, waiting.unread_texts
    return {
        "rows": [shown.list_row(row, asking, names) for row in rows[:limit]],
        "filters": {
            "view": box.value,
            "q": q,
            "more": more and url_for("inbox.list_", **state, after=more),
            "unit": unit,
            "unit_name": names.get(unit or 0),
            "queues": [each for each in units if each.waiting or each.id == unit],
            "counts": counts,
            "grouped": box is Box.MINE and not q,
            "after_unread": after.unread if after else None,
        },
    }


def _unit(units: list[Queue]) -> int | None:
    """The unit of the address, of those whose queue the viewer sees; raises NotFound for another
    one. Nothing where the list is not of queues, or where the unit was removed since: all of them,
    because what waited in it is in the unit above now."""
    typed = request.args.get("unit", "")
    if not typed or not units:
        return None
    found = next((unit.id for unit in units if str(unit.id) == typed), None)
    if found is None and not _was_removed(typed):
        raise NotFound("There is no such org unit.")
    return found


def _was_removed(typed: str) -> bool:
    try:
        return org_units.was_removed(viewer(), row_id(typed))
    except ValueError:
        return False


def _mark(row: Row) -> str:
    thread = row.thread
    return f"{int(thread.unread > 0)}_{thread.last_message_at.isoformat()}_{thread.id}"


def _place(mark: str) -> Place | None:
    """The place that `_mark` wrote down; None for anything else: the list from its top."""
    unread, _, rest = mark.partition("_")
    at, _, id_ = rest.partition("_")
    try:
        return Place(unread == "1", when(at), row_id(id_))
    except ValueError:
        return None


# A thread


@bp.get("/<int:conversation_id>")
@allowed()
def conversation(conversation_id: int) -> Any:
    asking = viewer()
    bookmark(asking)
    row = inbox.opened(asking, conversation_id)
    page = whole(row, asking)
    return render_template("inbox/index.html", **page, **listed(asking))


@bp.get("/<int:conversation_id>/thread")
@allowed()
def thread(conversation_id: int) -> Any:
    asking = viewer()
    earlier = "before" in request.args  # the newest page was noted when it was opened
    row = inbox.opened(asking, conversation_id) if earlier else row_of(conversation_id)
    return render_template("inbox/_thread.html", **thread_of(row, asking))


@bp.get("/<int:conversation_id>/details")
@allowed()
def details(conversation_id: int) -> Any:
    found = details_of(row_of(conversation_id), viewer())
    return render_template(
        "inbox/_details.html", conversation_id=conversation_id, thread=None, **found
    )


@bp.get("/<int:conversation_id>/route")
@bp.post("/<int:conversation_id>/route")
@allowed()
def route(conversation_id: int) -> Any:
    row = row_of(conversation_id)
    return render_template("inbox/_route.html", route=route_of(target_of(row), viewer())[0])


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
        "steps": preview.step_views(shown.steps_of(message), names, message.reason, viewer()),
        "status": shown.status_words(message),
    }
    page = "_why.html" if request.headers.get("HX-Request") else "why.html"
    return render_template(
        f"inbox/{page}", conversation_id=message.conversation_id, decision=decision
    )


@bp.get("/pictures/<int:picture_id>")
@allowed()
def picture(picture_id: int) -> Any:
    """Only a picture, by its first bytes; nothing in it is run (X32)."""
    try:
        kind, content = reading.picture(viewer(), picture_id)
    except ProviderRefused as refused:
        raise NotFound(str(refused)) from None
    except ProviderError:
        raise Unavailable("The provider cannot be reached just now. Try again.") from None
    response = Response(content, content_type=kind)
    response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response.headers["Content-Disposition"] = f"inline; filename=picture.{kind.partition('/')[2]}"
    return response
