"""Tokens: the page on which the keys of programs are made and ended."""

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for

from app.rules.access import MEANING, Can
from app.security import allowed, viewer
from app.services import roles, tokens

bp = Blueprint("tokens", __name__, url_prefix="/tokens")

MOST = 200  # shown


@bp.get("")
@allowed(Can.TOKENS_MANAGE)
def index() -> Any:
    return _page()


@bp.post("")
@allowed(Can.TOKENS_MANAGE)
def create() -> Any:
    """The page with the new token on it: no other answer ever holds it, and no address does."""
    asking, form = viewer(), request.form
    name = form.get("name", "").replace("\x00", "").strip()[: tokens.LONGEST_NAME]
    wanted = {scope for scope in MEANING if scope in form.getlist("scope")}
    problems = {}
    if not name:
        problems["name"] = "Say what the token is for."
    if form.get("rights") == "some" and not wanted:
        problems["scope"] = "Choose at least one."
    if problems:
        return _page(problems=problems, name=name, rights=form.get("rights"), wanted=wanted), 422
    _, token = tokens.create(asking, name, wanted if form.get("rights") == "some" else None)
    return _page(made={"name": name, "token": token})


@bp.post("/<int:token_id>/revoke")
@allowed(Can.TOKENS_MANAGE)
def revoke(token_id: int) -> Any:
    tokens.revoke(viewer(), token_id)
    flash("The token is revoked. Programs that use it are refused from now on.")
    return redirect(url_for("tokens.index"), code=303)


def _page(**form: Any) -> str:
    asking = viewer()
    return render_template(
        "tokens/index.html",
        tokens=tokens.listed(asking, MOST),
        scopes={right: MEANING[right] for right in roles.rights(asking) if asking.can(right)},
        form=form,
    )
