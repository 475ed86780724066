"""Later: texts that wait for their time. Written now, decided when they go."""

from datetime import datetime

import structlog
from sqlalchemy import select

from app import clock, security
from app.database import LOCK, db, retrying, transaction
from app.errors import Conflict, Forbidden, ReplylineError, Unavailable
from app.models import MESSAGE_HELD, Conversation, Message, Person, PersonPhone
from app.rules import texts
from app.rules.access import Viewer
from app.rules.lifecycle import Status
from app.rules.search import folded
from app.services import held, messages, sending, threads
from app.services.deciding import Target, gather
from app.services.dispatching import (
    Draft,
    check_input,
    check_time,
    decide_and_take,
    put_on_its_way,
)

log = structlog.get_logger()

_AT_ONCE = 100  # released by one run


def coming(conversation_id: int) -> list[Message]:
    """What waits in a conversation, the next one first."""
    found = db.session.execute(
        select(Message)
        .where(MESSAGE_HELD, Message.conversation_id == conversation_id)
        .order_by(Message.send_at, Message.id)
    )
    return list(found.scalars())


def listed(viewer: Viewer, limit: int = 200) -> list[tuple[Message, Conversation, Person | None]]:
    """What the viewer has written for later, the next one first."""
    found = db.session.execute(
        select(Message, Conversation, Person)
        .join(Conversation, Conversation.id == Message.conversation_id)
        .outerjoin(Person, Person.id == Conversation.person_id)
        .where(MESSAGE_HELD, Message.staff_id == viewer.staff_id)
        .order_by(Message.send_at, Message.id)
        .limit(limit)
    )
    return [(message, thread, person) for message, thread, person in found]


def waiting(viewer: Viewer, message_id: int) -> Message:
    """One that the viewer wrote. Raises NotFound, Forbidden for a colleague's, Conflict `not_held`
    for what has gone."""
    message = messages.one(viewer, message_id).message
    _check(viewer, message)
    if message.staff_id != viewer.staff_id:
        raise Forbidden("Only who wrote this text changes it: it goes under their name.")
    return message


@retrying
def change(viewer: Viewer, message_id: int, body: str, send_at: datetime) -> None:
    """Other words or another time; whoever was to be asked has answered with it.

    Raises as `sending.in_thread`, Conflict `not_held` for what has gone, Invalid for body and time.
    """
    now = clock.now()
    with transaction():
        message = waiting(viewer, message_id)
        _lock(viewer, message)
        thread = db.session.get_one(Conversation, message.conversation_id)
        target = Target(db.session.get(Person, thread.person_id or 0), thread)
        draft = Draft(texts.tidy(body), send_at=send_at)
        check_input(draft, gather(viewer, target, draft.body, now))
        if send_at != message.send_at or not message.asks_at:
            check_time(send_at, now)
        message.body, message.words = draft.body, folded(draft.body)
        message.send_at, message.asks_at = send_at, None
        threads.announce_status(message)


@retrying
def go_ahead(viewer: Viewer, message_id: int) -> None:
    """The student has replied, and it goes nevertheless: at its time, or now where that is past."""
    with transaction():
        message = messages.one(viewer, message_id).message
        _lock(viewer, message)
        message.asks_at = None
        threads.announce_status(message)
    release(message_id)


def _lock(viewer: Viewer, message: Message) -> None:
    db.session.refresh(message, with_for_update=LOCK)
    _check(viewer, message)


def _check(viewer: Viewer, message: Message) -> None:
    """It waits, in a conversation where the viewer answers."""
    sending.thread_target(viewer, message.conversation_id)
    if message.status is not Status.HELD:
        raise Conflict("This is no longer waiting for its time.", code="not_held")


# When the time has come


def release_due() -> int:
    """Send what is due; how many were. Harmless at any time and by several at once."""
    due = db.session.execute(
        select(Message.id)
        .where(MESSAGE_HELD, Message.send_at <= clock.now(), Message.asks_at.is_(None))
        .order_by(Message.send_at, Message.id)
        .limit(_AT_ONCE)
    )
    ids = list(due.scalars())
    db.session.rollback()
    for message_id in ids:
        try:
            release(message_id)
        except Conflict:  # the next run tries it again, and nobody else's waits for it
            log.info("later_put_off", message=message_id)
    return len(ids)


@retrying
def release(message_id: int) -> None:
    """Decide one message whose time has come and put it on its way; cancel it where its writer may
    not send it any more, and say why. Raises Unavailable, or Conflict `busy`, where it has to be
    tried again."""
    try:
        with transaction():
            message = _due(message_id)
            if message is None:
                return
            writer = security.viewer_of_staff(message.staff_id or 0)
            if writer is None:
                held.cancel([message], "no_writer", "Its writer has no account any more.")
                return
            _release(message, writer)
    except ReplylineError as error:
        if isinstance(error, Unavailable) or error.code == "busy":  # of us, not of this message
            raise
        _give_up(message_id, error)


def _due(message_id: int) -> Message | None:
    """The message, locked after its conversation; None where it is not due any more."""
    found = db.session.get(Message, message_id)
    if found is None:
        return None
    db.session.get(
        Conversation, found.conversation_id, with_for_update=LOCK, populate_existing=True
    )
    db.session.refresh(found, with_for_update=LOCK)
    due = found.send_at is not None and found.send_at <= clock.now() and not found.asks_at
    return found if due and found.status is Status.HELD else None


def _release(message: Message, writer: Viewer) -> None:
    now = clock.now()
    target = sending.thread_target(writer, message.conversation_id)
    phone_id = _phone_of(message)
    draft = Draft(message.body, phone_id=phone_id, channel=message.wish)
    decision, gathered, places = decide_and_take(writer, target, draft, now)
    put_on_its_way(message, writer, decision, gathered, places, now)
    thread = target.thread
    assert thread is not None
    threads.note_message(thread, message)
    threads.announce_new(thread, message)


def _phone_of(message: Message) -> int | None:
    return db.session.execute(
        select(PersonPhone.id).where(
            PersonPhone.person_id == message.person_id,
            PersonPhone.contact_number_id == message.contact_number_id,
            PersonPhone.removed_at.is_(None),
        )
    ).scalar_one_or_none()


def _give_up(message_id: int, error: ReplylineError) -> None:
    log.info("later_canceled", message=message_id, code=error.code)
    with transaction():
        if message := _due(message_id):
            held.cancel([message], error.code, str(error)[:300])
