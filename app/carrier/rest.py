"""Rest: Twilio's REST API (2010-04-01): who asks, paging, errors, the account and its numbers.

The texts are in `messages`.
Source: reference/protocol.md 1.1 and 1.8
"""

import hmac
import re
import socket
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any
from urllib.parse import urlencode

import gevent
from flask import Blueprint, Response, current_app, g, jsonify, request

from app.carrier.faults import NoAnswer, Stage
from app.carrier.journal import Entry
from app.carrier.network import Network
from app.carrier.store import Number
from app.carrier.wire import API_VERSION, NUMBER_SETTINGS, TwilioError, account_json, number_json

rest = Blueprint("rest", __name__, url_prefix=f"/{API_VERSION}/Accounts")


SOCKET = "carrier.socket"  # the connection, in the environment of a request
_CREATE = "rest.create_message"


def network() -> Network:
    found: Network = current_app.extensions["network"]
    return found


# every request: who asks, how slowly he is answered, and a line in the journal


def as_twilio(blueprint: Blueprint) -> Blueprint:
    """All of that for the routes of a blueprint."""
    blueprint.url_value_preprocessor(_open)
    for step in (_authenticate, _be_down):
        blueprint.before_request(step)
    blueprint.after_request(_answer_late)
    blueprint.register_error_handler(TwilioError, _refused)
    return blueprint


def _open(endpoint: str | None, values: dict[str, Any] | None) -> None:
    """The account is in the address; where it is not, it is whoever asks."""
    g.began, g.about, g.number = time.perf_counter(), "", ""
    g.at, g.create_id, g.sid, g.fault, g.answer, g.code = time.time(), *[None] * 5
    asks = request.authorization.username if request.authorization else ""
    g.account_sid = (values or {}).pop("account_sid", asks) or ""


def _authenticate() -> None:
    given = request.authorization
    account = network().store.account(g.account_sid)
    user, token = (given.username, given.password or "") if given else ("", "")
    if not account or user != account.sid or not hmac.compare_digest(account.token, token):
        raise TwilioError(20003, "Authenticate", 401)
    g.account = account


def _be_down() -> Response | None:
    if request.method != "GET":
        return None
    fault = network().faults.take(Stage.READ, g.account.sid, *pair_asked_for())
    return fault.answer() if fault else None


def note_create() -> None:
    """Note the request to create a text, and what became of it as far as that is known by now."""
    form, outcome = request.form, (g.sid, g.fault, g.answer, g.code)
    pair = number_given(form.get("From")), number_given(form.get("To"))
    asked = g.at, g.account_sid, *pair, form.get("Body", ""), form.get("StatusCallback")
    g.create_id = network().store.save_create(g.create_id, *asked, *outcome)


def _answer_late(response: Response) -> Response:
    silent = isinstance(response, NoAnswer)
    g.answer = None if silent else response.status_code
    if request.endpoint == _CREATE:
        note_create()
    latency = g.account.latency_ms / 1000 if "account" in g else 0
    late = latency - (time.perf_counter() - g.began)
    if late > 0:
        gevent.sleep(late)
    if silent:
        with suppress(OSError):  # the other end has hung up meanwhile
            request.environ[SOCKET].shutdown(socket.SHUT_RDWR)
    what, ms = f"{request.method} {request.path}", (time.perf_counter() - g.began) * 1000
    entry = Entry(time.time(), False, what, g.answer, round(ms, 1), g.number, g.about)
    network().journal.record(entry)
    return response


def _refused(error: TwilioError) -> tuple[Response, int]:
    g.code = error.code
    if g.number:
        g.about = f"To {{who}}: refused, {error.code}"
    return jsonify(error.as_json()), error.status


as_twilio(rest)


def not_found() -> TwilioError:
    return TwilioError(20404, f"The requested resource {request.path} was not found", 404)


@rest.get("/<account_sid>.json", endpoint="account")
def show_account() -> Response:
    return jsonify(account_json(g.account, network().store.suspended(g.account.sid)))


def paging() -> tuple[int, int]:
    size = request.args.get("PageSize", 50, int)
    return min(max(size, 1), 1000), max(request.args.get("Page", 0, int), 0)


def pair_asked_for() -> tuple[str, str]:
    """From and To of a list; "" where they do not matter."""
    return number_given(request.args.get("From")), number_given(request.args.get("To"))


def number_given(given: str | None) -> str:
    return re.sub(r"[\s().-]", "", given or "")


def page_of(name: str, items: Sequence[Any], page: int, size: int, more: str | None) -> Response:
    given = {n: v for n, v in request.args.items() if n not in ("Page", "PageToken", "PageSize")}

    def uri(number: int, token: str | None = None) -> str:
        query = given | {"PageSize": size, "Page": number} | ({"PageToken": token} if token else {})
        return f"{request.path}?{urlencode(query)}"

    return jsonify(
        {
            name: items,
            "page": page,
            "page_size": size,
            "start": page * size,
            "end": page * size + max(len(items) - 1, 0),
            "uri": request.full_path.rstrip("?"),
            "first_page_uri": uri(0),
            "next_page_uri": uri(page + 1, more) if more else None,
            "previous_page_uri": None,
        }
    )


# numbers


@rest.get("/<account_sid>/IncomingPhoneNumbers.json")
def list_numbers() -> Response:
    where, values = ["account_sid = ?"], [g.account.sid]
    if "PhoneNumber" in request.args:
        where.append("e164 = ?")
        values.append(number_given(request.args["PhoneNumber"]))
    size, page = paging()
    numbers = network().store.numbers(" AND ".join(where), *values)
    items = [number_json(number) for number in numbers[page * size : (page + 1) * size]]
    more = "PA" if len(numbers) > (page + 1) * size else None
    return page_of("incoming_phone_numbers", items, page, size, more)


@rest.get("/<account_sid>/IncomingPhoneNumbers/<sid>.json")
def shownumber_given(sid: str) -> Response:
    return jsonify(number_json(_owned(sid)))


@rest.post("/<account_sid>/IncomingPhoneNumbers/<sid>.json")
def changenumber_given(sid: str) -> Response:
    owned, form = _owned(sid), request.form
    given = {NUMBER_SETTINGS[name]: form[name] for name in NUMBER_SETTINGS if name in form}
    network().store.set_number(owned.sid, given)
    g.about = f"Settings of {owned.e164}"
    return jsonify(number_json(_owned(sid)))


def _owned(sid: str) -> Number:
    numbers = network().store.numbers("sid = ? AND account_sid = ?", sid, g.account_sid)
    if not numbers:
        raise not_found()
    return numbers[0]
