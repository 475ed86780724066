"""Person phones: every number ever saved for people, ours with them (S3-35..S3-39)."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

from pydantic import Field, TypeAdapter

from app.api.endpoints import get
from app.api.paging import Page, Paging, page
from app.api.types import Id, Shape, Text
from app.rules.access import Can, Viewer
from app.rules.consent import SmsStatus
from app.rules.phones import PhoneType
from app.services import person_phones
from app.services.person_phones import Place, Row, Wanted

_PLACE: TypeAdapter[Place] = TypeAdapter(Place)


class PersonPhone(Shape):
    """`src_system_id` ends in REPLYLINE.SMS for a number of ours that a member of staff holds or
    held; `phone_type_src_system_id` is then REPLYLINE.SYSTEM. `verified_by`: a staff id.
    `deleted`: it is not the person's any more; the row is kept."""

    src_system_id: str
    phone_type_src_system_id: str
    person_id: int
    person_source_id: str | None
    number: str
    type: PhoneType
    sms_status: SmsStatus
    text_msg_only: bool
    verified_at: datetime | None
    verified_by: int | None
    deleted: bool
    deleted_at: datetime | None


class PersonPhoneQuery(Paging):
    """`q`: beginnings of names or of a source id, or the last digits of a number. `deleted`: false
    = those that count, true = those that were taken away; without it both."""

    q: Annotated[Text, Field(max_length=200, examples=["maya t"])] = ""
    type: PhoneType | None = None
    deleted: bool | None = None
    person_id: Id | None = None


def _shown(rows: Sequence[Row]) -> list[PersonPhone]:
    return [PersonPhone.model_validate(row) for row in rows]


@get("/person-phones", Can.PEOPLE_READ)
def list_(viewer: Viewer, query: PersonPhoneQuery) -> Page[PersonPhone]:
    """Our numbers with their holders first, then the phones of people; of each the newest first."""
    wanted = Wanted(query.q, query.type, query.deleted, query.person_id)
    return page(
        query,
        _PLACE,
        lambda limit, after: person_phones.page(viewer, wanted, limit=limit, after=after),
        lambda row: row.place,
        _shown,
    )
