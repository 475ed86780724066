"""Panel: faults are set and cleared, through `control` and on the page with the phones."""

from typing import Any

from flask import Blueprint, Response, jsonify, render_template, request
from pydantic import Field, ValidationError

from app.carrier.control import E164, MOST_REPEATS, Body, control, parsed
from app.carrier.faults import KINDS, Fault, Stage
from app.carrier.rest import network
from app.errors import Invalid, NotFound

panel = Blueprint("panel", __name__)

_SHOWN = 50
_STAGES = {
    Stage.CREATE: "A text to send",
    Stage.READ: "A question about texts",
    Stage.LIST: "A list of texts",
    Stage.REPORT: "Delivery reports",
    Stage.INBOUND: "A text from a phone",
}


class FaultBody(Body):
    """What the fields mean is in `faults`; `times`: only of callback_duplicate."""

    account_sid: str
    kind: str  # one of KINDS
    count: int | None = Field(default=1, ge=1)
    seconds: float | None = Field(default=None, ge=0, le=3600)
    chance: float = Field(default=1, gt=0, le=1)
    seed: int | None = None
    times: int | None = Field(default=None, ge=2, le=MOST_REPEATS)
    from_: E164 | None = Field(default=None, alias="from")
    to: E164 | None = None


@control.post("/faults")
def set_fault() -> tuple[Response, int]:
    return jsonify(_fault_json(_set(parsed(FaultBody)))), 201


def _set(body: FaultBody) -> Fault:
    kind = KINDS.get(body.kind)
    if kind is None:
        raise Invalid("kind", "One of: " + ", ".join(KINDS))
    if body.times and kind.copies < 2:
        raise Invalid("times", "Only reports that are sent more than once have this.")
    if network().store.account(body.account_sid) is None:
        raise NotFound(f"There is no account {body.account_sid}.")
    given = body.model_dump(exclude={"account_sid", "kind", "from_", "to"})
    return network().faults.set(
        body.account_sid, body.kind, sender=body.from_, recipient=body.to, **given
    )


@control.get("/faults")
def list_faults() -> Response:
    """Oldest first, also those that have met all they were to meet."""
    faults = network().faults.listed(request.args.get("account_sid"))
    return jsonify([_fault_json(fault) for fault in faults])


@control.delete("/faults")
def clear_faults() -> tuple[str, int]:
    network().faults.clear(*network().faults.listed(request.args.get("account_sid")))
    return "", 204


@control.delete("/faults/<int:fault_id>")
def clear_fault(fault_id: int) -> tuple[str, int]:
    found = _with_id(fault_id)
    if not found:
        raise NotFound(f"There is no fault {fault_id}.")
    network().faults.clear(*found)
    return "", 204


def _with_id(fault_id: int) -> list[Fault]:
    return [fault for fault in network().faults.listed() if fault.id == fault_id]


def _fault_json(fault: Fault) -> dict[str, Any]:
    return {
        "id": fault.id,
        "account_sid": fault.account_sid,
        "kind": fault.name,
        "count": fault.count,
        "hits": fault.hits,
        "active": fault.left != 0,
        "seconds": fault.seconds,
        "chance": fault.chance,
        "times": fault.times,
        "from": fault.sender,
        "to": fault.recipient,
    }


# on the page


def active() -> list[tuple[Fault, str]]:
    """What the page lists, with the words for its stage: newest first."""
    faults = [fault for fault in network().faults.listed() if fault.left != 0]
    return [(fault, _STAGES[fault.kind.stage]) for fault in faults[: -_SHOWN - 1 : -1]]


def choices() -> dict[str, Any]:
    """What the form offers: accounts, each with a number of its own, and the kinds by stage."""
    store = network().store
    numbers = {number.account_sid: number.e164 for number in store.numbers()}
    return {
        "accounts": [(sid, numbers.get(sid, "")) for sid in store.accounts(_SHOWN)],
        "stages": [(words, _kinds(stage)) for stage, words in _STAGES.items()],
    }


def _kinds(stage: Stage) -> list[tuple[str, str]]:
    return [(name, kind.words) for name, kind in KINDS.items() if kind.stage is stage]


@panel.post("/faults")
def set_on_page() -> str:
    """The page gets it by `/live`. Answers with the form, and what is wrong with it."""
    given = {name: value or None for name, value in request.form.items()}
    problem = ""
    try:
        _set(FaultBody.model_validate(given))
    except ValidationError:
        problem = "How often is a whole number from 1, or empty; seconds are from 0 to 3600."
    except (Invalid, NotFound) as error:
        problem = str(error)
    return render_template("carrier/_fault.html", given=request.form, problem=problem, **choices())


@panel.post("/faults/clear")
def clear_all_on_page() -> tuple[str, int]:
    network().faults.clear(*network().faults.listed())
    return "", 204


@panel.post("/faults/<int:fault_id>/clear")
def clear_on_page(fault_id: int) -> tuple[str, int]:
    network().faults.clear(*_with_id(fault_id))
    return "", 204
