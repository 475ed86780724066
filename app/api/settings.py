"""Settings: what the institution decides for itself (contract 4, S3-1..S3-28)."""

from typing import Annotated, Literal

from pydantic import Field

from app.api.endpoints import get, patch
from app.api.phones import TheirType
from app.api.staff import RoleName
from app.api.types import ABSENT, Changes, Shape, Text
from app.rules.access import Can, Viewer
from app.rules.limits import LimitUnit
from app.services import settings

Opted = Literal["opted_in", "opted_out"]
Count = Annotated[int, Field(ge=0, le=100_000_000)]
Subject = Annotated[Text, Field(min_length=1, max_length=300)]
Words = Annotated[list[Annotated[Text, Field(min_length=2, max_length=40)]], Field(max_length=50)]
MailBody = Annotated[Text, Field(min_length=1, max_length=10_000)]


class Mail(Shape):
    subject: str
    body: str


class Settings(Shape):
    """Limits: null = none, 0 = all goes by email. `permitted_roles` may start conversations.

    `reply_reserve`: places of the month's limit kept for answers. `segment_price`: what the
    provider charges for a segment, in millionths of a dollar; null = not known.

    `unclaimed_answer`: to a text that nobody holds, null = none; `unclaimed_hours`: until those who
    may claim it are reminded, null = never.

    `help_contact`: named in our answer to HELP. `more_…_words`: beside STOP and START (D15).
    """

    student_default: Opted
    staff_default: Opted
    default_phone_type: str
    permitted_roles: list[str]
    number_limit: int | None
    message_limit: int | None
    limit_unit: LimitUnit
    reply_reserve: int
    segment_price: int | None
    cool_off_days: int
    max_length: int
    sms_enabled: bool
    first_contact: str | None
    help_contact: str | None
    more_stop_words: list[str]
    more_start_words: list[str]
    unclaimed_answer: str | None
    unclaimed_hours: int | None
    reply_notice: Mail
    fallback_email: Mail
    version: int


class MailChanges(Changes):
    subject: Subject = ABSENT
    body: MailBody = ABSENT


class SettingsChanges(Changes):
    """`version`: the one you saw; where somebody else saved meanwhile, the answer is 409."""

    version: int
    student_default: Opted = ABSENT
    staff_default: Opted = ABSENT
    default_phone_type: TheirType = ABSENT
    permitted_roles: Annotated[list[RoleName], Field(max_length=200)] = ABSENT
    number_limit: Count | None = ABSENT
    message_limit: Count | None = ABSENT
    limit_unit: LimitUnit = ABSENT
    reply_reserve: Count = ABSENT
    segment_price: Annotated[int, Field(ge=0, le=settings.DEAREST)] | None = ABSENT
    cool_off_days: Annotated[Count, Field(examples=[7])] = ABSENT
    max_length: Count = ABSENT
    sms_enabled: bool = ABSENT
    first_contact: Annotated[Text, Field(max_length=1600)] | None = ABSENT
    help_contact: Annotated[Text, Field(max_length=200)] | None = ABSENT
    more_stop_words: Words = ABSENT
    more_start_words: Words = ABSENT
    unclaimed_answer: Annotated[Text, Field(max_length=1600)] | None = ABSENT
    unclaimed_hours: Annotated[int, Field(ge=1, le=settings.LONGEST_UNCLAIMED)] | None = ABSENT
    reply_notice: MailChanges = ABSENT
    fallback_email: MailChanges = ABSENT


@get("/settings", Can.SETTINGS_EDIT, Can.LIMITS_EDIT)
def read(viewer: Viewer) -> Settings:
    """All settings."""
    return Settings.model_validate(settings.current(viewer))


@patch("/settings", Can.SETTINGS_EDIT, Can.LIMITS_EDIT, conflicts=("outdated",))
def change(viewer: Viewer, body: SettingsChanges) -> Settings:
    """Change what is given. Limits need `limits.edit`, the rest `settings.edit`."""
    given = body.given()
    settings.change(viewer, given.pop("version"), given)
    return read(viewer)
