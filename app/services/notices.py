"""Notices: an email about a reply that nobody sees, to the holder or to who covers for them
(S3-16, S3-17)."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from flask import current_app
from sqlalchemy import and_, func, or_, select

from app import clock
from app.config import Settings
from app.database import LOCK, db, retrying, transaction
from app.models import (
    CONVERSATION_UNREAD,
    ContactNumber,
    Conversation,
    Cover,
    Institution,
    Message,
    Person,
    Staff,
)
from app.rules.letters import Letter, written
from app.rules.phones import pretty
from app.security import cover_is_on
from app.services import emails


@retrying
def write_notices() -> int:
    """Tell holders, or who covers for them, by email that a reply waits which they cannot see; how
    many were told.

    No browser of theirs was connected for `unseen_before_notice` seconds; one notice per
    conversation until they read it (S3-16, S3-17).
    """
    settings: Settings = current_app.config["SETTINGS"]
    now = clock.now()
    unseen_since = now - timedelta(seconds=settings.timing.unseen_before_notice)
    with transaction():
        rows = db.session.execute(
            select(Conversation, Staff, Institution)
            .outerjoin(Cover, and_(Cover.staff_id == Conversation.staff_id, *cover_is_on(now)))
            .join(Staff, Staff.id == func.coalesce(Cover.by_staff_id, Conversation.staff_id))
            .join(Institution, Institution.id == Conversation.institution_id)
            .where(
                CONVERSATION_UNREAD,
                Conversation.notified_at.is_(None),
                Staff.active,
                or_(Staff.last_live_at.is_(None), Staff.last_live_at < unseen_since),
            )
            .order_by(Conversation.id)
            .limit(200)
            .with_for_update(**LOCK, skip_locked=True, of=Conversation)
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
    found = written(Letter(institution.reply_notice_subject, institution.reply_notice_body), fields)
    emails.add(
        institution.id,
        "notice",
        staff.email,
        institution.name,
        found.subject,
        found.body,
        now,
    )
