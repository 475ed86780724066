"""Session: signing in and out."""

from typing import Any

from flask import Blueprint, current_app, g, redirect, render_template, request, url_for

from app import security
from app.errors import Unauthorized

bp = Blueprint("session", __name__)


@bp.get("/")
def home() -> Any:
    return redirect(url_for("inbox.index"))


@bp.get("/login")
def login() -> Any:
    if g.get("viewer"):
        return redirect(security.safe_next(request.args.get("next")))
    return _form()


@bp.post("/login")
def enter() -> Any:
    email, password = request.form.get("email", ""), request.form.get("password", "")
    try:
        security.sign_in(email[:320].replace("\x00", ""), password[:1000])
    except Unauthorized as error:
        return _form(email, str(error)), 401
    return redirect(security.safe_next(request.form.get("next")), code=303)


@bp.post("/logout")
def logout() -> Any:
    security.sign_out()
    return redirect(url_for("session.login"), code=303)


def _form(email: str = "", error: str | None = None) -> str:
    form = {"email": email, "error": error}
    next_ = request.values.get("next", "")
    return render_template("session/login.html", form=form, next=next_, demo_logins=_demo_logins())


def _demo_logins() -> list[dict[str, str]]:
    """To choose from, in the demo and nowhere else."""
    staff, password = current_app.config.get("DEMO_LOGINS", ((), ""))
    return [
        {"email": email, "name": name, "role": role, "password": password}
        for email, name, role in staff
    ]
