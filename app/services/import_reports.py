"""Import reports: the list of imports, the first rows of one, and what became of each row."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from sqlalchemy import select

from app.database import db, transaction
from app.errors import NotFound
from app.models import ImportRow, ImportRun, Outcome, Staff
from app.rules import importing as rules
from app.rules import tables
from app.rules.access import Viewer
from app.rules.importing import Entry, Refused
from app.rules.oneroster import File
from app.rules.tables import Unreadable
from app.services import import_files, import_removal, import_runs, importing
from app.services.audit import audit
from app.services.import_files import PEOPLE
from app.services.import_runs import By

PAGE = 50  # rows on a page
LATEST = 20  # imports in the list
_BATCH = 500  # rows that an export reads at once
_PREVIEW = 5


@dataclass(frozen=True, slots=True)
class Listed:
    run: ImportRun
    by: str | None


def latest(viewer: Viewer, *, before: int | None = None, limit: int = LATEST) -> list[Listed]:
    """The newest imports of the institution. `before`: the id of the last one shown."""
    found = (
        select(ImportRun, Staff.name)
        .outerjoin(Staff, Staff.id == ImportRun.staff_id)
        .where(ImportRun.institution_id == viewer.institution_id)
    )
    if before is not None:
        found = found.where(ImportRun.id < before)
    rows = db.session.execute(found.order_by(ImportRun.id.desc()).limit(limit))
    return [Listed(run, name) for run, name in rows]


def one(institution_id: int, run_id: int) -> ImportRun:
    run = db.session.get(ImportRun, run_id, populate_existing=True)
    if run is None or run.institution_id != institution_id:
        raise NotFound("There is no such import.")
    return run


@dataclass(frozen=True, slots=True)
class Sample:
    """One row of the file, and how it would be read."""

    line: int
    cells: list[str]
    entry: Entry | Refused


def preview(viewer: Viewer, run: ImportRun) -> list[Sample]:
    """The first rows. Of OneRoster 1.2 the kinds are known only when all of it is read."""
    file = next(iter(run.files))
    try:
        found = list(islice(import_files.rows(run, file), _PREVIEW))
    except Unreadable:
        return []

    def kind(_user: str) -> str:
        return "student"

    return [
        Sample(line, cells, importing.read(run, viewer.region, kind, cells))
        for line, cells in found
    ]


def mapping_problem(viewer: Viewer, run: ImportRun) -> str | None:
    if PEOPLE not in run.files:
        return None
    held = import_runs.chosen(run).mapping or []
    may_link = By.of(viewer).may_link
    return rules.mapping_problem(run.files[PEOPLE]["columns"], held, may_link=may_link)


def rows(
    run: ImportRun, outcome: Outcome | None, *, after: int = 0, limit: int = PAGE
) -> list[ImportRow]:
    """What became of the rows, in their order. `after`: the id of the last one shown."""
    found = select(ImportRow).where(ImportRow.run_id == run.id, ImportRow.id > after)
    if outcome is not None:
        found = found.where(ImportRow.outcome == outcome)
    return list(db.session.execute(found.order_by(ImportRow.id).limit(limit)).scalars())


def export(viewer: Viewer, run_id: int) -> Iterator[ImportRow]:
    """What became of every row, read bit by bit; that it was exported is written down."""
    with transaction():
        run = one(viewer.institution_id, run_id)
        audit(
            *(viewer.institution_id, "import.exported", f"import:{run_id}", viewer.staff_id),
            name=run.name,
        )
    return every_row(viewer.institution_id, run_id)


def every_row(institution_id: int, run_id: int) -> Iterator[ImportRow]:
    last = 0
    while found := rows(one(institution_id, run_id), None, after=last, limit=_BATCH):
        db.session.expunge_all()
        db.session.rollback()  # no read stays open while somebody's line is slow
        yield from found
        last = found[-1].id


def named_twice(run: ImportRun) -> list[str]:
    """Columns of a plain file that have the same name: the first one is taken (C6)."""
    return tables.twice(run.files[PEOPLE]["columns"]) if PEOPLE in run.files else []


def schools(run: ImportRun) -> list[str]:
    """The names in orgs.csv, for whoever looks at what they chose."""
    return list(run.files.get(File.ORGS, {}).get("schools", []))


def why_asked(run: ImportRun) -> tuple[bool, bool]:
    """Of one that asks: whether so many would be removed, and whether lines could not be read."""
    return rules.is_many(run.leaving or 0, run.of or 0), import_removal.is_unsure(run)
