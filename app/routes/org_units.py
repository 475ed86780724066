"""Org units: the page of the tree, making, renaming, moving and removing units, and who stands for
each."""

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for

from app.errors import Conflict, Invalid
from app.models import OrgUnit
from app.routes.filters import bookmark
from app.routes.unit_choice import chosen
from app.rules import org_units as rules
from app.rules.access import Can
from app.security import allowed, viewer
from app.services import colleagues, org_units, representatives, sharing

bp = Blueprint("org_units", __name__, url_prefix="/staff/units")


@bp.get("")
@allowed(Can.STAFF_MANAGE)
def index() -> Any:
    bookmark(viewer())
    rows = org_units.listed(viewer())
    standing = representatives.of_tree(rows)
    return render_template("org_units/index.html", rows=rows, standing=standing)


@bp.get("/new")
@allowed(Can.STAFF_MANAGE)
def new() -> Any:
    under = request.args.get("under", type=int)
    return _new_page({"name": "", "parent": under}, {})


@bp.post("")
@allowed(Can.STAFF_MANAGE)
def create() -> Any:
    form = _form()
    try:
        unit = org_units.create(viewer(), form["name"], form["parent"])
    except Invalid as error:
        return _new_page(form, _problems(error)), 422
    flash(f"{unit.name} is added.")
    return redirect(url_for("org_units.index"), code=303)


def _form() -> dict[str, Any]:
    name = request.form.get("name", "").replace("\x00", "").strip()
    return {
        "name": name[: org_units.LONGEST_NAME + 1],
        "parent": chosen("parent"),
        "version": request.form.get("version", 0, type=int),
    }


def _problems(error: Invalid) -> dict[str, str]:
    return {problem["field"]: problem["message"] for problem in error.fields}


def _new_page(form: dict[str, Any], problems: dict[str, str]) -> str:
    units = org_units.choices(viewer())
    return render_template("org_units/new.html", form=form, problems=problems, units=units)


@bp.get("/<int:unit_id>")
@allowed(Can.STAFF_MANAGE)
def one(unit_id: int) -> Any:
    bookmark(viewer())
    return _one_page(unit_id, {})


@bp.post("/<int:unit_id>")
@allowed(Can.STAFF_MANAGE)
def change(unit_id: int) -> Any:
    form = _form()
    try:
        org_units.change(viewer(), unit_id, form["name"], form["parent"], form["version"])
    except Invalid as error:
        return _one_page(unit_id, _problems(error), form), 422
    except Conflict:
        return _one_page(unit_id, {}, form, overtaken=True), 409
    flash(f"{form['name']} is saved.")
    return redirect(url_for("org_units.index"), code=303)


def _one_page(
    unit_id: int,
    problems: dict[str, str],
    form: dict[str, Any] | None = None,
    *,
    overtaken: bool = False,
) -> str:
    """`overtaken`: what is saved now stands beside what was typed, which may be saved over it."""
    asking = viewer()
    unit, units = org_units.one(asking, unit_id), org_units.choices(asking)
    names = {each.id: each.name for each in units}
    saved = {"name": unit.name, "parent": unit.parent_id, "version": unit.version}
    found = form or saved
    if overtaken:
        found = {**found, "version": unit.version}
    tree = {each.id: each.parent for each in units}
    inside = rules.below(tree, unit_id)
    return render_template(
        "org_units/one.html",
        unit=unit,
        path=[names[each] for each in reversed(rules.above(tree, unit_id)[1:])],
        saved=_saved(unit, names.get(unit.parent_id or 0)) if overtaken else None,
        form=found,
        problems=problems,
        units=[each for each in units if each.id not in inside],
        members=org_units.members(asking, unit_id),
        status_of=colleagues.status_of,
        why_not=org_units.why_not_removed(asking, unit_id),
        chair=representatives.chair(asking, unit, tree),
        numbers=sharing.of_unit(asking, unit_id),
    )


def _saved(unit: OrgUnit, above: str | None) -> dict[str, Any]:
    by = org_units.changed_by(viewer(), unit.id)
    return {"name": unit.name, "above": above, "by": by or "Somebody else"}


@bp.post("/<int:unit_id>/representative")
@allowed(Can.STAFF_MANAGE)
def represent(unit_id: int) -> Any:
    try:
        name = representatives.choose(viewer(), unit_id, chosen("staff"))
    except Invalid as error:
        return _one_page(unit_id, _problems(error)), 422
    flash(f"{name} stands for the unit." if name else "Nobody stands for the unit.")
    return redirect(url_for("org_units.one", unit_id=unit_id), code=303)


@bp.post("/<int:unit_id>/remove")
@allowed(Can.STAFF_MANAGE)
def remove(unit_id: int) -> Any:
    name = org_units.remove(viewer(), unit_id)
    flash(f"{name} is removed.")
    return redirect(url_for("org_units.index"), code=303)
