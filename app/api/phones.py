"""Phones of people: type, verified, and consent with its ledger (contract 4, S3-11, S3-67)."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from app.api.endpoints import delete, get, patch, post
from app.api.paging import BY_ID, Page, Paging, page
from app.api.types import ABSENT, Changes, Input, Shape, Text
from app.models import ConsentEntry, PersonPhone
from app.rules.access import Can, Viewer
from app.rules.consent import SmsStatus
from app.rules.phones import PhoneType
from app.services import consent, people, phones

TheirType = Literal["mobile", "home", "work", "other"]  # system is for our own numbers
OURS = (
    0  # the id of a number of ours on its holder's record: no phone, so nothing can be done to it
)


class Phone(Shape):
    """`verified_by`: a staff id. `text_msg_only`: a number of ours, takes no calls (S3-33)."""

    id: int
    number: str
    type: PhoneType
    sms_status: SmsStatus
    verified_at: datetime | None
    verified_by: int | None
    text_msg_only: bool


class PhoneChanges(Changes):
    type: TheirType = ABSENT
    verified: Annotated[bool, Field(examples=[True])] = ABSENT


class ConsentChange(Input):
    status: SmsStatus
    reason: Annotated[Text, Field(min_length=1, max_length=500, examples=["asked for it by phone"])]


class LedgerEntry(Shape):
    """`reason`: the words of the text, or of the member of staff, that changed it."""

    id: int
    from_status: SmsStatus
    to_status: SmsStatus
    event: str
    reason: str
    staff_id: int | None
    message_id: int | None
    at: datetime


def shown(phone: PersonPhone) -> Phone:
    number = phone.contact_number
    return Phone(
        id=phone.id,
        number=number.e164,
        type=phone.type,
        sms_status=number.status,
        verified_at=phone.verified_at,
        verified_by=phone.verified_by,
        text_msg_only=False,
    )


def ours(e164: str) -> Phone:
    """How a number of ours shows on its holder's record (S3-31)."""
    return Phone(
        id=OURS,
        number=e164,
        type=PhoneType.SYSTEM,
        sms_status=SmsStatus.DEFAULT,
        verified_at=None,
        verified_by=None,
        text_msg_only=True,
    )


@patch("/phones/<id:phone_id>", Can.PEOPLE_EDIT)
def change(viewer: Viewer, phone_id: int, body: PhoneChanges) -> Phone:
    """Change the type, or stamp who verified the number and when."""
    given = body.given()
    people.change_phone(viewer, phone_id, kind=given.get("type"), verified=given.get("verified"))
    return shown(phones.one(viewer, phone_id))


@delete("/phones/<id:phone_id>", Can.PEOPLE_EDIT)
def remove(viewer: Viewer, phone_id: int) -> None:
    """Take a number from a person. Its consent is kept."""
    people.remove_phone(viewer, phone_id)


@post("/phones/<id:phone_id>/consent", Can.CONSENT_EDIT, status=200)
def set_consent(viewer: Viewer, phone_id: int, body: ConsentChange) -> Phone:
    """Set whether the number may be texted, with the reason."""
    consent.set_by_staff(viewer, phone_id, body.status, body.reason)
    return shown(phones.one(viewer, phone_id))


@get("/phones/<id:phone_id>/consent", Can.PEOPLE_READ)
def ledger(viewer: Viewer, phone_id: int, query: Paging) -> Page[LedgerEntry]:
    """Every change of the number's consent, newest first."""
    return page(
        query,
        BY_ID,
        lambda limit, before: consent.ledger(viewer, phone_id, limit, before),
        lambda entry: entry.id,
        _entries,
    )


def _entries(entries: Sequence[ConsentEntry]) -> list[LedgerEntry]:
    return [LedgerEntry.model_validate(entry) for entry in entries]
