"""Queue: the emails that carry messages: sent, awaiting, and failed with the error (S4-51)."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import render_template, request, url_for

from app.routes import cursor
from app.routes.filters import bookmark
from app.routes.messages.frame import (
    ALL_UNITS,
    bp,
    day,
    in_order,
    since_until,
    some,
    unit_said,
    units,
    within,
    words,
)
from app.routes.messages.shown import moment
from app.rules.lifecycle import Status
from app.rules.words import EMAIL_STATUS, StatusWords
from app.security import allowed, viewer
from app.services import email_queue
from app.services.email_queue import Row, State, Wanted
from app.services.overview import PAGE

_LABELS = {State.AWAITING: "Awaiting", State.SENT: "Sent", State.FAILED: "Failed"}


@dataclass(frozen=True, slots=True)
class EmailView:
    id: int
    message_id: int
    subject: str
    text: str
    name: str
    to: str
    sender: str
    made: str
    at: datetime
    status: StatusWords
    error: str | None
    next_try: str | None
    more: int
    unit: str


def _view(row: Row) -> EmailView:
    email = row.email
    waits = email.status in (Status.QUEUED, Status.SENDING)
    return EmailView(
        email.id,
        row.message.id,
        email.subject,
        row.message.body,
        row.person.name if row.person else "",
        email.to_address,
        email.sender_name,
        moment(email.created_at),
        email.created_at,
        EMAIL_STATUS[email.status],
        email.error,
        moment(email.due_at) if waits and email.tries else None,
        row.carried - 1,
        row.unit or "",
    )


def _asked() -> Wanted:
    return Wanted(
        to=words("to"),
        states=some(State, "state"),
        within=within(),
        down=request.args.get("order") != "up",
        **since_until(),
    )


def _kept(wanted: Wanted) -> dict[str, Any]:
    """What an address says of it; what is as it is anyway stays out."""
    found = {
        "to": wanted.to,
        "state": in_order(State, wanted.states),
        "since": day("since"),
        "until": day("until"),
        "unit": unit_said(wanted.within),
        "order": None if wanted.down else "up",
    }
    return {name: value for name, value in found.items() if value}


@bp.get("/emails")
@allowed()
def emails() -> Any:
    asking = viewer()
    bookmark(asking)
    wanted = _asked()
    after = cursor.read(request.args.get("after", ""), cursor.BY_TIME)
    rows = email_queue.page(asking, wanted, PAGE + 1, after)
    last = rows[PAGE - 1].email if len(rows) > PAGE else None
    kept = _kept(wanted)
    return render_template(
        "messages/emails.html",
        rows=[_view(row) for row in rows[:PAGE]],
        state=kept,
        units=units().choices,
        unit=wanted.within and wanted.within.id,
        bare=url_for("messages.emails", unit=ALL_UNITS if units().own else None),
        choices=[(each.value, label, each in wanted.states) for each, label in _LABELS.items()],
        after=request.args.get("after"),
        more=cursor.written((last.created_at, last.id)) if last else None,
        head={
            "href": url_for("messages.emails", **{**kept, "order": "up" if wanted.down else None}),
            "order": "descending" if wanted.down else "ascending",
        },
    )
