"""Separating: a merge is undone. What moved goes back where it still stands as the merge left it;
what changed since stays with the person who was kept. No status of a number becomes looser."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select, update

from app import clock
from app.database import LOCK, db, retrying, transaction, upsert
from app.errors import Conflict, NotFound
from app.models import (
    Conversation,
    Message,
    Note,
    Person,
    PersonMerge,
    PersonPhone,
    Staff,
)
from app.rules import joining as rules
from app.rules.access import Viewer
from app.services import facts, merging, threads
from app.services.audit import audit
from app.services.joining import LINKS, announce, lock_both, may_merge, plain, require_may_merge
from app.services.merging import IN_THREADS

_TOGETHER = 5000  # ids in one statement


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
        select(PersonMerge, Person, Staff.name)
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
        Undoable(merge.id, other.name, by, merge.at, is_last=n == 0)
        for n, (merge, other, by) in enumerate(rows)
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
        left = _separated(viewer, kept, other, merge.moved)
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


def _separated(viewer: Viewer, kept: Person, other: Person, moved: dict[str, Any]) -> Left:
    other.removed_at = other.merged_into = None
    _fields_back(kept, other, moved["fields"])
    stop = [at for at in (kept.opted_out_at, other.opted_out_at) if at is not None]
    other.opted_out_at = min(stop, default=None)  # a STOP since was one of both
    newer = select(func.count()).where(
        Message.person_id == kept.id, Message.id > moved["last_message"]
    )
    messages = db.session.execute(newer).scalar_one()
    phones = _phones_back(kept, other, moved)
    _threads_back(viewer, kept, other, moved["threads"])
    for ids in _some(moved["messages"]):
        _messages_back(kept, other, ids)
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


def _phones_back(kept: Person, other: Person, moved: dict[str, Any]) -> int:
    """How many stay, because somebody took them away since."""
    here = PersonPhone.person_id == kept.id
    current, past = PersonPhone.removed_at.is_(None), PersonPhone.removed_at.is_not(None)
    back = 0
    for name, as_it_was in (("phones", current), ("past", past)):
        rows = db.session.execute(
            update(PersonPhone)
            .where(PersonPhone.id.in_(moved[name]), here, as_it_was)
            .values(person_id=other.id)
            .returning(PersonPhone.id)
        ).all()
        back += len(rows) if name == "phones" else 0
    back += sum(_twin_back(twin) for twin in moved["twins"])
    return len(moved["phones"]) + len(moved["twins"]) - back


def _twin_back(twin: dict[str, Any]) -> bool:
    """A number that both had; False where it was taken from the kept one since."""
    phone = db.session.get_one(PersonPhone, twin["kept"], populate_existing=True)
    if phone.removed_at is not None:
        return False
    db.session.get_one(PersonPhone, twin["other"]).removed_at = None
    now = plain({name: getattr(phone, name) for name in twin["after"]})
    for name, after in twin["after"].items():
        if now[name] == after:
            setattr(phone, name, _read(name, twin["before"][name]))
    db.session.flush()
    return True


def _read(name: str, value: Any) -> Any:
    """A field of a row, from JSON."""
    return datetime.fromisoformat(value) if name.endswith("_at") and value else value


def _links_back(kept: Person, other: Person, links: dict[str, dict[str, list[Any]]]) -> None:
    for name, (table, to) in LINKS.items():
        theirs = table.person_id == kept.id
        db.session.execute(
            update(table)
            .where(theirs, to.in_(links[name]["moved"]))
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


# The conversations


def _threads_back(viewer: Viewer, kept: Person, other: Person, moved: list[dict[str, Any]]) -> None:
    """What was in the other's conversations is taken out of those in which it is now, whoever holds
    them by now. One that only changed over goes back as a whole, if nothing came into it since."""
    found = {
        name: _where(table, [id_ for thread in moved for id_ in thread[name]], kept)
        for name, table in IN_THREADS.items()
    }
    whole = {thread["id"] for thread in moved if thread["id"] == thread["now"]}
    here = whole | {*found["messages"]} | {*found["notes"]}
    rows = db.session.execute(
        select(Conversation)
        .where(Conversation.id.in_(here), Conversation.person_id == kept.id)
        .order_by(Conversation.id)
    ).scalars()
    for thread in rows.all():
        theirs = {name: ids.get(thread.id, []) for name, ids in found.items()}
        if thread.id in whole and not _has_more(thread, theirs):
            thread.person_id = other.id
            db.session.flush()
        else:
            _take_out(viewer, thread, other, theirs)
        for ids in _some(theirs["messages"]):
            _messages_back(kept, other, ids)


def _where(table: Any, ids: list[int], kept: Person) -> dict[int, list[int]]:
    """By conversation with the kept one: which of these rows are in it."""
    found: dict[int, list[int]] = defaultdict(list)
    for some in _some(ids):
        rows = db.session.execute(
            select(table.conversation_id, table.id)
            .join(Conversation, Conversation.id == table.conversation_id)
            .where(table.id.in_(some), Conversation.person_id == kept.id)
        )
        for thread, id_ in rows:
            found[thread].append(id_)
    return found


def _some(ids: list[int]) -> Iterator[list[int]]:
    for first in range(0, len(ids), _TOGETHER):
        yield ids[first : first + _TOGETHER]


def _has_more(thread: Conversation, theirs: dict[str, list[int]]) -> bool:
    return any(
        db.session.execute(
            select(func.count()).where(table.conversation_id == thread.id)
        ).scalar_one()
        > len(theirs[name])
        for name, table in (("messages", Message), ("notes", Note))
    )


def _take_out(
    viewer: Viewer, thread: Conversation, other: Person, theirs: dict[str, list[int]]
) -> None:
    if not (theirs["messages"] or theirs["notes"]):
        return
    own = threads.open_for(
        viewer.institution_id, thread.staff_id, other, None, thread.last_message_at, thread.id
    )
    leaving = {*theirs["messages"]}
    threads.move_unread(thread, own, lambda text: text.id in leaving)
    for name, table in IN_THREADS.items():
        for ids in _some(theirs[name]):
            db.session.execute(
                update(table)
                .where(table.id.in_(ids), table.conversation_id == thread.id)
                .values(conversation_id=own.id)
                .execution_options(synchronize_session=False)
            )
    numbers = select(PersonPhone.contact_number_id).where(PersonPhone.person_id == other.id)
    if thread.ask_contact_id in set(db.session.execute(numbers).scalars()):
        own.ask_opt_out, own.ask_contact_id = thread.ask_opt_out, thread.ask_contact_id
        thread.ask_opt_out = thread.ask_contact_id = None
    for each in (thread, own):
        threads.summarise(each)
        facts.reopen(viewer.institution_id, each.id)


def _messages_back(kept: Person, other: Person, ids: list[int]) -> None:
    db.session.execute(
        update(Message)
        .where(Message.id.in_(ids), Message.person_id == kept.id)
        .values(person_id=other.id)
        .execution_options(synchronize_session=False)
    )
