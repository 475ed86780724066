"""People: who may be written to, and their phones."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import and_, func, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import selectinload

from app import clock
from app.database import LOCK, db, retrying, transaction, upsert
from app.errors import Conflict, Forbidden, Invalid, NotFound
from app.events import Event, publish
from app.models import (
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
from app.rules import phones
from app.rules.access import Can, Viewer
from app.rules.consent import ConsentEvent, SmsStatus
from app.rules.phones import PhoneType
from app.services import accounts
from app.services.audit import audit
from app.services.consent import Change, apply, may_edit
from app.services.staff import check_email, check_timezone


@retrying
def create(viewer: Viewer, fields: dict[str, Any], numbers: Sequence[tuple[str, str]]) -> int:
    """A new person with phones as (number, type) pairs; the person's id. Raises Invalid,
    Conflict."""
    fields = {"kind": PersonKind.STUDENT, **fields}
    _check(fields)
    try:
        with transaction():
            person = Person(institution_id=viewer.institution_id, created_at=clock.now(), **fields)
            db.session.add(person)
            db.session.flush()
            for position, (number, kind) in enumerate(numbers):
                _add_phone(viewer, person, number, kind, f"phones.{position}.number")
            _announce(viewer.institution_id, person.id, "person.created")
            return person.id
    except IntegrityError:
        raise Conflict("There is a person with this source id already.", code="exists") from None


def _check(fields: dict[str, Any]) -> None:
    if fields.get("email"):
        fields["email"] = check_email(fields["email"])
    if fields.get("timezone"):
        check_timezone(fields["timezone"])
    if "kind" in fields:
        fields["kind"] = PersonKind(fields["kind"])
    for name in ("given_name", "family_name"):
        if name in fields:
            fields[name] = " ".join((fields[name] or "").split())


def _announce(institution_id: int, person_id: int, name: str = "person.changed") -> None:
    publish(institution_id, Event(name, {"person": person_id}, (Can.PEOPLE_READ.value,)))


@retrying
def change(viewer: Viewer, person_id: int, fields: dict[str, Any]) -> None:
    _check(fields)
    try:
        with transaction():
            person = editable(viewer, person_id)
            for name, value in fields.items():
                setattr(person, name, value)
            db.session.flush()
            _announce(viewer.institution_id, person_id)
    except IntegrityError:
        raise Conflict("There is a person with this source id already.", code="exists") from None


@retrying
def upsert_by_source(
    viewer: Viewer,
    source_id: str,
    fields: dict[str, Any],
    numbers: Sequence[tuple[str, str]] | None,
) -> int:
    """Create or change the person with this id in the school's own system (PUT people/by-source).

    Phones that are not in `numbers` are removed; None leaves them as they are. Never touches a
    consent status (S3-60, D22).
    """
    _check(fields)
    with transaction():
        made = _made_for_source(viewer, source_id, fields)
        person = made or editable(viewer, _id_of_source(viewer, source_id))
        for name, value in fields.items():
            setattr(person, name, value)
        if numbers is not None:
            _replace_phones(viewer, person, numbers)
        _announce(viewer.institution_id, person.id, "person.created" if made else "person.changed")
        return person.id


def _made_for_source(viewer: Viewer, source_id: str, fields: dict[str, Any]) -> Person | None:
    """A new person; None where there is one with this source id, though it was made just now."""
    row = {
        "institution_id": viewer.institution_id,
        "source_id": source_id,
        "kind": PersonKind.STUDENT,
        "created_at": clock.now(),
        **fields,
    }
    made = upsert(Person).values(row).on_conflict_do_nothing().returning(Person.id)
    person_id = db.session.execute(made).scalar_one_or_none()
    return None if person_id is None else db.session.get_one(Person, person_id)


def _id_of_source(viewer: Viewer, source_id: str) -> int:
    return db.session.execute(
        select(Person.id).where(
            Person.institution_id == viewer.institution_id, Person.source_id == source_id
        )
    ).scalar_one()


def _replace_phones(viewer: Viewer, person: Person, numbers: Sequence[tuple[str, str]]) -> None:
    kept = {
        _add_phone(viewer, person, number, kind, f"phones.{n}.number").id
        for n, (number, kind) in enumerate(numbers)
    }
    for phone in _current(person.id):
        if phone.id not in kept:
            phone.removed_at = clock.now()


def one(viewer: Viewer, person_id: int) -> Person:
    person = db.session.get(Person, person_id)
    if person is None or person.institution_id != viewer.institution_id:
        raise NotFound("There is no such person.")
    return person


def editable(viewer: Viewer, person_id: int) -> Person:
    """The person, where the viewer may change them (D3): in a conversation of theirs, or with
    `inbox.all`."""
    person = one(viewer, person_id)
    if not may_edit(viewer, person_id):
        raise Forbidden("You can change people in your own conversations.")
    return person


def _current(person_id: int) -> list[PersonPhone]:
    return list(
        db.session.execute(
            select(PersonPhone)
            .where(PersonPhone.person_id == person_id, PersonPhone.removed_at.is_(None))
            .order_by(PersonPhone.id)
        ).scalars()
    )


@retrying
def add_phone(viewer: Viewer, person_id: int, number: str, kind: str) -> int:
    """Give a person another number; the phone's id. Raises Invalid for a number that cannot be
    one."""
    with transaction():
        person = editable(viewer, person_id)
        phone = _add_phone(viewer, person, number, kind, "number")
        _announce(viewer.institution_id, person_id)
        return phone.id


def _add_phone(viewer: Viewer, person: Person, typed: str, kind: str, field: str) -> PersonPhone:
    """A number that nobody has decided about starts DISABLED for a person who said STOP (D14)."""
    institution = db.session.get_one(Institution, viewer.institution_id)
    e164 = phones.parse(typed, institution.region)
    if isinstance(e164, phones.BadNumber):
        raise Invalid(field, e164.message, code="invalid_number")
    if accounts.is_ours(e164, viewer.institution_id):
        raise Invalid(field, "This is one of our own numbers.", code="invalid_number")
    if kind == PhoneType.SYSTEM:
        raise Invalid(field, "The type system is for our own numbers.")
    # A STOP that is being committed is waited for, so that this number does not escape it (D14).
    db.session.refresh(person, with_for_update=LOCK)
    contact = _contact(viewer.institution_id, e164)
    known = db.session.execute(
        select(PersonPhone).where(
            PersonPhone.person_id == person.id, PersonPhone.contact_number_id == contact.id
        )
    ).scalar_one_or_none()
    phone = known or PersonPhone(
        institution_id=viewer.institution_id, person_id=person.id, contact_number_id=contact.id
    )
    phone.type, phone.removed_at = PhoneType(kind), None
    db.session.add(phone)
    db.session.flush()
    if known is None and person.opted_out_at and contact.status is SmsStatus.DEFAULT:
        why = "added to a person who opted out"
        change = Change(contact.id, ConsentEvent.PERSON_OPTED_OUT, why, viewer.staff_id)
        apply(viewer.institution_id, [change], clock.now())
    return phone


def _contact(institution_id: int, e164: str) -> ContactNumber:
    """The number with its consent, which is its own, whoever had it before (D13)."""
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


def phone(viewer: Viewer, phone_id: int) -> PersonPhone:
    """A current phone of somebody in the viewer's institution."""
    found = db.session.get(PersonPhone, phone_id)
    if found is None or found.institution_id != viewer.institution_id or found.removed_at:
        raise NotFound("There is no such phone.")
    return found


@retrying
def change_phone(
    viewer: Viewer, phone_id: int, *, kind: str | None = None, verified: bool | None = None
) -> None:
    """Change the type, or stamp who verified the number and when (S3-67)."""
    with transaction():
        found = phone(viewer, phone_id)
        editable(viewer, found.person_id)
        if kind == PhoneType.SYSTEM:
            raise Invalid("type", "The type system is for our own numbers.")
        if kind is not None:
            found.type = PhoneType(kind)
        if verified is not None:
            found.verified_at = clock.now() if verified else None
            found.verified_by = viewer.staff_id if verified else None
        audit(
            viewer.institution_id,
            "phone.changed",
            f"person_phone:{phone_id}",
            viewer.staff_id,
            type=kind,
            verified=verified,
        )
        _announce(viewer.institution_id, found.person_id)


@retrying
def remove_phone(viewer: Viewer, phone_id: int) -> None:
    """Take a number from a person. The row, and the number's consent, are kept (S3-38, D22)."""
    with transaction():
        found = phone(viewer, phone_id)
        editable(viewer, found.person_id)
        found.removed_at = clock.now()
        _announce(viewer.institution_id, found.person_id)


def search(
    viewer: Viewer,
    *,
    q: str = "",
    source_id: str | None = None,
    number: str | None = None,
    limit: int = 50,
    after: tuple[str, str, int] | None = None,
) -> list[Person]:
    """People by name; `q` matches the beginnings of names or the end of a number.

    `after`: (family name, given name, id) of the last one shown.
    """
    found = (
        select(Person)
        .where(Person.institution_id == viewer.institution_id)
        .options(selectinload(Person.phones))
        .order_by(Person.family_name, Person.given_name, Person.id)
        .limit(limit)
    )
    for word in q.split()[:5]:
        found = found.where(_matches(word))
    if source_id is not None:
        found = found.where(Person.source_id == source_id)
    if number is not None:
        found = found.where(_has_number(ContactNumber.e164 == _as_e164(viewer, number)))
    if after is not None:
        family, given, last = after
        found = found.where(
            or_(
                Person.family_name > family,
                and_(Person.family_name == family, Person.given_name > given),
                and_(Person.family_name == family, Person.given_name == given, Person.id > last),
            )
        )
    return list(db.session.execute(found).scalars())


def _as_e164(viewer: Viewer, typed: str) -> str:
    e164 = phones.parse(typed, viewer.region)
    return typed if isinstance(e164, phones.BadNumber) else e164


def _matches(word: str) -> Any:
    folded = word.casefold()
    digits = "".join(c for c in word if c.isdigit())
    names = [
        func.lower(column).startswith(folded, autoescape=True)
        for column in (Person.given_name, Person.family_name)
    ]
    if len(digits) >= 4:
        names.append(_has_number(ContactNumber.e164.endswith(digits, autoescape=True)))
    return or_(*names, Person.source_id == word)


def _has_number(condition: Any) -> Any:
    return (
        select(PersonPhone.id)
        .join(ContactNumber, ContactNumber.id == PersonPhone.contact_number_id)
        .where(PersonPhone.person_id == Person.id, PersonPhone.removed_at.is_(None), condition)
        .exists()
    )


def system_numbers(person_ids: Sequence[int]) -> dict[int, str]:
    """The numbers of ours (E.164) that these people hold, by person: on their record (S3-31)."""
    held = (
        select(Staff.person_id, SenderNumber.e164)
        .join(Assignment, Assignment.staff_id == Staff.id)
        .join(SenderNumber, SenderNumber.id == Assignment.sender_number_id)
        .where(Staff.person_id.in_(person_ids), Assignment.ended_at.is_(None))
    )
    return dict(db.session.execute(held).tuples().all())


def who_may_it_be(thread: Conversation) -> list[Person]:
    """The people who own the number of a thread that is nobody's (D6)."""
    if thread.person_id is not None or thread.contact_number_id is None:
        return []
    owned = select(PersonPhone.person_id).where(
        PersonPhone.contact_number_id == thread.contact_number_id, PersonPhone.removed_at.is_(None)
    )
    return list(
        db.session.execute(
            select(Person).where(Person.id.in_(owned)).order_by(Person.family_name)
        ).scalars()
    )
