"""Asking: what a vague text leaves open; its number is paused until the holder answers (D20)."""

from sqlalchemy import select, update

from app import clock
from app.database import db, retrying, transaction
from app.errors import Conflict, NotFound
from app.events import about_conversation, publish
from app.models import ContactNumber, Conversation, Message
from app.rules.access import Viewer
from app.rules.consent import SmsStatus
from app.rules.keywords import Keyword
from app.services import consent


def ask_next(thread: Conversation) -> None:
    """In the open transaction: ask about the latest vague text here that nobody has answered; one
    question at a time, none where nothing is open."""
    found = db.session.execute(
        select(Message.body, Message.contact_number_id)
        .join(ContactNumber, ContactNumber.id == Message.contact_number_id)
        .where(
            Message.conversation_id == thread.id,
            Message.keyword == Keyword.VAGUE_STOP,
            ContactNumber.bulk_paused_at.is_not(None),
            ContactNumber.status != SmsStatus.DISABLED,
        )
        .order_by(Message.id.desc())
        .limit(1)
    ).first()
    thread.ask_opt_out = found.body[:300] if found else None
    thread.ask_contact_id = found.contact_number_id if found else None


@retrying
def answer_vague_opt_out(viewer: Viewer, conversation_id: int, *, opts_out: bool) -> None:
    """The holder's answer to "Opt this person out?" (D20)."""
    with transaction():
        thread, asked = _asked(viewer, conversation_id)
        consent.lock([asked], with_siblings=True)
        # Somebody else may have answered while we waited, or it is with somebody else by now.
        thread, still = _asked(viewer, conversation_id)
        if still != asked:
            raise _answered()
        words, now = thread.ask_opt_out or "", clock.now()
        if opts_out:
            consent.opt_out(
                viewer.institution_id,
                asked,
                thread.person_id,
                words=words,
                now=now,
                marker=f"{viewer.name} opted this person out, who wrote “{words[:120]}”",
                staff_id=viewer.staff_id,
            )
        db.session.execute(
            update(ContactNumber).where(ContactNumber.id == asked).values(bulk_paused_at=None)
        )
        ask_next(thread)
        publish(
            viewer.institution_id,
            about_conversation("conversation.changed", thread.id, thread.whose),
        )


def _asked(viewer: Viewer, conversation_id: int) -> tuple[Conversation, int]:
    """A conversation with its question, as it is now, and the number that the question is about."""
    thread = db.session.get(Conversation, conversation_id, populate_existing=True)
    if thread is None or thread.institution_id != viewer.institution_id:
        raise NotFound
    if not viewer.may_see(thread.whose):
        raise NotFound
    if thread.ask_opt_out is None or thread.ask_contact_id is None:
        raise _answered()
    return thread, thread.ask_contact_id


def _answered() -> Conflict:
    return Conflict("This question has been answered already.", code="already_answered")
