"""Writing: what staff keep beside the messages. Notes, drafts, and texts to use again."""

from sqlalchemy import Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.database import Base
from app.models.columns import Id, institution_fk, pk, ref, when


class Note(Base):
    """A private note in a conversation: only staff see it. `idempotency_key`: as of a message."""

    __tablename__ = "note"
    __table_args__ = (UniqueConstraint("staff_id", "idempotency_key"),)

    id: Mapped[pk]
    institution_id: Mapped[institution_fk]
    conversation_id: Mapped[int] = mapped_column(Id, ref("conversation"), index=True)
    staff_id: Mapped[int] = mapped_column(Id, ref("staff"))
    body: Mapped[str] = mapped_column(Text)
    idempotency_key: Mapped[str | None] = mapped_column(String(80))
    created_at: Mapped[when]


class SavedDraft(Base):
    """What somebody has typed in a conversation and not sent; one for each who writes in it."""

    __tablename__ = "draft"

    staff_id: Mapped[int] = mapped_column(Id, ref("staff"), primary_key=True)
    conversation_id: Mapped[int] = mapped_column(Id, ref("conversation"), primary_key=True)
    institution_id: Mapped[institution_fk]
    body: Mapped[str] = mapped_column(Text)
    updated_at: Mapped[when]


class StandardText(Base):
    """A text to insert at the cursor (S4-45). `staff_id` None = shared by all."""

    __tablename__ = "standard_text"
    __table_args__ = (Index("ix_standard_text_owner", "institution_id", "staff_id", "title"),)

    id: Mapped[pk]
    institution_id: Mapped[institution_fk]
    staff_id: Mapped[int | None] = mapped_column(Id, ref("staff"))
    title: Mapped[str] = mapped_column(String(80))
    body: Mapped[str] = mapped_column(Text)
    updated_at: Mapped[when]
    updated_by: Mapped[int] = mapped_column(Id, ref("staff"))
