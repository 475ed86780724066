"""Standard texts: the page they are kept on, and the menu of the box to write in."""

from dataclasses import dataclass
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for

from app.errors import Invalid, NotFound
from app.models import StandardText
from app.routes.filters import row_id
from app.rules.segments import measure
from app.rules.standard_texts import FIELDS, pieces, unfilled
from app.rules.texts import snippet
from app.security import allowed, viewer
from app.services import inbox, standard_texts
from app.services.standard_texts import Filled, may_keep

bp = Blueprint("standard_texts", __name__, url_prefix="/texts")

SEARCHED = 8  # entries of the menu; more of them can be searched


@dataclass(frozen=True, slots=True)
class Card:
    """`pieces`: (text, whether it is a field). `cost`: "About" where fields are still to come."""

    id: int
    title: str
    pieces: list[tuple[str, bool]]
    cost: str


def _card(row: StandardText) -> Card:
    parts = measure(row.body).parts
    cost = "1 text" if parts == 1 else f"{parts} texts"
    about = f"About {cost}" if unfilled(row.body) else cost
    return Card(row.id, row.title, pieces(row.body), about)


@bp.get("")
@allowed()
def index() -> Any:
    rows = standard_texts.listed(viewer())
    return render_template(
        "standard_texts/index.html",
        shared=[_card(row) for row in rows if row.staff_id is None],
        own=[_card(row) for row in rows if row.staff_id is not None],
        may_share=may_keep(viewer(), shared=True),
        may_own=may_keep(viewer(), shared=False),
    )


@bp.get("/new")
@allowed()
def new() -> Any:
    standard_texts.listed(viewer())  # for who may keep some
    shared = not may_keep(viewer(), shared=False) or request.args.get("for") == "all"
    return _page(None, {"title": "", "body": "", "for": "all" if shared else "me"}, {})


@bp.post("")
@allowed()
def create() -> Any:
    form = _form()
    try:
        standard_texts.create(viewer(), form["title"], form["body"], shared=form["for"] == "all")
    except Invalid as error:
        return _page(None, form, _problems(error)), 422
    flash("The text is saved.")
    return redirect(url_for("standard_texts.index"), code=303)


@bp.get("/<int:text_id>")
@allowed()
def one(text_id: int) -> Any:
    found = standard_texts.one(viewer(), text_id)
    return _page(found, {"title": found.title, "body": found.body}, {})


@bp.post("/<int:text_id>")
@allowed()
def change(text_id: int) -> Any:
    form = _form()
    try:
        standard_texts.change(viewer(), text_id, form["title"], form["body"])
    except Invalid as error:
        return _page(standard_texts.one(viewer(), text_id), form, _problems(error)), 422
    flash("The text is saved.")
    return redirect(url_for("standard_texts.index"), code=303)


@bp.post("/<int:text_id>/delete")
@allowed()
def delete(text_id: int) -> Any:
    title = standard_texts.remove(viewer(), text_id)
    flash(f"“{title}” is deleted.")
    return redirect(url_for("standard_texts.index"), code=303)


def _form() -> dict[str, str]:
    form = {name: request.form.get(name, "").replace("\x00", "") for name in ("title", "body")}
    return {**form, "for": "all" if request.form.get("for") == "all" else "me"}


def _problems(error: Invalid) -> dict[str, str]:
    return {problem["field"]: problem["message"] for problem in error.fields}


def _page(text: StandardText | None, form: dict[str, str], problems: dict[str, str]) -> str:
    return render_template(
        "standard_texts/one.html",
        text=text,
        form=form,
        problems=problems,
        fields=FIELDS,
        longest=inbox.institution_of(viewer()).max_length,
        may_choose=may_keep(viewer(), shared=True) and may_keep(viewer(), shared=False),
        may_own=may_keep(viewer(), shared=False),
    )


# The menu of the box


@bp.get("/picker")
@allowed()
def picker() -> Any:
    """Every text, filled for the one who is written to."""
    return render_template(
        "standard_texts/_picker.html",
        entries=[
            {
                "title": text.title,
                "line": snippet(text.body, 80),
                "body": text.body,
                "missing": " and ".join(f"{{{name}}}" for name in text.missing),
                "several": len(text.missing) > 1,
            }
            for text in _filled()
        ],
        searched=SEARCHED,
    )


def _filled() -> list[Filled]:
    conversation = request.args.get("conversation", type=row_id)
    if conversation is not None:
        return standard_texts.for_thread(viewer(), conversation)
    person = request.args.get("person", type=row_id) or request.args.get("whose", type=row_id)
    if person is not None:
        return standard_texts.for_person(viewer(), person)
    if (number := request.args.get("number")) is None:
        raise NotFound
    return standard_texts.for_number(viewer(), number.replace("\x00", "")[:100])
