"""Numbers: our own side. The provider's account, the numbers in it, who holds which, and carrier
blocks."""

from enum import StrEnum

from sqlalchemy import Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.database import Base
from app.models.columns import (
    ByValue,
    Id,
    institution_fk,
    partial_index,
    pk,
    ref,
    when,
    when_or_never,
)


class OptOutReplies(StrEnum):
    """Who answers STOP, START and HELP (D21)."""

    PROVIDER = "provider"
    OURS = "ours"


class ProviderAccount(Base):
    """`stopped_reason`: set while nothing may be sent through it; the queue is kept (D35).

    `paused_until`: no call before (429, breaker), and `unclear`: how many calls in a row had no
    clear answer. `imported_until`: every inbound text that the provider had got by then is here;
    `missed_at`: some may not have reached us until then, so nothing is sent before an import has
    got as far (D42). The database's clock.
    """

    __tablename__ = "provider_account"

    id: Mapped[pk]
    institution_id: Mapped[institution_fk] = mapped_column(index=True)
    kind: Mapped[str] = mapped_column(String(16))  # twilio
    account_sid: Mapped[str] = mapped_column(String(64), unique=True)
    secret: Mapped[str] = mapped_column(Text)  # encrypted (app.security)
    api_url: Mapped[str | None] = mapped_column(String(300))  # None = the provider's own
    opt_out_replies: Mapped[OptOutReplies] = mapped_column(
        ByValue(OptOutReplies), default=OptOutReplies.PROVIDER
    )
    stopped_reason: Mapped[str | None] = mapped_column(String(300))
    paused_until: Mapped[when_or_never]
    unclear: Mapped[int] = mapped_column(default=0)
    imported_until: Mapped[when]
    missed_at: Mapped[when_or_never]
    saved_at: Mapped[when]  # an answer to a call of before says nothing about these credentials
    created_at: Mapped[when]


class SenderNumber(Base):
    """A number of ours. `next_call_at`: paced until then, by the database's clock. `free_from`: end
    of its cool-off; `retired_at`: out of the pool for good (D26).

    `org_unit_id`: shared by everybody of that unit, and then never anybody's own. `shared_at`: when
    it was last given to a unit, or taken back from one.
    """

    __tablename__ = "sender_number"
    __table_args__ = (Index("ix_sender_number_pool", "institution_id", "last_used_at", "id"),)

    id: Mapped[pk]
    institution_id: Mapped[institution_fk]
    provider_account_id: Mapped[int] = mapped_column(Id, ref("provider_account"))
    e164: Mapped[str] = mapped_column(String(40), unique=True)
    provider_sid: Mapped[str | None] = mapped_column(String(64))
    last_used_at: Mapped[when_or_never]
    next_call_at: Mapped[when_or_never]
    free_from: Mapped[when_or_never]
    retired_at: Mapped[when_or_never]
    org_unit_id: Mapped[int | None] = mapped_column(Id)
    shared_at: Mapped[when_or_never]
    created_at: Mapped[when]

    account: Mapped[ProviderAccount] = relationship()


class Assignment(Base):
    """Who holds a number, from when to when. Ended ones are kept (S3-38)."""

    __tablename__ = "assignment"
    __table_args__ = (
        partial_index(
            "uq_assignment_open_number",
            "sender_number_id",
            unique=True,
            where=text("ended_at IS NULL"),
        ),
        partial_index(
            "uq_assignment_open_staff", "staff_id", unique=True, where=text("ended_at IS NULL")
        ),
    )

    id: Mapped[pk]
    institution_id: Mapped[institution_fk]
    sender_number_id: Mapped[int] = mapped_column(Id, ref("sender_number"))
    staff_id: Mapped[int] = mapped_column(Id, ref("staff"))
    assigned_at: Mapped[when]
    assigned_by: Mapped[int | None] = mapped_column(Id, ref("staff"))  # None: by a first text
    ended_at: Mapped[when_or_never]
    ended_by: Mapped[int | None] = mapped_column(Id, ref("staff"))

    number: Mapped[SenderNumber] = relationship()


class PairBlock(Base):
    """The carrier lets nothing through from this number of ours to theirs (D18)."""

    __tablename__ = "pair_block"

    sender_number_id: Mapped[int] = mapped_column(Id, ref("sender_number"), primary_key=True)
    contact_number_id: Mapped[int] = mapped_column(Id, ref("contact_number"), primary_key=True)
    institution_id: Mapped[institution_fk]
    blocked_at: Mapped[when]
