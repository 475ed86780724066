"""Profile: the viewer's own name, time zone, password and browsers."""

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for

from app.errors import Invalid
from app.routes import covering
from app.rules.access import Can
from app.security import allowed, credential, viewer
from app.services import cover, passwords, profile, sessions, staff
from app.services.staff import LONGEST_PASSWORD

bp = Blueprint("profile", __name__, url_prefix="/profile")


@bp.get("")
@allowed()
def index() -> Any:
    return _page()


@bp.post("")
@allowed()
def change() -> Any:
    form = {
        "name": request.form.get("name", "").replace("\x00", "").strip()[: staff.LONGEST_NAME + 1],
        "timezone": request.form.get("timezone", "").replace("\x00", "").strip()[:64],
    }
    try:
        profile.change(viewer(), **form)
    except Invalid as error:
        return _page(error, form), 422
    flash("Your profile is saved.")
    return _back()


@bp.post("/summary")
@allowed(Can.REPORTS_READ)
def summary() -> Any:
    profile.want_summary(viewer(), request.form.get("weekly_summary") == "on")
    flash("Your profile is saved.")
    return _back()


@bp.post("/password")
@allowed()
def password() -> Any:
    form = request.form
    old, new, again = (
        form.get(name, "")[: LONGEST_PASSWORD + 1] for name in ("old", "password", "again")
    )
    try:
        if new != again:
            raise Invalid("again", "The two are not the same.")
        passwords.change(viewer(), old, new, credential().id)
    except Invalid as error:
        return _page(error), 422
    flash("Your password is changed. Other browsers are signed out.")
    return _back()


@bp.post("/sessions/end")
@allowed()
def end_sessions() -> Any:
    sessions.end_others(viewer(), credential().id)
    flash("You are signed out everywhere else.")
    return _back()


@bp.post("/cover")
@allowed()
def arrange_cover() -> Any:
    if problems := covering.arrange(viewer().staff_id):
        return _page(uncovered=problems), 422
    flash("The cover is arranged.")
    return _back()


@bp.post("/cover/<int:cover_id>/end")
@allowed()
def end_cover(cover_id: int) -> Any:
    """Of one's own conversations or, with the right, of a colleague's."""
    whose = cover.end(viewer(), cover_id)
    flash("The cover is ended.")
    if whose != viewer().staff_id:
        return redirect(url_for("staff.one", staff_id=whose), code=303)
    return _back()


def _back() -> Any:
    return redirect(url_for("profile.index"), code=303)


def _page(
    problem: Invalid | None = None,
    form: dict[str, str] | None = None,
    uncovered: dict[str, str] | None = None,
) -> str:
    asking = viewer()
    own = staff.one(asking, asking.staff_id)
    return render_template(
        "profile/index.html",
        member=own,
        form=form or {"name": own.name, "timezone": own.timezone or ""},
        problems={p["field"]: p["message"] for p in problem.fields} if problem else {},
        zones=staff.time_zones(),
        reads_reports=asking.can(Can.REPORTS_READ),
        number=staff.number_of(asking.staff_id),
        sessions=sessions.listed(asking),
        this=credential().id,
        cover=covering.shown(own.id, uncovered or {}),
    )
