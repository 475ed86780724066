"""Mailbox: a mail server that keeps what Replyline sends, and a page to read it on."""

import email
import email.policy
import time
from email.message import EmailMessage
from typing import Annotated, Any

import gevent
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from flask import Blueprint, Response, abort, current_app, jsonify, render_template, request
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from app.carrier.journal import iso
from app.carrier.page import LONGEST_WAIT, LOOK_EVERY
from app.carrier.store import Store

mailbox = Blueprint("mailbox", __name__)

_SHOWN = 100  # mails in the list
_LARGEST = 32 * 1024 * 1024  # bytes
# A mail's own page inside ours: no scripts, no network.
_HTML_POLICY = (
    "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'"
)


class SmtpHandler:
    """What aiosmtpd asks, in its own thread."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def handle_RCPT(  # noqa: N802 - the name is aiosmtpd's
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        sql = "SELECT code FROM refusal WHERE recipient IN ('*', ?) ORDER BY recipient DESC LIMIT 1"
        for (code,) in self._store.rows(sql, address.lower()):
            return f"{code} This mailbox was told to refuse {address}"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(  # noqa: N802 - the name is aiosmtpd's
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        recipients = ", ".join(envelope.rcpt_tos)
        sql = "INSERT INTO mail (at, recipients, source) VALUES (?, ?, ?)"
        self._store.write(sql, time.time(), recipients, envelope.original_content)
        return "250 Kept"


def smtp_server(store: Store, port: int) -> Controller:
    handler = SmtpHandler(store)
    return Controller(
        handler, hostname="127.0.0.1", port=port, data_size_limit=_LARGEST, enable_SMTPUTF8=True
    )


class Refusal(BaseModel):
    """`recipient` "*" is everybody; `code` is SMTP's, 4xx for now and 5xx for good."""

    model_config = ConfigDict(extra="forbid")
    recipient: Annotated[str, StringConstraints(strip_whitespace=True, to_lower=True, min_length=1)]
    code: int = Field(ge=400, le=599)


def _store() -> Store:
    found: Store = current_app.extensions["store"]
    return found


# for tests


@mailbox.get("/api/mails")
def list_mails() -> Response:
    """Oldest first; `to` is an envelope recipient, `since_id` leaves out what was seen."""
    since, to = request.args.get("since_id", 0, int), request.args.get("to", "").lower()
    theirs = "? = '' OR instr(', ' || lower(recipients) || ', ', ', ' || ? || ', ')"
    sql = f"SELECT * FROM mail WHERE id > ? AND ({theirs}) ORDER BY id"  # noqa: S608
    return jsonify([_mail(row) for row in _store().rows(sql, since, to, to)])  # each is taken apart


@mailbox.put("/api/refusal")
def refuse() -> tuple[Any, int]:
    try:
        refusal = Refusal.model_validate(request.get_json(silent=True) or {})
    except ValidationError as error:
        return jsonify({"error": {"code": "invalid", "message": str(error)}}), 422
    sql = "INSERT OR REPLACE INTO refusal VALUES (?, ?)"
    _store().write(sql, refusal.recipient, refusal.code)
    return "", 204


@mailbox.delete("/api/refusal")
def accept_all() -> tuple[str, int]:
    _store().write("DELETE FROM refusal")
    return "", 204


# for people


@mailbox.get("/")
@mailbox.get("/mails/<int:mail_id>")
def show(mail_id: int | None = None) -> str:
    mails = _newest()
    chosen = _one(mail_id) if mail_id else None
    return render_template(
        "carrier/mailbox.html",
        mails=mails,
        chosen=chosen,
        seen=mails[0]["id"] if mails else 0,
        app_url=current_app.config["APP_URL"],
    )


@mailbox.get("/live")
def live() -> tuple[str, int]:
    """The list anew once there is a mail newer than `seen`; 204 after a while without one."""
    seen, until = request.args.get("seen", 0, int), time.monotonic() + LONGEST_WAIT
    newest = seen
    while newest == seen and time.monotonic() < until:
        gevent.sleep(LOOK_EVERY)
        newest = _store().rows("SELECT COALESCE(MAX(id), 0) FROM mail")[0][0]
    if newest == seen:
        return "", 204
    chosen = {"id": request.args.get("chosen", 0, int)}
    return render_template("carrier/_mails.html", mails=_newest(), seen=newest, chosen=chosen), 200


@mailbox.get("/mails/<int:mail_id>/html")
def html_part(mail_id: int) -> Response:
    answer = Response(_one(mail_id)["html"] or "", content_type="text/html; charset=utf-8")
    answer.headers["Content-Security-Policy"] = _HTML_POLICY
    return answer


def _newest() -> list[dict[str, Any]]:
    return [_mail(r) for r in _store().rows("SELECT * FROM mail ORDER BY id DESC LIMIT ?", _SHOWN)]


def _one(mail_id: int) -> dict[str, Any]:
    rows = _store().rows("SELECT * FROM mail WHERE id = ?", mail_id)
    return _mail(rows[0]) if rows else abort(404)


def _mail(row: Any) -> dict[str, Any]:
    """A kept mail; `to` are the envelope's recipients, whatever the headers say."""
    mail_id, at, recipients, source = row
    message = email.message_from_bytes(source, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    return {
        "id": mail_id,
        "at": iso(at),
        "at_seconds": at,
        "from": str(message["From"] or ""),
        "to": recipients,
        "reply_to": str(message["Reply-To"] or ""),
        "subject": str(message["Subject"] or ""),
        "message_id": str(message["Message-ID"] or "").strip(),
        "headers": {name: str(value) for name, value in message.items()},
        "text": _part(message, "plain"),
        "html": _part(message, "html"),
    }


def _part(message: EmailMessage, kind: str) -> str | None:
    part = message.get_body(preferencelist=(kind,))
    return part.get_content() if isinstance(part, EmailMessage) else None
