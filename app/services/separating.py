"""Separating: a merge is undone. What moved goes back where it still stands as the merge left it;
what changed since stays with the person who was kept. No status of a number becomes looser."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select, update

from app import clock
from app.database import LOCK, db, retrying, transaction, upsert
from app.errors import Conflict, NotFound
from app.models import ContactNumber, Message, Person, PersonMerge, PersonPhone, Staff
from app.rules import joining as rules
from app.rules.access import Viewer
from app.rules.consent import ConsentEvent, DisabledBy, SmsStatus
from app.rules.history import ADDED_AFTER_STOP
from app.services import consent, held, merging, parting
from app.services.audit import audit
from app.services.joining import LINKS, announce, lock_both, may_merge, plain, require_may_merge

# What can be undone


@dataclass(frozen=True, slots=True)
class Undoable:
    """`other`, `by`: names. `is_last`: only the latest one can be undone now."""

    id: int
    other: str
    by: str
    at: datetime
    is_last: bool

    @property
    def until(self) -> datetime:
        return self.at + rules.UNDO_FOR


def undoable(viewer: Viewer, person_id: int) -> list[Undoable]:
    """The merges into this person that may still be undone, the latest first."""
    if not may_merge(viewer):
        return []
    rows = db.session.execute(
        select(PersonMerge.id, PersonMerge.at, Person, Staff.name)
        .join(Person, Person.id == PersonMerge.other_id)
        .join(Staff, Staff.id == PersonMerge.staff_id)
        .where(
            PersonMerge.kept_id == person_id,
            PersonMerge.institution_id == viewer.institution_id,
            PersonMerge.undone_at.is_(None),
            PersonMerge.at > clock.now() - rules.UNDO_FOR,
        )
        .order_by(PersonMerge.id.desc())
    ).all()
    return [
        Undoable(merge_id, other.name, by, at, is_last=n == 0)
        for n, (merge_id, at, other, by) in enumerate(rows)
    ]


def one(viewer: Viewer, merge_id: int) -> PersonMerge:
    merge = db.session.get(PersonMerge, merge_id)
    if merge is None or merge.institution_id != viewer.institution_id:
        raise NotFound("There is no such merge.")
    return merge


# Undoing


@dataclass(frozen=True, slots=True)
class Left:
    """What stays with the person who was kept: phones that were taken away since, and messages that
    are newer than the merge."""

    kept_id: int
    kept: str
    other: str
    phones: int
    messages: int


@retrying
def undo(viewer: Viewer, merge_id: int) -> Left:
    """Raises Conflict with the code of a `Late`."""
    require_may_merge(viewer)
    with transaction():
        merge = one(viewer, merge_id)
        ids = sorted((merge.kept_id, merge.other_id))
        lock_both(ids)
        db.session.refresh(merge, with_for_update=LOCK)
        now = clock.now()
        undone, is_last = merge.undone_at is not None, _is_last(merge)
        if (late := rules.too_late(merge.at, now, undone=undone, is_last=is_last)) is not None:
            raise Conflict(rules.WHY_LATE[late], code=late.value)
        kept, other = (db.session.get_one(Person, id_) for id_ in (merge.kept_id, merge.other_id))
        left = _separated(viewer, kept, other, merge)
        merge.undone_at, merge.undone_by = now, viewer.staff_id
        told = rules.told_undone(kept.name, other.name, viewer.name)
        merging.mark_and_tell(viewer.institution_id, ids, "unmerged", told)
        announce(viewer, kept, other)
        subject, by = f"person:{kept.id}", viewer.staff_id
        audit(viewer.institution_id, "person.unmerged", subject, by, person=other.id)
        return left


def _is_last(merge: PersonMerge) -> bool:
    """Nothing was merged into the kept one since, nor the kept one into another."""
    later = select(PersonMerge.id).where(
        PersonMerge.id > merge.id,
        PersonMerge.undone_at.is_(None),
        (PersonMerge.kept_id == merge.kept_id) | (PersonMerge.other_id == merge.kept_id),
    )
    return db.session.execute(later.limit(1)).first() is None


def _separated(viewer: Viewer, kept: Person, other: Person, merge: PersonMerge) -> Left:
    moved, last = merge.moved, merge.moved["last_message"]
    other.removed_at = other.merged_into = None
    _fields_back(kept, other, moved["fields"])
    stop = [at for at in (kept.opted_out_at, other.opted_out_at) if at is not None]
    other.opted_out_at = min(stop, default=None)  # a STOP since was one of both
    held.cancel_since(kept.id, last, f"{kept.name} was one with another record until now.")
    phones = _phones_back(viewer, kept, other, merge)
    since = parting.texts_since(kept, other, last)
    newer = select(func.count()).where(Message.person_id == kept.id, Message.id > last)
    messages = db.session.execute(newer).scalar_one() - len(since)
    parting.threads_back(viewer, kept, other, moved, since)
    parting.messages_back(kept, other, moved["messages"])
    _links_back(kept, other, moved["links"])
    for table, column, name in (
        (Staff, Staff.person_id, "accounts"),
        (Person, Person.merged_into, "merged"),
    ):
        db.session.execute(
            update(table)
            .where(table.id.in_(moved[name]), column == kept.id)
            .values({column: other.id})
        )
    return Left(kept.id, kept.name, other.name, phones, messages)


def _fields_back(kept: Person, other: Person, fields: dict[str, list[Any]]) -> None:
    """What was filled in and says the same still."""
    for name, (before, after) in fields.items():
        if getattr(kept, name) == after:
            setattr(kept, name, before)
            db.session.flush()  # two people never have one ID
            if name == "source_id":
                other.source_id = after
    db.session.flush()


def _phones_back(viewer: Viewer, kept: Person, other: Person, merge: PersonMerge) -> int:
    """How many stay, because somebody took them away since. What an import took away comes back:
    it knew the two as one."""
    moved = merge.moved
    rows = db.session.execute(
        select(PersonPhone)
        .where(PersonPhone.person_id.in_([kept.id, other.id]))
        .order_by(PersonPhone.id)
        .execution_options(populate_existing=True)
    ).scalars()
    phones = {phone.id: phone for phone in rows}
    was_there = {id_: phone.removed_at is None for id_, phone in phones.items()}
    back = 0
    for id_ in (*moved["phones"], *moved["past"]):
        phone, is_past = phones[id_], id_ in moved["past"]
        if phone.person_id != kept.id or is_past is _is_there(phone, kept, merge.at):
            continue
        phone.person_id = other.id
        if not is_past:
            phone.removed_at = None
            back += 1
    twins = [(phones[twin["kept"]], phones[twin["other"]], twin) for twin in moved["twins"]]
    back += sum(_twin_back(kept, *twin, merge.at) for twin in twins)
    apart = {*moved["phones"], *moved["past"], *(twin["kept"] for twin in moved["twins"])}
    for id_, phone in phones.items():
        own = phone.person_id == kept.id and id_ not in apart
        if own and phone.removed_at is not None and _is_there(phone, kept, merge.at):
            phone.removed_at = kept.removed_at
    db.session.flush()
    for person in (kept, other):
        theirs = [phone for phone in phones.values() if phone.person_id == person.id]
        _keep_stop(person, [phone.contact_number for phone in theirs if phone.removed_at is None])
    _as_added(
        viewer,
        [p for id_, p in phones.items() if p.removed_at is None and not was_there[id_]],
        {person.id for person in (kept, other) if person.opted_out_at},
    )
    return len(moved["phones"]) + len(moved["twins"]) - back


def _is_there(phone: PersonPhone, kept: Person, merged_at: datetime) -> bool:
    """Unless a person of ours took it away: not for an import that took it, or all of them."""
    at = phone.removed_at
    return at is None or at == kept.removed_at or (phone.imported and at > merged_at)


def _twin_back(
    kept: Person, phone: PersonPhone, again: PersonPhone, twin: dict[str, Any], merged_at: datetime
) -> bool:
    """A number that both had; False where it was taken from the kept one since."""
    if not _is_there(phone, kept, merged_at):
        return False
    phone.removed_at = again.removed_at = None
    now = plain({name: getattr(phone, name) for name in twin["after"]})
    for name, after in twin["after"].items():
        if now[name] == after:
            setattr(phone, name, _read(name, twin["before"][name]))
    if phone.removed_at is None:
        phone.removed_at = kept.removed_at
    return True


def _keep_stop(person: Person, numbers: list[ContactNumber]) -> None:
    """A START on a number of the one lifted the mark of both; the STOP of the other one holds, as
    long as they have not said otherwise (S3-54, D14)."""
    if person.opted_out_at or any(n.status is SmsStatus.ENABLED for n in numbers):
        return
    stopped = [n.changed_at or clock.now() for n in numbers if n.disabled_by is DisabledBy.OWN_STOP]
    person.opted_out_at = min(stopped, default=None)


def _as_added(viewer: Viewer, phones: list[PersonPhone], opted_out: set[int]) -> None:
    """Of a person who said STOP meanwhile: as any number that is added (D14)."""
    changes = [
        consent.Change(
            phone.contact_number_id,
            ConsentEvent.PERSON_OPTED_OUT,
            ADDED_AFTER_STOP,
            viewer.staff_id,
        )
        for phone in phones
        if phone.person_id in opted_out and phone.contact_number.status is SmsStatus.DEFAULT
    ]
    consent.apply(viewer.institution_id, changes, clock.now())


def _read(name: str, value: Any) -> Any:
    """A field of a row, from JSON."""
    return datetime.fromisoformat(value) if name.endswith("_at") and value else value


def _links_back(kept: Person, other: Person, links: dict[str, dict[str, list[Any]]]) -> None:
    for name, (table, to) in LINKS.items():
        theirs = table.person_id == kept.id
        have = select(to).where(table.person_id == other.id)
        db.session.execute(
            update(table)
            .where(theirs, to.in_(links[name]["moved"]), to.not_in(have))
            .values(person_id=other.id)
            .execution_options(synchronize_session=False)
        )
        still = {*db.session.execute(select(to).where(theirs)).scalars()}
        rows = [
            {field: _read(field, value) for field, value in row.items()}
            for row in links[name]["both"]
            if row[to.key] in still
        ]
        if rows:
            db.session.execute(upsert(table).on_conflict_do_nothing(), rows)
