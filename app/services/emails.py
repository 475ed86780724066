"""Emails: what cannot go as a text, and the notice that a reply is waiting (S3-16)."""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol
from urllib.parse import urlsplit

from flask import current_app
from sqlalchemy import ColumnElement, and_, or_, select, update

from app import clock, jobs
from app.config import Settings
from app.database import LOCK, after_commit, database_now, db, retrying, transaction
from app.mail import Mail
from app.models import (
    EMAIL_UNFINISHED,
    Email,
    Institution,
    Message,
)
from app.rules import words
from app.rules.dispatch import Channel, Step
from app.rules.letters import Letter, written
from app.rules.lifecycle import Status
from app.services import facts, threads

LINK = "link"  # the kind of a mail that lets somebody choose a password
LEASE = 120.0  # seconds; longer than the mail server may take for one mail


class Writer(Protocol):
    """Whoever wrote the messages: a row of staff, or the viewer."""

    @property
    def name(self) -> str: ...

    @property
    def email(self) -> str: ...


def detail_of(steps: Iterable[Step]) -> str:
    """What the deciding step was about: a number, or how much of a limit is used."""
    deciding = [s for s in steps if s.rule != "email"]
    return deciding[-1].detail if deciding else ""


def write_fallback(
    messages: Sequence[Message],
    writer: Writer,
    institution: Institution,
    to: str,
    now: datetime,
) -> Email:
    """One email for these messages of one thread, in the open transaction; rung for after it.

    Answers go to `writer`.
    """
    name, address = writer.name, writer.email
    fields = {
        "sender": name,
        "institution": institution.name,
        "reason": words.why_email(messages[-1].reason),
        "text": "\n\n".join(m.body for m in messages),
    }
    found = written(Letter(institution.fallback_subject, institution.fallback_body), fields)
    email = add(
        institution.id,
        "fallback",
        to,
        name,
        found.subject,
        found.body,
        now,
        reply_to=address,
    )
    for message in messages:
        message.email_id = email.id
    return email


def add(
    institution_id: int,
    kind: str,
    to: str,
    sender_name: str,
    subject: str,
    text: str,
    now: datetime,
    reply_to: str | None = None,
) -> Email:
    settings: Settings = current_app.config["SETTINGS"]
    host = urlsplit(settings.public).hostname or "localhost"
    email = Email(
        institution_id=institution_id,
        kind=kind,
        to_address=to,
        reply_to=reply_to,
        sender_name=sender_name,
        subject=subject,
        text_body=text,
        message_header=f"<{uuid.uuid4()}@{host}>",
        status=Status.QUEUED,
        due_at=now,
        created_at=now,
    )
    db.session.add(email)
    db.session.flush()
    after_commit(lambda: jobs.ring(jobs.Job.SEND_EMAILS))
    return email


# Delivery


@dataclass(frozen=True, slots=True)
class Claimed:
    id: int
    mail: Mail


def _is_due(by: datetime) -> ColumnElement[bool]:
    return and_(
        EMAIL_UNFINISHED,
        Email.due_at <= by,
        or_(Email.lease_until.is_(None), Email.lease_until < database_now()),
    )


def any_due(by: datetime) -> bool:
    found = db.session.execute(select(Email.id).where(_is_due(by)).limit(1)).first()
    db.session.rollback()
    return found is not None


@retrying
def claim_next(by: datetime) -> Claimed | None:
    """Take the email that is due longest, or whose worker died, for LEASE seconds.

    `by`: what falls due later is left, so that a job ends whatever is put off meanwhile.

    None where nothing is due. One at a time, so that no lease runs out while another is sent.
    """
    with transaction():
        email = db.session.execute(
            select(Email)
            .where(_is_due(by))
            .order_by(Email.due_at, Email.id)
            .limit(1)
            .with_for_update(**LOCK, skip_locked=True)
        ).scalar_one_or_none()
        if email is None:
            return None
        db.session.execute(
            update(Email)
            .where(Email.id == email.id)
            .values(status=Status.SENDING, lease_until=database_now(LEASE), tries=Email.tries + 1)
        )
        return Claimed(email.id, _as_mail(email))


def _as_mail(email: Email) -> Mail:
    return Mail(
        email.to_address,
        email.sender_name,
        email.reply_to,
        email.subject,
        email.text_body,
        email.message_header,
        email.created_at,
    )


@retrying
def record_sent(email_id: int) -> None:
    with transaction():
        _finish(db.session.get_one(Email, email_id), Status.SENT)


@retrying
def record_refused(email_id: int, answer: str) -> None:
    """The mail server said no for good: its writer sees it at once."""
    with transaction():
        _finish(db.session.get_one(Email, email_id), Status.FAILED, answer)


@retrying
def record_later(email_id: int, problem: str) -> None:
    """Not now: try again, ever more rarely, for `mail_give_up` seconds."""
    settings: Settings = current_app.config["SETTINGS"]
    timing = settings.timing
    with transaction():
        email, now = db.session.get_one(Email, email_id), clock.now()
        if (now - email.created_at).total_seconds() > timing.mail_give_up:
            _finish(email, Status.FAILED, f"given up: {problem}")
            return
        wait = min(timing.mail_first_wait * 2 ** (email.tries - 1), timing.mail_longest_wait)
        email.status, email.lease_until = Status.QUEUED, None
        email.error, email.due_at = problem[:300], now + timedelta(seconds=wait)


def _finish(email: Email, status: Status, error: str | None = None) -> None:
    now = clock.now()
    email.status, email.lease_until, email.error = status, None, (error or "")[:300] or None
    email.sent_at = now if status is Status.SENT else None
    if email.kind == LINK:
        email.text_body = ""  # the link in it is a key, and only its hash is kept
    carried = db.session.execute(
        select(Message)
        .where(Message.email_id == email.id)
        .order_by(Message.id)
        .with_for_update(**LOCK)  # what is announced below must still be so when it is
        .execution_options(populate_existing=True)
    ).scalars()
    for message in carried:
        # A text that was reported delivered after all stays delivered (D35).
        if message.channel is Channel.EMAIL and message.status < Status.ACCEPTED:
            message.status, message.sent_at = status, email.sent_at
            if error:
                message.error_code, message.error_message = "email_failed", error[:300]
            facts.touched(message, now)
        threads.announce_status(message)
