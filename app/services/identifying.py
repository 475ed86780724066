"""Identifying: "who is this?" The number of a thread becomes somebody's, or is taken from the wrong
person; what was said goes along. The consent of the number is its own and stays (D13, D22)."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import and_, or_, select, update
from sqlalchemy.exc import IntegrityError

from app import clock
from app.database import db, retrying, transaction
from app.errors import Conflict, Forbidden, NotFound
from app.events import about_conversation, publish
from app.models import ContactNumber, Conversation, Message, Person, PersonPhone
from app.rules.access import Can, Viewer, Whose
from app.rules.lifecycle import Status
from app.rules.phones import PhoneType, pretty
from app.rules.texts import snippet
from app.services import facts, people, phones, threads
from app.services.audit import audit
from app.services.consent import add_markers, lock
from app.services.inbox import Row, one
from app.services.merging import merge_into

LEARNT = "name_learnt"


def may_identify(viewer: Viewer, thread: Conversation) -> bool:
    """In one's own conversations; with `inbox.all` in everybody's."""
    return viewer.can(Can.PEOPLE_EDIT) and viewer.may_see(thread.whose)


@dataclass(frozen=True, slots=True)
class Question:
    """`maybe`: who owns the number of a thread that is nobody's. `used`: the numbers that texts of
    this person's thread came from or went to."""

    row: Row
    maybe: list[Person]
    used: list[ContactNumber]


def question(viewer: Viewer, conversation_id: int) -> Question:
    """Raises NotFound for a conversation that the viewer may not see, Forbidden where they may not
    say who it is."""
    row = one(viewer, conversation_id)
    _require(viewer, row.thread)
    used = []
    if row.person is not None:
        texted = select(Message.contact_number_id).where(Message.conversation_id == row.thread.id)
        used = list(
            db.session.execute(
                select(ContactNumber).where(ContactNumber.id.in_(texted)).order_by(ContactNumber.id)
            ).scalars()
        )
    return Question(row, people.who_may_it_be(row.thread), used)


def _require(viewer: Viewer, thread: Conversation) -> None:
    if not may_identify(viewer, thread):
        raise Forbidden("You can say who it is in your own conversations.")


@retrying
def link(viewer: Viewer, conversation_id: int, person_id: int) -> int:
    """The number belongs to this person; the id of the thread with them from now on."""
    with transaction(), _one_at_a_time():
        thread, number = _bare(viewer, conversation_id, person_id)
        return _give(viewer, thread, number, people.one(viewer, person_id))


@retrying
def create(viewer: Viewer, conversation_id: int, fields: dict[str, Any]) -> int:
    """The number belongs to a new person; the id of the thread with them. Raises Invalid."""
    people.check(fields)
    with transaction(), _one_at_a_time():
        thread, number = _bare(viewer, conversation_id)
        return _give(viewer, thread, number, people.make(viewer, fields))


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    """The holder wrote to the same person in this moment: their thread was not there to be
    locked."""
    try:
        yield
        db.session.flush()
    except IntegrityError:
        raise Conflict(
            "This conversation is changing. Try again in a moment.", code="busy"
        ) from None


def _bare(
    viewer: Viewer, conversation_id: int, person_id: int | None = None
) -> tuple[Conversation, ContactNumber]:
    """A thread of a bare number with its number, and what the holder has with this person. All
    locked, the number first, the threads by id (design 3)."""
    thread = _seen(viewer, conversation_id)
    if thread.contact_number_id is None:
        raise Conflict("Somebody said who this is meanwhile.", code="known_already")
    number = lock([thread.contact_number_id])[thread.contact_number_id]
    _lock_threads(thread, Conversation.person_id == person_id)
    if thread.person_id is not None:
        raise Conflict("Somebody said who this is meanwhile.", code="known_already")
    _require_seen(viewer, thread)
    return thread, number


def _lock_threads(thread: Conversation, other: Any) -> None:
    """This one and another of the same holder, whole: one of them may be deleted."""
    of_same = threads.of_same(thread.whose)
    same = and_(Conversation.institution_id == thread.institution_id, of_same, other)
    found = db.session.execute(
        select(Conversation)
        .where(or_(Conversation.id == thread.id, same))
        .order_by(Conversation.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).scalars()
    if thread.id not in {row.id for row in found}:
        raise Conflict("This conversation is changing. Try again in a moment.", code="busy")


def _seen(viewer: Viewer, conversation_id: int) -> Conversation:
    thread = db.session.get(Conversation, conversation_id)
    if thread is None or thread.institution_id != viewer.institution_id:
        raise NotFound("There is no such conversation.")
    _require_seen(viewer, thread)
    return thread


def _require_seen(viewer: Viewer, thread: Conversation) -> None:
    if not viewer.may_see(thread.whose):
        raise NotFound("There is no such conversation.")
    _require(viewer, thread)


def _give(viewer: Viewer, thread: Conversation, number: ContactNumber, person: Person) -> int:
    phones.wait_for_stop(person)
    if number.id not in {p.contact_number_id for p in phones.current(person.id)}:
        phones.join(viewer, person, number, PhoneType.MOBILE)  # as their mark wants it (D14)
    db.session.execute(
        update(Message).where(Message.conversation_id == thread.id).values(person_id=person.id)
    )
    said = f"{pretty(number.e164, viewer.region)} is {person.name}, said {viewer.name}"
    became = _becomes(viewer, thread, person)
    _mark(viewer, [became], said)
    _audited(viewer, "number.identified", number, person)
    return became


def _becomes(viewer: Viewer, thread: Conversation, person: Person) -> int:
    """The thread of the bare number is the holder's with this person, or goes into the one they
    have."""
    theirs = threads.find(viewer.institution_id, thread.whose, person.id)
    if theirs is not None:
        merge_into(viewer.institution_id, thread.id, theirs.id)
        return theirs.id
    thread.person_id, thread.contact_number_id = person.id, None
    db.session.flush()
    return thread.id


def _mark(viewer: Viewer, thread_ids: list[int], text: str) -> None:
    """Leave a marker in these threads, and tell who may see them."""
    name, now = LEARNT, clock.now()
    add_markers(thread_ids, viewer.institution_id, name, snippet(text, 400), now)
    rows = db.session.execute(
        select(Conversation.id, Conversation.staff_id, Conversation.org_unit_id).where(
            Conversation.id.in_(thread_ids)
        )
    )
    changed = "conversation.changed"
    publish(
        viewer.institution_id,
        *(about_conversation(changed, id_, Whose(*whose)) for id_, *whose in rows),
    )


# The wrong person


@retrying
def split(viewer: Viewer, conversation_id: int, contact_id: int) -> int:
    """The number is not this person's: what was texted on it in this thread goes to a thread of the
    bare number, whose id is given. Other conversations with the person only get a marker: what is
    in them is for their holders to say."""
    with transaction(), _one_at_a_time():
        thread = _seen(viewer, conversation_id)
        number = lock([contact_id]).get(contact_id)
        if number is None or number.institution_id != viewer.institution_id:
            raise NotFound("There is no such number.")
        bare = and_(Conversation.person_id.is_(None), Conversation.contact_number_id == contact_id)
        _lock_threads(thread, bare)
        _require_seen(viewer, thread)
        person = db.session.get(Person, thread.person_id) if thread.person_id else None
        if person is None:
            raise Conflict("Nobody’s name is on this conversation.", code="unknown_already")
        texted = Message.contact_number_id == contact_id
        if not _said(thread, and_(texted, Message.status != Status.HELD)):
            raise NotFound("Nothing was texted on this number here.")
        _take_away(person, contact_id)
        marked = _threads_with(person)
        became, emptied = _pour_out(viewer, thread, number)
        marked = [became, *(id_ for id_ in marked if id_ not in (became, emptied))]
        text = f"{pretty(number.e164, viewer.region)} is not {person.name}, said {viewer.name}"
        _mark(viewer, marked, text)
        _audited(viewer, "number.split_off", number, person)
        return became


def _said(thread: Conversation, condition: Any) -> bool:
    found = select(Message.id).where(Message.conversation_id == thread.id, condition).limit(1)
    return db.session.execute(found).first() is not None


def _take_away(person: Person, contact_id: int) -> None:
    db.session.execute(
        update(PersonPhone)
        .where(
            PersonPhone.person_id == person.id,
            PersonPhone.contact_number_id == contact_id,
            PersonPhone.removed_at.is_(None),
        )
        .values(removed_at=clock.now(), imported=False)  # no import gives it back
    )


def _threads_with(person: Person) -> list[int]:
    return list(
        db.session.execute(
            select(Conversation.id)
            .where(Conversation.person_id == person.id)
            .order_by(Conversation.id)
        ).scalars()
    )


def _pour_out(
    viewer: Viewer, thread: Conversation, number: ContactNumber
) -> tuple[int, int | None]:
    """Where the texts of this number are now, and the thread that is gone because nothing else was
    in it."""
    # What waits for its time was meant for the person, whatever phone was chosen for it.
    about_it = and_(Message.contact_number_id == number.id, Message.status != Status.HELD)
    more = _said(thread, or_(Message.contact_number_id.is_(None), ~about_it))
    bare = threads.find_bare(viewer.institution_id, thread.whose, number.id)
    here = Message.conversation_id == thread.id
    db.session.execute(update(Message).where(here, about_it).values(person_id=None))
    if not more and bare is None:
        thread.person_id, thread.contact_number_id = None, number.id
        db.session.flush()
        return thread.id, None
    if not more and bare is not None:
        merge_into(viewer.institution_id, thread.id, bare.id)
        return bare.id, thread.id
    at = thread.last_message_at
    bare = threads.open_for(viewer.institution_id, thread.whose, None, number.id, at)
    threads.move_unread(thread, bare, lambda text: text.contact_number_id == number.id)
    db.session.execute(update(Message).where(here, about_it).values(conversation_id=bare.id))
    if thread.ask_contact_id == number.id:
        bare.ask_opt_out, bare.ask_contact_id = thread.ask_opt_out, thread.ask_contact_id
        thread.ask_opt_out = thread.ask_contact_id = None
    for each in (thread, bare):
        threads.summarise(each)
        facts.reopen(viewer.institution_id, each.id)
    bare.archived_at = None
    return bare.id, None


def _audited(viewer: Viewer, action: str, number: ContactNumber, person: Person) -> None:
    subject = f"contact_number:{number.id}"
    audit(viewer.institution_id, action, subject, viewer.staff_id, person=person.id)
    people.announce(viewer.institution_id, person.id)
