"""Automatic: the texts that nobody wrote, each in answer to one that came."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from flask import current_app

from app.config import Settings
from app.models import Direction, Kind, Message
from app.rules.dispatch import Channel
from app.rules.lifecycle import Status
from app.rules.segments import measure

if TYPE_CHECKING:
    from app.services.receiving import Arrival


def reply(arrival: "Arrival", kind: Kind, body: str, now: datetime) -> Message:
    """From the number that was written to, to the number that wrote; queued, and not yet added."""
    thread = arrival.thread
    assert thread is not None and arrival.number is not None
    counted = measure(body)
    settings: Settings = current_app.config["SETTINGS"]
    return Message(
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
