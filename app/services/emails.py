"""Emails: what cannot go as a text, and the notice that a reply is waiting (S3-16)."""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from flask import current_app
from sqlalchemy import or_, select, update

from app import clock, jobs
from app.config import Settings
from app.database import after_commit, database_now, db, transaction
from app.events import about_conversation, publish
from app.mail import Mail
from app.models import (
    ContactNumber,
    Conversation,
    Email,
    Institution,
    Message,
    Person,
    Staff,
)
from app.rules import words
from app.rules.dispatch import Channel, Step
from app.rules.lifecycle import Status
from app.rules.phones import pretty
from app.rules.texts import fill

BATCH = 50
LEASE = 120.0  # seconds; longer than the mail server may take for one mail
GIVE_UP_AFTER = timedelta(hours=24)
_FIRST_WAIT, _LONGEST_WAIT = 15.0, 1800.0  # seconds between tries, doubling


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
    email = _add(
        institution.id,
        "fallback",
        to,
        name,
        fill(institution.fallback_subject, fields),
        fill(institution.fallback_body, fields),
        now,
        reply_to=address,
    )
    for message in messages:
        message.email_id = email.id
    return email


def _add(
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


def claim_due(limit: int = BATCH) -> list[Claimed]:
    """Take emails that are due, or whose worker died, for LEASE seconds."""
    with transaction():
        rows = db.session.execute(
            select(Email)
            .where(
                Email.status.in_([Status.QUEUED, Status.SENDING]),
                Email.due_at <= clock.now(),
                or_(Email.lease_until.is_(None), Email.lease_until < database_now()),
            )
            .order_by(Email.due_at, Email.id)
            .limit(limit)
            .with_for_update(skip_locked=True)
        ).scalars()
        emails = list(rows)
        db.session.execute(
            update(Email)
            .where(Email.id.in_([e.id for e in emails]))
            .values(status=Status.SENDING, lease_until=database_now(LEASE), tries=Email.tries + 1)
        )
        return [Claimed(e.id, _as_mail(e)) for e in emails]


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


def record_sent(email_id: int) -> None:
    with transaction():
        _finish(db.session.get_one(Email, email_id), Status.SENT)


def record_refused(email_id: int, answer: str) -> None:
    """The mail server said no for good: its writer sees it at once."""
    with transaction():
        _finish(db.session.get_one(Email, email_id), Status.FAILED, answer)


def record_later(email_id: int, problem: str) -> None:
    """The mail server is down: try again, ever more rarely, for GIVE_UP_AFTER."""
    with transaction():
        email, now = db.session.get_one(Email, email_id), clock.now()
        if now - email.created_at > GIVE_UP_AFTER:
            _finish(email, Status.FAILED, f"given up after 24 hours: {problem}")
            return
        wait = min(_FIRST_WAIT * 2 ** (email.tries - 1), _LONGEST_WAIT)
        email.status, email.lease_until = Status.QUEUED, None
        email.error, email.due_at = problem[:300], now + timedelta(seconds=wait)


def _finish(email: Email, status: Status, error: str | None = None) -> None:
    now = clock.now()
    email.status, email.lease_until, email.error = status, None, (error or "")[:300] or None
    email.sent_at = now if status is Status.SENT else None
    carried = db.session.execute(
        select(Message, Conversation.staff_id)
        .join(Conversation, Conversation.id == Message.conversation_id)
        .where(Message.email_id == email.id)
        .order_by(Message.id)
    ).all()
    for message, holder in carried:
        if message.channel is Channel.EMAIL:
            message.status, message.sent_at = status, email.sent_at
            if error:
                message.error_code, message.error_message = "email_failed", error[:300]
        publish(
            message.institution_id,
            about_conversation(
                "message.status_changed",
                message.conversation_id,
                holder,
                message.status.word,
                message=message.id,
            ),
        )


# The reply notice


def write_notices() -> int:
    """Tell holders by email that a reply waits which nobody of them can see; how many were told.

    No browser of theirs was connected for `unseen_before_notice` seconds; one notice per
    conversation until they read it (S3-16, S3-17).
    """
    settings: Settings = current_app.config["SETTINGS"]
    now = clock.now()
    unseen_since = now - timedelta(seconds=settings.timing.unseen_before_notice)
    with transaction():
        rows = db.session.execute(
            select(Conversation, Staff, Institution)
            .join(Staff, Staff.id == Conversation.staff_id)
            .join(Institution, Institution.id == Conversation.institution_id)
            .where(
                Conversation.unread > 0,
                Conversation.notified_at.is_(None),
                Staff.active,
                or_(Staff.last_live_at.is_(None), Staff.last_live_at < unseen_since),
            )
            .order_by(Conversation.id)
            .limit(200)
            .with_for_update(skip_locked=True, of=Conversation)
        ).all()
        for thread, staff, institution in rows:
            _write_notice(thread, staff, institution, settings.public, now)
            thread.notified_at = now
        return len(rows)


def _write_notice(
    thread: Conversation, staff: Staff, institution: Institution, public_url: str, now: datetime
) -> None:
    person = db.session.get(Person, thread.person_id) if thread.person_id else None
    number = (
        db.session.get(ContactNumber, thread.contact_number_id)
        if thread.contact_number_id
        else None
    )
    name = person.name if person else pretty(number.e164 if number else "", institution.region)
    text = db.session.get(Message, thread.last_message_id) if thread.last_message_id else None
    at = (text.created_at if text else now).astimezone(
        ZoneInfo(staff.timezone or institution.timezone)
    )
    fields = {
        "name": name,
        "time": at.strftime("%-I:%M %p on %B %-d"),
        "text": text.body if text else thread.snippet,
        "link": f"{public_url}/inbox/{thread.id}",
        "institution": institution.name,
    }
    _add(
        institution.id,
        "notice",
        staff.email,
        institution.name,
        fill(institution.reply_notice_subject, fields),
        fill(institution.reply_notice_body, fields),
        now,
    )
