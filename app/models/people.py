"""People: who may be written to, their numbers, and the consent of each number."""

from enum import StrEnum
from typing import Any

from sqlalchemy import Index, String, Text, UniqueConstraint, event, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.database import Base
from app.models.columns import (
    ByValue,
    Id,
    institution_fk,
    json_map,
    pk,
    ref,
    when,
    when_or_never,
)
from app.rules.consent import Consent, DisabledBy, SmsStatus
from app.rules.phones import PhoneType
from app.rules.recipient import Phone
from app.rules.search import folded, tail


class PersonKind(StrEnum):
    STUDENT = "student"
    STAFF = "staff"
    GUARDIAN = "guardian"
    PROSPECT = "prospect"
    UNKNOWN = "unknown"


class Person(Base):
    """`opted_out_at`: said STOP; a number added later starts DISABLED (D14). `removed_at`: an
    import took them away; the row and its conversations are kept. `merged_into`: the person with
    whom they are one; what was theirs is there, and they count as removed. `words`: what search
    finds them by."""

    __tablename__ = "person"
    __table_args__ = (
        UniqueConstraint("institution_id", "source_id"),
        Index("ix_person_name", "institution_id", "family_name", "given_name", "id"),
        Index("ix_person_email", "institution_id", "email"),
        Index(
            "ix_person_merged",
            "merged_into",
            sqlite_where=text("merged_into IS NOT NULL"),
            postgresql_where=text("merged_into IS NOT NULL"),
        ),
    )

    id: Mapped[pk]
    institution_id: Mapped[institution_fk]
    kind: Mapped[PersonKind] = mapped_column(ByValue(PersonKind))
    given_name: Mapped[str] = mapped_column(String(200))
    family_name: Mapped[str] = mapped_column(String(200))
    email: Mapped[str | None] = mapped_column(String(320))
    source_id: Mapped[str | None] = mapped_column(String(200))  # in the school's own system
    timezone: Mapped[str | None] = mapped_column(String(64))
    opted_out_at: Mapped[when_or_never]
    removed_at: Mapped[when_or_never]
    merged_into: Mapped[int | None] = mapped_column(Id)  # no reference: it came later
    words: Mapped[str] = mapped_column(Text, default="", deferred=True)
    created_at: Mapped[when]

    phones: Mapped[list["PersonPhone"]] = relationship(
        primaryjoin="and_(PersonPhone.person_id == Person.id, PersonPhone.removed_at.is_(None))",
        order_by="PersonPhone.id",
        viewonly=True,
    )

    @property
    def name(self) -> str:
        return f"{self.given_name} {self.family_name}".strip()


@event.listens_for(Person, "before_insert")
@event.listens_for(Person, "before_update")
def _keep_words(_mapper: Any, _connection: Any, person: Person) -> None:
    person.words = folded(f"{person.given_name} {person.family_name} {person.source_id or ''}")


def _tail_of_number(context: Any) -> str:
    return tail(context.get_current_parameters()["e164"])


class ContactNumber(Base):
    """A number the outside world texts from or gets texts on. Consent is its own, whoever owns it
    (D13)."""

    __tablename__ = "contact_number"
    __table_args__ = (
        UniqueConstraint("institution_id", "e164"),
        Index("ix_contact_number_tail", "institution_id", "tail"),
    )

    id: Mapped[pk]
    institution_id: Mapped[institution_fk]
    e164: Mapped[str] = mapped_column(String(40))  # or a short code, or a name: kept as it came
    tail: Mapped[str] = mapped_column(String(40), default=_tail_of_number)  # from its end
    status: Mapped[SmsStatus] = mapped_column(ByValue(SmsStatus), default=SmsStatus.DEFAULT)
    disabled_by: Mapped[DisabledBy | None] = mapped_column(ByValue(DisabledBy))
    bulk_paused_at: Mapped[when_or_never]  # a vague opt-out: no automatic or bulk texts (D20)
    changed_at: Mapped[when_or_never]

    @property
    def consent(self) -> Consent:
        return Consent(self.status, self.disabled_by)


class PersonPhone(Base):
    """That a person has a number. Removed ones are kept (S3-38). `imported`: no person of ours put
    it there, or took it away, so the next import may change that."""

    __tablename__ = "person_phone"
    __table_args__ = (
        UniqueConstraint("person_id", "contact_number_id"),
        Index("ix_person_phone_feed", "institution_id", "id"),
    )

    id: Mapped[pk]
    institution_id: Mapped[institution_fk]
    person_id: Mapped[int] = mapped_column(Id, ref("person"))
    contact_number_id: Mapped[int] = mapped_column(Id, ref("contact_number"), index=True)
    type: Mapped[PhoneType] = mapped_column(ByValue(PhoneType))
    verified_at: Mapped[when_or_never]
    verified_by: Mapped[int | None] = mapped_column(Id, ref("staff"))
    imported: Mapped[bool] = mapped_column(default=False)
    removed_at: Mapped[when_or_never]

    contact_number: Mapped[ContactNumber] = relationship(lazy="joined", innerjoin=True)

    def facts(self) -> Phone:
        number = self.contact_number
        return Phone(self.id, number.id, number.e164, self.type, number.consent, self.verified_at)


class Guardianship(Base):
    """That somebody stands for a student, as an import said; named by `source_id`, the guardian's
    own, whether or not we know them yet."""

    __tablename__ = "guardianship"
    __table_args__ = (Index("ix_guardianship_of", "institution_id", "source_id"),)

    person_id: Mapped[int] = mapped_column(Id, ref("person"), primary_key=True)
    source_id: Mapped[str] = mapped_column(String(200), primary_key=True)
    institution_id: Mapped[institution_fk]


class PersonMerge(Base):
    """That two records became one, and what moved with that, so that it can be undone (issue 5).
    `moved`: the ids of rows by kind, and fields before and after (`services.joining`)."""

    __tablename__ = "person_merge"
    __table_args__ = (Index("ix_person_merge_kept", "kept_id", "id"),)

    id: Mapped[pk]
    institution_id: Mapped[institution_fk]
    kept_id: Mapped[int] = mapped_column(Id, ref("person"))
    other_id: Mapped[int] = mapped_column(Id, ref("person"))
    staff_id: Mapped[int] = mapped_column(Id, ref("staff"))
    moved: Mapped[json_map]
    at: Mapped[when]
    undone_at: Mapped[when_or_never]
    undone_by: Mapped[int | None] = mapped_column(Id, ref("staff"))
