"""People: who may be written to, and what would happen to a text to them (contract 4)."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter, ValidationError

from app.api.endpoints import delete, get, patch, post, put
from app.api.paging import BY_ID, Page, Paging, page
from app.api.phones import TheirType
from app.api.types import ABSENT, Changes, Id, Input, Name, Query, Shape, Text, Typed
from app.errors import NotFound
from app.models import PersonKind
from app.rules import words
from app.rules.access import Can, Viewer
from app.rules.dispatch import SendSms
from app.services import people, sending, shapes, students
from app.services import phones as records
from app.services.shapes import Person, Phone

Family = Annotated[Text, Field(max_length=200, examples=["Torres"])]
Email = Annotated[
    Text, Field(min_length=1, max_length=320, examples=["maya.torres@students.example"])
]
Zone = Annotated[Text, Field(min_length=1, max_length=64)]
SourceId = Annotated[Text, Field(min_length=1, max_length=200, examples=["N0041877"])]
_SOURCE_ID: TypeAdapter[str] = TypeAdapter(SourceId)
_BY_NAME: TypeAdapter[Any] = TypeAdapter(tuple[Text, Text, Id])


class NewPhone(Input):
    number: Typed
    type: TheirType = "mobile"


_PHONE = {"number": "+15125550147", "type": "mobile"}
Phones = Annotated[list[NewPhone], Field(max_length=20, examples=[[_PHONE]])]


class NewPerson(Input):
    kind: PersonKind = PersonKind.STUDENT
    given_name: Name
    family_name: Family = ""
    email: Email | None = None
    source_id: SourceId | None = None
    timezone: Zone | None = None
    phones: Phones = []


class PersonBySource(Changes):
    """What is given is set. Phones that are not listed are removed; no `phones` = left alone."""

    kind: PersonKind = ABSENT
    given_name: Name
    family_name: Family
    email: Email | None = ABSENT
    timezone: Zone | None = ABSENT
    phones: Phones = ABSENT


class PersonChanges(Changes):
    kind: PersonKind = ABSENT
    given_name: Name = ABSENT
    family_name: Family = ABSENT
    email: Email | None = ABSENT
    source_id: SourceId | None = ABSENT
    timezone: Zone | None = ABSENT


class PeopleQuery(Paging):
    """`q`: beginnings of names or of a source id, or the last digits of a number. `number`: exactly
    this one. `advisor_id`: the students of this member of staff."""

    q: Annotated[Text, Field(max_length=200, examples=["maya t"])] = ""
    source_id: SourceId | None = None
    number: Typed | None = None
    advisor_id: Id | None = None


class RouteQuery(Query):
    body: Annotated[Text, Field(max_length=2000, examples=["Are you coming at 3?"])] = ""
    phone_id: Id | None = None


class Step(Shape):
    rule: str
    result: str


class Route(Shape):
    """`reason`: why it is no text, or why this phone. `segments`: texts that the body takes."""

    channel: Literal["sms", "email", "none"]
    reason: str | None
    phone: str | None
    sender: str | None
    segments: int
    steps: list[Step]


class Advisor(Shape):
    """A member of staff whose student this person is. `number`: the one of ours they hold."""

    staff_id: int
    name: str
    number: str | None
    since: datetime


def _one(viewer: Viewer, person_id: int) -> Person:
    return shapes.people([people.one(viewer, person_id)])[0]


@get("/people", Can.PEOPLE_READ)
def list_(viewer: Viewer, query: PeopleQuery) -> Page[Person]:
    """People by name."""
    return page(
        query,
        _BY_NAME,
        lambda limit, after: people.search(
            viewer,
            q=query.q,
            source_id=query.source_id,
            number=query.number,
            advisor_id=query.advisor_id,
            limit=limit,
            after=after,
        ),
        lambda row: (row.family_name, row.given_name, row.id),
        shapes.people,
    )


@post("/people", Can.PEOPLE_EDIT, conflicts=("exists",))
def create(viewer: Viewer, body: NewPerson) -> Person:
    """A new person with their phones."""
    fields = body.model_dump(exclude={"phones"})
    numbers = [(phone.number, phone.type) for phone in body.phones]
    return _one(viewer, people.create(viewer, fields, numbers))


@put("/people/by-source/<path:source_id>", Can.PEOPLE_EDIT)
def upsert(viewer: Viewer, source_id: str, body: PersonBySource) -> Person:
    """Create or change the person with this id in your own system. Never changes a consent."""
    try:
        known = _SOURCE_ID.validate_python(source_id)
    except ValidationError:
        raise NotFound("No person can have this source id.") from None
    fields = body.given()
    listed = fields.pop("phones", None)
    numbers = None if listed is None else [(phone.number, phone.type) for phone in body.phones]
    return _one(viewer, people.upsert_by_source(viewer, known, fields, numbers))


@get("/people/<id:person_id>", Can.PEOPLE_READ)
def one(viewer: Viewer, person_id: int) -> Person:
    """One person."""
    return _one(viewer, person_id)


@patch("/people/<id:person_id>", Can.PEOPLE_EDIT, conflicts=("exists", "merged"))
def change(viewer: Viewer, person_id: int, body: PersonChanges) -> Person:
    """Change what is given."""
    people.change(viewer, person_id, body.given())
    return _one(viewer, person_id)


@post("/people/<id:person_id>/phones", Can.PEOPLE_EDIT, conflicts=("merged",))
def add_phone(viewer: Viewer, person_id: int, body: NewPhone) -> Phone:
    """Give a person another number."""
    phone_id = people.add_phone(viewer, person_id, body.number, body.type)
    return shapes.phone(records.one(viewer, phone_id))


@get("/people/<id:person_id>/route", Can.PEOPLE_READ, conflicts=("merged",))
def route(viewer: Viewer, person_id: int, query: RouteQuery) -> Route:
    """What would happen to a text sent now, and why. Changes nothing."""
    decision, gathered, names = sending.preview(viewer, person_id, query.body, query.phone_id)
    text = decision if isinstance(decision, SendSms) else None
    return Route(
        channel=decision.channel.value,
        reason=decision.reason,
        phone=text.phone.e164 if text else None,
        sender=text.sender.number.e164 if text else None,
        segments=gathered.facts.segments.parts,
        steps=[Step(rule=step.rule, result=words.answer(step, names)) for step in decision.steps],
    )


@get("/people/<id:person_id>/advisors", Can.PEOPLE_READ)
def advisors(viewer: Viewer, person_id: int, query: Paging) -> Page[Advisor]:
    """Whose student this person is."""
    people.one(viewer, person_id)
    return page(
        query,
        BY_ID,
        lambda limit, after: students.advisors(viewer, person_id, after=after or 0, limit=limit),
        lambda advisor: advisor.staff_id,
        lambda found: [Advisor.model_validate(advisor) for advisor in found],
    )


@put(
    "/people/<id:person_id>/advisors/<id:staff_id>",
    Can.PEOPLE_EDIT,
    Can.STAFF_MANAGE,
    conflicts=("merged",),
)
def add_advisor(viewer: Viewer, person_id: int, staff_id: int) -> Advisor:
    """Make the person a student of this member of staff: of yourself, or with `staff.manage` of
    anybody. Again, it changes nothing."""
    return Advisor.model_validate(students.link(viewer, person_id, staff_id))


@delete(
    "/people/<id:person_id>/advisors/<id:staff_id>",
    Can.PEOPLE_EDIT,
    Can.STAFF_MANAGE,
    conflicts=("merged",),
)
def remove_advisor(viewer: Viewer, person_id: int, staff_id: int) -> None:
    """The person is no student of theirs any more."""
    students.unlink(viewer, person_id, staff_id)
