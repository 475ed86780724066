"""Person: what the page of one person is made of."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from sqlalchemy import and_, select, true

from app import clock
from app.database import db
from app.errors import Merged, NotFound
from app.models import (
    Assignment,
    ConsentEntry,
    ContactNumber,
    Conversation,
    Message,
    PairBlock,
    Person,
    PersonPhone,
    SenderNumber,
    Staff,
)
from app.rules.access import Can, Viewer
from app.rules.dispatch import Decision, decide
from app.rules.sender import OurNumber, SenderFacts
from app.rules.words import Names
from app.services import guardians, sending, students
from app.services.consent import may_edit
from app.services.deciding import Gathered, Target, gather
from app.services.dispatching import names_for
from app.services.inbox import Row, seen_by
from app.services.reading import phones_of
from app.services.students import Advisor

_NEVER = datetime.min.replace(tzinfo=UTC)
_SOMEBODY = SenderFacts(may_start=True, own=OurNumber(0, ""))  # who may write and has a number
MOST_THREADS = 50
MOST_STAFF = 500  # to choose an advisor from


@dataclass(frozen=True, slots=True)
class Profile:
    """`phones`: the last verified first, each with the name of who verified it (S3-71). `ours`: the
    number that a member of staff holds (S3-31). `thread`: the viewer's own with this person.
    `family`: the guardians of a student, or the students of a guardian."""

    person: Person
    thread: Conversation | None
    phones: list[tuple[PersonPhone, str | None]]
    ours: str | None
    advisors: list[Advisor]
    family: list[Person]
    may_edit: bool
    may_edit_consent: bool


def of(viewer: Viewer, person_id: int) -> Profile:
    """Raises NotFound for a person of another institution, Merged for one who is another by now."""
    person, thread, ours = _found(viewer, person_id)
    theirs = thread is not None or may_edit(viewer, person_id)
    found = phones_of(person_id)
    found.sort(key=lambda p: p[0].verified_at or _NEVER, reverse=True)  # stable: else by id
    return Profile(
        person,
        thread,
        found,
        ours,
        students.advisors(viewer, person_id),
        guardians.family(viewer, person),
        theirs and viewer.can(Can.PEOPLE_EDIT),
        theirs and viewer.can(Can.CONSENT_EDIT),
    )


def _found(viewer: Viewer, person_id: int) -> tuple[Person, Conversation | None, str | None]:
    """The person, the viewer's own thread with them, and the number of ours that they hold."""
    held = (
        select(SenderNumber.e164)
        .join(Assignment, Assignment.sender_number_id == SenderNumber.id)
        .join(Staff, Staff.id == Assignment.staff_id)
        .where(Staff.person_id == Person.id, Assignment.ended_at.is_(None))
        .limit(1)
        .scalar_subquery()
    )
    own = and_(Conversation.person_id == Person.id, Conversation.staff_id == viewer.staff_id)
    row = db.session.execute(
        select(Person, Conversation, held)
        .outerjoin(Conversation, own)
        .where(Person.id == person_id, Person.institution_id == viewer.institution_id)
    ).first()
    if row is None:
        raise NotFound("There is no such person.")
    person, thread, ours = row
    if person.merged_into is not None:
        raise Merged(person.merged_into)
    return person, thread, ours


def conversations(viewer: Viewer, person_id: int) -> list[Row]:
    """Those with this person that the viewer may see, the latest first."""
    found = db.session.execute(
        select(Conversation, Person, ContactNumber, Staff, Message)
        .join(Person, Person.id == Conversation.person_id)
        .outerjoin(ContactNumber, ContactNumber.id == Conversation.contact_number_id)
        .outerjoin(Staff, Staff.id == Conversation.staff_id)
        .outerjoin(Message, Message.id == Conversation.last_message_id)
        .where(seen_by(viewer), Conversation.person_id == person_id)
        .order_by(Conversation.last_message_at.desc(), Conversation.id.desc())
        .limit(MOST_THREADS)
    )
    return [Row(*row) for row in found]


@dataclass(frozen=True, slots=True)
class Entry:
    """One change of the consent of a number. `by`: who of staff; `thread`: the conversation of the
    text that caused it, where the viewer may see it."""

    entry: ConsentEntry
    number: str
    by: str | None
    thread: int | None


def history(
    viewer: Viewer, contact_ids: Sequence[int], *, limit: int, before: int | None = None
) -> list[Entry]:
    """What changed the consent of these numbers, newest first. `before`: an entry's id."""
    found = db.session.execute(
        select(ConsentEntry, ContactNumber.e164, Staff.name, Conversation.id)
        .join(ContactNumber, ContactNumber.id == ConsentEntry.contact_number_id)
        .outerjoin(Staff, Staff.id == ConsentEntry.staff_id)
        .outerjoin(Message, Message.id == ConsentEntry.message_id)
        .outerjoin(Conversation, and_(Conversation.id == Message.conversation_id, seen_by(viewer)))
        .where(
            ConsentEntry.institution_id == viewer.institution_id,
            ConsentEntry.contact_number_id.in_(contact_ids),
            ConsentEntry.id < before if before else true(),
        )
        .order_by(ConsentEntry.id.desc())
        .limit(limit)
    )
    return [Entry(*row) for row in found]


@dataclass(frozen=True, slots=True)
class Block:
    """The phone company lets nothing through from this number of ours (D18)."""

    number: str
    holder: int | None


def blocks(phone: PersonPhone) -> list[Block]:
    """Which of our numbers are blocked for this phone."""
    found = db.session.execute(
        select(SenderNumber.e164, Assignment.staff_id)
        .join(PairBlock, PairBlock.sender_number_id == SenderNumber.id)
        .outerjoin(
            Assignment,
            and_(Assignment.sender_number_id == SenderNumber.id, Assignment.ended_at.is_(None)),
        )
        .where(
            PairBlock.contact_number_id == phone.contact_number_id,
            SenderNumber.retired_at.is_(None),
        )
        .order_by(SenderNumber.id)
    )
    return [Block(*row) for row in found]


def staff_to_choose(viewer: Viewer, taken: Sequence[Advisor]) -> list[tuple[int, str]]:
    """Whose student somebody may be made, as (staff id, name), by name."""
    found = db.session.execute(
        select(Staff.id, Staff.name)
        .where(
            Staff.institution_id == viewer.institution_id,
            Staff.active,
            Staff.id.not_in([a.staff_id for a in taken]),
        )
        .order_by(Staff.name, Staff.id)
        .limit(MOST_STAFF)
    )
    return [(staff_id, name) for staff_id, name in found]


@dataclass(frozen=True, slots=True)
class Outlook:
    """What would happen to a text now. `may_write` False: to one from somebody who may, as far as
    it does not depend on who."""

    person: Person
    decision: Decision
    gathered: Gathered
    names: Names
    may_write: bool


def outlook(viewer: Viewer, person_id: int) -> Outlook:
    """Also where the viewer may not write to this person; changes nothing."""
    person, thread, _ = _found(viewer, person_id)
    target = Target(person, thread)
    gathered = gather(viewer, target, "", clock.now())
    may_write = sending.may_write(viewer, thread)
    facts = gathered.facts if may_write else replace(gathered.facts, sender=_SOMEBODY)
    names = names_for(target, gathered)
    return Outlook(person, decide(facts), gathered, names, may_write)
