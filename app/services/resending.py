"""Resending: a text that is taken back before it goes, or sent once more."""

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from app.database import LOCK, apart, db, retrying, transaction
from app.errors import Conflict, Forbidden, NotFound, ProviderError, Unavailable
from app.models import (
    Attempt,
    ContactNumber,
    Institution,
    Kind,
    Message,
    Person,
    PersonPhone,
    ProviderAccount,
)
from app.providers import Provider, Report
from app.rules.access import Viewer
from app.rules.consent import SmsStatus
from app.rules.lifecycle import Status
from app.rules.recipient import why_not
from app.rules.resending import why_not_cancel, why_not_resend
from app.services import accounts, messages, sending, threads, tracking
from app.services.dispatching import Draft
from app.services.usage import give_back


@retrying
def cancel(viewer: Viewer, message_id: int) -> None:
    """Take back a text that no worker has claimed yet, and its place under the limit (D28).

    Raises as `sending.in_thread` for the conversation, Conflict `not_cancelable` for the text.
    """
    with transaction():
        message = _own(viewer, message_id)
        db.session.refresh(message, with_for_update=LOCK)  # a claim goes first, or sees this
        if wrong := why_not_cancel(message.channel, message.status):
            raise Conflict(f"This cannot be canceled. {wrong}", code="not_cancelable")
        message.status = Status.CANCELED
        give_back(message)
        threads.announce_status(message)


def resend(viewer: Viewer, message_id: int) -> Message:
    """Send a text once more: a new message to the same number, where that can be texted (S4-30).

    The provider is asked first what became of the old one, which stays as it is (D33). Raises as
    `sending.in_thread`, Conflict `not_resendable` or `already_resent`, Unavailable where the
    provider cannot be asked.
    """
    _ask_provider(_resendable(viewer, message_id))
    old = _resendable(viewer, message_id)
    draft = Draft(old.body, phone_id=_same_phone(old), resend_of=message_id)
    try:
        return sending.in_thread(viewer, old.conversation_id, draft)
    except IntegrityError:  # somebody else did, a moment faster
        _resendable(viewer, message_id)
        raise


def refusal(viewer: Viewer, message_id: int) -> str | None:
    """Why this viewer cannot send this message again, as far as it is known without asking the
    provider; None where they can."""
    try:
        _resendable(viewer, message_id)
    except (Conflict, Forbidden, NotFound) as refused:
        return str(refused)
    return None


def _own(viewer: Viewer, message_id: int) -> Message:
    """What somebody wrote, in a conversation in which the viewer may write."""
    message = messages.one(viewer, message_id).message
    sending.thread_target(viewer, message.conversation_id)
    if message.kind is not Kind.CONVERSATION:
        raise Conflict("This was written by nobody: it is an automatic answer.", code="automatic")
    return message


def _resendable(viewer: Viewer, message_id: int) -> Message:
    message = _own(viewer, message_id)
    db.session.refresh(message)
    if wrong := why_not_resend(message.channel, message.status, disabled=_is_disabled(message)):
        raise Conflict(f"This cannot be sent again. {wrong}", code="not_resendable")
    newer = select(Message.id).where(Message.resend_of == message_id)
    if (newer_id := db.session.execute(newer).scalar_one_or_none()) is not None:
        raise Conflict(
            f"This was sent again already, as message {newer_id}.", code="already_resent"
        )
    return message


def _is_disabled(message: Message) -> bool:
    number = select(ContactNumber.status).where(ContactNumber.id == message.contact_number_id)
    return db.session.execute(number).scalar_one_or_none() is SmsStatus.DISABLED


def _ask_provider(message: Message) -> None:
    """What became of every try that the provider took, noted as if it had reported it."""
    account = db.session.get_one(ProviderAccount, message.provider_account_id)
    account_id, account_sid = account.id, account.account_sid
    provider = accounts.provider_of(account)
    tries = db.session.execute(
        select(Attempt.uuid, Attempt.provider_sid).where(
            Attempt.message_id == message.id, Attempt.provider_sid.is_not(None)
        )
    ).all()
    db.session.rollback()  # nothing is held while the provider is asked
    for uuid, sid in tries:
        if sid and (told := _told(provider, account_sid, sid)):
            with apart():
                tracking.report(account_id, uuid, told)


def _told(provider: Provider, account_sid: str, sid: str) -> Report | None:
    try:
        found = provider.fetch(sid)
    except ProviderError:
        raise Unavailable(
            "The provider cannot be asked whether it arrived. Try again in a moment."
        ) from None
    if found is None:
        return None
    return Report(account_sid, sid, found.status, found.word, found.error)


def _same_phone(message: Message) -> int | None:
    """The phone that it went to, where the person still has it and it can be texted; else the
    decision chooses anew."""
    phone = db.session.execute(
        select(PersonPhone).where(
            PersonPhone.person_id == message.person_id,
            PersonPhone.contact_number_id == message.contact_number_id,
            PersonPhone.removed_at.is_(None),
        )
    ).scalar_one_or_none()
    if phone is None:
        return None
    person = db.session.get_one(Person, message.person_id)
    institution = db.session.get_one(Institution, message.institution_id)
    usable = why_not(phone.facts(), institution.defaults_for(person.kind.value)) is None
    return phone.id if usable else None
