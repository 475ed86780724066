"""People: the lists, the page of one person, and what is changed there."""

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for

from app.errors import Conflict, Invalid, Merged
from app.models import PersonKind
from app.routes import cursor, directory
from app.routes import person as views
from app.routes.filters import bookmark, number, row_id
from app.routes.joining import merge_rows, moved_to
from app.rules.access import Can, Viewer
from app.rules.consent import SmsStatus
from app.rules.history import STATUS
from app.rules.phones import PhoneType
from app.rules.reach import How
from app.security import allowed, viewer
from app.services import consent, people, phones, separating, staff, students
from app.services import person as records
from app.services.inbox import institution_of
from app.services.joining import may_merge
from app.services.students import Sort

bp = Blueprint("people", __name__, url_prefix="/people")

TYPES = [kind.value for kind in PhoneType if kind is not PhoneType.SYSTEM]
KINDS = [kind.value for kind in PersonKind]
PAGE = 50  # people of a list
QUIET_DAYS = (7, 14, 30, 60)
HISTORY = 20  # entries on a page
FIELDS = ("given_name", "family_name", "kind", "email", "source_id", "timezone")
_MAY_BE_EMPTY = ("email", "source_id", "timezone")


# The lists


@bp.get("")
@allowed(Can.PEOPLE_READ)
def index() -> Any:
    """My students, where the viewer has any; else everybody."""
    asking, view = viewer(), request.args.get("view")
    bookmark(asking)
    mine = view == "mine" or (view != "all" and students.has_any(asking))
    q = request.args.get("q", "").replace("\x00", "")[:100]
    return render_template(
        "people/index.html",
        mine=mine,
        q=q,
        quiet_days=QUIET_DAYS,
        **(_mine(asking, q) if mine else _everybody(asking, q)),
    )


def _mine(asking: Viewer, q: str) -> dict[str, Any]:
    args = request.args
    how, sort = args.get("how", ""), args.get("sort", "")
    days = args.get("quiet", type=row_id)
    wanted = students.Wanted(
        q,
        How(how) if how in set(How) else None,
        days if days in QUIET_DAYS else None,
        Sort(sort) if sort in set(Sort) else Sort.NAME,
    )
    by_name = wanted.sort is Sort.NAME
    after = cursor.read(args.get("after", ""), cursor.BY_NAME if by_name else cursor.BY_TIME)
    rows = students.mine(asking, wanted, limit=PAGE + 1, after=after)
    last = rows[PAGE - 1].key(wanted.sort) if len(rows) > PAGE else None
    return {
        "wanted": wanted,
        "rows": [directory.student_row(row, asking) for row in rows[:PAGE]],
        "next": cursor.written(last) if last else None,
        "after": after,
    }


def _everybody(asking: Viewer, q: str) -> dict[str, Any]:
    after = cursor.read(request.args.get("after", ""), cursor.BY_NAME)
    found = people.search(asking, q=q, limit=PAGE + 1, after=after)
    shown = found[:PAGE]
    reached = students.reaches(shown, institution_of(asking))
    more = len(found) > PAGE
    return {
        "rows": [directory.person_row(p, reached[p.id], asking) for p in shown],
        "next": cursor.written(people.name_key(shown[-1])) if more else None,
        "after": after,
    }


# One person


@bp.get("/<int:person_id>")
@allowed(Can.PEOPLE_READ)
def person(person_id: int) -> Any:
    bookmark(viewer())
    try:
        return _page(person_id)
    except Merged as error:
        return moved_to(error, "people.person")


def _page(person_id: int, **form: Any) -> str:
    """`form`: what was typed and what is wrong with it, where something is."""
    asking = viewer()
    found = records.of(asking, person_id)
    institution = institution_of(asking)
    shown = views.person_view(found, institution, asking)
    removed = request.args.get("removed", type=row_id)
    return render_template(
        "people/person.html",
        person=shown,
        form=form,
        may_edit=found.may_edit,
        may_edit_consent=found.may_edit_consent,
        change=_change(found, shown, asking, form),
        adding=found.may_edit and ("add" in request.args or "number" in form),
        types=TYPES,
        removed=removed if found.may_edit else None,
        talks=[views.talk(row, asking) for row in records.conversations(asking, person_id)],
        history=_history(found, shown, asking),
        family=found.family,
        advisors=_advisors(found, asking),
        may_merge=may_merge(asking),
        merges=merge_rows(separating.undoable(asking, person_id)),
    )


def _change(
    found: records.Profile, shown: views.PersonView, asking: Viewer, form: dict[str, Any]
) -> views.Change | None:
    phone_id = form.get("phone_id") or request.args.get("edit", type=row_id)
    phone = next((p for p, _ in found.phones if p.id == phone_id), None)
    if phone is None or not (found.may_edit or found.may_edit_consent):
        return None
    blocks = records.blocks(phone)
    return views.change_view(found, shown, phone, blocks, institution_of(asking), asking, form)


def _history(found: records.Profile, shown: views.PersonView, asking: Viewer) -> dict[str, Any]:
    before = request.args.get("before", type=row_id)
    contacts = [phone.contact_number_id for phone, _ in found.phones]
    entries = records.history(asking, contacts, limit=HISTORY + 1, before=before)
    lines = views.history_lines(entries[:HISTORY], shown.first, asking.region)
    return {
        "lines": lines,
        "earlier": lines[-1].id if len(entries) > HISTORY else None,
        "before": before,
    }


def _advisors(found: records.Profile, asking: Viewer) -> dict[str, Any]:
    mine = any(a.staff_id == asking.staff_id for a in found.advisors)
    return {
        "rows": [(a, students.may_link(asking, a.staff_id)) for a in found.advisors],
        "may_add_me": students.may_link(asking, asking.staff_id) and not mine,
        "others": records.staff_to_choose(asking, found.advisors)
        if asking.can(Can.STAFF_MANAGE)
        else [],
    }


@bp.get("/<int:person_id>/route")
@allowed(Can.PEOPLE_READ)
def route(person_id: int) -> Any:
    """What would happen to a text now: on the page, or a page of its own without script."""
    asking = viewer()
    try:
        found = records.outlook(asking, person_id)
    except Merged as error:
        return moved_to(error, "people.route")
    part = "_route.html" if request.headers.get("HX-Request") else "route.html"
    return render_template(
        f"people/{part}",
        outlook=views.outlook_view(found, asking),
        person=found.person,
    )


# A new person, and changing one


@bp.get("/new")
@allowed(Can.PEOPLE_EDIT)
def new() -> Any:
    return _form(None, {"kind": "student", "type": "mobile"})


@bp.post("")
@allowed(Can.PEOPLE_EDIT)
def create() -> Any:
    typed = _typed(*FIELDS, "number", "type")
    fields = _fields(typed)
    numbers = [(typed["number"], typed["type"])] if typed["number"] else []
    try:
        made = people.create(viewer(), fields, numbers)
    except (Invalid, Conflict) as error:
        return _form(None, typed, error), error.http_status
    return redirect(url_for("people.person", person_id=made), code=303)


@bp.get("/<int:person_id>/edit")
@allowed(Can.PEOPLE_EDIT)
def edit(person_id: int) -> Any:
    try:
        found = people.editable(viewer(), person_id)
    except Merged as error:
        return moved_to(error, "people.edit")
    return _form(person_id, {name: getattr(found, name) or "" for name in FIELDS})


@bp.post("/<int:person_id>")
@allowed(Can.PEOPLE_EDIT)
def change(person_id: int) -> Any:
    typed = _typed(*FIELDS)
    try:
        people.change(viewer(), person_id, _fields(typed))
    except (Invalid, Conflict) as error:
        return _form(person_id, typed, error), error.http_status
    flash("Saved.")
    return _to(person_id)


def _typed(*names: str) -> dict[str, str]:
    return {name: request.form.get(name, "").replace("\x00", "").strip()[:400] for name in names}


def _fields(typed: dict[str, str]) -> dict[str, Any]:
    return {name: typed[name] or (None if name in _MAY_BE_EMPTY else "") for name in FIELDS}


def _form(
    person_id: int | None, typed: dict[str, str], error: Invalid | Conflict | None = None
) -> str:
    problems = {f["field"].rpartition(".")[2]: f["message"] for f in error.fields} if error else {}
    if isinstance(error, Conflict):
        problems["source_id"] = str(error)
    return render_template(
        "people/form.html",
        person=people.one(viewer(), person_id) if person_id else None,
        typed=typed,
        problems=problems,
        kinds=KINDS,
        types=TYPES,
        zones=staff.time_zones(),
    )


def _to(person_id: int, **more: Any) -> Any:
    return redirect(url_for("people.person", person_id=person_id, **more), code=303)


# Phones


@bp.post("/<int:person_id>/phones")
@allowed(Can.PEOPLE_EDIT)
def add_phone(person_id: int) -> Any:
    typed = _typed("number", "type")
    try:
        people.add_phone(viewer(), person_id, typed["number"], typed["type"])
    except Invalid as error:
        return _page(person_id, **typed, problem=str(error)), 422
    return _to(person_id)


@bp.post("/phones/<int:phone_id>/consent", endpoint="consent")
@allowed(Can.CONSENT_EDIT)
def consent_(phone_id: int) -> Any:
    """Set a number's status by hand, with a reason (S3-11, S3-12)."""
    phone, typed = phones.one(viewer(), phone_id), _typed("status", "reason")
    person_id = phone.person_id
    try:
        if typed["status"] not in set(SmsStatus):
            raise Invalid("status", "Choose one of the three.")
        consent.set_by_staff(viewer(), phone_id, SmsStatus(typed["status"]), typed["reason"])
    except Invalid as error:
        return _page(person_id, **typed, phone_id=phone_id, problem=str(error)), 422
    contact = phones.one(viewer(), phone_id).contact_number
    flash(f"{number(contact.e164)} is {STATUS[contact.status]}.")
    return _to(person_id)


@bp.post("/phones/<int:phone_id>/type")
@allowed(Can.PEOPLE_EDIT)
def change_type(phone_id: int) -> Any:
    people.change_phone(viewer(), phone_id, kind=_typed("type")["type"])
    return _to(phones.one(viewer(), phone_id).person_id)


@bp.post("/phones/<int:phone_id>/verify")
@allowed(Can.PEOPLE_EDIT)
def verify(phone_id: int) -> Any:
    """Somebody made sure that it is theirs, or takes that back (S3-67)."""
    people.change_phone(viewer(), phone_id, verified=request.form.get("verified") == "yes")
    return _to(phones.one(viewer(), phone_id).person_id)


@bp.post("/phones/<int:phone_id>/remove")
@allowed(Can.PEOPLE_EDIT)
def remove_phone(phone_id: int) -> Any:
    person_id = phones.one(viewer(), phone_id).person_id
    people.remove_phone(viewer(), phone_id)
    return _to(person_id, removed=phone_id)


@bp.post("/phones/<int:phone_id>/restore")
@allowed(Can.PEOPLE_EDIT)
def restore_phone(phone_id: int) -> Any:
    people.restore_phone(viewer(), phone_id)
    return _to(phones.one(viewer(), phone_id).person_id)


# Whose student somebody is


@bp.post("/<int:person_id>/advisors")
@allowed(Can.PEOPLE_READ)
def add_advisor(person_id: int) -> Any:
    """Oneself with `people.edit`, anybody with `staff.manage`: the service looks."""
    students.link(viewer(), person_id, request.form.get("staff_id", 0, type=row_id))
    return _to(person_id)


@bp.post("/<int:person_id>/advisors/<int:staff_id>/remove")
@allowed(Can.PEOPLE_READ)
def remove_advisor(person_id: int, staff_id: int) -> Any:
    students.unlink(viewer(), person_id, staff_id)
    return _to(person_id)
