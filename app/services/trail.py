"""Trail: what became of one message, try by try, and what was known of its number when it was
written."""

from collections import defaultdict
from dataclasses import dataclass

from sqlalchemy import and_, select

from app.database import db
from app.models import Attempt, ConsentEntry, ContactNumber, DeliveryReport, Message, Staff
from app.rules.consent import ConsentEvent, SmsStatus


@dataclass(frozen=True, slots=True)
class Try:
    """One try to hand a text to the provider, with what it reported about it, oldest first."""

    attempt: Attempt
    reports: tuple[DeliveryReport, ...]


def tries(message: Message) -> list[Try]:
    """Oldest first."""
    rows = db.session.execute(
        select(Attempt, DeliveryReport)
        .outerjoin(DeliveryReport, DeliveryReport.attempt_id == Attempt.id)
        .where(Attempt.message_id == message.id)
        .order_by(Attempt.id, DeliveryReport.at, DeliveryReport.id)
    )
    attempts: dict[int, Attempt] = {}
    reports: dict[int, list[DeliveryReport]] = defaultdict(list)
    for attempt, report in rows:
        attempts[attempt.id] = attempt
        if report is not None:
            reports[attempt.id].append(report)
    return [Try(attempt, tuple(reports[id_])) for id_, attempt in attempts.items()]


@dataclass(frozen=True, slots=True)
class ConsentThen:
    """Of the number of a message. `then`: as the message was written, `since` an entry of the
    ledger (None: nobody had chosen yet), by `staff` where it was done by hand."""

    number: ContactNumber
    then: SmsStatus
    since: ConsentEntry | None
    staff: str | None

    @property
    def event(self) -> ConsentEvent | None:
        return self.since.event if self.since else None


def consent_then(message: Message) -> ConsentThen | None:
    """None for a message without a number of theirs."""
    if message.contact_number_id is None:
        return None
    before = and_(
        ConsentEntry.contact_number_id == ContactNumber.id, ConsentEntry.at <= message.created_at
    )
    row = db.session.execute(
        select(ContactNumber, ConsentEntry, Staff.name)
        .outerjoin(ConsentEntry, before)
        .outerjoin(Staff, Staff.id == ConsentEntry.staff_id)
        .where(ContactNumber.id == message.contact_number_id)
        .order_by(ConsentEntry.id.desc())
        .limit(1)
    ).one()
    number, entry, staff = row
    return ConsentThen(number, entry.to_status if entry else SmsStatus.DEFAULT, entry, staff)
