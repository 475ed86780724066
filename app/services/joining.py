"""Joining: two records of one person become one, and stay one until that is undone (`separating`).

What moved is written down in the same transaction: the ids of the rows, and the fields before and
after. The numbers, the conversations and the two people are locked, so a STOP or a text that comes
in the same moment is either before all of it or after all of it.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, select, update

from app import clock
from app.database import db, retrying, transaction
from app.errors import Conflict, Forbidden, Invalid
from app.models import (
    Advisee,
    Guardianship,
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
from app.rules.joining import Hindrance, Joined
from app.services import consent, held, merging, people
from app.services.audit import audit
from app.services.comparing import records, two


def may_merge(viewer: Viewer) -> bool:
    """It moves everybody's conversations with both, so it takes the right to read them."""
    return viewer.can(Can.PEOPLE_EDIT) and viewer.can(Can.INBOX_ALL)


def require_may_merge(viewer: Viewer) -> None:
    if not may_merge(viewer):
        raise Forbidden(
            "Merging moves conversations of others. It takes the right to read everybody’s."
        )


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
        found = two(viewer, ids)
        lock_both(ids)
        known = records(found)
        kept, other = known[person_id], known[other_id]
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
    moved["links"] = _move_links(kept, other)
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
    silent = [person for person in (kept, other) if person.opted_out_at is None]
    name, record = kept.given_name or kept.name, "another record"
    if len(silent) == 1 and silent[0] is kept:
        name = other.given_name or other.name
    if len(silent) == 2:
        record = "a number of both records"
    kept.opted_out_at = plan.opted_out_at
    if not silent or plan.opted_out_at is None:
        return
    told = f"{name} opted out of texts on {record}, so none goes to any number"
    by, stopped = viewer.staff_id, ConsentEvent.PERSON_OPTED_OUT
    changes = [consent.Change(c, stopped, MERGED_AFTER_STOP, by) for c in plan.silenced]
    consent.apply(viewer.institution_id, changes, now)
    for person in silent:
        held.cancel_to(person.id, 0, told)
        consent.mark_threads(viewer.institution_id, 0, person.id, "opted_out", told, now)


# What the links of a person are to, and what else they say.
LINKS: dict[str, tuple[Any, Any]] = {
    "advisors": (Advisee, Advisee.staff_id),
    "guardians": (Guardianship, Guardianship.source_id),
}


def _move_links(kept: Person, other: Person) -> dict[str, dict[str, list[Any]]]:
    """`moved`: what the links that changed over are to; `both`: those of the other one to what the
    kept one was linked to as well, whole."""
    found = {}
    for name, (table, to) in LINKS.items():
        have = select(to).where(table.person_id == kept.id)
        ended = delete(table).where(table.person_id == other.id, to.in_(have))
        both = db.session.execute(ended.returning(*table.__table__.columns)).all()
        moved = db.session.execute(
            update(table)
            .where(table.person_id == other.id)
            .values(person_id=kept.id)
            .returning(to)
            .execution_options(synchronize_session=False)
        ).scalars()
        found[name] = {"moved": sorted(moved), "both": [plain(row._asdict()) for row in both]}
    return found


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
