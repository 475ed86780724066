"""Gather: wait until everything has come to rest, then ask every side what it knows."""

import time
from collections.abc import Sequence
from typing import Any

from sqlalchemy import and_, or_, select

from app.database import db
from app.models import Attempt, Direction, Email, Institution, Message, Usage
from app.rules.dispatch import Channel
from app.rules.lifecycle import Status
from tests.soak.actor import Run
from tests.soak.evidence import Evidence, Row
from tests.soak.scene import Campus

_UNDER_WAY = [Status.QUEUED, Status.SENDING, Status.UNCONFIRMED, Status.ACCEPTED, Status.SENT]
_ASKED = 500  # ids in one question


def settle(run: Run, campuses: Sequence[Campus], patience: float) -> float:
    """Wait until no text and no email is under way and every inbound text is here, `patience`
    seconds at most; how many it took. What is left then is for the checker."""
    began = time.monotonic()
    while time.monotonic() - began < patience and _open(run, campuses):
        for campus in campuses:
            campus.save_if_stopped()  # by an answer of before
        time.sleep(0.5)
    return time.monotonic() - began


def _open(run: Run, campuses: Sequence[Campus]) -> bool:
    with run.stack.app.app_context():
        ids = [campus.school.id for campus in campuses]
        under_way = select(Message.id).outerjoin(Email, Email.id == Message.email_id)
        sms = and_(Message.channel == Channel.SMS, Message.status.in_(_UNDER_WAY))
        email = Email.status.in_([Status.QUEUED, Status.SENDING])
        waiting = under_way.where(Message.institution_id.in_(ids), or_(sms, email))
        found = db.session.execute(waiting.limit(1)).first() is not None
        found = found or bool({text["sid"] for text in run.evidence["texts"]} - _received(ids))
        db.session.remove()
    return found


def _received(institutions: Sequence[int]) -> set[str]:
    sids = select(Message.provider_sid).where(
        Message.institution_id.in_(institutions), Message.direction == Direction.INBOUND
    )
    return {str(sid) for sid in db.session.execute(sids).scalars()}


def gather(run: Run, campuses: Sequence[Campus]) -> None:
    """Into the evidence: the carrier's ledger, the mailbox, our database and our feeds."""
    evidence, stack = run.evidence, run.stack
    for campus in campuses:
        for entry in campus.school.ledger():
            evidence.note("ledger", **entry)
        for member in (campus.admin, *campus.writers):
            for event in member.events():
                evidence.note("feeds", member=member.id, **event)
    for mail in stack.mailbox.mails():
        evidence.note("mails", **{name: mail[name] for name in ("message_id", "to", "text", "at")})
    with stack.app.app_context():
        ids = [campus.school.id for campus in campuses]
        _note_schools(evidence, campuses)
        _note_messages(evidence, ids)
        _note_attempts(evidence, ids)
        db.session.remove()


def _note_schools(evidence: Evidence, campuses: Sequence[Campus]) -> None:
    for campus in campuses:
        school = db.session.get_one(Institution, campus.school.id)
        used = select(Usage.used).where(Usage.institution_id == school.id)
        evidence.note(
            "schools",
            id=school.id,
            account_sid=campus.school.account_sid,
            limit=school.message_limit,
            timezone=school.timezone,
            used=sum(db.session.execute(used).scalars()),
        )


def _note_messages(evidence: Evidence, ids: Sequence[int]) -> None:
    rows = db.session.execute(
        select(Message, Email.status, Email.message_header)
        .outerjoin(Email, Email.id == Message.email_id)
        .where(Message.institution_id.in_(ids))
        .order_by(Message.id)
    )
    for message, email_status, header in rows:
        evidence.note("messages", **_message(message, email_status, header))


def _message(message: Message, email_status: Status | None, header: str | None) -> Row:
    same: list[str] = ["id", "institution_id", "direction", "kind", "channel", "body"]
    same += ["error_code", "provider_sid", "resend_of", "places", "created_at"]
    found: dict[str, Any] = {name: getattr(message, name) for name in same}
    email = {"email": email_status.word if email_status else None, "email_header": header}
    return found | {"status": message.status.word} | email


def _note_attempts(evidence: Evidence, ids: Sequence[int]) -> None:
    rows = db.session.execute(
        select(Attempt).where(Attempt.institution_id.in_(ids)).order_by(Attempt.id)
    ).scalars()
    for attempt in rows:
        evidence.note(
            "attempts",
            id=attempt.id,
            uuid=attempt.uuid,
            message=attempt.message_id,
            status=attempt.status.word,
            sid=attempt.provider_sid,
            error=attempt.error_code,
        )
