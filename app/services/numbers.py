"""Numbers: the pool. Who holds which number, and how it gets there and back. (Those of org units:
`services.sharing`.)"""

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, func, or_, select, true, update

from app import clock
from app.database import LOCK, db, retrying, transaction, upsert
from app.errors import Conflict, Forbidden, NotFound
from app.events import Event, about_conversation, publish
from app.models import (
    Assignment,
    Conversation,
    Institution,
    Message,
    OrgUnit,
    Seats,
    SenderNumber,
    Staff,
)
from app.rules import phones
from app.rules.access import Can, Viewer, Whose, capabilities_of, staff_audience
from app.services import held, org_units
from app.services.audit import audit
from app.services.consent import add_markers
from app.services.merging import merge_threads

STATUSES = ["available", "assigned", "shared", "cooling", "retired"]


def take(
    institution: Institution, number_id: int, staff_id: int, now: datetime, *, seat: bool = True
) -> bool:
    """Assign a free number in the open transaction: compare-and-set, with its place under the
    limit.

    False where somebody was faster, at the number, at the last seat, or as the same person; then
    nothing has changed and the caller looks again (I11). The caller announces it. `seat` False: the
    number is handed on, with the place that it has.
    """
    savepoint = db.session.begin_nested()
    row = {
        "institution_id": institution.id,
        "sender_number_id": number_id,
        "staff_id": staff_id,
        "assigned_at": now,
    }
    made = db.session.execute(
        upsert(Assignment).values(row).on_conflict_do_nothing().returning(Assignment.id)
    ).first()
    if made is None or (seat and not _take_seat(institution)):
        savepoint.rollback()
        return False
    savepoint.commit()
    db.session.execute(
        update(SenderNumber).where(SenderNumber.id == number_id).values(last_used_at=now)
    )
    return True


def _take_seat(institution: Institution) -> bool:
    limit = institution.number_limit
    taken = db.session.execute(
        update(Seats)
        .where(
            Seats.institution_id == institution.id, true() if limit is None else Seats.used < limit
        )
        .values(used=Seats.used + 1)
    )
    return bool(taken.rowcount)  # type: ignore[attr-defined]


def announce(institution_id: int, name: str, number_id: int, *staff_ids: int) -> None:
    audience = (Can.NUMBERS_MANAGE.value, *map(staff_audience, staff_ids))
    publish(institution_id, Event(name, {"number": number_id, "staff": staff_ids[0]}, audience))
    publish(institution_id, Event("usage.changed", {}, ("everybody",)))


def locked(viewer: Viewer, number_id: int) -> SenderNumber:
    """The number, locked. Raises NotFound for another institution's."""
    number = db.session.execute(
        select(SenderNumber)
        .where(SenderNumber.id == number_id, SenderNumber.institution_id == viewer.institution_id)
        .with_for_update(**LOCK)
    ).scalar_one_or_none()
    if number is None:
        raise NotFound("There is no such number.")
    return number


def open_assignment(number_id: int) -> Assignment | None:
    return db.session.execute(
        select(Assignment).where(
            Assignment.sender_number_id == number_id, Assignment.ended_at.is_(None)
        )
    ).scalar_one_or_none()


@retrying
def release(viewer: Viewer, number_id: int) -> None:
    """Delete an assignment: its place is free again, and the number after the cool-off (D26,
    S3-78)."""
    with transaction():
        give_back(viewer, number_id)


def give_back(viewer: Viewer, number_id: int) -> None:
    """As `release`, in the open transaction."""
    number = locked(viewer, number_id)
    assignment = open_assignment(number_id)
    if assignment is None:
        raise Conflict("Nobody holds this number.", code="not_assigned")
    _end(viewer, number, assignment)
    _give_seat_back(viewer.institution_id)


@retrying
def retire(viewer: Viewer, number_id: int) -> None:
    """Take a number out of the pool for good; whoever held it, or shared it, has it no more
    (D26)."""
    with transaction():
        number = locked(viewer, number_id)
        if number.retired_at:
            raise Conflict("This number is retired already.", code="retired")
        unshare(viewer, number)
        if assignment := open_assignment(number_id):
            _end(viewer, number, assignment)
            _give_seat_back(viewer.institution_id)
        number.retired_at = clock.now()
        audit(viewer.institution_id, "number.retired", f"number:{number_id}", viewer.staff_id)
        about = Event("number.retired", {"number": number_id}, (Can.NUMBERS_MANAGE.value,))
        publish(viewer.institution_id, about)
        publish(viewer.institution_id, Event("usage.changed", {}, ("everybody",)))


def unshare(viewer: Viewer, number: SenderNumber) -> None:
    """Take a locked number from the org unit that shares it, where one does, in the open
    transaction: it is in the pool again after the cool-off."""
    if (unit_id := number.org_unit_id) is None:
        return
    now = clock.now()
    institution = db.session.get_one(Institution, viewer.institution_id)
    number.org_unit_id, number.shared_at = None, now
    number.free_from = now + timedelta(days=institution.cool_off_days)
    unit, about = db.session.get_one(OrgUnit, unit_id).name, f"number:{number.id}"
    audit(viewer.institution_id, "number.unshared", about, viewer.staff_id, unit=unit)
    announce_shared(viewer.institution_id, "number.released", number.id, unit_id)


def announce_shared(institution_id: int, name: str, number_id: int, unit_id: int) -> None:
    """A number was given to an org unit, or taken back from it."""
    ids, audience = {"number": number_id, "org_unit": unit_id}, (Can.NUMBERS_MANAGE.value,)
    publish(institution_id, Event(name, ids, audience))
    publish(institution_id, Event("usage.changed", {}, ("everybody",)))
    org_units.announce(institution_id, unit_id)


def require_unshared(number: SenderNumber) -> None:
    """Raises Conflict for a number that an org unit shares: it is nobody's own."""
    if number.org_unit_id is not None:
        unit = db.session.get_one(OrgUnit, number.org_unit_id).name
        raise Conflict(f"{unit} shares this number. Take it back first.", code="shared")


def _end(viewer: Viewer, number: SenderNumber, assignment: Assignment) -> None:
    now = clock.now()
    institution = db.session.get_one(Institution, viewer.institution_id)
    assignment.ended_at, assignment.ended_by = now, viewer.staff_id
    number.free_from = now + timedelta(days=institution.cool_off_days)
    db.session.flush()
    shown = phones.pretty(number.e164, institution.region)
    _mark(assignment.staff_id, number, "number_released", f"{shown} was released")
    audit(
        viewer.institution_id,
        "number.released",
        f"number:{number.id}",
        viewer.staff_id,
        holder=assignment.staff_id,
    )
    announce(viewer.institution_id, "number.released", number.id, assignment.staff_id)


def _give_seat_back(institution_id: int) -> None:
    db.session.execute(
        update(Seats)
        .where(Seats.institution_id == institution_id, Seats.used > 0)
        .values(used=Seats.used - 1)
    )


def _mark(holder: int, number: SenderNumber, name: str, text: str) -> list[int]:
    """Leave a marker in the holder's open threads that used this number; their ids."""
    threads = list(db.session.execute(_threads_on(holder, number.id)).scalars())
    add_markers(threads, number.institution_id, name, text, clock.now())
    whose = Whose(holder, db.session.get_one(Staff, holder).org_unit_id)
    publish(
        number.institution_id,
        *(about_conversation("conversation.changed", id_, whose) for id_ in threads),
    )
    return threads


def _threads_on(holder: int, number_id: int):  # type: ignore[no-untyped-def]
    used = select(Message.id).where(
        Message.conversation_id == Conversation.id, Message.sender_number_id == number_id
    )
    return (
        select(Conversation.id)
        .where(Conversation.staff_id == holder, Conversation.archived_at.is_(None), used.exists())
        .order_by(Conversation.id)
    )


def open_threads(holder: int, number_id: int) -> tuple[int, int]:
    """How many open conversations of the holder have used this number, and how many texts wait
    for later in them."""
    threads = _threads_on(holder, number_id).order_by(None)
    count = select(func.count()).select_from(threads.subquery())
    return db.session.execute(count).scalar_one(), held.waiting_in(threads)


@retrying
def assign(viewer: Viewer, number_id: int, staff_id: int, *, move: bool) -> None:
    """Hand a number straight to a permitted holder (D25).

    `move`: its open conversations go along, and where the new holder has a thread with that person
    already, the two become one; else the old holder keeps them. Raises Conflict where the new
    holder has a number, Forbidden where their role may not hold one.
    """
    with transaction():
        hand_on(viewer, number_id, staff_id, move=move)


def hand_on(viewer: Viewer, number_id: int, staff_id: int, *, move: bool) -> None:
    """As `assign`, in the open transaction."""
    number = locked(viewer, number_id)
    if number.retired_at:
        raise Conflict("This number is retired.", code="retired")
    require_unshared(number)
    new = _permitted_holder(viewer, staff_id)
    old = open_assignment(number_id)
    if old and old.staff_id == staff_id:
        raise Conflict(f"{new.name} holds this number already.", code="already_assigned")
    threads: list[int] = []
    if old:
        old.ended_at, old.ended_by = clock.now(), viewer.staff_id
        db.session.flush()
        shown = phones.pretty(number.e164, viewer.region)
        name = "number_handed_over"
        threads = _mark(old.staff_id, number, name, f"{shown} was handed to {new.name}")
    number.free_from = None
    db.session.flush()
    institution = db.session.get_one(Institution, viewer.institution_id)
    if not take(institution, number_id, staff_id, clock.now(), seat=old is None):
        raise Conflict(_why_not_taken(institution, new))
    announce(viewer.institution_id, "number.assigned", number_id, staff_id)
    if move and threads:
        merge_threads(viewer.institution_id, threads, staff_id)
    audit(
        viewer.institution_id,
        "number.reassigned",
        f"number:{number_id}",
        viewer.staff_id,
        holder=staff_id,
        was=old.staff_id if old else None,
        conversations="move" if move else "keep",
    )


def _permitted_holder(viewer: Viewer, staff_id: int) -> Staff:
    staff = db.session.get(Staff, staff_id)
    if staff is None or staff.institution_id != viewer.institution_id or not staff.active:
        raise NotFound("There is no such member of staff.")
    if Can.TEXT_START not in capabilities_of((r.kind, r.capabilities) for r in staff.roles):
        raise Forbidden(
            f"{staff.name} has no role that may hold a number.", code="role_not_permitted"
        )
    return staff


def _why_not_taken(institution: Institution, staff: Staff) -> str:
    limit = institution.number_limit
    used = db.session.execute(
        select(Seats.used).where(Seats.institution_id == institution.id)
    ).scalar_one()
    if limit is not None and used >= limit:
        return f"All {limit} allowed numbers are in use."
    return f"{staff.name} holds another number already. Delete that assignment first."


def status_of(number: SenderNumber, holder: int | None) -> str:
    """One of `STATUSES`."""
    if number.retired_at:
        return "retired"
    if number.org_unit_id:
        return "shared"
    if holder:
        return "assigned"
    cooling = number.free_from and number.free_from > clock.now()
    return "cooling" if cooling else "available"


def listed(
    viewer: Viewer, limit: int, before: int | None
) -> list[tuple[SenderNumber, Assignment | None]]:
    """The institution's numbers with their open assignments, newest first."""
    rows = db.session.execute(
        select(SenderNumber, Assignment)
        .outerjoin(
            Assignment,
            (Assignment.sender_number_id == SenderNumber.id) & Assignment.ended_at.is_(None),
        )
        .where(
            SenderNumber.institution_id == viewer.institution_id,
            SenderNumber.id < before if before else true(),
        )
        .order_by(SenderNumber.id.desc())
        .limit(limit)
    )
    return [(number, assignment) for number, assignment in rows]


def one(viewer: Viewer, number_id: int) -> tuple[SenderNumber, Assignment | None]:
    number = db.session.get(SenderNumber, number_id)
    if number is None or number.institution_id != viewer.institution_id:
        raise NotFound("There is no such number.")
    return number, open_assignment(number_id)


def available(institution_id: int) -> int:
    """How many numbers an assignment could take now."""
    found = select(func.count()).select_from(SenderNumber)
    return db.session.execute(found.where(free(institution_id, clock.now()))).scalar_one()


def free(institution_id: int, now: datetime) -> ColumnElement[bool]:
    """The numbers that an assignment could take."""
    held = select(Assignment.id).where(
        Assignment.sender_number_id == SenderNumber.id, Assignment.ended_at.is_(None)
    )
    return and_(
        SenderNumber.institution_id == institution_id,
        SenderNumber.retired_at.is_(None),
        SenderNumber.org_unit_id.is_(None),
        or_(SenderNumber.free_from.is_(None), SenderNumber.free_from <= now),
        ~held.exists(),
    )
