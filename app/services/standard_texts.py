"""Standard texts: kept for oneself or shared by all, and filled for the one who is written to."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, delete, func, or_, select, true

from app import clock
from app.database import LOCK, db, retrying, transaction
from app.errors import Forbidden, Invalid, NotFound
from app.models import Institution, Person, StandardText
from app.rules import standard_texts, texts, words
from app.rules.access import WRITERS, Can, Viewer
from app.services import addressing, inbox, people
from app.services.audit import audit

LONGEST_TITLE = 80  # characters
MOST = 200  # of one owner


@dataclass(frozen=True, slots=True)
class Filled:
    """A standard text for one person. `missing`: the fields that nothing on record fills."""

    id: int
    title: str
    body: str
    missing: list[str]


def may_keep(viewer: Viewer, *, shared: bool) -> bool:
    """Own ones are for whoever writes, shared ones for who may change the settings."""
    return viewer.can(Can.SETTINGS_EDIT) if shared else any(viewer.can(can) for can in WRITERS)


def _require(viewer: Viewer, *, shared: bool) -> None:
    if not may_keep(viewer, shared=shared):
        need = Can.SETTINGS_EDIT if shared else Can.TEXT_REPLY
        raise Forbidden(f"Your role does not allow this ({need}).")


def listed(viewer: Viewer) -> list[StandardText]:
    """The shared ones and the viewer's own, by title. Raises Forbidden for who keeps none."""
    rows = list(_of(viewer, 2 * MOST))
    return sorted(rows, key=lambda row: (row.title.casefold(), row.id))


def newest(viewer: Viewer, limit: int, before: int | None = None) -> Sequence[StandardText]:
    """The same, newest first; `before`: an id."""
    return _of(viewer, limit, before)


def _of(viewer: Viewer, limit: int, before: int | None = None) -> Sequence[StandardText]:
    if not any(may_keep(viewer, shared=shared) for shared in (True, False)):
        _require(viewer, shared=False)
    return (
        db.session.execute(
            select(StandardText)
            .where(
                StandardText.institution_id == viewer.institution_id,
                or_(StandardText.staff_id.is_(None), StandardText.staff_id == viewer.staff_id),
                StandardText.id < before if before else true(),
            )
            .order_by(StandardText.id.desc())
            .limit(limit)
        )
        .scalars()
        .all()
    )


def one(viewer: Viewer, text_id: int) -> StandardText:
    """One to change: a shared one or one's own. Raises NotFound, Forbidden."""
    found = db.session.get(StandardText, text_id)
    if found is None or found.institution_id != viewer.institution_id:
        raise NotFound("There is no such standard text.")
    if found.staff_id not in (None, viewer.staff_id):
        raise NotFound("There is no such standard text.")
    _require(viewer, shared=found.staff_id is None)
    return found


# Keeping them


@retrying
def create(viewer: Viewer, title: str, body: str, *, shared: bool) -> StandardText:
    """Raises Forbidden, and Invalid for a title or a body that cannot be kept."""
    _require(viewer, shared=shared)
    with transaction():
        owner = None if shared else viewer.staff_id
        made = StandardText(institution_id=viewer.institution_id, staff_id=owner)
        longest = _lock(viewer)
        _require_room(made)
        _write(made, viewer, title, body, longest)
        db.session.add(made)
        db.session.flush()
        _note(viewer, made, "standard_text.created")
        return made


@retrying
def change(
    viewer: Viewer, text_id: int, title: str | None = None, body: str | None = None
) -> StandardText:
    """None: as it is. Raises as `one` and `create`."""
    with transaction():
        longest = _lock(viewer)
        found = one(viewer, text_id)
        _write(
            found,
            viewer,
            found.title if title is None else title,
            found.body if body is None else body,
            longest,
        )
        _note(viewer, found, "standard_text.changed")
        return found


@retrying
def remove(viewer: Viewer, text_id: int) -> str:
    """Its title. Raises as `one`."""
    with transaction():
        _lock(viewer)
        found = one(viewer, text_id)
        title = found.title
        _note(viewer, found, "standard_text.deleted")
        db.session.execute(delete(StandardText).where(StandardText.id == text_id))
        return title


def _lock(viewer: Viewer) -> int:
    """Changes take turns, so that no title is given twice; the length of the longest body."""
    found = db.session.get_one(
        Institution, viewer.institution_id, with_for_update=LOCK, populate_existing=True
    )
    return found.max_length


def _write(text: StandardText, viewer: Viewer, title: str, body: str, longest: int) -> None:
    title, body = " ".join(title.split()), texts.tidy(body)
    problems = {}
    if wrong := _wrong_with_title(text, title):
        problems["title"] = wrong
    if not body:
        problems["body"] = "Write the text."
    elif wrong := texts.problem(body, longest):
        problems["body"] = wrong
    if problems:
        raise Invalid.many(problems)
    text.title, text.body = title, body
    text.updated_at, text.updated_by = clock.now(), viewer.staff_id


def _wrong_with_title(text: StandardText, title: str) -> str | None:
    if not title:
        return "Give the text a title."
    if len(title) > LONGEST_TITLE:
        return f"A title has at most {LONGEST_TITLE} characters."
    if texts.problem(title, LONGEST_TITLE):
        return "The title holds characters that cannot be shown."
    of_owner = select(StandardText.id, StandardText.title).where(*_owner_of(text))
    others = db.session.execute(of_owner)
    if any(id_ != text.id and other.casefold() == title.casefold() for id_, other in others):
        return "There is a text of this title already."
    return None


def _owner_of(text: StandardText) -> tuple[ColumnElement[bool], ...]:
    mine = StandardText.staff_id
    return (
        StandardText.institution_id == text.institution_id,
        mine.is_(None) if text.staff_id is None else mine == text.staff_id,
    )


def _require_room(text: StandardText) -> None:
    held = db.session.execute(select(func.count(StandardText.id)).where(*_owner_of(text)))
    if held.scalar_one() >= MOST:
        raise Invalid("title", f"There are {MOST} texts already. Delete one first.")


def _note(viewer: Viewer, text: StandardText, action: str) -> None:
    """Who changes what all use is written down; one's own texts are one's own business."""
    if text.staff_id is None:
        subject = f"standard_text:{text.id}"
        audit(viewer.institution_id, action, subject, viewer.staff_id, title=text.title)


# Using them


def for_thread(viewer: Viewer, conversation_id: int) -> list[Filled]:
    """Filled for whom this conversation is with. Raises NotFound for one not theirs to see."""
    return _filled(viewer, inbox.one(viewer, conversation_id).person)


def for_person(viewer: Viewer, person_id: int) -> list[Filled]:
    """Filled for the first text to a person. Raises Forbidden for who may not start (D41),
    NotFound."""
    _require_start(viewer)
    return _filled(viewer, people.one(viewer, person_id))


def for_number(viewer: Viewer, typed: str) -> list[Filled]:
    """Filled for who has this number, where that is one person; else for nobody in particular.
    Raises Forbidden for who may not start."""
    _require_start(viewer)
    try:
        owners = addressing.look_up(viewer, typed).owners
    except Invalid:
        owners = []
    return _filled(viewer, owners[0][0] if len(owners) == 1 else None)


def _require_start(viewer: Viewer) -> None:
    if not viewer.may_start:
        raise Forbidden(words.MAY_NOT_START, code="role_not_permitted")


def _filled(viewer: Viewer, person: Person | None) -> list[Filled]:
    values = {
        "first_name": person.given_name if person else None,
        "last_name": person.family_name if person else None,
        "student_id": person.source_id if person else None,
        "my_name": viewer.name,
        "institution": inbox.institution_of(viewer).name,
    }
    bodies = [(row, standard_texts.fill(row.body, values)) for row in listed(viewer)]
    return [Filled(row.id, row.title, body, standard_texts.unfilled(body)) for row, body in bodies]
