"""Exports: all that is looked for, read bit by bit, and written down as taken out."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol, TypeVar

from app.database import db, transaction
from app.rules.access import Viewer
from app.services.audit import audit

BATCH = 500  # rows that are read at once


class Placed(Protocol):
    """A row that knows where in its list it stands."""

    @property
    def place(self) -> Any: ...


R = TypeVar("R", bound=Placed)


def write_down(viewer: Viewer, action: str, wanted: dict[str, Any]) -> None:
    """That somebody exported what fits this filter."""
    about = f"institution:{viewer.institution_id}"
    with transaction():
        audit(viewer.institution_id, action, about, viewer.staff_id, filter=wanted)


def every(page: Callable[[Any], Sequence[R]], first: Any = None) -> Iterator[R]:
    """The rows of all pages. `page`: those after a place, None for the beginning."""
    place = first
    while rows := page(place):
        db.session.expunge_all()  # or each row would be read again, one by one
        db.session.rollback()  # no read stays open while somebody's line is slow
        yield from rows
        place = rows[-1].place
