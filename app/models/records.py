"""Records: what is only ever appended. The consent ledger, the audit log, the events browsers
follow, and the answers kept under the keys of programs. And the beat, which is not."""

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.database import Base
from app.models.columns import ByValue, Id, institution_fk, json_map, pk, ref, when
from app.rules.consent import ConsentEvent, SmsStatus


class ConsentEntry(Base):
    """One change of one number's consent: what, why, who or which message, when (D13)."""

    __tablename__ = "consent_entry"
    __table_args__ = (
        Index("ix_consent_entry_number", "contact_number_id", "id"),
        Index("ix_consent_entry_at", "institution_id", "at"),
    )

    id: Mapped[pk]
    institution_id: Mapped[institution_fk]
    contact_number_id: Mapped[int] = mapped_column(Id, ref("contact_number"))
    from_status: Mapped[SmsStatus] = mapped_column(ByValue(SmsStatus))
    to_status: Mapped[SmsStatus] = mapped_column(ByValue(SmsStatus))
    event: Mapped[ConsentEvent] = mapped_column(ByValue(ConsentEvent))
    reason: Mapped[str] = mapped_column(Text, default="")  # the words: of the text, or of the staff
    staff_id: Mapped[int | None] = mapped_column(Id, ref("staff"))
    message_id: Mapped[int | None] = mapped_column(Id, ref("message"), index=True)
    at: Mapped[when]


class AuditEntry(Base):
    """Who did what to what. `detail` holds the difference, never a secret or a text."""

    __tablename__ = "audit_entry"
    __table_args__ = (
        Index("ix_audit_entry_log", "institution_id", "id"),
        Index("ix_audit_entry_at", "institution_id", "at", "id"),
        Index("ix_audit_entry_action", "institution_id", "action", "id"),
    )

    id: Mapped[pk]
    institution_id: Mapped[institution_fk]
    staff_id: Mapped[int | None] = mapped_column(Id, ref("staff"))  # None: the command line
    action: Mapped[str] = mapped_column(String(60))  # "settings.changed"
    subject: Mapped[str] = mapped_column(String(60))  # "staff:5"
    detail: Mapped[json_map]
    at: Mapped[when]


class EventCounter(Base):
    """The last event number of an institution; its row lock makes commit order number order."""

    __tablename__ = "event_counter"

    institution_id: Mapped[int] = mapped_column(Id, ForeignKey("institution.id"), primary_key=True)
    seq: Mapped[int] = mapped_column(Id, default=0)


class EventRow(Base):
    """One event. `audience`: words such as "staff:5" and "inbox.all"; who has one of them may see
    it."""

    __tablename__ = "event"

    institution_id: Mapped[int] = mapped_column(Id, ForeignKey("institution.id"), primary_key=True)
    seq: Mapped[int] = mapped_column(Id, primary_key=True)
    name: Mapped[str] = mapped_column(String(60))
    ids: Mapped[json_map]
    status: Mapped[str | None] = mapped_column(String(32))
    audience: Mapped[str] = mapped_column(Text)
    at: Mapped[when]


class Idempotency(Base):
    """A request of a program that was done, under the key that it gave: repeated, it has the same
    answer and no second effect (I8). `asked`: keyed hash of the request, hex."""

    __tablename__ = "idempotency"
    __table_args__ = (UniqueConstraint("staff_id", "key"),)

    id: Mapped[pk]
    institution_id: Mapped[institution_fk]
    staff_id: Mapped[int] = mapped_column(Id, ref("staff"))
    key: Mapped[str] = mapped_column(String(80))
    asked: Mapped[str] = mapped_column(String(64))
    answer: Mapped[str] = mapped_column(Text, default="")
    created_at: Mapped[when] = mapped_column(index=True)


class Beat(Base):
    """The one row that says when a web process last could store what comes in (D42). The database's
    clock."""

    __tablename__ = "beat"

    id: Mapped[pk]
    at: Mapped[when]
