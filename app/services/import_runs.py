"""Import runs: a file is uploaded, looked at, tried, imported; and what became of its rows."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice
from typing import Any

from sqlalchemy import delete, exists, select

from app import clock, jobs
from app.database import LOCK, after_commit, db, retrying, transaction
from app.errors import Conflict, Invalid, NotFound
from app.events import Event, publish
from app.models import (
    ImportPart,
    ImportRow,
    ImportRun,
    ImportState,
    Institution,
    Outcome,
    Staff,
)
from app.rules import importing as rules
from app.rules import tables
from app.rules.access import Can, Viewer
from app.rules.importing import Entry, Field, Refused
from app.rules.oneroster import Columns, File
from app.rules.tables import Unreadable
from app.services import import_files, importing
from app.services.audit import audit
from app.services.import_files import PEOPLE, Upload

PAGE = 50  # rows on a page
_LATEST = 20  # imports in the list
_BATCH = 500  # rows that an export reads at once
_PREVIEW = 5
KEPT = timedelta(days=7)  # an uploaded file that nobody imports
ROWS_KEPT = timedelta(days=90)  # what became of each row


@dataclass(frozen=True, slots=True)
class By:
    """Who imports; `staff_id` None: the command line. `may_link`: they may say whose students
    people are (C18)."""

    institution_id: int
    staff_id: int | None
    may_link: bool

    @classmethod
    def of(cls, viewer: Viewer) -> "By":
        return cls(viewer.institution_id, viewer.staff_id, viewer.can(Can.STAFF_MANAGE))

    @classmethod
    def command(cls, institution_id: int) -> "By":
        if db.session.get(Institution, institution_id) is None:
            raise NotFound(f"There is no institution {institution_id}.")
        return cls(institution_id, None, True)


@dataclass(frozen=True, slots=True)
class Choice:
    """How a file is to be read. `mapping`: by the place of the column, or `named` by its name;
    neither = guessed, and without meaning for OneRoster. `kind`: of whoever's row does not say."""

    mapping: Sequence[Field | None] | None = None
    named: Mapping[str, Field] | None = None
    kind: str = "student"
    remove_missing: bool = False


def upload(by: By, uploads: Sequence[Upload], name: str) -> int:
    """Keep a file to be looked at; the id of the import. Nothing is imported yet. Raises
    Invalid."""
    return _keep(by, uploads, name, None, dry_run=False)


def submit(by: By, uploads: Sequence[Upload], name: str, choice: Choice, *, dry_run: bool) -> int:
    """Upload and start in one step, for programs and the command line. Raises Invalid."""
    return _keep(by, uploads, name, choice, dry_run=dry_run)


@retrying
def _keep(
    by: By, uploads: Sequence[Upload], name: str, choice: Choice | None, *, dry_run: bool
) -> int:
    with import_files.opened(uploads) as files, transaction():
        run = ImportRun(
            institution_id=by.institution_id,
            staff_id=by.staff_id,
            name=_shown_name(name),
            files={kept.file or PEOPLE: kept.said for kept in files},
            options={},
            counts={},
            created_at=clock.now(),
        )
        db.session.add(run)
        db.session.flush()
        import_files.keep(run, files)
        run.options = _checked(run, choice or Choice(), by, strict=choice is not None)
        if choice is not None:
            _start(run, dry_run=dry_run)
        _changed(run)
        return run.id


def _shown_name(name: str) -> str:
    """Of the file, for the eye alone (C17)."""
    last = name.replace("\\", "/").rpartition("/")[2]
    plain = "".join(c for c in " ".join(last.split()) if c.isprintable())
    return plain[:120] or "A file"


def _checked(run: ImportRun, choice: Choice, by: By, *, strict: bool) -> dict[str, Any]:
    """What was chosen, as it is kept. Raises Invalid where it cannot be so; not `strict`: what is
    wrong is seen on the page."""
    options: dict[str, Any] = {"kind": choice.kind, "remove_missing": choice.remove_missing}
    options["links"] = by.may_link
    if choice.kind not in rules.KINDS:
        raise Invalid("kind", "Choose one of the kinds.")
    if PEOPLE not in run.files:
        if choice.remove_missing and is_delta(run):
            raise Invalid(
                "remove_missing",
                "The manifest says that only changes are in these files, so nobody can be missing.",
            )
        return options
    columns = run.files[PEOPLE]["columns"]
    mapping = _mapping(columns, choice)
    if len(mapping) != len(columns):
        raise Invalid("mapping", "Say what each column holds, in their order.")
    problem = rules.mapping_problem(columns, mapping, may_link=by.may_link)
    if strict and problem:
        raise Invalid("mapping", problem)
    if strict and choice.remove_missing and Field.SOURCE_ID not in mapping:
        raise Invalid(
            "remove_missing", "Who is missing can only be told by IDs. Choose the column with them."
        )
    return {**options, "mapping": [held.value if held else None for held in mapping]}


def _mapping(columns: list[str], choice: Choice) -> list[Field | None]:
    if choice.mapping is not None:
        return list(choice.mapping)
    if choice.named is None:
        return rules.guess(columns)
    if unknown := [name for name in choice.named if name not in columns]:
        raise Invalid(
            "mapping",
            f"The file has no column “{unknown[0][:100]}”. It has {', '.join(columns)[:300]}.",
        )
    return [choice.named.get(name) for name in columns]


def is_delta(run: ImportRun) -> bool:
    """Whether a set of OneRoster holds only what has changed."""
    said = run.files.get(File.MANIFEST)
    if said is None:
        return False
    columns = Columns.of(said["columns"])
    told = {
        columns.cell(cells, "propertyname").lower(): columns.cell(cells, "value").lower()
        for _, cells in import_files.rows(run, File.MANIFEST)
    }
    return told.get("file.users") == "delta"


def _start(run: ImportRun, *, dry_run: bool) -> None:
    """In the open transaction."""
    run.state, run.dry_run = ImportState.WAITING, dry_run
    run.total, run.done, run.counts, run.leaving, run.of = None, 0, {}, None, None
    run.problem, run.started_at, run.finished_at = "", None, None
    after_commit(lambda: jobs.ring(jobs.Job.IMPORT_PEOPLE))


def _changed(run: ImportRun) -> None:
    who = (Can.PEOPLE_IMPORT.value,)
    publish(run.institution_id, Event("import.changed", {"import": run.id}, who))


# What is done with one that is there


def _locked(by: By, run_id: int) -> ImportRun:
    run = db.session.get(ImportRun, run_id, with_for_update=LOCK, populate_existing=True)
    if run is None or run.institution_id != by.institution_id:
        raise NotFound("There is no such import.")
    return run


def may_start(run: ImportRun) -> bool:
    """While its file is kept: before it is imported, or after it was tried."""
    return run.state is ImportState.DRAFT or (run.state is ImportState.DONE and run.dry_run)


@retrying
def start(by: By, run_id: int, choice: Choice, *, dry_run: bool) -> None:
    """Try it or do it. Raises Invalid, Conflict where it is under way or done."""
    with transaction():
        run = _locked(by, run_id)
        _require_startable(run)
        run.options = _checked(run, choice, by, strict=True)
        _start(run, dry_run=dry_run)
        _changed(run)


@retrying
def again(by: By, run_id: int, *, dry_run: bool) -> None:
    """The same with what was chosen before: do what was tried."""
    with transaction():
        run = _locked(by, run_id)
        _require_startable(run)
        run.options = _checked(run, chosen(run), by, strict=True)
        _start(run, dry_run=dry_run)
        _changed(run)


def chosen(run: ImportRun) -> Choice:
    """What was chosen for it so far."""
    held = run.options.get("mapping")
    mapping = None if held is None else [Field(name) if name else None for name in held]
    return Choice(mapping, None, run.options["kind"], run.options["remove_missing"])


@retrying
def choose(by: By, run_id: int, choice: Choice) -> None:
    """Look at the file with another choice."""
    with transaction():
        run = _locked(by, run_id)
        _require_startable(run)
        run.options = _checked(run, choice, by, strict=False)


def _require_startable(run: ImportRun) -> None:
    if not may_start(run):
        raise Conflict("This file is being imported, or it has been.", code="import_started")
    if not db.session.execute(select(exists().where(ImportPart.run_id == run.id))).scalar():
        raise Conflict("This file is not kept any more. Upload it again.", code="import_gone")


@retrying
def answer_removal(by: By, run_id: int, *, remove: bool, count: int) -> None:
    """Whether so many people are to be removed. Raises Conflict where it is another number, or
    nobody asks (C15)."""
    with transaction():
        run = _locked(by, run_id)
        if run.state is not ImportState.ASKING:
            raise Conflict("This question has been answered already.", code="already_answered")
        if remove and count != run.leaving:
            raise Conflict(f"{run.leaving:,} people would be removed.", code="other_number")
        run.options = {**run.options, "removal": "yes" if remove else "no"}
        run.state = ImportState.WAITING
        after_commit(lambda: jobs.ring(jobs.Job.IMPORT_PEOPLE))
        _changed(run)


@retrying
def discard(by: By, run_id: int) -> None:
    """Let go of a file that was not imported."""
    with transaction():
        run = _locked(by, run_id)
        if not (may_start(run) or run.state is ImportState.FAILED):
            raise Conflict("This file is being imported, or it has been.", code="import_started")
        _delete([run_id])


def _delete(run_ids: Sequence[int]) -> None:
    for table in (ImportPart, ImportRow):
        db.session.execute(delete(table).where(table.run_id.in_(run_ids)))
    db.session.execute(delete(ImportRun).where(ImportRun.id.in_(run_ids)))


def forget_old() -> None:
    """Let go of files that nobody imports, and of what became of rows long ago. Harmless at any
    time."""
    now = clock.now()
    with transaction():
        idle = ImportRun.state.not_in([ImportState.WAITING, ImportState.ASKING])
        old = select(ImportRun.id).where(idle, ImportRun.created_at < now - KEPT)
        db.session.execute(delete(ImportPart).where(ImportPart.run_id.in_(old)))
        older = select(ImportRun.id).where(idle, ImportRun.created_at < now - ROWS_KEPT)
        db.session.execute(delete(ImportRow).where(ImportRow.run_id.in_(older)))


# Looking


@dataclass(frozen=True, slots=True)
class Listed:
    run: ImportRun
    by: str | None


def latest(viewer: Viewer) -> list[Listed]:
    """The newest imports of the institution."""
    found = db.session.execute(
        select(ImportRun, Staff.name)
        .outerjoin(Staff, Staff.id == ImportRun.staff_id)
        .where(ImportRun.institution_id == viewer.institution_id)
        .order_by(ImportRun.id.desc())
        .limit(_LATEST)
    )
    return [Listed(run, name) for run, name in found]


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
    held = chosen(run).mapping or []
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
