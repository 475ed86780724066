"""Org units: the parts of an institution, as a tree."""

from sqlalchemy import Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from app.database import Base
from app.models.columns import Id, institution_fk, partial_index, pk, ref, when, when_or_never


class OrgUnit(Base):
    """A college, a department, an office. `parent_id` None: at the top. `version`: counts its
    changes, so that nobody saves over somebody else's.

    A member of staff is in one unit or none. A conversation is in that of its holder, and goes
    along when the holder moves to another: whoever looks after the unit sees what is answered
    there now. One that nobody holds stays where it was last. A message keeps the unit that its
    conversation was in when it was made (S4-23), so that a report about last year says the same
    after everybody has moved. That is why a removed unit stays as a row: `removed_at`.

    `representative_id`: who stands for it, also after they can no more (`rules.unclaimed`).
    """

    __tablename__ = "org_unit"
    __table_args__ = (
        partial_index(
            "uq_org_unit_name",
            "parent_id",
            "name",
            unique=True,
            where=text("parent_id IS NOT NULL AND removed_at IS NULL"),
        ),
        partial_index(
            "uq_org_unit_top",
            "institution_id",
            "name",
            unique=True,
            where=text("parent_id IS NULL AND removed_at IS NULL"),
        ),
        Index("ix_org_unit_tree", "institution_id", "id"),
    )

    id: Mapped[pk]
    institution_id: Mapped[institution_fk]
    parent_id: Mapped[int | None] = mapped_column(Id, ref("org_unit"))
    name: Mapped[str] = mapped_column(String(80))
    representative_id: Mapped[int | None] = mapped_column(Id)  # of staff
    version: Mapped[int] = mapped_column(default=1)
    removed_at: Mapped[when_or_never]
    created_at: Mapped[when]
