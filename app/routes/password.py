"""Password: the pages of somebody who cannot sign in: asking for a link, and choosing one with
it."""

from typing import Any

from flask import Blueprint, flash, make_response, redirect, render_template, request, url_for

from app.errors import Invalid, NotFound
from app.models import Staff
from app.services import passwords
from app.services.staff import LONGEST_PASSWORD

bp = Blueprint("password", __name__, url_prefix="/password")


@bp.get("")
def ask() -> Any:
    return render_template("password/ask.html", asked=None)


@bp.post("")
def asked() -> Any:
    """The same answer whatever the address is."""
    email = request.form.get("email", "").replace("\x00", "").strip()[:320]
    if email:
        passwords.ask(email)
    return render_template("password/ask.html", asked=email or None)


@bp.get("/<token>")
def choose(token: str) -> Any:
    """Looking at it uses nothing up: mail programs look, too."""
    try:
        _, owner = passwords.owner_of(token)
    except NotFound:
        return _gone()
    return _form(owner)


@bp.post("/<token>")
def chosen(token: str) -> Any:
    password = request.form.get("password", "")[: LONGEST_PASSWORD + 1]
    try:
        _, owner = passwords.owner_of(token)
        if password != request.form.get("again", "")[: LONGEST_PASSWORD + 1]:
            return _form(owner, "again", "The two are not the same."), 422
        passwords.choose(token, password)
    except Invalid as error:
        return _form(owner, "password", str(error)), 422
    except NotFound:
        return _gone()
    flash("Your password is set. Sign in with it.")
    return redirect(url_for("session.login"), code=303)


def _form(owner: Staff, field: str = "", problem: str = "") -> Any:
    problems = {field: problem} if field else {}
    return _private(render_template("password/choose.html", owner=owner, problems=problems))


def _gone() -> Any:
    return _private(render_template("password/gone.html")), 404


def _private(page: str) -> Any:
    """The address is a key, so it goes along to nobody."""
    answer = make_response(page)
    answer.headers["Referrer-Policy"] = "no-referrer"
    return answer
