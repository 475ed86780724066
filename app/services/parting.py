"""Parting: the conversations of two people who were one for a while. What was in the other's goes
back to them, and what was texted since with a number that is theirs alone."""

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from sqlalchemy import func, select, update

from app.database import db
from app.models import Conversation, Direction, Message, Note, Person, PersonPhone
from app.rules.access import Viewer
from app.services import asking, facts, threads
from app.services.merging import IN_THREADS

_TOGETHER = 5000  # ids in one statement


def texts_since(kept: Person, other: Person, last_message: int) -> list[int]:
    """The texts since the merge with numbers that the other one has and the kept one has not. The
    phones are back by now."""
    theirs, own = (
        select(PersonPhone.contact_number_id).where(
            PersonPhone.person_id == person.id, PersonPhone.removed_at.is_(None)
        )
        for person in (other, kept)
    )
    rows = db.session.execute(
        select(Message.id)
        .where(
            Message.person_id == kept.id,
            Message.id > last_message,
            Message.contact_number_id.in_(theirs),
            Message.contact_number_id.not_in(own),
        )
        .order_by(Message.id)
    )
    return list(rows.scalars())


def threads_back(
    viewer: Viewer, kept: Person, other: Person, moved: dict[str, Any], since: list[int]
) -> None:
    """What was in the other's conversations is taken out of those in which it is now, whoever holds
    them by now, and the texts `since`. One with nothing else in it goes back as a whole."""
    records = moved["threads"]
    found = {
        name: _where(table, [id_ for thread in records for id_ in thread[name]], kept)
        for name, table in IN_THREADS.items()
    }
    for thread_id, ids in _where(Message, since, kept).items():
        found["messages"][thread_id] += ids
    whole = {thread["id"] for thread in records if thread["id"] == thread["now"]}
    here = whole | {*found["messages"]} | {*found["notes"]}
    rows = db.session.execute(
        select(Conversation)
        .where(Conversation.id.in_(here), Conversation.person_id == kept.id)
        .order_by(Conversation.id)
    ).scalars()
    became = {thread["now"]: thread for thread in records}
    for thread in rows.all():
        theirs = {name: ids.get(thread.id, []) for name, ids in found.items()}
        if not _has_more(thread, theirs):
            thread.person_id = other.id
            db.session.flush()
        else:
            unread = _unread(thread, became.get(thread.id), theirs, moved["last_message"])
            _take_out(viewer, thread, other, theirs, unread)
        messages_back(kept, other, theirs["messages"])


def _unread(
    thread: Conversation,
    then: dict[str, Any] | None,
    theirs: dict[str, list[int]],
    last_message: int,
) -> int | None:
    """How many of the unread texts are the other one's, by what was unread at the merge; None where
    somebody has read the conversation since."""
    inbound = db.session.execute(
        select(Message.id).where(
            Message.conversation_id == thread.id,
            Message.direction == Direction.INBOUND,
            Message.id > last_message,
        )
    ).scalars()
    newer = {*inbound}
    if then is None or thread.unread < then["unread"] + then["kept_unread"] + len(newer):
        return None
    return int(then["unread"]) + len(newer & {*theirs["messages"]})


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
    viewer: Viewer,
    thread: Conversation,
    other: Person,
    theirs: dict[str, list[int]],
    unread: int | None,
) -> None:
    if not (theirs["messages"] or theirs["notes"]):
        return
    own = threads.open_for(viewer.institution_id, thread.whose, other, None, thread.last_message_at)
    leaving = {*theirs["messages"]}
    if unread is None:  # the latest ones
        threads.move_unread(thread, own, lambda text: text.id in leaving)
    else:
        thread.unread -= unread
        own.unread += unread
    for name, table in IN_THREADS.items():
        for ids in _some(theirs[name]):
            db.session.execute(
                update(table)
                .where(table.id.in_(ids), table.conversation_id == thread.id)
                .values(conversation_id=own.id)
                .execution_options(synchronize_session=False)
            )
    for each in (thread, own):
        asking.ask_next(each)  # each text takes its question along
        threads.summarise(each)
        facts.reopen(viewer.institution_id, each.id)


def messages_back(kept: Person, other: Person, ids: list[int]) -> None:
    for some in _some(ids):
        db.session.execute(
            update(Message)
            .where(Message.id.in_(some), Message.person_id == kept.id)
            .values(person_id=other.id)
            .execution_options(synchronize_session=False)
        )
