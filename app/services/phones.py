"""Phones: the numbers on people's records, and the numbers of ours that show there.

The functions that take a transaction as open are called by the use cases of `people` and
`identifying`.
"""

from collections.abc import Collection

from sqlalchemy import select

from app import clock
from app.database import LOCK, db, upsert
from app.errors import Invalid, Merged, NotFound
from app.models import (
    Assignment,
    ContactNumber,
    Institution,
    Person,
    PersonPhone,
    SenderNumber,
    Staff,
)
from app.rules.access import Viewer
from app.rules.consent import ConsentEvent, SmsStatus
from app.rules.history import ADDED_AFTER_STOP
from app.rules.phones import BadNumber, PhoneType, parse
from app.services import accounts
from app.services.consent import Change, apply


def one(viewer: Viewer, phone_id: int, *, removed: bool = False) -> PersonPhone:
    """A phone of somebody in the viewer's institution: a current one, or one that was removed."""
    found = db.session.get(PersonPhone, phone_id)
    if (
        found is None
        or found.institution_id != viewer.institution_id
        or (found.removed_at is not None) is not removed
    ):
        raise NotFound("There is no such phone.")
    return found


def current(person_id: int) -> list[PersonPhone]:
    return list(
        db.session.execute(
            select(PersonPhone)
            .where(PersonPhone.person_id == person_id, PersonPhone.removed_at.is_(None))
            .order_by(PersonPhone.id)
        ).scalars()
    )


def attach(viewer: Viewer, person: Person, typed: str, kind: str, field: str) -> PersonPhone:
    """Put a typed number on a person's record, in the open transaction. Raises Invalid at
    `field`."""
    e164 = theirs(viewer, typed, field)
    their_kind = their_type(kind, field)
    wait_for_stop(person)
    contact = taken_up(viewer.institution_id, e164)
    return join(viewer, person, contact, their_kind)


def theirs(viewer: Viewer, typed: str, field: str) -> str:
    """A typed number (E.164) of somebody else than us. Raises Invalid at `field`."""
    institution = db.session.get_one(Institution, viewer.institution_id)
    e164 = parse(typed, institution.region)
    if isinstance(e164, BadNumber):
        raise Invalid(field, e164.message, code="invalid_number")
    if accounts.is_ours(e164, viewer.institution_id):
        raise Invalid(field, "This is one of our own numbers.", code="invalid_number")
    return e164


def their_type(kind: str, field: str) -> PhoneType:
    """What a phone of a person may be. Raises Invalid at `field`."""
    if kind == PhoneType.SYSTEM:
        raise Invalid(field, "The type system is for our own numbers.")
    if kind not in set(PhoneType):
        raise Invalid(field, "Choose one of the types.")
    return PhoneType(kind)


def wait_for_stop(person: Person) -> None:
    """A STOP that is being committed is waited for, so that a number which is added does not escape
    it (D14). Raises Merged where the person is one with another by now."""
    db.session.refresh(person, with_for_update=LOCK)
    if person.merged_into is not None:
        raise Merged(person.merged_into)


def join(viewer: Viewer, person: Person, contact: ContactNumber, kind: PhoneType) -> PersonPhone:
    """A number, which is locked, belongs to this person from now on, whatever imports say. One that
    nobody has decided about starts DISABLED for a person who said STOP (D14)."""
    known = db.session.execute(
        select(PersonPhone).where(
            PersonPhone.person_id == person.id, PersonPhone.contact_number_id == contact.id
        )
    ).scalar_one_or_none()
    had_it = known is not None and known.removed_at is None
    phone = known or PersonPhone(
        institution_id=viewer.institution_id, person_id=person.id, contact_number_id=contact.id
    )
    phone.type, phone.imported, phone.removed_at = kind, False, None
    db.session.add(phone)
    db.session.flush()
    if not had_it and person.opted_out_at and contact.status is SmsStatus.DEFAULT:
        why = ADDED_AFTER_STOP
        change = Change(contact.id, ConsentEvent.PERSON_OPTED_OUT, why, viewer.staff_id)
        apply(viewer.institution_id, [change], clock.now())
    return phone


def taken_up(institution_id: int, e164: str) -> ContactNumber:
    """The number with its consent, which is its own, whoever had it before (D13); locked, and new
    where nobody has texted with it."""
    db.session.execute(
        upsert(ContactNumber)
        .values(institution_id=institution_id, e164=e164, status=SmsStatus.DEFAULT)
        .on_conflict_do_nothing()
    )
    return db.session.execute(
        select(ContactNumber)
        .where(ContactNumber.institution_id == institution_id, ContactNumber.e164 == e164)
        .with_for_update(**LOCK)
    ).scalar_one()


def system_numbers(person_ids: Collection[int]) -> dict[int, str]:
    """The numbers of ours (E.164) that these people hold, by person: on their record (S3-31)."""
    held = (
        select(Staff.person_id, SenderNumber.e164)
        .join(Assignment, Assignment.staff_id == Staff.id)
        .join(SenderNumber, SenderNumber.id == Assignment.sender_number_id)
        .where(Staff.person_id.in_(person_ids), Assignment.ended_at.is_(None))
    )
    return dict(db.session.execute(held).tuples().all())
