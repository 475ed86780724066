"""Import known: what is known about the people of a batch of rows, in a few queries."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select

from app.database import LOCK, db
from app.errors import Unavailable
from app.models import (
    Advisee,
    AuditEntry,
    ContactNumber,
    OrgUnit,
    Person,
    PersonPhone,
    SenderNumber,
    Staff,
)
from app.rules.importing import Entry, same_name
from app.services import guardians

_TRIES = 3


@dataclass(frozen=True, slots=True)
class Wanted:
    """The org unit that a file says somebody works in. `unit` None: it is not made yet."""

    unit: int | None
    name: str


@dataclass(frozen=True, slots=True)
class Place:
    """Where a member of staff is. `unit`, `name`: None = in no unit. `by_hand`: somebody put them
    there."""

    staff_id: int
    unit: int | None
    name: str | None
    by_hand: bool


@dataclass(frozen=True, slots=True)
class Job:
    """What holds for all rows of a run. `claims`: of the worker at it. `links`: advisors are
    linked; `by_email`: named by their email, else by the id of their person. `units`: staff are put
    into org units."""

    run_id: int
    claims: int
    institution_id: int
    staff_id: int | None
    region: str
    dry_run: bool
    links: bool
    by_email: bool
    units: bool = False


@dataclass(slots=True)
class Known:
    """What is known about the people of a batch. `phones`: by person and number."""

    people: dict[str, list[Any]]  # by the key of their row
    phones: dict[int, dict[str, Any]]
    accounts: set[int]  # people who can sign in
    ours: set[str]  # numbers
    advisors: dict[str, int]  # staff ids by what the rows call them
    linked: set[tuple[int, int]]  # (staff, person)
    guardians: dict[int, set[str]]  # their ids, by student
    shared: dict[str, int]  # how many people have a number
    places: dict[int, Place]  # of staff who sign in here, by person


def known(job: Job, entries: Sequence[Entry]) -> Known:
    numbers = {e164 for entry in entries for e164, _ in entry.phones}
    people = _people(job, entries, numbers)
    ids = sorted({person.id for found in people.values() for person in found})
    ours = select(SenderNumber.e164).where(
        SenderNumber.institution_id == job.institution_id, SenderNumber.e164.in_(numbers)
    )
    accounts = select(Staff.person_id).where(Staff.person_id.in_(ids))
    links = select(Advisee.staff_id, Advisee.person_id).where(Advisee.person_id.in_(ids))
    return Known(
        people,
        _phones(ids),
        set(db.session.execute(accounts).scalars()),
        set(db.session.execute(ours).scalars()),
        _advisors(job, {name for entry in entries for name in entry.advisors}),
        {(staff_id, person_id) for staff_id, person_id in db.session.execute(links)}
        if job.links
        else set(),
        guardians.named(ids) if any(entry.guardians is not None for entry in entries) else {},
        _shared(job, numbers),
        _places(job, ids) if job.units else {},
    )


_PERSON: tuple[Any, ...] = (
    Person.id,
    Person.source_id,
    Person.kind,
    Person.given_name,
    Person.family_name,
)
_PERSON += (Person.email, Person.timezone, Person.opted_out_at, Person.removed_at)
_PERSON += (Person.merged_into,)
_KEPT = func.coalesce(Person.merged_into, Person.id)  # who was merged is found as whom they are now


def _people(job: Job, entries: Sequence[Entry], numbers: set[str]) -> dict[str, list[Any]]:
    """Who these rows are about, by their keys; locked, so that a STOP which is being committed is
    waited for (D14)."""
    for _ in range(_TRIES):
        found = _by_source(job, entries) | _without_source(job, entries, numbers)
        ids = sorted({id_ for people in found.values() for id_ in people})
        rows = db.session.execute(
            select(*_PERSON).where(Person.id.in_(ids)).order_by(Person.id).with_for_update(**LOCK)
        )
        by_id = {row.id: row for row in rows}
        if all(row.merged_into is None for row in by_id.values()):
            return {key: [by_id[id_] for id_ in sorted(people)] for key, people in found.items()}
        # Merged while we waited: now it is known with whom.
    raise Unavailable("These people are being merged. Try again in a moment.")


def _by_source(job: Job, entries: Sequence[Entry]) -> dict[str, set[int]]:
    """By their ID; staff who sign in here and have none yet also by their email."""
    wanted = {entry.source_id: entry for entry in entries if entry.source_id}
    rows = db.session.execute(
        select(Person.source_id, _KEPT).where(
            Person.institution_id == job.institution_id, Person.source_id.in_([*wanted])
        )
    )
    found = {source_id: {person_id} for source_id, person_id in rows if source_id}
    by_email = {
        source_id: entry.email
        for source_id, entry in wanted.items()
        if entry.kind == "staff" and entry.email and source_id not in found
    }
    rows = db.session.execute(
        select(Staff.email, Staff.person_id).where(
            Staff.institution_id == job.institution_id, Staff.email.in_({*by_email.values()})
        )
    )
    accounts = dict(rows.all())
    return found | {
        source_id: {accounts[email]} for source_id, email in by_email.items() if email in accounts
    }


def _without_source(job: Job, entries: Sequence[Entry], numbers: set[str]) -> dict[str, set[int]]:
    """By their name together with their email or, where one of the two has none, a phone."""
    wanted = {entry.key: entry for entry in entries if not entry.source_id}
    if not wanted:
        return {}
    emails = {entry.email for entry in wanted.values() if entry.email}
    names = (_KEPT, Person.email, Person.given_name, Person.family_name)
    inside = Person.institution_id == job.institution_id
    by_email = select(Person.email, *names).where(inside, Person.email.in_(emails))
    by_phone = (
        select(ContactNumber.e164, *names)
        .join(PersonPhone, PersonPhone.contact_number_id == ContactNumber.id)
        .join(Person, Person.id == PersonPhone.person_id)
        .where(inside, ContactNumber.e164.in_(numbers), PersonPhone.removed_at.is_(None))
        .where(ContactNumber.institution_id == job.institution_id)
    )
    found: dict[tuple[str, str], dict[int, str | None]] = defaultdict(dict)
    for address, person_id, email, given, family in [
        *db.session.execute(by_email),
        *db.session.execute(by_phone),
    ]:
        found[address, same_name(f"{given} {family}")][person_id] = email
    people = {key: _same(entry, found) for key, entry in wanted.items()}
    return {key: ids for key, ids in people.items() if ids}


def _same(entry: Entry, found: Mapping[tuple[str, str], Mapping[int, str | None]]) -> set[int]:
    name = same_name(entry.name)
    matched = [found.get((address, name), {}) for address in entry.addresses]
    if entry.email and matched[0]:
        return {*matched[0]}
    return {
        person_id
        for people in matched
        for person_id, email in people.items()
        if not (entry.email and email)
    }


def _phones(ids: Sequence[int]) -> dict[int, dict[str, Any]]:
    rows = db.session.execute(
        select(
            PersonPhone.id,
            PersonPhone.person_id,
            PersonPhone.type,
            PersonPhone.verified_at,
            PersonPhone.imported,
            PersonPhone.removed_at,
            ContactNumber.e164,
        )
        .join(ContactNumber, ContactNumber.id == PersonPhone.contact_number_id)
        .where(PersonPhone.person_id.in_(ids))
        .order_by(PersonPhone.id)
    )
    found: dict[int, dict[str, Any]] = defaultdict(dict)
    for row in rows:
        found[row.person_id][row.e164] = row
    return found


def _advisors(job: Job, names: set[str]) -> dict[str, int]:
    if not (job.links and names):
        return {}
    called: Any = Staff.email if job.by_email else Person.source_id
    rows = db.session.execute(
        select(called, Staff.id)
        .join(Person, Person.id == Staff.person_id)
        .where(Staff.institution_id == job.institution_id, Staff.active, called.in_(names))
    )
    return dict(rows.all())


def _shared(job: Job, numbers: Iterable[str]) -> dict[str, int]:
    rows = db.session.execute(
        select(ContactNumber.e164, func.count(PersonPhone.id))
        .join(PersonPhone, PersonPhone.contact_number_id == ContactNumber.id)
        .where(
            ContactNumber.institution_id == job.institution_id,
            ContactNumber.e164.in_(numbers),
            PersonPhone.removed_at.is_(None),
        )
        .group_by(ContactNumber.e164)
    )
    return Counter(dict(rows.all()))


def _places(job: Job, ids: Sequence[int]) -> dict[int, Place]:
    rows = db.session.execute(
        select(Staff.person_id, Staff.id, Staff.org_unit_id, OrgUnit.name)
        .outerjoin(OrgUnit, OrgUnit.id == Staff.org_unit_id)
        .where(Staff.person_id.in_(ids))
    ).all()
    by_import = _put_by_import(job, [row.id for row in rows if row.org_unit_id])
    return {
        row.person_id: Place(
            row.id, row.org_unit_id, row.name, bool(row.org_unit_id) and row.id not in by_import
        )
        for row in rows
    }


def _put_by_import(job: Job, staff_ids: Sequence[int]) -> set[int]:
    """Whose unit an import gave them last: the audit log knows."""
    by_import = "staff.placed"
    subjects = {f"staff:{staff_id}": staff_id for staff_id in staff_ids}
    found = select(AuditEntry.subject, AuditEntry.action, AuditEntry.detail).where(
        AuditEntry.institution_id == job.institution_id,
        AuditEntry.action.in_([by_import, "staff.changed"]),
        AuditEntry.subject.in_([*subjects]),
    )
    last = {
        row.subject: row.action
        for row in db.session.execute(found.order_by(AuditEntry.id))
        if "org_unit" in row.detail
    }
    return {subjects[subject] for subject, action in last.items() if action == by_import}
