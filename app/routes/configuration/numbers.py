"""Numbers: what is done with one number of the pool, each asked first and told what follows; and
new ones (S3-34, S3-77, S3-78, D25, D26)."""

from collections.abc import Callable
from typing import Any

from flask import current_app, flash, redirect, render_template, request, url_for

from app.config import Settings
from app.database import db
from app.errors import Conflict, Forbidden, Invalid, NotFound
from app.models import Institution, Staff
from app.routes.configuration.frame import begin, bp, page, typed
from app.routes.filters import row_id
from app.routes.unit_choice import chosen
from app.rules.access import Can
from app.rules.phones import pretty
from app.security import allowed, viewer
from app.services import adding, numbers, org_units, pool, sharing
from app.services.pool import Held

ENDPOINT = "configuration.twilio"
MOST_ADDED = 100


def _form(template: str, **found: Any) -> str:
    """A question in the dialog, or on a page of its own for a browser without script."""
    if request.headers.get("HX-Request"):
        return render_template(f"configuration/_{template}.html", dialog=True, **found)
    begin()
    asked = render_template(f"configuration/_{template}.html", dialog=False, **found)
    return page("question.html", ENDPOINT, question=asked)


def _about(number_id: int) -> dict[str, Any]:
    held = pool.one(viewer(), number_id)
    institution = db.session.get_one(Institution, viewer().institution_id)
    return {
        "id": number_id,
        "number": pretty(held.number.e164, viewer().region),
        "held": held,
        "first": _first_name(held.holder),
        "days": institution.cool_off_days,
    }


def _first_name(staff: Staff | None) -> str:
    return staff.name.split()[0] if staff else ""


def _done(told: str, show: str | None = None) -> Any:
    flash(told)
    return redirect(url_for(ENDPOINT, show=show), code=303)


@bp.get("/numbers/<int:number_id>/reassign")
@allowed(Can.NUMBERS_MANAGE)
def reassigning(number_id: int) -> Any:
    return _reassign_form(number_id)


def _reassign_form(number_id: int, problem: str = "") -> str:
    about = _about(number_id)
    picked = request.form.get("staff_id", type=row_id)
    return _form(
        "reassign",
        **about,
        people=[
            {"id": staff.id, "label": f"{staff.name}, {', '.join(r.name for r in staff.roles)}"}
            for staff in pool.candidates(viewer())
        ],
        chosen=picked,
        keep=request.form.get("conversations") == "keep",
        problem=problem,
    )


@bp.post("/numbers/<int:number_id>/reassign")
@allowed(Can.NUMBERS_MANAGE)
def reassign(number_id: int) -> Any:
    """D25"""
    staff_id = request.form.get("staff_id", type=row_id)
    if staff_id is None:
        return _reassign_form(number_id, "Choose who gets the number."), 422
    held = pool.one(viewer(), number_id)
    move = request.form.get("conversations") == "move"
    try:
        numbers.assign(viewer(), number_id, staff_id, move=move)
    except (Conflict, Forbidden) as error:
        return _reassign_form(number_id, str(error)), error.http_status
    staff = db.session.get_one(Staff, staff_id)
    went = " Their open conversations went along." if held.threads and move else ""
    return _done(f"{pretty(held.number.e164, viewer().region)} is {staff.name}’s now.{went}")


@bp.get("/numbers/<int:number_id>/share", endpoint="sharing")
@allowed(Can.NUMBERS_MANAGE)
def sharing_(number_id: int) -> Any:
    return _share_form(number_id)


def _share_form(number_id: int, problem: str = "") -> str:
    about, units = _about(number_id), org_units.choices(viewer())
    return _form("share", **about, units=units, chosen=chosen("org_unit_id"), problem=problem)


@bp.post("/numbers/<int:number_id>/share")
@allowed(Can.NUMBERS_MANAGE)
def share(number_id: int) -> Any:
    unit_id = chosen("org_unit_id")
    if unit_id is None:
        return _share_form(number_id, "Choose who shares the number."), 422
    try:
        sharing.share(viewer(), number_id, unit_id)
    except (Conflict, Invalid) as error:
        return _share_form(number_id, str(error)), error.http_status
    held = pool.one(viewer(), number_id)
    unit = held.unit.name if held.unit else "its unit"
    return _done(f"{pretty(held.number.e164, viewer().region)} is shared by {unit} now.")


@bp.get("/numbers/<int:number_id>/unshare")
@allowed(Can.NUMBERS_MANAGE)
def unsharing(number_id: int) -> Any:
    return _form("unshare", **_about_shared(number_id))


def _about_shared(number_id: int) -> dict[str, Any]:
    about = _about(number_id)
    if about["held"].unit is None:
        raise NotFound("No org unit shares this number.")
    return about


@bp.post("/numbers/<int:number_id>/unshare")
@allowed(Can.NUMBERS_MANAGE)
def unshare(number_id: int) -> Any:
    """D26"""
    _about_shared(number_id)
    return _act(number_id, sharing.take_back, "{number} is taken back. {name} shares it no more.")


@bp.get("/numbers/<int:number_id>/release")
@allowed(Can.NUMBERS_MANAGE)
def releasing(number_id: int) -> Any:
    about = _about(number_id)
    if about["held"].holder is None:
        raise NotFound("Nobody holds this number.")
    return _form("release", **about)


@bp.post("/numbers/<int:number_id>/release")
@allowed(Can.NUMBERS_MANAGE)
def release(number_id: int) -> Any:
    """S3-78, D26"""
    return _act(number_id, numbers.release, "{number} is taken back. {name} holds no number now.")


@bp.get("/numbers/<int:number_id>/retire")
@allowed(Can.NUMBERS_MANAGE)
def retiring(number_id: int) -> Any:
    return _form("retire", **_about(number_id))


@bp.post("/numbers/<int:number_id>/retire")
@allowed(Can.NUMBERS_MANAGE)
def retire(number_id: int) -> Any:
    """D26"""
    return _act(number_id, numbers.retire, "{number} is retired and leaves the pool for good.")


def _act(number_id: int, act: Callable[..., None], told: str) -> Any:
    held: Held = pool.one(viewer(), number_id)
    name = held.holder.name if held.holder else held.unit.name if held.unit else "Nobody"
    number = pretty(held.number.e164, viewer().region)
    act(viewer(), number_id)
    return _done(told.format(number=number, name=name))


# New ones


@bp.get("/numbers/add", endpoint="adding")
@allowed(Can.NUMBERS_MANAGE)
def adding_() -> Any:
    return _form("add", text="", problems=[])


@bp.post("/numbers/add")
@allowed(Can.NUMBERS_MANAGE)
def add() -> Any:
    """Several at once, one a line; each wrong one is named, and then nothing has changed."""
    text = typed("numbers", 10_000)
    lines = [line.strip() for line in text.split("\n") if line.strip()]
    settings: Settings = current_app.config["SETTINGS"]
    try:
        if not 1 <= len(lines) <= MOST_ADDED:
            raise Invalid("number", f"Write between 1 and {MOST_ADDED} numbers, one on each line.")
        asking = viewer()
        adding.add(asking.institution_id, lines, settings.public, by=asking)
    except (Invalid, Conflict, NotFound) as error:
        status = 422 if isinstance(error, NotFound) else error.http_status
        return _form("add", text=text, problems=str(error).split("\n")), status
    count = len(lines)
    told = "1 number is in the pool." if count == 1 else f"{count} numbers are in the pool."
    if request.form.get("back") == "connection" and asking.can(Can.PROVIDER_EDIT):
        flash(told)
        return redirect(url_for("configuration.compared"), code=303)
    return _done(told, show="free")
