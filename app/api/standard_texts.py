"""Standard texts: shared by all, or kept for oneself, to be filled and sent (S4-45)."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from app.api.endpoints import delete, get, patch, post
from app.api.paging import BY_ID, Page, Paging, page
from app.api.types import ABSENT, Changes, Input, Shape, Text
from app.models import StandardText as TextRow
from app.rules.access import WRITERS, Can, Viewer
from app.services import standard_texts

KEEPERS = (*WRITERS, Can.SETTINGS_EDIT)
LONGEST_BODY = 1600  # characters of any institution
Title = Annotated[
    Text,
    Field(
        min_length=1,
        max_length=standard_texts.LONGEST_TITLE,
        pattern=r"\S",
        examples=["Drop deadline"],
    ),
]
Body = Annotated[
    Text,
    Field(
        min_length=1,
        max_length=LONGEST_BODY,
        pattern=r"\S",
        examples=["Hi {first_name}, the last day to drop is Dec 4."],
    ),
]


class StandardText(Shape):
    """`shared`: all who write use it; else it is your own."""

    id: int
    title: str
    body: str
    shared: bool
    updated_at: datetime


class NewStandardText(Input):
    """`body` may hold {first_name}, {last_name}, {student_id}, {my_name} and {institution}."""

    title: Title
    body: Body
    shared: bool = False


class StandardTextChanges(Changes):
    title: Title = ABSENT
    body: Body = ABSENT


def _shown(row: TextRow) -> StandardText:
    return StandardText(
        id=row.id,
        title=row.title,
        body=row.body,
        shared=row.staff_id is None,
        updated_at=row.updated_at,
    )


@get("/standard-texts", *KEEPERS)
def list_(viewer: Viewer, query: Paging) -> Page[StandardText]:
    """The shared ones and your own, newest first."""
    return page(
        query,
        BY_ID,
        lambda limit, before: standard_texts.newest(viewer, limit, before),
        lambda row: row.id,
        lambda rows: [_shown(row) for row in rows],
    )


@post("/standard-texts", *KEEPERS)
def create(viewer: Viewer, body: NewStandardText) -> StandardText:
    """A new one of your own; with `settings.edit` one for all. A message is refused while a field
    is left in it, so fill the fields before you send."""
    return _shown(standard_texts.create(viewer, body.title, body.body, shared=body.shared))


@patch("/standard-texts/<id:text_id>", *KEEPERS)
def change(viewer: Viewer, text_id: int, body: StandardTextChanges) -> StandardText:
    """Change the title or the body."""
    return _shown(standard_texts.change(viewer, text_id, **body.given()))


@delete("/standard-texts/<id:text_id>", *KEEPERS)
def remove(viewer: Viewer, text_id: int) -> None:
    """Delete one. What was sent with it stays as it is."""
    standard_texts.remove(viewer, text_id)
