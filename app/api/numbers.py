"""Numbers: the pool, and who holds which number (contract 4, S3-22..S3-38)."""

from typing import Annotated, Literal

from flask import current_app
from pydantic import Field

from app.api.endpoints import delete, get, patch, post
from app.api.paging import BY_ID, Page, Paging, page
from app.api.types import Id, Input, Typed
from app.config import Settings
from app.rules.access import Can, Viewer
from app.services import adding, numbers, shapes, sharing
from app.services.shapes import Number


class NewNumber(Input):
    """`number`: one that your provider account owns."""

    number: Annotated[Typed, Field(examples=["+15125550199"])]


class NewHolder(Input):
    """`conversations`: "move" takes the open ones along, "keep" leaves them with the old holder."""

    staff_id: Id
    conversations: Literal["move", "keep"]


class Sharing(Input):
    """`org_unit_id`: the unit that shares it from now on; null = none, back to the pool."""

    org_unit_id: Id | None


@get("/numbers", Can.NUMBERS_MANAGE)
def list_(viewer: Viewer, query: Paging) -> Page[Number]:
    """The institution's numbers, newest first."""
    return page(
        query,
        BY_ID,
        lambda limit, before: numbers.listed(viewer, limit, before),
        lambda row: row[0].id,
        shapes.numbers,
    )


@post("/numbers", Can.NUMBERS_MANAGE, conflicts=("number_exists",))
def create(viewer: Viewer, body: NewNumber) -> Number:
    """Put a number you own into the pool, and point it here at the provider."""
    settings: Settings = current_app.config["SETTINGS"]
    [number_id] = adding.add(viewer.institution_id, [body.number], settings.public)
    return shapes.numbers([numbers.one(viewer, number_id)])[0]


@post(
    "/numbers/<id:number_id>/assign",
    Can.NUMBERS_MANAGE,
    conflicts=("retired", "already_assigned", "shared", "conflict"),
)
def assign(viewer: Viewer, number_id: int, body: NewHolder) -> Number:
    """Hand a number to a member of staff whose role may hold one."""
    numbers.assign(viewer, number_id, body.staff_id, move=body.conversations == "move")
    return shapes.numbers([numbers.one(viewer, number_id)])[0]


@patch(
    "/numbers/<id:number_id>",
    Can.NUMBERS_MANAGE,
    conflicts=("retired", "assigned", "shared"),
)
def change(viewer: Viewer, number_id: int, body: Sharing) -> Number:
    """Give a number that nobody holds to an org unit, whose staff answer from it; or take it
    back."""
    if body.org_unit_id is None:
        sharing.take_back(viewer, number_id)
    else:
        sharing.share(viewer, number_id, body.org_unit_id)
    return shapes.numbers([numbers.one(viewer, number_id)])[0]


@delete("/numbers/<id:number_id>/assignment", Can.NUMBERS_MANAGE, conflicts=("not_assigned",))
def release(viewer: Viewer, number_id: int) -> None:
    """Take a number from its holder: it returns to the pool."""
    numbers.release(viewer, number_id)


@delete("/numbers/<id:number_id>", Can.NUMBERS_MANAGE, conflicts=("retired",))
def retire(viewer: Viewer, number_id: int) -> None:
    """Take a number out of the pool for good."""
    numbers.retire(viewer, number_id)
