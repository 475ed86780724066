"""Institution: one school with its settings, and what it has used of its limits."""

from datetime import date

from sqlalchemy import ForeignKey, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.database import Base
from app.models.columns import ByValue, Id, json_list, pk, when
from app.rules.limits import LimitUnit, MonthUsage
from app.rules.phones import PhoneType
from app.rules.recipient import Defaults

STANDARD_PRICE = 7900  # what the provider lists for a segment at home, in micro-dollars
UNCLAIMED_HOURS = 4  # that a text may wait until somebody is reminded of it
REPLY_NOTICE_SUBJECT = "{name} answered your text"
REPLY_NOTICE_BODY = (
    "{name} wrote at {time}:\n\n{text}\n\nAnswer in your inbox: {link}\n\n"
    "An answer to this email does not reach {name}."
)
FALLBACK_SUBJECT = "A message from {sender} at {institution}"
FALLBACK_BODY = (
    "{text}\n\n{sender}, {institution}\n\nThis came as an email because {reason}. "
    "To answer, reply to this email."
)


class Institution(Base):
    """A row per school. `version` grows by one with every change of its settings."""

    __tablename__ = "institution"

    id: Mapped[pk]
    name: Mapped[str] = mapped_column(String(200))
    timezone: Mapped[str] = mapped_column(String(64))  # IANA
    region: Mapped[str] = mapped_column(String(2))  # ISO 3166, of numbers written without "+"
    student_opted_in: Mapped[bool] = mapped_column(default=True)  # S3-4
    staff_opted_in: Mapped[bool] = mapped_column(default=True)  # S3-5
    default_phone_type: Mapped[PhoneType] = mapped_column(
        ByValue(PhoneType), default=PhoneType.MOBILE
    )
    number_limit: Mapped[int | None] = mapped_column(Integer)  # None = unlimited
    message_limit: Mapped[int | None] = mapped_column(Integer)  # a month; None = unlimited
    limit_unit: Mapped[LimitUnit] = mapped_column(ByValue(LimitUnit), default=LimitUnit.MESSAGES)
    reply_reserve: Mapped[int] = mapped_column(default=0)  # places of a month kept for answers
    segment_price: Mapped[int | None] = mapped_column(default=STANDARD_PRICE)  # micro-dollars
    alert_month: Mapped[str | None] = mapped_column(String(7))  # of the alert that holds: "2026-11"
    alert_level: Mapped[int] = mapped_column(default=0)  # percent of the limit; 0 = none holds
    no_number_on: Mapped[date | None]  # when it was last told that somebody got no number
    summarized_on: Mapped[date | None]  # the last day of the last weekly summary
    cool_off_days: Mapped[int] = mapped_column(default=0)
    max_length: Mapped[int] = mapped_column(default=1000)  # characters (S3-73)
    sms_enabled: Mapped[bool] = mapped_column(default=True)
    help_contact: Mapped[str | None] = mapped_column(String(200))  # named in our answer to HELP
    first_contact: Mapped[str | None] = mapped_column(Text)
    reply_notice_subject: Mapped[str] = mapped_column(Text, default=REPLY_NOTICE_SUBJECT)
    reply_notice_body: Mapped[str] = mapped_column(Text, default=REPLY_NOTICE_BODY)
    fallback_subject: Mapped[str] = mapped_column(Text, default=FALLBACK_SUBJECT)
    fallback_body: Mapped[str] = mapped_column(Text, default=FALLBACK_BODY)
    unclaimed_answer: Mapped[str | None] = mapped_column(Text)  # to what nobody holds; None: none
    unclaimed_hours: Mapped[int | None] = mapped_column(default=UNCLAIMED_HOURS)  # None: never
    more_stop_words: Mapped[json_list]
    more_start_words: Mapped[json_list]
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[when]

    def usage(self, used: int) -> MonthUsage:
        """Of a month, as a text counts that is no answer."""
        return MonthUsage(used, self.message_limit, self.limit_unit, self.reply_reserve)

    def defaults_for(self, kind: str) -> Defaults:
        """D8: the staff default applies to staff, the student default to everybody else."""
        opted_in = self.staff_opted_in if kind == "staff" else self.student_opted_in
        return Defaults(opted_in, self.default_phone_type)


class Seats(Base):
    """How many numbers are assigned; spent by one UPDATE ... WHERE used < limit."""

    __tablename__ = "seats"

    institution_id: Mapped[int] = mapped_column(Id, ForeignKey("institution.id"), primary_key=True)
    used: Mapped[int] = mapped_column(default=0)


class Usage(Base):
    """How many places one local month has used (D27, D28)."""

    __tablename__ = "usage"

    institution_id: Mapped[int] = mapped_column(Id, ForeignKey("institution.id"), primary_key=True)
    month: Mapped[str] = mapped_column(String(7), primary_key=True)  # "2026-11"
    used: Mapped[int] = mapped_column(default=0)
