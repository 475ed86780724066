"""Comparing: what is known about two people who may be one, and who may be."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import and_, select, union_all

from app.database import db
from app.errors import NotFound
from app.models import Advisee, Conversation, Person, PersonPhone, Staff
from app.rules import joining as rules
from app.rules.access import Viewer
from app.rules.consent import DisabledBy
from app.rules.joining import Hindrance, Joined, Record

_FEW = 10  # who may be the same person


def lookalikes(person: Person) -> list[Person]:
    """Others who may be the same: with the same name, the same email, or a number of theirs."""
    inside = and_(
        Person.institution_id == person.institution_id,
        Person.id != person.id,
        Person.removed_at.is_(None),
    )
    same_name = (Person.given_name == person.given_name, Person.family_name == person.family_name)
    own = select(PersonPhone.contact_number_id).where(
        PersonPhone.person_id == person.id, PersonPhone.removed_at.is_(None)
    )
    ways = [
        select(Person.id).where(inside, *same_name).limit(_FEW),
        select(PersonPhone.person_id)
        .join(Person, Person.id == PersonPhone.person_id)
        .where(inside, PersonPhone.contact_number_id.in_(own), PersonPhone.removed_at.is_(None))
        .limit(_FEW),
    ]
    if person.email:
        ways.append(select(Person.id).where(inside, Person.email == person.email).limit(_FEW))
    each = union_all(*(select(way.subquery()) for way in ways))
    return list(
        db.session.execute(
            select(Person)
            .where(Person.id.in_(each))
            .order_by(Person.family_name, Person.given_name, Person.id)
            .limit(_FEW)
        ).scalars()
    )


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two. `accounts`: emails to sign in with. `talks`: its conversations, each with
    the name of its holder, None = unclaimed."""

    person: Person
    record: Record
    phones: list[PersonPhone]
    advisors: list[str]
    accounts: list[str]
    talks: list[tuple[Conversation, str | None]]


@dataclass(frozen=True, slots=True)
class Comparison:
    """`joined`: what would become of them; None where something is in the way."""

    kept: Side
    other: Side
    hindrance: Hindrance | None
    joined: Joined | None


def compare(viewer: Viewer, person_id: int, other_id: int) -> Comparison:
    """What each of the two has, and what they would be together; changes nothing."""
    ids = {person_id, other_id}
    found = two(viewer, ids)
    phones, accounts = _phones(ids), _accounts(ids)
    advisors, talks = _advisors(ids), _talks(ids)
    kept, other = (
        Side(
            found[one],
            _record(found[one], phones[one], accounts[one]),
            [phone for phone in phones[one] if phone.removed_at is None],
            advisors[one],
            accounts[one],
            talks[one],
        )
        for one in (person_id, other_id)
    )
    hindrance = rules.hindrance(kept.record, other.record)
    joined = None if hindrance else rules.joined(kept.record, other.record)
    return Comparison(kept, other, hindrance, joined)


def two(viewer: Viewer, ids: Collection[int]) -> dict[int, Person]:
    """Raises NotFound where one is of another institution."""
    rows = db.session.execute(
        select(Person).where(Person.id.in_(ids), Person.institution_id == viewer.institution_id)
    ).scalars()
    found = {person.id: person for person in rows}
    if len(found) < len(ids):
        raise NotFound("There is no such person.")
    return found


def _phones(ids: Collection[int]) -> dict[int, list[PersonPhone]]:
    """All that ever were theirs, as they are now."""
    rows = db.session.execute(
        select(PersonPhone)
        .where(PersonPhone.person_id.in_(ids))
        .order_by(PersonPhone.id)
        .execution_options(populate_existing=True)
    ).scalars()
    found: dict[int, list[PersonPhone]] = defaultdict(list)
    for phone in rows:
        found[phone.person_id].append(phone)
    return found


def _accounts(ids: Collection[int]) -> dict[int, list[str]]:
    return _named(select(Staff.person_id, Staff.email).where(Staff.person_id.in_(ids)))


def _advisors(ids: Collection[int]) -> dict[int, list[str]]:
    links = select(Advisee.person_id, Staff.name).join(Staff, Staff.id == Advisee.staff_id)
    return _named(links.where(Advisee.person_id.in_(ids)).order_by(Staff.name, Staff.id))


def _named(rows: Any) -> dict[int, list[str]]:
    found: dict[int, list[str]] = defaultdict(list)
    for person_id, name in db.session.execute(rows):
        found[person_id].append(name)
    return found


def _talks(ids: Collection[int]) -> dict[int, list[tuple[Conversation, str | None]]]:
    rows = db.session.execute(
        select(Conversation, Staff.name)
        .outerjoin(Staff, Staff.id == Conversation.staff_id)
        .where(Conversation.person_id.in_(ids))
        .order_by(Conversation.last_message_at.desc(), Conversation.id)
    )
    found: dict[int, list[tuple[Conversation, str | None]]] = defaultdict(list)
    for thread, holder in rows:
        found[thread.person_id or 0].append((thread, holder))
    return found


def records(people: dict[int, Person]) -> dict[int, Record]:
    """What the rules know about these people, as it is now."""
    phones, accounts = _phones(people), _accounts(people)
    return {id_: _record(one, phones[id_], accounts[id_]) for id_, one in people.items()}


def _record(person: Person, phones: Sequence[PersonPhone], accounts: Sequence[str]) -> Record:
    return Record(
        person.id,
        {name: getattr(person, name) for name in rules.FIELDS},
        tuple(
            rules.Phone(
                phone.id,
                phone.contact_number_id,
                phone.type,
                phone.contact_number.status,
                phone.verified_at,
                phone.verified_by,
                phone.imported,
                phone.removed_at,
                phone.contact_number.changed_at,
                own_stop=phone.contact_number.disabled_by is DisabledBy.OWN_STOP,
            )
            for phone in phones
        ),
        person.opted_out_at,
        removed=person.removed_at is not None,
        merged=person.merged_into is not None,
        has_account=bool(accounts),
    )
