"""Roles: the matrix of who may do what, and changing it."""

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for

from app.errors import Conflict, Forbidden, Invalid
from app.rules.access import MEANING, Can
from app.security import allowed, viewer
from app.services import roles

bp = Blueprint("roles", __name__, url_prefix="/staff/roles")


@bp.get("")
@allowed(Can.STAFF_MANAGE)
def index() -> Any:
    rights = roles.rights(viewer())
    meanings = {right: MEANING[right] for right in rights}
    return render_template("roles/index.html", roles=roles.listed(viewer()), meanings=meanings)


@bp.get("/new")
@allowed(Can.STAFF_MANAGE)
def new() -> Any:
    return _page(None, {"name": "", "capabilities": []}, {})


@bp.post("")
@allowed(Can.STAFF_MANAGE)
def create() -> Any:
    return _saved(None)


@bp.get("/<int:role_id>")
@allowed(Can.STAFF_MANAGE)
def one(role_id: int) -> Any:
    role, _ = roles.one(viewer(), role_id)
    shown = [right for right in roles.rights(viewer()) if right in role.capabilities]
    return _page(role_id, {"name": role.name, "capabilities": shown}, {})


@bp.post("/<int:role_id>")
@allowed(Can.STAFF_MANAGE)
def change(role_id: int) -> Any:
    return _saved(role_id)


@bp.post("/<int:role_id>/delete")
@allowed(Can.STAFF_MANAGE)
def delete(role_id: int) -> Any:
    name = roles.remove(viewer(), role_id)
    flash(f"The role {name} is deleted.")
    return redirect(url_for("roles.index"), code=303)


def _saved(role_id: int | None) -> Any:
    name = request.form.get("name", "").replace("\x00", "").strip()[: roles.LONGEST_NAME + 1]
    rights = [right for right in Can if right in request.form.getlist("capability")]
    seen = request.form.getlist("seen") if "seen" in request.form else None
    try:
        roles.save(viewer(), role_id, name, [*rights], seen)
    except (Invalid, Conflict, Forbidden) as error:
        taken = "name" if error.code == "role_exists" else "capabilities"
        problems = {p["field"]: p["message"] for p in error.fields} or {taken: str(error)}
        form = {"name": name, "capabilities": rights, "seen": seen}
        return _page(role_id, form, problems), 422
    flash(f"The role {name} is saved.")
    return redirect(url_for("roles.index"), code=303)


def _page(role_id: int | None, form: dict[str, Any], problems: dict[str, str]) -> str:
    role, members = roles.one(viewer(), role_id) if role_id else (None, 0)
    return render_template(
        "roles/one.html",
        role=role,
        members=members,
        form=form,
        problems=problems,
        rights=[_choice(right, role.kind if role else "staff") for right in roles.rights(viewer())],
    )


def _choice(right: Can, kind: str) -> dict[str, Any]:
    """A right to tick. `why_not`: as a sentence, where the viewer cannot change it."""
    no_number = kind == "student" and right is Can.TEXT_START
    why_not = "A student never holds a number." if no_number else None
    if not viewer().can(right):
        why_not = "Only somebody who has this right can give it."
    return {"right": right.value, "meaning": MEANING[right], "why_not": why_not}
