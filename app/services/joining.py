"""Joining: two records of one person become one, and stay one until that is undone (`separating`).

What moved is written down in the same transaction: the ids of the rows, and the fields before and
after. The numbers, the conversations and the two people are locked, so a STOP or a text that comes
in the same moment is either before all of it or after all of it.
"""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, select, union_all, update

from app import clock
from app.database import db, retrying, transaction
from app.errors import Conflict, Forbidden, Invalid, NotFound
from app.models import (
    Advisee,
    Conversation,
    Message,
    Person,
    PersonMerge,
    PersonPhone,
    Staff,
)
from app.rules import joining as rules
from app.rules.access import Can, Viewer
from app.rules.consent import ConsentEvent
from app.rules.history import MERGED_AFTER_STOP
from app.rules.joining import Hindrance, Joined, Record
from app.services import consent, held, merging, people
from app.services.audit import audit

_FEW = 10  # who may be the same person


def may_merge(viewer: Viewer) -> bool:
    """It moves everybody's conversations with both, so it takes the right to read them."""
    return viewer.can(Can.PEOPLE_EDIT) and viewer.can(Can.INBOX_ALL)


def require_may_merge(viewer: Viewer) -> None:
    if not may_merge(viewer):
        raise Forbidden(
            "Merging moves conversations of others. It takes the right to read everybody’s."
        )


def lookalikes(person: Person) -> list[Person]:
    """Others who may be the same: with the same name, the same email, or a number of theirs."""
    inside = Person.institution_id == person.institution_id
    same_name = (Person.given_name == person.given_name, Person.family_name == person.family_name)
    own = select(PersonPhone.contact_number_id).where(
        PersonPhone.person_id == person.id, PersonPhone.removed_at.is_(None)
    )
    ways = [
        select(Person.id).where(inside, *same_name).limit(_FEW),
        select(PersonPhone.person_id)
        .where(PersonPhone.contact_number_id.in_(own), PersonPhone.removed_at.is_(None))
        .limit(_FEW),
    ]
    if person.email:
        ways.append(select(Person.id).where(inside, Person.email == person.email).limit(_FEW))
    each = union_all(*(select(way.subquery()) for way in ways))
    return list(
        db.session.execute(
            select(Person)
            .where(Person.id.in_(each), Person.id != person.id, Person.removed_at.is_(None))
            .order_by(Person.family_name, Person.given_name, Person.id)
            .limit(_FEW)
        ).scalars()
    )


# What is known about two people


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
    require_may_merge(viewer)
    ids = {person_id, other_id}
    found = _people(viewer, ids)
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


def _people(viewer: Viewer, ids: Collection[int]) -> dict[int, Person]:
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
            )
            for phone in phones
        ),
        person.opted_out_at,
        removed=person.removed_at is not None,
        merged=person.merged_into is not None,
        has_account=bool(accounts),
    )


# Merging


@retrying
def merge(viewer: Viewer, person_id: int, other_id: int) -> int:
    """Make the other one a part of this person; the id of the merge.

    Raises Invalid for the same person, NotFound for one of another institution, Conflict with the
    code of a `Hindrance`.
    """
    require_may_merge(viewer)
    if person_id == other_id:
        raise Invalid("other", rules.why_not(Hindrance.SAME, "", ""))
    with transaction():
        ids = sorted((person_id, other_id))
        _people(viewer, ids)
        lock_both(ids)
        found, phones, accounts = _people(viewer, ids), _phones(ids), _accounts(ids)
        kept, other = (
            _record(found[one], phones[one], accounts[one]) for one in (person_id, other_id)
        )
        if (hindrance := rules.hindrance(kept, other)) is not None:
            names = found[person_id].name, found[other_id].name
            raise Conflict(rules.why_not(hindrance, *names), code=hindrance.value)
        return _joined(viewer, found[person_id], found[other_id], rules.joined(kept, other))


def lock_both(ids: Sequence[int]) -> None:
    """Their numbers, their conversations and themselves, each by id (design 3). Twice: what was
    added while the first round waited is there in the second, and then nothing is added any more:
    a row that refers to a person waits for whoever has locked that whole."""
    for _ in range(2):
        theirs = select(PersonPhone.contact_number_id).where(PersonPhone.person_id.in_(ids))
        consent.lock(list(db.session.execute(theirs).scalars()))
        merging.lock_threads_with(ids)
        db.session.execute(
            select(Person)
            .where(Person.id.in_(ids))
            .order_by(Person.id)
            .with_for_update()
            .execution_options(populate_existing=True)
        ).scalars().all()


def _joined(viewer: Viewer, kept: Person, other: Person, plan: Joined) -> int:
    now = clock.now()
    moved: dict[str, Any] = {"accounts": _move_accounts(kept, other)}
    moved |= _move_phones(kept, other, plan, now)
    moved["fields"] = _fill_in(kept, other, plan.fields)
    _opt_out(viewer, kept, other, plan, now)
    moved["advisors"], moved["advisors_of_both"] = _move_advisors(kept, other)
    moved["threads"] = merging.follow(viewer.institution_id, other.id, kept.id)
    moved["messages"] = _move_messages(kept, other, moved["threads"])
    moved["last_message"] = _last_message(kept)
    other.removed_at, other.merged_into = now, kept.id
    moved["merged"] = _move_merged(kept, other)
    row = PersonMerge(
        institution_id=viewer.institution_id,
        kept_id=kept.id,
        other_id=other.id,
        staff_id=viewer.staff_id,
        moved=moved,
        at=now,
    )
    db.session.add(row)
    db.session.flush()
    told = rules.told_merged(kept.name, other.name, viewer.name)
    merging.mark_and_tell(viewer.institution_id, [kept.id], "merged", told)
    announce(viewer, kept, other)
    subject, by = f"person:{kept.id}", viewer.staff_id
    audit(viewer.institution_id, "person.merged", subject, by, person=other.id)
    return row.id


def announce(viewer: Viewer, kept: Person, other: Person) -> None:
    """To the browsers that show one of the two."""
    for person in (kept, other):
        people.announce(viewer.institution_id, person.id)


def _move_accounts(kept: Person, other: Person) -> list[int]:
    moved = db.session.execute(
        update(Staff)
        .where(Staff.person_id == other.id)
        .values(person_id=kept.id)
        .returning(Staff.id)
    )
    return sorted(moved.scalars())


def _move_phones(kept: Person, other: Person, plan: Joined, now: datetime) -> dict[str, Any]:
    """`phones`: current ones that changed over; `past`: those that had been taken away."""
    rows = db.session.execute(
        update(PersonPhone)
        .where(PersonPhone.id.in_(plan.moved))
        .values(person_id=kept.id)
        .returning(PersonPhone.id, PersonPhone.removed_at)
    ).all()
    twins = []
    for twin in plan.twins:
        phone = db.session.get_one(PersonPhone, twin.kept)
        before = {name: getattr(phone, name) for name in twin.changes}
        for name, value in twin.changes.items():
            setattr(phone, name, value)
        db.session.get_one(PersonPhone, twin.other).removed_at = now
        twins.append(
            {
                "kept": twin.kept,
                "other": twin.other,
                "before": plain(before),
                "after": plain(twin.changes),
            }
        )
    db.session.flush()
    return {
        "phones": sorted(row.id for row in rows if row.removed_at is None),
        "past": sorted(row.id for row in rows if row.removed_at is not None),
        "twins": twins,
    }


def plain(values: dict[str, Any]) -> dict[str, Any]:
    """As JSON has them."""
    return {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in values.items()
    }


def _fill_in(kept: Person, other: Person, fields: dict[str, Any]) -> dict[str, list[Any]]:
    """Each field that was filled in, as [before, after]."""
    before = {name: getattr(kept, name) for name in fields}
    if "source_id" in fields:  # an import finds by it who was kept
        other.source_id = None
        db.session.flush()
    for name, value in fields.items():
        setattr(kept, name, value)
    db.session.flush()
    return {name: [before[name], value] for name, value in fields.items()}


def _opt_out(viewer: Viewer, kept: Person, other: Person, plan: Joined, now: datetime) -> None:
    """Who said STOP on one record said it on both (S3-54, D14)."""
    if (kept.opted_out_at is None) is (other.opted_out_at is None):
        kept.opted_out_at = plan.opted_out_at
        return
    spoke, silent = (other, kept) if kept.opted_out_at is None else (kept, other)
    name = spoke.given_name or spoke.name
    told = f"{name} opted out of texts on another record, so none goes to any number"
    kept.opted_out_at = plan.opted_out_at
    by, stopped = viewer.staff_id, ConsentEvent.PERSON_OPTED_OUT
    changes = [consent.Change(c, stopped, MERGED_AFTER_STOP, by) for c in plan.silenced]
    consent.apply(viewer.institution_id, changes, now)
    held.cancel_to(silent.id, 0, told)
    consent.mark_threads(viewer.institution_id, 0, silent.id, "opted_out", told, now)


def _move_advisors(kept: Person, other: Person) -> tuple[list[int], list[dict[str, Any]]]:
    """The staff whose student changed over, and those who had both, with what their link said."""
    have = select(Advisee.staff_id).where(Advisee.person_id == kept.id)
    ended = delete(Advisee).where(Advisee.person_id == other.id, Advisee.staff_id.in_(have))
    both = db.session.execute(
        ended.returning(Advisee.staff_id, Advisee.created_at, Advisee.created_by)
    ).all()
    moved = db.session.execute(
        update(Advisee)
        .where(Advisee.person_id == other.id)
        .values(person_id=kept.id)
        .returning(Advisee.staff_id)
        .execution_options(synchronize_session=False)
    ).scalars()
    return sorted(moved), [plain(row._asdict()) for row in both]


def _move_messages(kept: Person, other: Person, threads: list[dict[str, Any]]) -> list[int]:
    """Those that were said elsewhere than in the conversations that moved."""
    moved = db.session.execute(
        update(Message)
        .where(Message.person_id == other.id)
        .values(person_id=kept.id)
        .returning(Message.id)
        .execution_options(synchronize_session=False)
    ).scalars()
    return sorted({*moved} - {id_ for thread in threads for id_ in thread["messages"]})


def _last_message(kept: Person) -> int:
    last = select(func.max(Message.id)).where(Message.person_id == kept.id)
    return db.session.execute(last).scalar_one() or 0


def _move_merged(kept: Person, other: Person) -> list[int]:
    """Whoever was merged into the other one before is one with the kept one now."""
    moved = db.session.execute(
        update(Person)
        .where(Person.merged_into == other.id)
        .values(merged_into=kept.id)
        .returning(Person.id)
    )
    return sorted(moved.scalars())
