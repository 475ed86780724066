"""Page: the practice phones, side by side, and the requests below them.

Nothing that a person types into is ever replaced from outside. `/live` is asked again and again; it
waits for a change, then sends the parts of those phones that look different now.
"""

import re
import time
from dataclasses import dataclass
from typing import Any

import gevent
from flask import Blueprint, Response, current_app, render_template, request

from app.carrier import panel
from app.carrier.control import set_handset, who
from app.carrier.network import BEHAVIOURS
from app.carrier.pictures import png
from app.carrier.rest import network
from app.carrier.store import Handset, Text
from app.errors import Conflict, Invalid

page = Blueprint("page", __name__)

PHONES_SHOWN = 24
NUMBERS_OFFERED = 100
_TEXTS_SHOWN = 60
_REQUESTS_SHOWN = 15
LONGEST_WAIT = 5.0  # seconds until `/live` says that nothing happened
LOOK_EVERY = 0.1  # seconds

_CHOICES = {
    "delivered": "Delivers at once",
    "slow": "Delivers after {seconds} seconds",
    "undelivered:30003": "Fails: out of reach (30003)",
    "undelivered:30004": "Fails: blocked (30004)",
    "undelivered:30005": "Fails: not in use (30005)",
    "undelivered:30006": "Fails: landline (30006)",
    "undelivered:30007": "Fails: stopped as spam (30007)",
    "undelivered:30008": "Fails: no reason given (30008)",
    "failed:30008": "Never leaves Twilio (30008)",
    "invalid": "Refused: no valid number (21211)",
    "landline": "Refused: not a mobile (21614)",
    "silent": "Never reports back",
}


@dataclass(frozen=True, slots=True)
class Phone:
    """One handset as the page shows it."""

    handset: Handset
    texts: list[Text]  # oldest first
    waiting: int  # texts that the carrier holds while it is off
    choices: list[tuple[str, str, bool]]  # behaviour: value, words, whether it is the one


@page.get("/")
def phones() -> str:
    version, shown = network().journal.version, _shown()
    known = network().store.numbers()[:NUMBERS_OFFERED]
    return render_template(
        "carrier/phones.html",
        phones=[_phone(handset) for handset in shown],
        numbers=known,
        version=version,
        entries=_entries(),
        given={},
        faults=panel.active(),
        **panel.choices(),
        app_url=current_app.config["APP_URL"],
        more=len(network().store.handsets()) - len(shown),
    )


@page.get("/live")
def live() -> tuple[str, int]:
    """The changes since `seen`; 204 after a while without any. `have`: the newest phone there."""
    seen, have = request.args.get("seen", 0, int), request.args.get("have", 0, int)
    journal, until = network().journal, time.monotonic() + LONGEST_WAIT
    while journal.version == seen and time.monotonic() < until:
        gevent.sleep(LOOK_EVERY)
    version = journal.version
    if version == seen:
        return "", 204
    shown = _shown()
    fragment = render_template(
        "carrier/_live.html",
        version=version,
        have=max((handset.id for handset in shown), default=0),
        phones=[_phone(h) for h in shown if h.id <= have and journal.changed(h.number, seen)],
        added=[_phone(h) for h in shown if h.id > have],
        numbers=network().store.numbers()[:NUMBERS_OFFERED],
        entries=_entries(),
        faults=panel.active(),
    )
    return fragment, 200


@page.post("/phones")
def add_phone() -> str:
    """A new handset; the page gets it by `/live`. Answers with the form, empty or explained."""
    given = {name: request.form.get(name, "").strip() for name in ("name", "number")}
    number = re.sub(r"[\s().-]", "", given["number"])
    if len(number) == 10 and number.isdigit():
        number = f"+1{number}"
    problem = ""
    if not re.fullmatch(r"\+[1-9]\d{7,14}", number):
        problem = "This is no phone number. Write (512) 555-0147, or + and the country code."
    elif network().store.handset(number):
        problem = "There is a phone with this number already."
    if problem:
        return render_template("carrier/_add.html", given=given, problem=problem)
    set_handset(network(), number, None, {"name": given["name"][:80]})
    return render_template("carrier/_add.html", given={}, problem="")


@page.post("/phones/<int:phone_id>/texts")
def send(phone_id: int) -> str | tuple[str, int]:
    """Send what was typed, or the `word` of a button, which leaves alone what is being typed.

    The webhook's answer is not waited for: the phone shows it later.
    """
    handset, form = _handset(phone_id), request.form
    media = ["image/png"] if "picture" in form else []
    typed = form.get("body", "")
    body = form.get("word") or typed.strip()
    problem = ""
    try:
        if not body and not media:
            raise Invalid("body", "Write something first.")
        text = network().type(handset.number, _addressee(handset, form.get("to", "")), body, media)
        gevent.spawn(network().hand_over, text)
        if "word" in form:
            return "", 204
    except (Invalid, Conflict) as error:
        problem = str(error)
    return render_template(
        "carrier/_line.html",
        id=handset.id,
        to=form.get("to", ""),
        kept=typed if problem else "",
        problem=problem,
        numbers=network().store.numbers()[:NUMBERS_OFFERED],
    )


def _addressee(handset: Handset, chosen: str) -> str:
    """The number chosen, else the one this phone was last in touch with, else the only one."""
    if chosen:
        return chosen
    latest = network().store.shown(handset.number, latest=1)
    if latest:
        return latest[0].other
    numbers = network().store.numbers()
    if len(numbers) != 1:
        problem = "Choose the number to text." if numbers else "Replyline has no numbers yet."
        raise Invalid("to", problem)
    return numbers[0].e164


@page.post("/phones/<int:phone_id>/behaviour")
def behave(phone_id: int) -> tuple[str, int]:
    """The switch is left as it is: this is about what happens while the phone is on."""
    handset = _handset(phone_id)
    behaviour, _, code = request.form.get("behaviour", "").partition(":")
    if behaviour in BEHAVIOURS:
        changes: dict[str, Any] = {"behaviour": behaviour, "code": int(code) if code else None}
        set_handset(network(), handset.number, None, changes)
    return "", 204


@page.post("/phones/<int:phone_id>/power")
def press_power(phone_id: int) -> tuple[str, int]:
    handset = _handset(phone_id)
    network().switch(handset.number, not handset.switched_on)
    return "", 204


@page.get("/pictures/<name>.png")
def picture(name: str) -> Response:
    return Response(png(name), content_type="image/png", headers={"Cache-Control": "max-age=86400"})


def _handset(phone_id: int) -> Handset:
    return next(h for h in network().store.handsets() if h.id == phone_id)


def _shown() -> list[Handset]:
    """The oldest phones, those with a name before those that were only ever texted."""
    known = sorted(network().store.handsets(), key=lambda handset: (not handset.name, handset.id))
    return sorted(known[:PHONES_SHOWN], key=lambda handset: handset.id)


def _phone(handset: Handset) -> Phone:
    store = network().store
    value = handset.behaviour
    if handset.behaviour in ("undelivered", "failed"):
        value += f":{handset.code or BEHAVIOURS[handset.behaviour]}"
    words = _CHOICES if value in _CHOICES else _CHOICES | {value: f"Fails: {handset.code}"}
    seconds = f"{handset.seconds:g}"
    choices = [(v, w.format(seconds=seconds), v == value) for v, w in words.items()]
    waiting = 0 if handset.switched_on else len(store.waiting(handset.number))
    return Phone(handset, store.shown(handset.number, _TEXTS_SHOWN), waiting, choices)


def _entries() -> list[dict[str, Any]]:
    return [
        {
            "at": entry.at,
            "what": _shortened(entry.what),
            "answer": f"{entry.status or 'No answer'} in {entry.ms:.0f} ms",
            "failed": entry.status is None or entry.status >= 400,
            "about": entry.about.replace("{who}", who(network(), entry.number)),
        }
        for entry in network().journal.recent(_REQUESTS_SHOWN)
    ]


def _shortened(what: str) -> str:
    """Sids and uuids cut to their beginning: "/webhooks/twilio/status/7c1e…"."""
    what = re.sub(r"\b([A-Z]{2})[0-9a-f]{32}\b", r"\1…", what)
    return re.sub(r"/([0-9a-f]{4})[0-9a-f-]{24,}", r"/\1…", what)
