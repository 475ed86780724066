"""Merges: two records of one person become one, and two again (issue 5)."""

from datetime import datetime

from app.api.endpoints import post
from app.api.types import Id, Input, Shape
from app.models import PersonMerge
from app.rules.access import Can, Viewer
from app.rules.joining import UNDO_FOR, Hindrance, Late
from app.services import joining, people, separating, shapes
from app.services.shapes import Person

_HINDRANCES = tuple(each.value for each in Hindrance if each is not Hindrance.SAME)


class Other(Input):
    """`other`: the id of the person who becomes a part of the one in the address."""

    other: Id


class Merge(Shape):
    """`person`: who was kept, as they are now. `other`: the id of the one that is a part of them,
    or was until `undone_at`. It can be undone until `undo_until`."""

    id: int
    person: Person
    other: int
    merged_at: datetime
    merged_by: int
    undo_until: datetime
    undone_at: datetime | None


def _one(viewer: Viewer, merge_id: int) -> Merge:
    found: PersonMerge = separating.one(viewer, merge_id)
    return Merge(
        id=found.id,
        person=shapes.people([people.one(viewer, found.kept_id)])[0],
        other=found.other_id,
        merged_at=found.at,
        merged_by=found.staff_id,
        undo_until=found.at + UNDO_FOR,
        undone_at=found.undone_at,
    )


# Both also need `inbox.all`: they move everybody's conversations, says the service.


@post("/people/<id:person_id>/merge", Can.PEOPLE_EDIT, conflicts=_HINDRANCES)
def merge(viewer: Viewer, person_id: int, body: Other) -> Merge:
    """Merge a person into this one. What this one says wins, empty fields are filled in; phones,
    conversations, messages and advisors are joined. No status of a number becomes looser, and who
    opted out on one record is opted out.

    Needs `inbox.all` too. The other record keeps its id, with `merged_into`.
    """
    return _one(viewer, joining.merge(viewer, person_id, body.other))


@post(
    "/merges/<id:merge_id>/undo",
    Can.PEOPLE_EDIT,
    status=200,
    conflicts=tuple(each.value for each in Late),
)
def undo(viewer: Viewer, merge_id: int) -> Merge:
    """Make two of them again, within 30 days and the latest merge first. What moved goes back as
    far as it is as the merge left it; what changed since stays with the person who was kept, and no
    status of a number becomes looser.

    Needs `inbox.all` too.
    """
    separating.undo(viewer, merge_id)
    return _one(viewer, merge_id)
