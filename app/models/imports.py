"""Imports: files of people, what they are read as, and what became of each of their rows."""

from enum import StrEnum

from sqlalchemy import Index, LargeBinary, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from app.database import Base
from app.models.columns import (
    ByValue,
    Id,
    institution_fk,
    json_map,
    partial_index,
    pk,
    ref,
    when,
    when_or_never,
)


class ImportState(StrEnum):
    DRAFT = "draft"  # uploaded; nothing has been done with it
    WAITING = "waiting"  # for a worker, or while one works on it
    ASKING = "asking"  # whether so many people are to be removed (C15)
    DONE = "done"
    FAILED = "failed"  # the file cannot be read; `problem` says why
    STOPPED = "stopped"  # by hand; `problem` says by whom


class Outcome(StrEnum):
    CREATED = "created"
    CHANGED = "changed"
    UNCHANGED = "unchanged"
    REFUSED = "refused"  # something is wrong with it, so nothing of it was taken
    SKIPPED = "skipped"  # nothing is wrong with it, but it is not for us
    LEAVING = "leaving"  # to be removed when all rows have been read
    REMOVED = "removed"
    NOT_DONE = "not_done"  # the import was stopped before


class ImportRun(Base):
    """`staff_id`: who uploaded it, and once it is started who did that. `files`: of each file that
    is read its encoding, delimiter and columns, and what its rows say about no person. `options`:
    what was chosen for it. `counts`: rows by outcome. `done`: rows that are dealt with, of `total`,
    which is None until they are counted. `leaving`, `of`: how many people would be removed of how
    many, None until they are listed. `claims`: how often a worker took it; one that remembers
    another number was overtaken. `lease_until`: of one that was stopped, None once all rows that
    were not done are listed."""

    __tablename__ = "import_run"
    __table_args__ = (
        Index("ix_import_run_log", "institution_id", "id"),
        partial_index("ix_import_run_waiting", "id", where=text("state = 'waiting'")),
    )

    id: Mapped[pk]
    institution_id: Mapped[institution_fk]
    staff_id: Mapped[int | None] = mapped_column(Id, ref("staff"))  # None: the command line
    name: Mapped[str] = mapped_column(String(120))  # of the file, as it was chosen
    state: Mapped[ImportState] = mapped_column(ByValue(ImportState), default=ImportState.DRAFT)
    files: Mapped[json_map]
    options: Mapped[json_map]
    dry_run: Mapped[bool] = mapped_column(default=False)
    total: Mapped[int | None]
    done: Mapped[int] = mapped_column(default=0)
    counts: Mapped[json_map]
    leaving: Mapped[int | None]
    of: Mapped[int | None]
    problem: Mapped[str] = mapped_column(Text, default="")
    claims: Mapped[int] = mapped_column(default=0)
    lease_until: Mapped[when_or_never]  # a worker is at it; the database's clock
    created_at: Mapped[when]
    started_at: Mapped[when_or_never]
    finished_at: Mapped[when_or_never]


class ImportPart(Base):
    """A piece of an uploaded file, until it has been imported."""

    __tablename__ = "import_part"

    run_id: Mapped[int] = mapped_column(Id, ref("import_run"), primary_key=True)
    file: Mapped[str] = mapped_column(String(20), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    institution_id: Mapped[institution_fk]
    data: Mapped[bytes] = mapped_column(LargeBinary)


class ImportRow(Base):
    """What became of one row. `line`: where it begins in the file; 0 = the person is not in it.
    `key`: by which the person is known again within the file. `person_id` is kept also where the
    person is gone."""

    __tablename__ = "import_row"
    __table_args__ = (
        Index("ix_import_row_key", "run_id", "key"),
        Index("ix_import_row_outcome", "run_id", "outcome", "id"),
        Index("ix_import_row_order", "run_id", "id"),
    )

    id: Mapped[pk]
    institution_id: Mapped[institution_fk]
    run_id: Mapped[int] = mapped_column(Id, ref("import_run"))
    line: Mapped[int]
    key: Mapped[str] = mapped_column(Text)
    name: Mapped[str] = mapped_column(Text)
    outcome: Mapped[Outcome] = mapped_column(ByValue(Outcome))
    reason: Mapped[str] = mapped_column(Text, default="")
    person_id: Mapped[int | None] = mapped_column(Id)
