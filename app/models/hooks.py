"""Hooks: the addresses of other systems that are told what happens here, and every event that each
of them was, or is to be, told."""

from enum import StrEnum

from sqlalchemy import Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.database import Base
from app.models.columns import (
    ByValue,
    Id,
    institution_fk,
    json_list,
    json_map,
    partial_index,
    pk,
    ref,
    when,
    when_or_never,
)


class HookState(StrEnum):
    """Of one event on its way to one address."""

    WAITING = "waiting"  # to be told, for the first time or again
    DELIVERED = "delivered"
    GIVEN_UP = "given_up"


# Words for word what the indexes below say: with a parameter in their place they are not used.
HOOK_WAITING = text("state = 'waiting'")
HOOK_NOT_DELIVERED = text("state <> 'delivered'")


class Hook(Base):
    """`seq`: up to this event the deliveries have been made. Secrets are encrypted; the old one
    signs beside the new one until `old_secret_until`. `failures`: in a row, since `failing_since`.
    `rest_until`: nothing is told before. `paused_why`: "" = by staff."""

    __tablename__ = "hook"
    __table_args__ = (Index("ix_hook_institution", "institution_id", "id"),)

    id: Mapped[pk]
    institution_id: Mapped[institution_fk]
    url: Mapped[str] = mapped_column(Text)
    events: Mapped[json_list]
    secret: Mapped[str] = mapped_column(Text)
    old_secret: Mapped[str | None] = mapped_column(Text)
    old_secret_until: Mapped[when_or_never]
    seq: Mapped[int] = mapped_column(Id)
    failures: Mapped[int] = mapped_column(default=0)
    failing_since: Mapped[when_or_never]
    rest_until: Mapped[when_or_never]
    paused_at: Mapped[when_or_never]
    paused_why: Mapped[str] = mapped_column(Text, default="")
    delivered_at: Mapped[when_or_never]  # the last time that it took one
    lease_until: Mapped[when_or_never]  # a worker tells it something; the database's clock
    created_by: Mapped[int] = mapped_column(Id, ref("staff"))
    created_at: Mapped[when]


class HookDelivery(Base):
    """One event for one address, copied from its row, so that it can be sent again when that is
    gone. `seq` None: a test. `since`: when it began to wait; it is given up a day later."""

    __tablename__ = "hook_delivery"
    __table_args__ = (
        UniqueConstraint("hook_id", "seq"),
        Index("ix_hook_delivery_log", "hook_id", "id"),
        Index("ix_hook_delivery_finished", "finished_at"),
        partial_index("ix_hook_delivery_waiting", "hook_id", "id", where=HOOK_WAITING),
        partial_index(
            "ix_hook_delivery_not_delivered", "hook_id", "state", where=HOOK_NOT_DELIVERED
        ),
    )

    id: Mapped[pk]
    institution_id: Mapped[institution_fk]
    hook_id: Mapped[int] = mapped_column(Id, ref("hook"))
    seq: Mapped[int | None] = mapped_column(Id)
    name: Mapped[str] = mapped_column(String(60))
    ids: Mapped[json_map]
    status: Mapped[str | None] = mapped_column(String(32))
    at: Mapped[when]
    state: Mapped[HookState] = mapped_column(ByValue(HookState), default=HookState.WAITING)
    tries: Mapped[int] = mapped_column(default=0)
    since: Mapped[when]
    due_at: Mapped[when]
    tried_at: Mapped[when_or_never]
    code: Mapped[int | None]  # of the last answer; None where there was none
    error: Mapped[str] = mapped_column(Text, default="")
    finished_at: Mapped[when_or_never]
