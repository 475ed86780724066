"""Keyword replies: our answer to STOP, START and HELP, where the provider gives none (D21)."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import select

from app import jobs
from app.database import after_commit, db
from app.models import Institution, Kind, Message, OptOutReplies
from app.rules import words
from app.rules.keywords import Keyword
from app.rules.phones import is_e164
from app.services import automatic, threads

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
    thread = arrival.thread
    assert thread is not None
    message = automatic.reply(arrival, kind, body, now)
    db.session.add(message)
    db.session.flush()
    threads.announce_new(thread, message)
    after_commit(lambda: jobs.ring(jobs.Job.DELIVER))
