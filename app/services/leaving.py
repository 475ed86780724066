"""Leaving: an account is deactivated, and what was theirs finds somebody else, in one step."""

from dataclasses import dataclass

from sqlalchemy import delete, func, or_, select, update

from app.database import LOCK, db, retrying, transaction
from app.errors import Conflict, Invalid, NotFound
from app.events import about_conversation, publish
from app.models import (
    MESSAGE_HELD,
    Advisee,
    Assignment,
    Conversation,
    Message,
    SenderNumber,
    Staff,
)
from app.rules.access import Viewer, Whose
from app.rules.lifecycle import Status
from app.services import numbers, passwords, people, roles, sessions, staff
from app.services.audit import audit
from app.services.merging import hand_over_threads


@dataclass(frozen=True, slots=True)
class Left:
    """What somebody would leave behind. `number`: (id, E.164) of the one they hold. The others are
    counts: conversations that are not archived, texts for later, students."""

    number: tuple[int, str] | None
    conversations: int
    texts: int
    students: int


@dataclass(frozen=True, slots=True)
class Plan:
    """Who gets what, by staff id. None: the number goes back to the pool, the conversations become
    unclaimed, the students are nobody's. `keep_texts`: the texts for later go along with the
    conversations; else they are canceled."""

    number: int | None = None
    conversations: int | None = None
    keep_texts: bool = False
    students: int | None = None


def left_by(viewer: Viewer, staff_id: int) -> Left:
    staff.one(viewer, staff_id)
    number = db.session.execute(
        select(SenderNumber.id, SenderNumber.e164)
        .join(Assignment, Assignment.sender_number_id == SenderNumber.id)
        .where(Assignment.staff_id == staff_id, Assignment.ended_at.is_(None))
    ).first()
    threads = select(func.count()).where(
        Conversation.staff_id == staff_id, Conversation.archived_at.is_(None)
    )
    texts = select(func.count()).where(*_held(staff_id))
    students = select(func.count()).where(Advisee.staff_id == staff_id)
    counts = select(threads.scalar_subquery(), texts.scalar_subquery(), students.scalar_subquery())
    found = (number[0], number[1]) if number else None
    return Left(found, *db.session.execute(counts).one())


def _held(staff_id: int):  # type: ignore[no-untyped-def]
    """Their texts for later."""
    return MESSAGE_HELD, Message.staff_id == staff_id


@retrying
def deactivate(viewer: Viewer, staff_id: int, plan: Plan) -> None:
    """End the account with its sessions and tokens, and carry out the plan; all or nothing (I23).

    Raises Conflict for the last administrator, Invalid for a colleague who cannot take over; as
    `numbers.assign` for the number.
    """
    if plan.keep_texts and plan.conversations is None:
        raise Invalid("texts", "They can only go to whoever gets the conversations.")
    with transaction():
        roles.lock(viewer.institution_id)
        leaver = staff.one(viewer, staff_id)
        if not leaver.active:
            raise Conflict(f"{leaver.name} is deactivated already.", code="already_deactivated")
        for field in ("number", "conversations", "students"):
            _check(viewer, staff_id, field, getattr(plan, field))
        leaver.active = False
        db.session.flush()
        roles.require_an_administrator(viewer.institution_id)
        sessions.end_all(staff_id)
        passwords.end_links(staff_id)
        _settle_number(viewer, staff_id, plan.number)
        texts = _settle_texts(viewer, staff_id, plan)
        threads = _settle_threads(viewer, leaver, plan, texts)
        _settle_students(viewer, staff_id, plan.students)
        audit(
            viewer.institution_id,
            "staff.deactivated",
            f"staff:{staff_id}",
            viewer.staff_id,
            number=plan.number,
            conversations=plan.conversations,
            moved=threads,
            texts="moved" if plan.keep_texts else "canceled",
            students=plan.students,
        )
        staff.announce(leaver)


def _check(viewer: Viewer, staff_id: int, field: str, to: int | None) -> None:
    if to is None:
        return
    try:
        colleague = staff.one(viewer, to)
    except NotFound:
        colleague = None
    if colleague is None or not colleague.active or to == staff_id:
        raise Invalid(field, "Choose an active colleague.")


def _settle_number(viewer: Viewer, staff_id: int, to: int | None) -> None:
    number_id = db.session.execute(
        select(Assignment.sender_number_id).where(
            Assignment.staff_id == staff_id, Assignment.ended_at.is_(None)
        )
    ).scalar_one_or_none()
    if number_id is None:
        return
    if to is None:
        numbers.give_back(viewer, number_id)
    else:
        numbers.hand_on(viewer, number_id, to, move=False)


def _settle_texts(viewer: Viewer, staff_id: int, plan: Plan) -> list[int]:
    """Cancel the texts for later, or make the new holder of their conversation their writer; the
    conversations that go along because of them."""
    held = db.session.execute(
        select(Message.id, Message.conversation_id, Conversation.staff_id, Conversation.org_unit_id)
        .join(Conversation, Conversation.id == Message.conversation_id)
        .where(*_held(staff_id))
        .order_by(Message.id)
        .with_for_update(**LOCK, of=Message)
    ).all()
    kept = [row for row in held if plan.keep_texts and row.staff_id == staff_id]
    canceled = [row for row in held if row not in kept]
    db.session.execute(
        update(Message)
        .where(Message.id.in_([row.id for row in kept]))
        .values(staff_id=plan.conversations, idempotency_key=None)
    )
    db.session.execute(
        update(Message)
        .where(Message.id.in_([row.id for row in canceled]))
        .values(
            status=Status.CANCELED,
            error_code="no_writer",
            error_message="Its writer has no account any more.",
        )
    )
    name, word = "message.status_changed", Status.CANCELED.word
    publish(
        viewer.institution_id,
        *(
            about_conversation(
                name,
                row.conversation_id,
                Whose(row.staff_id, row.org_unit_id),
                word,
                message=row.id,
            )
            for row in canceled
        ),
    )
    return sorted({row.conversation_id for row in kept})


def _settle_threads(viewer: Viewer, leaver: Staff, plan: Plan, also: list[int]) -> int:
    """Their open conversations, and `also` these; how many."""
    threads = list(
        db.session.execute(
            select(Conversation.id)
            .where(
                Conversation.staff_id == leaver.id,
                or_(Conversation.archived_at.is_(None), Conversation.id.in_(also)),
            )
            .order_by(Conversation.id)
        ).scalars()
    )
    if threads:
        to = staff.one(viewer, plan.conversations).name if plan.conversations else "nobody yet"
        told = f"{leaver.name} left, and {viewer.name} handed this conversation to {to}"
        hand_over_threads(viewer.institution_id, threads, plan.conversations, told)
    return len(threads)


def _settle_students(viewer: Viewer, staff_id: int, to: int | None) -> None:
    students = select(Advisee.person_id).where(Advisee.staff_id == staff_id)
    for person_id in db.session.execute(students).scalars().all():
        people.announce(viewer.institution_id, person_id)
    if to is not None:
        theirs = select(Advisee.person_id).where(Advisee.staff_id == to)
        db.session.execute(
            update(Advisee)
            .where(Advisee.staff_id == staff_id, Advisee.person_id.not_in(theirs))
            .values(staff_id=to)
        )
    db.session.execute(delete(Advisee).where(Advisee.staff_id == staff_id))


def reactivate(viewer: Viewer, staff_id: int) -> None:
    """Let somebody sign in again, with the roles and the password they had."""
    with transaction():
        roles.lock(viewer.institution_id)
        back = staff.one(viewer, staff_id)
        if back.active:
            raise Conflict(f"{back.name} is active already.", code="already_active")
        roles.require_may_grant(viewer, *roles.rights_of(back.roles))
        back.active = True
        audit(viewer.institution_id, "staff.reactivated", f"staff:{staff_id}", viewer.staff_id)
        staff.announce(back)
