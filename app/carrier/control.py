"""Control: the JSON API with which tests and the demo set the scene and text from handsets.

`ledger` adds what happened to it, `panel` the faults, `registering` what carriers were told.
"""

from typing import Annotated, Any, TypeVar

import gevent
from flask import Blueprint, Response, jsonify, request
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from app.carrier.journal import iso
from app.carrier.network import BEHAVIOURS, Network
from app.carrier.rest import network
from app.carrier.store import Handset, Text
from app.carrier.web import phone
from app.carrier.webhooks import Answer
from app.errors import Invalid, NotFound, ReplylineError

control = Blueprint("control", __name__, url_prefix="/carrier/api")

MOST_REPEATS = 100
MOST_TEXTS = 5000  # at once
E164 = Annotated[str, StringConstraints(pattern=r"^\+?\d{3,15}$")]
T = TypeVar("T", bound="Body")


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class AccountBody(Body):
    """Fields left out keep their value; a new account obeys STOP itself and answers at once."""

    sid: str = Field(default="", pattern=r"^(AC[0-9a-f]{32})?$")
    token: str | None = Field(default=None, min_length=1)
    opt_out_handling: bool | None = None
    latency_ms: float | None = Field(default=None, ge=0, le=60_000)
    suspended: bool | None = None


class NumberBody(Body):
    account_sid: str
    number: E164


class HandsetBody(Body):
    name: str | None = Field(default=None, max_length=80)
    behaviour: str | None = None  # one of BEHAVIOURS, or "off"
    code: int | None = None
    seconds: float | None = Field(default=None, ge=0, le=3600)


class TextBody(Body):
    to: E164
    body: str = Field(default="", max_length=1600)
    media: list[str] = Field(default=[], max_length=10)  # content types


class TypedBody(TextBody):
    from_: E164 = Field(alias="from")


class TextsBody(Body):
    texts: list[TypedBody] = Field(max_length=MOST_TEXTS)
    wait: bool = True  # for the answers of the webhooks


def parsed(model: type[T]) -> T:
    try:
        return model.model_validate(request.get_json(silent=True) or {})
    except ValidationError as error:
        raise Invalid.many(
            {str(e["loc"][0]) if e["loc"] else "": e["msg"] for e in error.errors()}
        ) from None


@control.errorhandler(ReplylineError)
def _failed(error: ReplylineError) -> tuple[Response, int]:
    said = {"code": error.code, "message": str(error), "fields": error.fields}
    return jsonify({"error": said}), error.http_status


# the scene


@control.post("/accounts")
def put_account() -> tuple[Response, int]:
    body = parsed(AccountBody)
    if not body.sid or not body.token:
        raise Invalid("sid" if not body.sid else "token", "An account has both a sid and a token.")
    return jsonify(_save_account(body.sid, body)), 201


@control.patch("/accounts/<sid>")
def change_account(sid: str) -> Response:
    if network().store.account(sid) is None:
        raise NotFound(f"There is no account {sid}.")
    return jsonify(_save_account(sid, parsed(AccountBody)))


def _save_account(sid: str, body: AccountBody) -> dict[str, Any]:
    values: dict[str, Any] = {"token": "", "opt_out_handling": True, "latency_ms": 0.0}
    before = network().store.account(sid)
    if before:
        values = {name: getattr(before, name) for name in values}
    values |= body.model_dump(exclude_none=True, exclude={"sid", "suspended"})
    network().store.save_account(sid, **values)
    if body.suspended is not None:
        network().store.suspend(sid, body.suspended)
    return {"sid": sid, **values, "suspended": network().store.suspended(sid)}


@control.post("/numbers")
def put_number() -> tuple[Response, int]:
    body, store = parsed(NumberBody), network().store
    if store.account(body.account_sid) is None:
        raise NotFound(f"There is no account {body.account_sid}.")
    store.save_number(body.number, body.account_sid)
    number = store.number(body.number)
    assert number is not None
    saved = {"sid": number.sid, "number": number.e164, "account_sid": number.account_sid}
    return jsonify(saved), 201


@control.put("/handsets/<number>")
def put_handset(number: str) -> Response:
    body = parsed(HandsetBody)
    if body.behaviour not in (None, "off", *BEHAVIOURS):
        raise Invalid("behaviour", "One of: off, " + ", ".join(BEHAVIOURS))
    _check_number(number)
    changes = body.model_dump(exclude_unset=True, exclude={"behaviour"})
    set_handset(network(), number, body.behaviour, changes)
    return jsonify(handset_json(network().store.add_handset(number)))


def set_handset(
    network: Network, number: str, behaviour: str | None, changes: dict[str, Any]
) -> None:
    """A new behaviour forgets the old one's code, and switches the handset on; "off" only off."""
    before = network.store.add_handset(number)
    if behaviour not in (None, "off"):
        changes = {"code": None, "seconds": 5, **changes, "behaviour": behaviour}
    if changes:
        network.store.set_handset(number, **changes)
    network.journal.touch(number)
    on = before.switched_on if behaviour is None else behaviour != "off"
    if on != before.switched_on:
        network.switch(number, on)


@control.get("/handsets")
def list_handsets() -> Response:
    return jsonify([handset_json(handset) for handset in network().store.handsets()])


def handset_json(handset: Handset) -> dict[str, Any]:
    return {
        "number": handset.number,
        "name": handset.name,
        "behaviour": handset.behaviour if handset.switched_on else "off",
        "code": handset.code,
        "seconds": handset.seconds,
    }


# texts


@control.post("/handsets/<number>/texts")
def send_text(number: str) -> tuple[Response, int]:
    """Answers when the webhook was answered; `?repeat=5` sends the same webhook 5 times at once."""
    body, repeat = parsed(TextBody), request.args.get("repeat", 1, int)
    if not 1 <= repeat <= MOST_REPEATS:
        raise Invalid("repeat", f"From 1 to {MOST_REPEATS}.")
    _check_number(number)
    text = network().type(number, body.to, body.body, body.media)
    answers = network().hand_over(text, repeat)
    calls = [answer_json(answer) for answer in answers]
    first = calls[0] if calls else None  # None: the number has no address to call
    return jsonify({"sid": text.sid, "webhook": first, "webhooks": calls}), 201


@control.post("/texts")
def send_texts() -> tuple[Response, int]:
    """Many at once, in this order from their phones; their webhooks overtake each other."""
    body = parsed(TextsBody)
    texts = [network().type(t.from_, t.to, t.body, t.media) for t in body.texts]
    calls = [gevent.spawn(network().hand_over, text) for text in texts]
    if body.wait:
        gevent.joinall(calls, raise_error=True)
    answers = [(call.value or [None])[0] if body.wait else None for call in calls]
    sent = zip(texts, answers, strict=True)
    return jsonify([{"sid": t.sid, "webhook": a and answer_json(a)} for t, a in sent]), 201


@control.get("/handsets/<number>/texts")
def list_texts(number: str) -> Response:
    """What the handset shows, oldest first. "out": typed on it; "in": it arrived there."""
    return jsonify([_shown_json(text) for text in network().store.shown(number)])


def _shown_json(text: Text) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "sid": text.sid,
        "direction": "out" if text.inbound else "in",
        "other": text.other,
        "body": text.body,
        "media": len(text.media),
        "at": iso(text.shown or 0),
        "automatic": text.direction == "automatic",
    }
    return shown | ({"webhook_ms": text.webhook_ms} if text.inbound else {})


def _check_number(number: str) -> None:
    if not number.removeprefix("+").isdigit() or not 3 <= len(number) <= 16:
        raise Invalid("number", f"{number} is no phone number: digits, with + and country code.")


def answer_json(answer: Answer) -> dict[str, Any]:
    return {"status": answer.status, "ms": answer.ms, "at": iso(answer.at)}


def who(network: Network, number: str) -> str:
    """The name on the handset, or its number."""
    handset = network.store.handset(number) if number else None
    return (handset.name if handset else "") or phone(number)
