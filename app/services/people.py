"""People: who may be written to, and their phones."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import and_, false, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import selectinload

from app import clock
from app.database import db, has_word, retrying, transaction, upsert
from app.errors import Conflict, Forbidden, Invalid, Merged, NotFound
from app.events import Event, publish
from app.models import Advisee, ContactNumber, Conversation, Person, PersonKind, PersonPhone
from app.rules.access import Can, Viewer
from app.rules.phones import BadNumber, parse
from app.rules.search import Term, tail, terms
from app.services import phones
from app.services.audit import audit
from app.services.consent import lock, may_edit
from app.services.staff import check_email, check_timezone

_LONGEST = {"given_name": 200, "family_name": 200, "email": 320, "source_id": 200}


@retrying
def create(viewer: Viewer, fields: dict[str, Any], numbers: Sequence[tuple[str, str]]) -> int:
    """A new person with phones as (number, type) pairs; the person's id. Raises Invalid,
    Conflict."""
    check(fields)
    try:
        with transaction():
            person = make(viewer, fields)
            for position, (number, kind) in enumerate(numbers):
                phone = phones.attach(viewer, person, number, kind, f"phones.{position}.number")
                if person.kind is PersonKind.PROSPECT:  # S3-68
                    phone.verified_at, phone.verified_by = clock.now(), viewer.staff_id
            return person.id
    except IntegrityError:
        raise _source_id_taken() from None


def make(viewer: Viewer, fields: dict[str, Any]) -> Person:
    """A new person of checked fields, in the open transaction; a student unless they say
    otherwise."""
    fields = {"kind": PersonKind.STUDENT, **fields}
    person = Person(institution_id=viewer.institution_id, created_at=clock.now(), **fields)
    db.session.add(person)
    db.session.flush()
    announce(viewer.institution_id, person.id, "person.created")
    return person


def _source_id_taken() -> Conflict:
    return Conflict("There is a person with this source id already.", code="exists")


def check(fields: dict[str, Any]) -> None:
    """Bring the fields of a person into their plain form. Raises Invalid for the first wrong
    one."""
    for name, longest in _LONGEST.items():
        if len(fields.get(name) or "") > longest:
            raise Invalid(name, f"This is longer than {longest} characters.")
    if fields.get("email"):
        fields["email"] = check_email(fields["email"])
    if fields.get("timezone"):
        check_timezone(fields["timezone"])
    if "kind" in fields:
        if fields["kind"] not in set(PersonKind):
            raise Invalid("kind", "Choose one of the kinds.")
        fields["kind"] = PersonKind(fields["kind"])
    for name in ("given_name", "family_name"):
        if name in fields:
            fields[name] = " ".join((fields[name] or "").split())
    if fields.get("given_name") == "":
        raise Invalid("given_name", "Give a name.")


def announce(institution_id: int, person_id: int, name: str = "person.changed") -> None:
    publish(institution_id, Event(name, {"person": person_id}, (Can.PEOPLE_READ.value,)))


@retrying
def change(viewer: Viewer, person_id: int, fields: dict[str, Any]) -> None:
    check(fields)
    try:
        with transaction():
            person = editable(viewer, person_id)
            phones.wait_for_stop(person)  # or for whoever merges them
            for name, value in fields.items():
                setattr(person, name, value)
            db.session.flush()
            announce(viewer.institution_id, person_id)
    except IntegrityError:
        raise _source_id_taken() from None


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
    check(fields)
    with transaction():
        made = _made_for_source(viewer, source_id, fields)
        person = made or editable(viewer, _id_of_source(viewer, source_id))
        phones.wait_for_stop(person)
        if person.removed_at is not None:
            _bring_back(viewer, person)
        for name, value in fields.items():
            setattr(person, name, value)
        if numbers is not None:
            _replace_phones(viewer, person, numbers)
        announce(viewer.institution_id, person.id, "person.created" if made else "person.changed")
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


def _bring_back(viewer: Viewer, person: Person) -> None:
    """Somebody whom an import removed, with the phones that went with them."""
    phones.wait_for_stop(person)
    left, person.removed_at = person.removed_at, None
    went = select(PersonPhone).where(
        PersonPhone.person_id == person.id, PersonPhone.removed_at == left
    )
    found = {phone.contact_number_id: phone for phone in db.session.execute(went).scalars()}
    for contact_id, number in lock(found).items():
        phone = found[contact_id]
        imported = phone.imported
        phones.join(viewer, person, number, phone.type).imported = imported


def _replace_phones(viewer: Viewer, person: Person, numbers: Sequence[tuple[str, str]]) -> None:
    kept = {
        phones.attach(viewer, person, number, kind, f"phones.{n}.number").id
        for n, (number, kind) in enumerate(numbers)
    }
    for phone in phones.current(person.id):
        if phone.id not in kept:
            phone.removed_at, phone.imported = clock.now(), True  # so a file may give it back


def one(viewer: Viewer, person_id: int) -> Person:
    person = db.session.get(Person, person_id)
    if person is None or person.institution_id != viewer.institution_id:
        raise NotFound("There is no such person.")
    return person


def editable(viewer: Viewer, person_id: int) -> Person:
    """The person, where the viewer may change them (D3): in a conversation of theirs, or with
    `inbox.all`. Raises Merged where they are one with another."""
    person = one(viewer, person_id)
    if person.merged_into is not None:
        raise Merged(person.merged_into)
    if not may_edit(viewer, person_id):
        raise Forbidden("You can change people in your own conversations.")
    return person


@retrying
def add_phone(viewer: Viewer, person_id: int, number: str, kind: str) -> int:
    """Give a person another number; the phone's id. Raises Invalid for a number that cannot be
    one."""
    with transaction():
        person = editable(viewer, person_id)
        phone = phones.attach(viewer, person, number, kind, "number")
        _phone_audited(viewer, "phone.added", phone.id)
        announce(viewer.institution_id, person_id)
        return phone.id


def _phone_audited(viewer: Viewer, action: str, phone_id: int, **detail: Any) -> None:
    subject = f"person_phone:{phone_id}"
    audit(viewer.institution_id, action, subject, viewer.staff_id, **detail)


@retrying
def change_phone(
    viewer: Viewer, phone_id: int, *, kind: str | None = None, verified: bool | None = None
) -> None:
    """Change the type, or stamp who verified the number and when (S3-67)."""
    with transaction():
        found = phones.one(viewer, phone_id)
        editable(viewer, found.person_id)
        if kind is not None:
            found.type = phones.their_type(kind, "type")
        if verified is not None:
            found.verified_at = clock.now() if verified else None
            found.verified_by = viewer.staff_id if verified else None
        _phone_audited(viewer, "phone.changed", phone_id, type=kind, verified=verified)
        announce(viewer.institution_id, found.person_id)


@retrying
def remove_phone(viewer: Viewer, phone_id: int) -> None:
    """Take a number from a person: no import gives it back. The row, and the number's consent, are
    kept (S3-38, D22)."""
    with transaction():
        found = phones.one(viewer, phone_id)
        editable(viewer, found.person_id)
        found.removed_at, found.imported = clock.now(), False
        _phone_audited(viewer, "phone.removed", phone_id)
        announce(viewer.institution_id, found.person_id)


@retrying
def restore_phone(viewer: Viewer, phone_id: int) -> None:
    """Undo a removal. For a person who said STOP meanwhile it is as any number added (D14)."""
    with transaction():
        found = phones.one(viewer, phone_id, removed=True)
        person = editable(viewer, found.person_id)
        number = lock([found.contact_number_id])[found.contact_number_id]
        phones.wait_for_stop(person)
        phones.join(viewer, person, number, found.type)
        _phone_audited(viewer, "phone.restored", phone_id)
        announce(viewer.institution_id, found.person_id)


def search(
    viewer: Viewer,
    *,
    q: str = "",
    source_id: str | None = None,
    number: str | None = None,
    advisor_id: int | None = None,
    limit: int = 50,
    after: tuple[str, str, int] | None = None,
) -> list[Person]:
    """People by name, but those who were removed. `q`: see `matching`. `advisor_id`: the students
    of this member of staff.

    `after`: (family name, given name, id) of the last one shown.
    """
    found = (
        select(Person)
        .where(Person.institution_id == viewer.institution_id, Person.removed_at.is_(None))
        .options(selectinload(Person.phones))
        .order_by(Person.family_name, Person.given_name, Person.id)
        .limit(limit)
    )
    found = found.where(*matching(q))
    if source_id is not None:
        found = found.where(Person.source_id == source_id)
    if number is not None:
        found = found.where(_has_number(ContactNumber.e164 == _as_e164(viewer, number)))
    if advisor_id is not None:
        theirs = select(Advisee.person_id).where(Advisee.staff_id == advisor_id)
        found = found.where(Person.id.in_(theirs))
    if after is not None:
        found = found.where(later_by_name(after))
    return list(db.session.execute(found).scalars())


def name_key(person: Person) -> tuple[str, str, int]:
    """Where the page after this person begins."""
    return (person.family_name, person.given_name, person.id)


def later_by_name(after: tuple[str, str, int]) -> Any:
    family, given, last = after
    return or_(
        Person.family_name > family,
        and_(Person.family_name == family, Person.given_name > given),
        and_(Person.family_name == family, Person.given_name == given, Person.id > last),
    )


def matching(q: str) -> list[Any]:
    """Whom somebody looks for: each term begins a word of the name or of the source id, or ends a
    number. Nothing typed is everybody; nothing that can be looked for is nobody."""
    if not q.strip():
        return []
    return [_matches(term) for term in terms(q)] or [false()]


def _matches(term: Term) -> Any:
    by_word = has_word(Person, term.word)
    if not term.digits:
        return by_word
    ending = ContactNumber.tail.startswith(tail(term.digits), autoescape=True)
    return or_(by_word, _has_number(ending))


def _as_e164(viewer: Viewer, typed: str) -> str:
    e164 = parse(typed, viewer.region)
    return typed if isinstance(e164, BadNumber) else e164


def _has_number(condition: Any) -> Any:
    return (
        select(PersonPhone.id)
        .join(ContactNumber, ContactNumber.id == PersonPhone.contact_number_id)
        .where(PersonPhone.person_id == Person.id, PersonPhone.removed_at.is_(None), condition)
        .exists()
    )


def who_may_it_be(thread: Conversation) -> list[Person]:
    """The people who own the number of a thread that is nobody's (D6)."""
    if thread.person_id is not None or thread.contact_number_id is None:
        return []
    owned = select(PersonPhone.person_id).where(
        PersonPhone.contact_number_id == thread.contact_number_id, PersonPhone.removed_at.is_(None)
    )
    return list(
        db.session.execute(
            select(Person)
            .where(Person.id.in_(owned))
            .order_by(Person.family_name, Person.given_name, Person.id)
        ).scalars()
    )
