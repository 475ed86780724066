"""Merging: conversations change hands, or two people turn out to be one; where the holder has a
thread already, the two become one."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from typing import Any

from sqlalchemy import ColumnElement, and_, delete, func, or_, select, true, update
from sqlalchemy.orm import aliased

from app import clock
from app.database import LOCK, db
from app.events import about_conversation, publish
from app.models import Conversation, Marker, Message, Note, SavedDraft, SenderNumber, Staff
from app.rules.access import Whose
from app.rules.texts import snippet
from app.services import facts, held, threads
from app.services.consent import add_markers

IN_THREADS: dict[str, Any] = {"messages": Message, "notes": Note, "markers": Marker}


def hand_over_threads(
    institution_id: int, thread_ids: list[int], holder: int | None, told: str
) -> dict[int, int]:
    """As `merge_threads`, with a marker in each that says who did what, and a notice to come for
    what is unread."""
    add_markers(thread_ids, institution_id, "handed_over", snippet(told, 300), clock.now())
    became = merge_threads(institution_id, thread_ids, holder)
    db.session.execute(
        update(Conversation).where(Conversation.id.in_(became.values())).values(notified_at=None)
    )
    return became


def merge_threads(institution_id: int, thread_ids: list[int], holder: int | None) -> dict[int, int]:
    """Give threads to a new holder, None = nobody, in the open transaction; the id each one has
    from now on (D25). What others wrote in them for later never leaves under another name.

    Of what is in them nobody is reminded when they become nobody's: whoever decided so was told.
    """
    _lock(institution_id, thread_ids, holder)
    if holder is None:
        _count_as_told(thread_ids)
    held.cancel_in(thread_ids, holder)
    old, kept = aliased(Conversation), aliased(Conversation)
    twins = db.session.execute(
        select(old.id, kept.id)
        .join(
            kept,
            (kept.institution_id == old.institution_id)
            & (kept.staff_id == holder)
            & (kept.id != old.id)
            & (_unit_of(kept) == func.coalesce(_queue(old), 0) if holder is None else true())
            & _with_same(kept, old),
        )
        .where(old.id.in_(thread_ids))
    ).all()
    became = {thread: thread for thread in thread_ids}
    for gone, stays in twins:
        _pour(gone, stays)
        became[gone] = stays
    moved = [thread for thread, now in became.items() if thread == now]
    db.session.execute(
        update(Conversation)
        .where(Conversation.id.in_(moved))
        .values(
            staff_id=holder,
            archived_at=None,
            snoozed_until=None,
            org_unit_id=_queue(Conversation) if holder is None else threads.unit_of(holder),
        )
    )
    _tell(institution_id, set(became.values()))
    return became


def move_up(institution_id: int, unit_id: int, parent_id: int | None) -> None:
    """All conversations of an org unit into the one above it, None = into none, in the open
    transaction; where nobody's is there already with the same person, the two become one."""
    there = Conversation.org_unit_id == unit_id
    _lock(institution_id, select(Conversation.id).where(there), None)
    old, kept = aliased(Conversation), aliased(Conversation)
    above = kept.org_unit_id.is_(None) if parent_id is None else kept.org_unit_id == parent_id
    twins = select(old.id, kept.id).join(
        kept,
        (kept.institution_id == old.institution_id)
        & kept.staff_id.is_(None)
        & above
        & _with_same(kept, old),
    )
    for gone, stays in db.session.execute(
        twins.where(old.org_unit_id == unit_id, old.staff_id.is_(None)).order_by(old.id)
    ).all():
        merge_into(institution_id, gone, stays)
    db.session.execute(
        update(Conversation)
        .where(there)
        .values(org_unit_id=parent_id)
        .execution_options(synchronize_session=False)
    )


def _with_same(one: Any, other: Any) -> ColumnElement[bool]:
    """Two conversations with the same person, or with the same number that is nobody's."""
    nobodys = one.person_id.is_(None) & other.person_id.is_(None)
    number = one.contact_number_id == other.contact_number_id
    return or_(one.person_id == other.person_id, nobodys & number)


def _unit_of(thread: Any) -> ColumnElement[int]:
    """Which of nobody's conversations with somebody it is: there is one in each unit."""
    return func.coalesce(thread.org_unit_id, 0)


def _count_as_told(thread_ids: list[int]) -> None:
    db.session.execute(
        update(Conversation)
        .where(Conversation.id.in_(thread_ids))
        .values(reminded_at=Conversation.last_message_at)
    )


def _queue(thread: Any) -> Any:
    """The org unit in which a conversation waits that becomes nobody's: the one that shares the
    number they wrote to, else where it was."""
    shares = select(SenderNumber.org_unit_id).where(SenderNumber.id == thread.in_number_id)
    return func.coalesce(shares.correlate(thread).scalar_subquery(), thread.org_unit_id)


def _tell(institution_id: int, thread_ids: Iterable[int]) -> None:
    """Whoever sees these now."""
    rows = db.session.execute(
        select(Conversation.id, Conversation.staff_id, Conversation.org_unit_id)
        .where(Conversation.id.in_(thread_ids))
        .order_by(Conversation.id)
    )
    changed = "conversation.changed"
    publish(
        institution_id, *(about_conversation(changed, id_, Whose(*whose)) for id_, *whose in rows)
    )


def _lock(institution_id: int, thread_ids: Any, holder: int | None) -> None:
    """The threads that move and those that may take them up, in the order of their ids.
    `thread_ids`: a list, or a query for them.

    The holder comes first: of two threads that go to one of them at once, which meet there only,
    the second waits and finds the first.
    """
    if holder is not None:
        db.session.execute(select(Staff.id).where(Staff.id == holder).with_for_update(**LOCK))
    people = select(Conversation.person_id).where(Conversation.id.in_(thread_ids))
    numbers = select(Conversation.contact_number_id).where(Conversation.id.in_(thread_ids))
    theirs = and_(
        Conversation.institution_id == institution_id,
        Conversation.staff_id == holder,
        or_(Conversation.person_id.in_(people), Conversation.contact_number_id.in_(numbers)),
    )
    db.session.execute(
        select(Conversation)
        .where(or_(Conversation.id.in_(thread_ids), theirs))
        .order_by(Conversation.id)
        .with_for_update()  # whole: some of them are deleted
        .execution_options(populate_existing=True)
    ).scalars().all()


def _pour(gone: int, stays: int) -> None:
    """All that is in one thread into another; the emptied row goes."""
    db.session.execute(delete(SavedDraft).where(SavedDraft.conversation_id == gone))
    for table in IN_THREADS.values():
        db.session.execute(
            update(table).where(table.conversation_id == gone).values(conversation_id=stays)
        )
    a, b = (db.session.get_one(Conversation, thread) for thread in (gone, stays))
    b.unread += a.unread
    told = a.reminded_at and b.reminded_at and min(a.reminded_at, b.reminded_at)
    b.reminded_at = told  # what was told of in one of them may be waiting in the other
    if a.ask_opt_out and not b.ask_opt_out:
        b.ask_opt_out, b.ask_contact_id = a.ask_opt_out, a.ask_contact_id
    said = a.last_message_id is not None
    if said and (b.last_message_id is None or a.last_message_at > b.last_message_at):
        b.last_message_at, b.snippet = a.last_message_at, a.snippet
        b.last_direction, b.last_message_id = a.last_direction, a.last_message_id
    latest_inbound = db.session.execute(
        select(func.max(Message.id)).where(
            Message.conversation_id == stays, Message.direction == "inbound"
        )
    ).scalar_one()
    if latest_inbound:
        text = db.session.get_one(Message, latest_inbound)
        b.in_contact_id, b.in_number_id = text.contact_number_id, text.sender_number_id
    b.archived_at = b.snoozed_until = None
    db.session.flush()
    db.session.execute(delete(Conversation).where(Conversation.id == gone))
    facts.reopen(b.institution_id, stays)
    db.session.expire(b)


def _move_drafts(gone: int, stays: int) -> None:
    """What somebody has half written goes along, unless they have that in the other thread too."""
    have = select(SavedDraft.staff_id).where(SavedDraft.conversation_id == stays)
    db.session.execute(
        update(SavedDraft)
        .where(SavedDraft.conversation_id == gone, SavedDraft.staff_id.not_in(have))
        .values(conversation_id=stays)
        .execution_options(synchronize_session=False)
    )


def merge_into(institution_id: int, gone: int, stays: int) -> None:
    """One thread into another of the same holder, in the open transaction; the emptied row goes."""
    rows = db.session.execute(
        select(Conversation)
        .where(Conversation.id.in_([gone, stays]))
        .order_by(Conversation.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).scalars()
    whose = {thread.id: thread.whose for thread in rows}[stays]
    _move_drafts(gone, stays)
    _pour(gone, stays)
    publish(
        institution_id,
        *(about_conversation("conversation.changed", id_, whose) for id_ in (gone, stays)),
    )


# One person


def lock_threads_with(person_ids: Collection[int]) -> None:
    """All conversations with these people, whole, in the order of their ids."""
    db.session.execute(
        select(Conversation)
        .where(Conversation.person_id.in_(person_ids))
        .order_by(Conversation.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).scalars().all()


def follow(institution_id: int, other: int, kept: int) -> list[dict[str, Any]]:
    """All conversations with one person are with another from now on, in the open transaction that
    has locked them; where a holder has some with both, the two become one (D25).

    What was in each: {"id", "now": the conversation it is in now, "messages", "notes", "markers"
    (ids), "unread", "kept_unread": of the one that it went into}.
    """
    old, same = aliased(Conversation), aliased(Conversation)
    is_same = and_(
        same.person_id == kept,
        func.coalesce(same.staff_id, 0) == func.coalesce(old.staff_id, 0),
        or_(same.staff_id.is_not(None), _unit_of(same) == _unit_of(old)),
    )
    became = {
        gone: stays or gone
        for gone, stays in db.session.execute(
            select(old.id, same.id)
            .outerjoin(same, is_same)
            .where(old.person_id == other)
            .order_by(old.id)
        )
    }
    contents = {name: _contents(table, became) for name, table in IN_THREADS.items()}
    unread = _unread({*became, *became.values()})
    _tell(institution_id, became)
    for gone, stays in became.items():
        if gone != stays:
            _move_drafts(gone, stays)
            _pour(gone, stays)
    db.session.execute(
        update(Conversation).where(Conversation.person_id == other).values(person_id=kept)
    )
    return [
        {
            "id": gone,
            "now": stays,
            "unread": unread[gone],
            "kept_unread": unread[stays] if stays != gone else 0,
            **{name: found[gone] for name, found in contents.items()},
        }
        for gone, stays in became.items()
    ]


def _unread(thread_ids: Collection[int]) -> dict[int, int]:
    rows = select(Conversation.id, Conversation.unread).where(Conversation.id.in_(thread_ids))
    return dict(db.session.execute(rows).all())


def _contents(table: Any, thread_ids: Collection[int]) -> dict[int, list[int]]:
    rows = db.session.execute(
        select(table.conversation_id, table.id)
        .where(table.conversation_id.in_(thread_ids))
        .order_by(table.id)
    )
    found: dict[int, list[int]] = defaultdict(list)
    for thread, id_ in rows:
        found[thread].append(id_)
    return found


def mark_and_tell(institution_id: int, person_ids: Collection[int], name: str, told: str) -> None:
    """Leave a marker in every conversation with these people, and tell who sees them."""
    with_them = select(Conversation.id).where(Conversation.person_id.in_(person_ids))
    found = list(db.session.execute(with_them.order_by(Conversation.id)).scalars())
    add_markers(found, institution_id, name, snippet(told, 400), clock.now())
    _tell(institution_id, found)
