"""Events: the live feed by asking (contract 4, 5)."""

from typing import Annotated

from pydantic import Field

from app import events
from app.api.endpoints import get
from app.api.types import BIGGEST_ID, Query, Shape
from app.rules.access import READERS, Viewer


class EventsQuery(Query):
    after: Annotated[int, Field(ge=0, le=BIGGEST_ID)] = 0


class Event(Shape):
    """`name`: noun.past_tense. `ids`: the rows it is about, by their kind."""

    seq: int
    name: str
    ids: dict[str, int]
    status: str | None = Field(default=None, exclude_if=lambda status: status is None)


class Feed(Shape):
    """`seq`: how far was looked; ask for what comes after it next."""

    items: list[Event]
    seq: int


@get("/events", *READERS)
def read(viewer: Viewer, query: EventsQuery) -> Feed:
    """The next events after a bookmark, as far as you may see them, oldest first."""
    # Before the events are read: what comes meanwhile is for the next time.
    newest = events.newest(viewer.institution_id)
    found = events.after(viewer.institution_id, query.after)
    seen = [Event.model_validate(frame) for frame in events.visible(found, viewer.audience)]
    return Feed(items=seen, seq=found[-1].seq if found else newest)
