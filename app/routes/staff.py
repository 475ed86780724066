"""Staff: who works here, inviting, roles of each, and links to choose a password."""

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for

from app.errors import Conflict, Forbidden, Invalid
from app.routes import covering, unit_choice
from app.routes.filters import bookmark, row_id
from app.rules.access import Can
from app.security import allowed, viewer
from app.services import colleagues, leaving, org_units, passwords, roles, staff
from app.services.colleagues import PAGE, SORTS

bp = Blueprint("staff", __name__, url_prefix="/staff")

STATUS = {
    "active": ("Active", "plain", None),
    "invited": ("Invited", "warn", "mail"),
    "deactivated": ("Deactivated", "stop", "ban"),
}


@bp.get("")
@allowed(Can.STAFF_MANAGE)
def index() -> Any:
    bookmark(viewer())
    args = request.args
    q = args.get("q", "").replace("\x00", "")[:100]
    sort = args.get("sort", "name")
    key = sort.removeprefix("-") if sort.removeprefix("-") in SORTS else "name"
    rows = colleagues.found(viewer(), q, key, down=sort.startswith("-"))
    pages = max(1, -(-len(rows) // PAGE))
    page = min(max(args.get("page", 1, type=int), 1), pages)
    return render_template(
        "staff/index.html",
        staff=rows[(page - 1) * PAGE : page * PAGE],
        statuses=STATUS,
        table={"q": q, "sort": sort, "key": key, "page": page, "pages": pages, "all": len(rows)},
        units=org_units.choices(viewer()),
    )


@bp.get("/new")
@allowed(Can.STAFF_MANAGE)
def new() -> Any:
    return _new_page({}, {})


@bp.post("")
@allowed(Can.STAFF_MANAGE)
def invite() -> Any:
    form = _form()
    try:
        passwords.invite(viewer(), form["email"], form["name"], form["roles"], form["unit"])
    except (Invalid, Conflict, Forbidden) as error:
        return _new_page(form, _problems(error, "email")), 422
    flash(f"{form['name']} is invited. The link in the mail works for 7 days.")
    return redirect(url_for("staff.index"), code=303)


def _form() -> dict[str, Any]:
    form = request.form
    return {
        "name": form.get("name", "").replace("\x00", "").strip()[: staff.LONGEST_NAME + 1],
        "email": form.get("email", "").replace("\x00", "").strip()[:320],
        "roles": [name.replace("\x00", "") for name in form.getlist("role")],
        "seen": [name for name in form.getlist("seen") if name] if "seen" in form else None,
        **unit_choice.typed(),
    }


def _problems(error: Invalid | Conflict | Forbidden, field: str) -> dict[str, str]:
    """Field → what is wrong; `field`: where it stands that names none."""
    found = {problem["field"]: problem["message"] for problem in error.fields}
    return found or {"roles" if isinstance(error, Forbidden) else field: str(error)}


def _new_page(form: dict[str, Any], problems: dict[str, str]) -> str:
    return render_template(
        "staff/new.html",
        form=form,
        problems=problems,
        roles=_choices(),
        units=org_units.choices(viewer()),
    )


def _choices(held: tuple[str, ...] = ()) -> list[dict[str, Any]]:
    """The roles to tick. `may`: somebody who has no more rights than the viewer may be given it,
    or keep it."""
    asking = viewer()
    return [
        {
            "name": role.name,
            "student": role.kind == "student",
            "starts": "text.start" in role.capabilities and role.kind != "student",
            "may": role.name in held or all(asking.can(Can(c)) for c in role.capabilities),
        }
        for role, _ in roles.listed(asking)
    ]


@bp.get("/<int:staff_id>")
@allowed(Can.STAFF_MANAGE)
def one(staff_id: int) -> Any:
    return _one_page(staff_id, {})


def _one_page(
    staff_id: int,
    problems: dict[str, str],
    form: dict[str, Any] | None = None,
    uncovered: dict[str, str] | None = None,
) -> str:
    found = staff.one(viewer(), staff_id)
    held, unit = tuple(role.name for role in found.roles), found.org_unit_id
    shown = {"name": found.name, "roles": held, "seen": held, "unit": unit, "unit_seen": unit}
    return render_template(
        "staff/one.html",
        member=found,
        status=STATUS[colleagues.status_of(found)],
        number=staff.number_of(staff_id),
        form=form or shown,
        problems=problems,
        roles=_choices(held),
        units=org_units.choices(viewer()),
        cover=covering.shown(staff_id, uncovered or {}),
    )


@bp.post("/<int:staff_id>/cover")
@allowed(Can.STAFF_MANAGE)
def arrange_cover(staff_id: int) -> Any:
    staff.one(viewer(), staff_id)
    if problems := covering.arrange(staff_id):
        return _one_page(staff_id, {}, uncovered=problems), 422
    flash("The cover is arranged.")
    return redirect(url_for("staff.one", staff_id=staff_id), code=303)


@bp.post("/<int:staff_id>")
@allowed(Can.STAFF_MANAGE)
def change(staff_id: int) -> Any:
    form = _form()
    try:
        staff.check_name(form["name"])
        changes = {"name": form["name"], "roles": form["roles"], "roles_seen": form["seen"]}
        staff.change(viewer(), staff_id, **changes, **unit_choice.changes(form))
    except (Invalid, Conflict, Forbidden) as error:
        return _one_page(staff_id, _problems(error, "roles"), form), 422
    flash(f"{form['name']} is saved.")
    return redirect(url_for("staff.one", staff_id=staff_id), code=303)


@bp.post("/<int:staff_id>/link")
@allowed(Can.STAFF_MANAGE)
def link(staff_id: int) -> Any:
    """The invitation again, or a link to choose a new password."""
    to = passwords.send_link(viewer(), staff_id)
    flash(f"A link to choose a password is on its way to {to.email}.")
    return redirect(url_for("staff.one", staff_id=staff_id), code=303)


# Leaving


@bp.get("/<int:staff_id>/deactivate")
@allowed(Can.STAFF_MANAGE)
def leave(staff_id: int) -> Any:
    return _leaving_page(staff_id, {}, {})


@bp.post("/<int:staff_id>/deactivate")
@allowed(Can.STAFF_MANAGE)
def deactivate(staff_id: int) -> Any:
    form = request.form
    chosen = {name: form.get(name, "") for name in ("number", "conversations", "students")}
    try:
        ids = {name: row_id(value) if value else None for name, value in chosen.items()}
        plan = leaving.Plan(**ids, keep_texts=form.get("texts") == "keep")
        leaving.deactivate(viewer(), staff_id, plan)
    except ValueError:
        return _leaving_page(staff_id, {"": "Choose from the lists."}, form), 422
    except Invalid as error:
        return _leaving_page(staff_id, _problems(error, ""), form), 422
    except Conflict as error:
        return _leaving_page(staff_id, {"": str(error)}, form), 422
    except Forbidden as error:
        return _leaving_page(staff_id, {"number": str(error)}, form), 422
    name = staff.one(viewer(), staff_id).name
    flash(f"{name} is deactivated and signed out.")
    return redirect(url_for("staff.one", staff_id=staff_id), code=303)


def _leaving_page(staff_id: int, problems: dict[str, str], form: Any) -> str:
    asking = viewer()
    others = colleagues.others(asking, staff_id)
    return render_template(
        "staff/leave.html",
        member=staff.one(asking, staff_id),
        left=leaving.left_by(asking, staff_id),
        others=others,
        holders=[c for c in others if c.may_start and c.number is None],
        form=form,
        problems=problems,
    )


@bp.post("/<int:staff_id>/reactivate")
@allowed(Can.STAFF_MANAGE)
def reactivate(staff_id: int) -> Any:
    leaving.reactivate(viewer(), staff_id)
    flash(f"{staff.one(viewer(), staff_id).name} may sign in again.")
    return redirect(url_for("staff.one", staff_id=staff_id), code=303)
