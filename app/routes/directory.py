"""Directory: people as the lists show them."""

from dataclasses import dataclass
from datetime import datetime

from app.models import Direction, Person
from app.routes.shown import Tag, person_lines
from app.rules.access import Viewer
from app.rules.phones import pretty
from app.rules.reach import How, Reach
from app.services.students import Student

HOW = {
    How.TEXT: Tag("text", "message-square-text", "Textable"),
    How.EMAIL: Tag("mail", "mail", "By email"),
    How.OPTED_OUT: Tag("stop", "message-circle-off", "Opted out"),
    How.NOTHING: Tag("warn", "ban", "No way to reach"),
}


@dataclass(frozen=True, slots=True)
class PersonRow:
    """`to`: the number or the address that a message would go to."""

    id: int
    name: str
    detail: str
    how: Tag
    to: str


@dataclass(frozen=True, slots=True)
class StudentRow(PersonRow):
    """`thread`: the viewer's own with them; `at`: when it last moved, None for never."""

    thread: int | None
    at: datetime | None
    last: str


def person_row(person: Person, reach: Reach, viewer: Viewer) -> PersonRow:
    return PersonRow(
        person.id, person.name, person_lines(person)[0], HOW[reach.how], _to(person, reach, viewer)
    )


def _to(person: Person, reach: Reach, viewer: Viewer) -> str:
    if reach.phone is not None:
        return pretty(reach.phone.e164, viewer.region)
    return person.email or ""


def student_row(student: Student, viewer: Viewer) -> StudentRow:
    person, reach, thread = student.person, student.reach, student.thread
    said = ""
    if thread is not None and student.contact_at:  # a STOP has no direction: it waits for nothing
        said = "You wrote" if thread.last_direction is Direction.OUTBOUND else "They wrote"
    return StudentRow(
        person.id,
        person.name,
        person_lines(person)[0],
        HOW[reach.how],
        _to(person, reach, viewer),
        thread.id if thread else None,
        student.contact_at,
        said,
    )
