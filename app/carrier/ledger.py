"""Ledger: what happened at the carrier, for tests to judge by. Its routes are part of `control`."""

from typing import Any, Literal

from flask import Response, jsonify, request

from app.carrier.control import Body, answer_json, control, parsed, who
from app.carrier.journal import as_json, iso
from app.carrier.rest import network
from app.carrier.store import Create, Text
from app.errors import Conflict, NotFound


class CallbackBody(Body):
    status: Literal["queued", "sending", "sent", "delivered", "undelivered", "failed", "canceled"]
    error_code: int | None = None


@control.get("/ledger")
def ledger() -> Response:
    """Every create that was accepted, oldest first."""
    where, values = _filters()
    texts = network().store.texts(f"direction = 'outbound-api' AND {where}", *values)
    return jsonify([_ledger_json(text) for text in texts])


def _filters() -> tuple[str, list[str]]:
    columns = {"account_sid": "account_sid", "to": "recipient", "from": "sender"}
    given = {column: request.args[name] for name, column in columns.items() if name in request.args}
    return " AND ".join(["TRUE", *(f"{column} = ?" for column in given)]), list(given.values())


def _ledger_json(text: Text) -> dict[str, Any]:
    return {
        "sid": text.sid,
        "account_sid": text.account_sid,
        "from": text.sender,
        "to": text.recipient,
        "body": text.body,
        "at": iso(text.created),
        "status": text.status,
        "status_callback": text.status_callback,
        "error_code": text.error_code,
        "segments": text.segments,
    }


@control.get("/creates")
def creates() -> Response:
    """Every create that came in, accepted or not, oldest first."""
    where, values = _filters()
    return jsonify([_create_json(create) for create in network().store.creates(where, *values)])


def _create_json(create: Create) -> dict[str, Any]:
    return {
        "at": iso(create.at),
        "account_sid": create.account_sid,
        "from": create.sender,
        "to": create.recipient,
        "body": create.body,
        "status_callback": create.status_callback,
        "accepted": create.sid is not None,
        "sid": create.sid,
        "fault": create.fault,
        "status": create.answer,
        "code": create.code,
    }


@control.post("/ledger/<sid>/callbacks")
def send_callback(sid: str) -> Response:
    """Send this report now. The text itself moves only forward, as its reports may not."""
    body, text = parsed(CallbackBody), network().store.text(sid)
    if text is None:
        raise NotFound(f"There is no text {sid}.")
    if not text.status_callback:
        raise Conflict("Nobody asked for reports of this text.", code="no_status_callback")
    network().store.advance(sid, body.status, body.error_code)
    network().journal.touch(text.recipient)
    answer = network().send_callback(text, body.status, body.error_code)
    assert answer is not None
    return jsonify(answer_json(answer))


@control.get("/requests")
def list_requests() -> Response:
    """The recent requests between the carrier and Replyline, newest first."""
    entries = network().journal.recent(request.args.get("limit", 100, int))
    return jsonify([as_json(entry, who(network(), entry.number)) for entry in entries])
