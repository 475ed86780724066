"""Students: who is whose. The links between staff and their students, and the list "My students"
with how each can be reached at a glance."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import and_, case, literal, or_, select, true
from sqlalchemy.orm import aliased

from app import clock
from app.database import db, retrying, transaction, upsert
from app.errors import Forbidden, Merged, NotFound
from app.models import (
    Advisee,
    Assignment,
    ContactNumber,
    Conversation,
    Institution,
    Person,
    PersonKind,
    PersonPhone,
    SenderNumber,
    Staff,
)
from app.rules.access import Can, Viewer
from app.rules.consent import SmsStatus
from app.rules.phones import ANONYMOUS, PhoneType
from app.rules.reach import STOPPED, How, Reach, reach
from app.services import people, phones
from app.services.audit import audit

_NEVER = datetime(1970, 1, 1, tzinfo=UTC)


# The links


@dataclass(frozen=True, slots=True)
class Advisor:
    """`number`: the one of ours that they hold (E.164)."""

    staff_id: int
    name: str
    number: str | None
    since: datetime


def advisors(viewer: Viewer, person_id: int, *, after: int = 0, limit: int = 50) -> list[Advisor]:
    """Whose student this person is, in the order of the staff ids. `after`: the last one shown."""
    found = db.session.execute(
        select(Staff.id, Staff.name, SenderNumber.e164, Advisee.created_at)
        .join(Advisee, Advisee.staff_id == Staff.id)
        .outerjoin(Assignment, and_(Assignment.staff_id == Staff.id, Assignment.ended_at.is_(None)))
        .outerjoin(SenderNumber, SenderNumber.id == Assignment.sender_number_id)
        .where(
            Advisee.institution_id == viewer.institution_id,
            Advisee.person_id == person_id,
            Staff.id > after,
        )
        .order_by(Staff.id)
        .limit(limit)
    )
    return [Advisor(*row) for row in found]


def may_link(viewer: Viewer, staff_id: int) -> bool:
    """Oneself with `people.edit`, anybody with `staff.manage`."""
    own = staff_id == viewer.staff_id and viewer.can(Can.PEOPLE_EDIT)
    return own or viewer.can(Can.STAFF_MANAGE)


@retrying
def link(viewer: Viewer, person_id: int, staff_id: int) -> Advisor:
    """Make somebody a student of a member of staff; the same again changes nothing."""
    with transaction():
        _linkable(viewer, person_id, staff_id)
        staff = db.session.get_one(Staff, staff_id)
        if not staff.active:
            raise NotFound("There is no such member of staff.")
        made = db.session.execute(
            upsert(Advisee)
            .values(
                staff_id=staff_id,
                person_id=person_id,
                institution_id=viewer.institution_id,
                created_at=clock.now(),
                created_by=viewer.staff_id,
            )
            .on_conflict_do_nothing()
            .returning(Advisee.person_id)
        ).first()
        if made:
            _tell(viewer, "advisor.added", person_id, staff_id)
    return next(a for a in advisors(viewer, person_id, after=staff_id - 1, limit=1))


@retrying
def unlink(viewer: Viewer, person_id: int, staff_id: int) -> None:
    """End it. Raises NotFound where it is none."""
    with transaction():
        _linkable(viewer, person_id, staff_id)
        found = db.session.get(Advisee, (staff_id, person_id))
        if found is None:
            raise NotFound("This person is no student of theirs.")
        db.session.delete(found)
        _tell(viewer, "advisor.removed", person_id, staff_id)


def _linkable(viewer: Viewer, person_id: int, staff_id: int) -> None:
    person = people.one(viewer, person_id)
    if person.merged_into is not None:
        raise Merged(person.merged_into)
    phones.wait_for_stop(person)  # or for whoever merges them
    staff = db.session.get(Staff, staff_id)
    if staff is None or staff.institution_id != viewer.institution_id:
        raise NotFound("There is no such member of staff.")
    if not may_link(viewer, staff_id):
        raise Forbidden("You can do this for yourself; an administrator does it for others.")


def _tell(viewer: Viewer, action: str, person_id: int, staff_id: int) -> None:
    subject = f"person:{person_id}"
    audit(viewer.institution_id, action, subject, viewer.staff_id, advisor=staff_id)
    people.announce(viewer.institution_id, person_id)


# My students


class Sort(StrEnum):
    NAME = "name"
    LATEST = "latest"  # last contact, the latest first
    LONGEST = "longest"  # the longest ago first, never before all


@dataclass(frozen=True, slots=True)
class Wanted:
    """What of the list is asked for. `quiet_days`: no contact for so many days."""

    q: str = ""
    how: How | None = None
    quiet_days: int | None = None
    sort: Sort = Sort.NAME


@dataclass(frozen=True, slots=True)
class Student:
    """`thread`: the viewer's own with them."""

    person: Person
    reach: Reach
    thread: Conversation | None

    def key(self, sort: Sort) -> tuple[Any, ...]:
        """Where the next page begins."""
        if sort is Sort.NAME:
            return people.name_key(self.person)
        return (self.contact_at or _NEVER, self.person.id)

    @property
    def contact_at(self) -> datetime | None:
        """None for never; a text that still waits for its time is no contact."""
        thread = self.thread
        return thread.last_message_at if thread and thread.last_message_id else None


def has_any(viewer: Viewer) -> bool:
    own = select(Advisee.person_id).where(Advisee.staff_id == viewer.staff_id)
    return db.session.execute(own.limit(1)).first() is not None


def mine(
    viewer: Viewer, wanted: Wanted, *, limit: int, after: tuple[Any, ...] | None = None
) -> list[Student]:
    """The viewer's students. `after`: the key of the last one shown."""
    rows = db.session.execute(
        _ordered(_mine(viewer, wanted), wanted.sort, after).limit(limit)
    ).all()
    institution = db.session.get_one(Institution, viewer.institution_id)
    found = reaches([person for person, _ in rows], institution, {p.id: t for p, t in rows})
    return [Student(person, found[person.id], thread) for person, thread in rows]


def _mine(viewer: Viewer, wanted: Wanted) -> Any:
    found = (
        select(Person, Conversation)
        .join(Advisee, Advisee.person_id == Person.id)
        .outerjoin(
            Conversation,
            and_(
                Conversation.institution_id == Person.institution_id,
                Conversation.staff_id == Advisee.staff_id,
                Conversation.person_id == Person.id,
            ),
        )
        .where(
            Advisee.staff_id == viewer.staff_id,
            Person.institution_id == viewer.institution_id,
            Person.removed_at.is_(None),
            *people.matching(wanted.q),
        )
    )
    if wanted.how is not None:
        institution = db.session.get_one(Institution, viewer.institution_id)
        found = found.where(_is_reached(wanted.how, institution))
    if wanted.quiet_days is not None:
        since = clock.now() - timedelta(days=wanted.quiet_days)
        found = found.where(_contact_at() < since)
    return found


def _contact_at() -> Any:
    said = Conversation.last_message_id.is_not(None)
    return case((said, Conversation.last_message_at), else_=literal(_NEVER, _TIME))


_TIME = Conversation.last_message_at.type


def _ordered(found: Any, sort: Sort, after: tuple[Any, ...] | None) -> Any:
    if sort is Sort.NAME:
        later = people.later_by_name(after) if after else true()
        order = (Person.family_name, Person.given_name, Person.id)
        return found.where(later).order_by(*order)
    at, ascending = _contact_at(), sort is Sort.LONGEST
    if after:
        last_at, last_id = literal(after[0], _TIME), after[1]
        beyond = at > last_at if ascending else at < last_at
        found = found.where(or_(beyond, and_(at == last_at, Person.id > last_id)))
    return found.order_by(at.asc() if ascending else at.desc(), Person.id)


# How somebody can be reached: by the rule for the rows of a page, in SQL to choose them


def reaches(
    persons: Sequence[Person],
    institution: Institution,
    threads: dict[int, Conversation | None] | None = None,
) -> dict[int, Reach]:
    """How each of these people can be reached, by id. `threads`: the viewer's own with them."""
    phones = defaultdict(list)
    for phone in db.session.execute(
        select(PersonPhone).where(
            PersonPhone.person_id.in_([p.id for p in persons]), PersonPhone.removed_at.is_(None)
        )
    ).scalars():
        phones[phone.person_id].append(phone.facts())
    found = {}
    for person in persons:
        thread = (threads or {}).get(person.id)
        found[person.id] = reach(
            phones[person.id],
            institution.defaults_for(person.kind.value),
            email=person.email,
            opted_out=person.opted_out_at is not None,
            reply_to=thread.in_contact_id if thread else None,
        )
    return found


def _is_reached(how: How, institution: Institution) -> Any:
    """The same as `rules.reach` says, for all people of a list at once."""
    textable = _has_phone(lambda phone: _textable(phone, institution))
    said_stop = _has_phone(lambda _: ContactNumber.disabled_by.in_(STOPPED))
    stopped = or_(Person.opted_out_at.is_not(None), said_stop)
    by_email = Person.email.is_not(None) & (Person.email != "")
    return {
        How.TEXT: textable,
        How.OPTED_OUT: ~textable & stopped,
        How.EMAIL: ~textable & ~stopped & by_email,
        How.NOTHING: ~textable & ~stopped & ~by_email,
    }[how]


def _has_phone(condition: Callable[[Any], Any]) -> Any:
    phone = aliased(PersonPhone)
    return (
        select(phone.id)
        .join(ContactNumber, ContactNumber.id == phone.contact_number_id)
        .where(phone.person_id == Person.id, phone.removed_at.is_(None), condition(phone))
        .exists()
    )


def _textable(phone: Any, institution: Institution) -> Any:
    """D8, D12: whether `choose_phone` may choose it."""
    number = ContactNumber
    opted_in = case(
        (Person.kind == PersonKind.STAFF, literal(institution.staff_opted_in)),
        else_=literal(institution.student_opted_in),
    )
    is_default = and_(
        number.status == SmsStatus.DEFAULT,
        phone.type == institution.default_phone_type,
        opted_in.is_(true()),
    )
    wrote_last = and_(number.id == Conversation.in_contact_id, number.status != SmsStatus.DISABLED)
    return and_(
        phone.type != PhoneType.SYSTEM,
        number.e164.startswith("+"),  # else a short code or a name (`rules.phones.is_e164`)
        number.e164 != ANONYMOUS,
        or_(number.status == SmsStatus.ENABLED, is_default, wrote_last),
    )
