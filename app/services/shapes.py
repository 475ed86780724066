"""Shapes: what programs are told of a row, by the API and by webhooks alike (contract 4)."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from app import models
from app.models import Direction, PersonKind
from app.rules.consent import SmsStatus
from app.rules.dispatch import Channel
from app.rules.lifecycle import BY_WORD, Status
from app.rules.phones import PhoneType
from app.services import numbers as pool
from app.services import phones as records
from app.services.messages import Logged

OURS = (
    0  # the id of a number of ours on its holder's record: no phone, so nothing can be done to it
)
_NEVER_EMAILED = (Status.HELD, Status.CANCELED)


class Shape(BaseModel):
    """An answer."""

    model_config = ConfigDict(from_attributes=True)


# Messages


def _status(word: str) -> str:
    if word not in BY_WORD:
        raise ValueError(f"A status is one of {', '.join(BY_WORD)}.")
    return word


StatusWord = Annotated[
    str, AfterValidator(_status), Field(json_schema_extra={"enum": sorted(BY_WORD)})
]


class MessageError(Shape):
    code: str
    message: str | None


class FollowingEmail(Shape):
    """The email that carried a text which could not be delivered."""

    status: Literal["queued", "sent", "failed"]
    to: str


class Message(Shape):
    """`reason`: why it is no text, or why this phone. `email`: null unless one followed a text."""

    id: int
    direction: Direction
    type: str
    channel: Channel
    status: StatusWord
    reason: str | None
    person_id: int | None
    staff_id: int | None
    conversation_id: int
    from_: str | None = Field(serialization_alias="from")
    to: str | None
    body: str
    encoding: str | None
    segments: int | None
    error: MessageError | None
    email: FollowingEmail | None
    provider: str | None
    provider_sid: str | None
    resend_of: int | None
    org_unit_id: int | None
    send_at: datetime | None
    created_at: datetime
    sent_at: datetime | None
    delivered_at: datetime | None


def message(row: Logged) -> Message:
    said, email = row.message, row.email
    is_email = said.channel is Channel.EMAIL and said.status not in _NEVER_EMAILED
    error = (
        MessageError(code=said.error_code, message=said.error_message) if said.error_code else None
    )
    return Message(
        id=said.id,
        direction=said.direction,
        type=said.kind.value,
        channel=said.channel,
        status=_email_word(said.status) if is_email else said.status.word,
        reason=said.reason,
        person_id=said.person_id,
        staff_id=said.staff_id,
        conversation_id=said.conversation_id,
        from_=said.from_address,
        to=said.to_address,
        body=said.body,
        encoding=said.encoding,
        segments=said.segments,
        error=error,
        email=_followed_by(email) if email and not is_email else None,
        provider=row.provider,
        provider_sid=said.provider_sid,
        resend_of=said.resend_of,
        org_unit_id=said.org_unit_id,
        send_at=said.send_at,
        created_at=said.created_at,
        sent_at=said.sent_at,
        delivered_at=said.delivered_at,
    )


def _followed_by(email: models.Email) -> FollowingEmail:
    return FollowingEmail(status=_email_word(email.status), to=email.to_address)


def _email_word(status: Status) -> Literal["queued", "sent", "failed"]:
    """What a worker does meanwhile is its own: queued until the mail server has answered."""
    if status is Status.SENT:
        return "sent"
    return "failed" if status is Status.FAILED else "queued"


# People and their phones


class Phone(Shape):
    """`verified_by`: a staff id. `text_msg_only`: a number of ours, takes no calls (S3-33)."""

    id: int
    number: str
    type: PhoneType
    sms_status: SmsStatus
    verified_at: datetime | None
    verified_by: int | None
    text_msg_only: bool


class Person(Shape):
    """`merged_into`: the person with whom they are one by now, where their phones and messages
    are."""

    id: int
    kind: PersonKind
    given_name: str
    family_name: str
    email: str | None
    source_id: str | None
    timezone: str | None
    opted_out: bool
    merged_into: int | None
    phones: list[Phone]


def phone(row: models.PersonPhone) -> Phone:
    number = row.contact_number
    return Phone(
        id=row.id,
        number=number.e164,
        type=row.type,
        sms_status=number.status,
        verified_at=row.verified_at,
        verified_by=row.verified_by,
        text_msg_only=False,
    )


def _ours(e164: str) -> Phone:
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


def people(rows: Sequence[models.Person]) -> list[Person]:
    staff = [row.id for row in rows if row.kind is PersonKind.STAFF]
    held = records.system_numbers(staff) if staff else {}
    return [
        Person(
            id=row.id,
            kind=row.kind,
            given_name=row.given_name,
            family_name=row.family_name,
            email=row.email,
            source_id=row.source_id,
            timezone=row.timezone,
            opted_out=row.opted_out_at is not None,
            merged_into=row.merged_into,
            phones=[*map(phone, row.phones)] + ([_ours(held[row.id])] if row.id in held else []),
        )
        for row in rows
    ]


# Numbers of ours


class Number(Shape):
    """`org_unit_id`: the unit that shares it, where it is nobody's own."""

    id: int
    number: str
    status: Annotated[str, Field(json_schema_extra={"enum": pool.STATUSES})]
    staff_id: int | None
    org_unit_id: int | None
    assigned_at: datetime | None
    last_used_at: datetime | None


def numbers(rows: Sequence[tuple[models.SenderNumber, models.Assignment | None]]) -> list[Number]:
    return [
        Number(
            id=number.id,
            number=number.e164,
            status=pool.status_of(number, held.staff_id if held else None),
            staff_id=held.staff_id if held else None,
            org_unit_id=number.org_unit_id,
            assigned_at=held.assigned_at if held else None,
            last_used_at=number.last_used_at,
        )
        for number, held in rows
    ]
