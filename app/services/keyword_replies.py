"""Keyword replies: our answer to STOP, START and HELP, where the provider gives none (D21)."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from flask import current_app
from sqlalchemy import select

from app import jobs
from app.config import Settings
from app.database import after_commit, db
from app.models import Direction, Institution, Kind, Message, OptOutReplies
from app.rules import words
from app.rules.dispatch import Channel
from app.rules.keywords import Keyword
from app.rules.lifecycle import Status
from app.rules.phones import is_e164
from app.rules.segments import measure
from app.services import threads

if TYPE_CHECKING:
    from app.services.receiving import Arrival

_KIND = {
    Keyword.STOP: Kind.STOP_REPLY,
    Keyword.START: Kind.START_REPLY,
    Keyword.HELP: Kind.HELP_REPLY,
}
WORTH_ANSWERING = timedelta(minutes=5)  # an opt-out is confirmed by then or not at all (I9)
ONCE_IN = timedelta(minutes=10)  # one answer per kind and number


def answer(arrival: "Arrival", now: datetime) -> None:
    """Queue the one answer, in the open transaction. It passes the consent gate and costs no
    place."""
    kind = _KIND.get(arrival.keyword)
    ours = arrival.account.opt_out_replies is OptOutReplies.OURS and not arrival.text.says
    if now - arrival.said_at(now) > WORTH_ANSWERING:
        return
    if kind is None or not ours or arrival.number is None or not is_e164(arrival.contact.e164):
        return
    answered = select(Message.id).where(
        Message.contact_number_id == arrival.contact.id,
        Message.kind == kind,
        Message.created_at > now - ONCE_IN,
    )
    if db.session.execute(answered.limit(1)).first():
        return
    institution = db.session.get_one(Institution, arrival.institution_id)
    contact = institution.help_contact or f"reply here, or ask at {institution.name}"
    body = words.KEYWORD_REPLIES[arrival.keyword].format(
        institution=institution.name, contact=contact
    )
    settings: Settings = current_app.config["SETTINGS"]
    thread = arrival.thread
    assert thread is not None
    counted = measure(body)
    message = Message(
        institution_id=arrival.institution_id,
        conversation_id=thread.id,
        holder_id=thread.staff_id,
        org_unit_id=thread.org_unit_id,
        person_id=thread.person_id,
        direction=Direction.OUTBOUND,
        kind=kind,
        channel=Channel.SMS,
        status=Status.QUEUED,
        body=body,
        encoding=counted.encoding,
        segments=counted.parts,
        sender_number_id=arrival.number.id,
        contact_number_id=arrival.contact.id,
        from_address=arrival.number.e164,
        to_address=arrival.contact.e164,
        provider_account_id=arrival.number.provider_account_id,
        decision=[],
        created_at=now,
        due_at=now,
        expires_at=now + timedelta(seconds=settings.timing.validity),
    )
    db.session.add(message)
    db.session.flush()
    threads.announce_new(thread, message)
    after_commit(lambda: jobs.ring(jobs.Job.DELIVER))
