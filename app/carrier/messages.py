"""Messages: Twilio's texts over REST: create, list, show, cancel, redact, and their media.

Source: reference/protocol.md 1.1 and 1.8
"""

import re
import time
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import gevent
from flask import Response, g, jsonify, make_response, request

from app.carrier.faults import Stage
from app.carrier.pictures import png
from app.carrier.rest import (
    network,
    not_found,
    note_create,
    number_given,
    page_of,
    paging,
    pair_asked_for,
    rest,
)
from app.carrier.store import FINAL, Account, Text
from app.carrier.wire import TwilioError, media_json, message_json

_LONGEST_BODY = 1600  # characters
_E164 = re.compile(r"\+[1-9]\d{7,14}")
_FINISHED = FINAL | {"received"}


@rest.post("/<account_sid>/Messages.json")
def create_message() -> Response:
    form, account = request.form, g.account
    to, sender = number_given(form.get("To")), number_given(form.get("From"))
    body = form.get("Body", "")
    g.number = to
    media = [url for url in form.getlist("MediaUrl") if url]
    callback = form.get("StatusCallback") or None
    _check_form(to, sender, body, media, callback)
    _check_pair(account, to, sender)

    def accept() -> Response:
        text = network().accept(account, sender, to, body, media=media, status_callback=callback)
        g.sid, g.about = text.sid, "To {who}: queued"
        return make_response(message_json(text), 201)

    fault = network().faults.take(Stage.CREATE, account.sid, sender, to)
    if fault is None:
        return accept()
    if fault.kind.late:
        gevent.sleep(fault.seconds)
    good = accept() if fault.kind.accepts else None
    g.fault, g.about = fault.name, f"To {{who}}: {fault.kind.words}"
    note_create()  # before any waiting
    return fault.answer(good)


def _check_form(to: str, sender: str, body: str, media: list[str], callback: str | None) -> None:
    if not to:
        raise TwilioError(21604, "A 'To' phone number is required.")
    if not sender:
        raise TwilioError(21603, "A 'From' phone number is required.")
    if not body and not media:
        raise TwilioError(21602, "Message body is required.")
    if len(body) > _LONGEST_BODY:
        message = "The concatenated message body exceeds the 1600 character limit."
        raise TwilioError(21617, message)
    if callback and not _is_callable(callback):
        raise TwilioError(21609, f"The 'StatusCallback' URL {callback} is not a valid URL.")
    if not _E164.fullmatch(to):
        raise _invalid(to)


def _check_pair(account: Account, to: str, sender: str) -> None:
    store = network().store
    number, handset = store.number(sender), store.handset(to)
    if number is None or number.account_sid != account.sid:
        message = (
            f"The 'From' phone number provided ({sender}) is not a valid message-capable"
            " Twilio phone number for this destination."
        )
        raise TwilioError(21606, message)
    if to == sender:
        raise TwilioError(21266, "'To' and 'From' number cannot be the same.")
    if handset and handset.behaviour == "invalid":
        raise _invalid(to)
    if handset and handset.behaviour == "landline":
        raise TwilioError(21614, f"To number: {to}, is not a mobile number")
    if account.opt_out_handling and store.blocked(to, sender):
        raise TwilioError(21610, "Attempt to send to unsubscribed recipient")


def _invalid(to: str) -> TwilioError:
    return TwilioError(21211, f"Invalid 'To' Phone Number: {to}")


def _is_callable(url: str) -> bool:
    """Twilio calls no host with an underscore in its name."""
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        return False
    return url.startswith(("http://", "https://")) and bool(host) and "_" not in host


@rest.get("/<account_sid>/Messages.json")
def list_messages() -> Response:
    where, values = ["account_sid = ?", "direction <> 'automatic'"], [g.account.sid]
    for name, column in (("To", "recipient"), ("From", "sender")):
        if name in request.args:
            where.append(f"{column} = ?")
            values.append(number_given(request.args[name]))
    for condition, moment in _dates():
        where.append(f"COALESCE(sent, created) {condition} ?")
        values.append(moment)
    lag = network().faults.take(Stage.LIST, g.account.sid, *pair_asked_for())
    if lag:
        where.append("created <= ?")
        values.append(time.time() - lag.seconds)
    size, page = paging()
    after = request.args.get("PageToken", "").removeprefix("PA")
    if after:  # continues below the last one of the page before, whatever came in meanwhile
        where.append("id < (SELECT id FROM text WHERE sid = ?)")
        values.append(after)
    where_sql = " AND ".join(where)
    texts = network().store.texts(where_sql, *values, order="id DESC", limit=size + 1)
    more = f"PA{texts[size - 1].sid}" if len(texts) > size else None
    return page_of("messages", [message_json(text) for text in texts[:size]], page, size, more)


def _dates() -> list[tuple[str, float]]:
    """The DateSent filters as conditions; a bare date stands for its midnight, UTC."""
    found: list[tuple[str, float]] = []
    for name, condition in (("DateSent<", "<="), ("DateSent>", ">="), ("DateSent", "=")):
        if name not in request.args:
            continue
        try:
            moment = datetime.fromisoformat(request.args[name])
        except ValueError:
            raise TwilioError(20001, f"{name} is not a date") from None
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        if condition == "=":
            found += [(">=", moment.timestamp()), ("<", (moment + timedelta(days=1)).timestamp())]
        else:
            found.append((condition, moment.timestamp()))
    return found


@rest.get("/<account_sid>/Messages/<sid>.json")
def show_message(sid: str) -> Response:
    return jsonify(message_json(_message(sid)))


@rest.post("/<account_sid>/Messages/<sid>.json")
def change_message(sid: str) -> Response:
    """Status=canceled withdraws what has not left; an empty Body forgets what was said."""
    text, store = _message(sid), network().store
    if request.form.get("Status") == "canceled" and not (
        text.status in ("queued", "sending") and store.advance(sid, "canceled")
    ):
        raise TwilioError(30409, "Message cannot be canceled: it has already left", 409)
    if request.form.get("Body") == "":
        if text.status not in _FINISHED:
            raise TwilioError(20009, "Cannot redact this message: it is not finished", 409)
        store.write("UPDATE text SET body = '', updated = ? WHERE sid = ?", time.time(), sid)
    return jsonify(message_json(_message(sid)))


def _message(sid: str) -> Text:
    text = network().store.text(sid)
    if text is None or text.account_sid != g.account_sid or text.direction == "automatic":
        raise not_found()
    return text


@rest.get("/<account_sid>/Messages/<sid>/Media.json")
def list_media(sid: str) -> Response:
    text = _message(sid)
    items = [media_json(text, *each) for each in text.media if text.inbound]
    return page_of("media_list", items, 0, len(items) or 1, None)


@rest.get("/<account_sid>/Messages/<sid>/Media/<media_sid>")
def show_media(sid: str, media_sid: str) -> Response:
    kinds = dict(_message(sid).media)
    if media_sid not in kinds or not _message(sid).inbound:
        raise not_found()
    return Response(png(media_sid), content_type=kinds[media_sid])
