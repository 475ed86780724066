"""Identify: "who is this?" of a conversation: somebody on record, a new person, or not this one."""

from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for

from app.errors import Invalid
from app.models import PersonKind
from app.routes.filters import row_id
from app.routes.shown import list_row, person_lines
from app.rules.access import Can
from app.security import allowed, viewer
from app.services import identifying, people

bp = Blueprint("identify", __name__, url_prefix="/people/identify")

KINDS = [kind.value for kind in PersonKind]
MOST_FOUND = 20


@bp.get("/<int:conversation_id>")
@allowed(Can.PEOPLE_EDIT)
def question(conversation_id: int) -> Any:
    return _page(conversation_id)


def _page(conversation_id: int, error: Invalid | None = None, **typed: str) -> str:
    asking = viewer()
    asked = identifying.question(asking, conversation_id)
    q = request.args.get("q", "").replace("\x00", "")[:100]
    known = {person.id for person in asked.maybe}
    found = people.search(asking, q=q, limit=MOST_FOUND) if q.strip() else []
    return render_template(
        "people/identify.html",
        conversation_id=conversation_id,
        title=asked.row.title(asking.region),
        person=asked.row.person,
        last=list_row(asked.row, asking).snippet,
        maybe=[(p, ", ".join(person_lines(p))) for p in asked.maybe],
        found=[(p, ", ".join(person_lines(p))) for p in found if p.id not in known],
        used=asked.used,
        q=q,
        kinds=KINDS,
        typed=typed or {"kind": "student"},
        problems={f["field"]: f["message"] for f in error.fields} if error else {},
    )


@bp.post("/<int:conversation_id>/link")
@allowed(Can.PEOPLE_EDIT)
def link(conversation_id: int) -> Any:
    person_id = request.form.get("person_id", 0, type=row_id)
    return _to(identifying.link(viewer(), conversation_id, person_id))


@bp.post("/<int:conversation_id>/create")
@allowed(Can.PEOPLE_EDIT)
def create(conversation_id: int) -> Any:
    names = ("given_name", "family_name", "kind")
    typed = {n: request.form.get(n, "").replace("\x00", "").strip()[:400] for n in names}
    try:
        return _to(identifying.create(viewer(), conversation_id, dict(typed)))
    except Invalid as error:
        return _page(conversation_id, error, **typed), 422


@bp.post("/<int:conversation_id>/split")
@allowed(Can.PEOPLE_EDIT)
def split(conversation_id: int) -> Any:
    contact_id = request.form.get("contact_id", 0, type=row_id)
    return _to(identifying.split(viewer(), conversation_id, contact_id))


def _to(conversation_id: int) -> Any:
    return redirect(url_for("inbox.conversation", conversation_id=conversation_id), code=303)
