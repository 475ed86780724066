"""Usage: what is used of the limits this month (contract 4)."""

from app.api.endpoints import get
from app.api.types import Shape
from app.rules.access import Viewer
from app.services import usage


class Messages(Shape):
    used: int
    limit: int | None


class Numbers(Shape):
    assigned: int
    limit: int | None
    available: int


class Usage(Shape):
    """`month`: the institution's local calendar month, "2026-11"."""

    month: str
    messages: Messages
    numbers: Numbers


@get("/usage")
def read(viewer: Viewer) -> Usage:
    """This month's use."""
    return Usage.model_validate(usage.of_now(viewer))
