"""Phones of people: type, verified, and consent with its ledger (contract 4, S3-11, S3-67)."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from app.api.endpoints import delete, get, patch, post
from app.api.paging import BY_ID, Page, Paging, page
from app.api.types import ABSENT, Changes, Input, Shape, Text
from app.models import ConsentEntry
from app.rules.access import Can, Viewer
from app.rules.consent import SmsStatus
from app.services import consent, people, phones, shapes
from app.services.shapes import Phone

TheirType = Literal["mobile", "home", "work", "other"]  # system is for our own numbers


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


@patch("/phones/<id:phone_id>", Can.PEOPLE_EDIT)
def change(viewer: Viewer, phone_id: int, body: PhoneChanges) -> Phone:
    """Change the type, or stamp who verified the number and when."""
    given = body.given()
    people.change_phone(viewer, phone_id, kind=given.get("type"), verified=given.get("verified"))
    return shapes.phone(phones.one(viewer, phone_id))


@delete("/phones/<id:phone_id>", Can.PEOPLE_EDIT)
def remove(viewer: Viewer, phone_id: int) -> None:
    """Take a number from a person. Its consent is kept."""
    people.remove_phone(viewer, phone_id)


@post("/phones/<id:phone_id>/consent", Can.CONSENT_EDIT, status=200)
def set_consent(viewer: Viewer, phone_id: int, body: ConsentChange) -> Phone:
    """Set whether the number may be texted, with the reason."""
    consent.set_by_staff(viewer, phone_id, body.status, body.reason)
    return shapes.phone(phones.one(viewer, phone_id))


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
