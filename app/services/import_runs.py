"""Import runs: a file is uploaded, tried and imported, and a question about it is answered."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import delete, exists, select

from app import clock, jobs
from app.database import LOCK, after_commit, db, retrying, transaction
from app.errors import Conflict, Invalid, NotFound
from app.models import ImportPart, ImportRow, ImportRun, ImportState, Institution
from app.rules import importing as rules
from app.rules.access import Can, Viewer
from app.rules.importing import Field
from app.rules.oneroster import File
from app.services import import_ends, import_files
from app.services.audit import audit
from app.services.import_claims import tell
from app.services.import_files import PEOPLE, Upload

KEPT = timedelta(days=7)  # an uploaded file that nobody imports
ROWS_KEPT = timedelta(days=90)  # what became of each row


@dataclass(frozen=True, slots=True)
class By:
    """Who imports; `staff_id` None: the command line. `may_link`: they manage staff, so they may
    say whose students people are (C18), and make org units."""

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
    neither = guessed, and without meaning for OneRoster. `kind`: of whoever's row does not say.
    `make_units`: the orgs of OneRoster become org units, and staff are put into them."""

    mapping: Sequence[Field | None] | None = None
    named: Mapping[str, Field] | None = None
    kind: str = "student"
    remove_missing: bool = False
    make_units: bool = False


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
            _start(run, by, dry_run=dry_run)
        tell(run)
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
    wrong = _no_units(run, by) if choice.make_units else None
    if strict and wrong:
        raise Invalid("make_units", wrong)
    options["units"] = choice.make_units and not wrong
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


def _no_units(run: ImportRun, by: By) -> str | None:
    """Why no org units can be made of it."""
    if not by.may_link:
        return "Your role may not make org units."
    return None if File.ORGS in run.files else "There is no orgs.csv among these files."


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
    held = {columns.index(name): field for name, field in choice.named.items()}
    return [held.get(place) for place in range(len(columns))]


def is_delta(run: ImportRun) -> bool:
    """Whether a set of OneRoster holds only what has changed."""
    return bool(run.files.get(File.MANIFEST, {}).get("delta"))


def _start(run: ImportRun, by: By, *, dry_run: bool) -> None:
    """In the open transaction."""
    run.staff_id, run.dry_run = by.staff_id, dry_run
    run.total, run.done, run.counts, run.leaving, run.of = None, 0, {}, None, None
    run.problem, run.started_at, run.finished_at = "", None, None
    run.lease_until = None
    _wait(run)


def _wait(run: ImportRun) -> None:
    """For a worker."""
    run.state = ImportState.WAITING
    _ring()


def _ring() -> None:
    after_commit(lambda: jobs.ring(jobs.Job.IMPORT_PEOPLE))


# What is done with one that is there


def _locked(by: By, run_id: int) -> ImportRun:
    run = db.session.get(ImportRun, run_id, with_for_update=LOCK, populate_existing=True)
    if run is None or run.institution_id != by.institution_id:
        raise NotFound("There is no such import.")
    return run


def may_start(run: ImportRun) -> bool:
    """While its file is kept: before it is imported, or after it was tried or stopped."""
    tried = run.state is ImportState.DONE and run.dry_run
    return tried or run.state in (ImportState.DRAFT, ImportState.STOPPED)


def may_discard(run: ImportRun) -> bool:
    """Nothing of it was imported, or nothing more can be."""
    if run.state is ImportState.STOPPED:
        return run.dry_run
    return may_start(run) or run.state is ImportState.FAILED


@retrying
def stop(by: By, run_id: int) -> None:
    """What is done stays done, nothing more is begun, and the same file can be imported again.
    Raises Conflict where it is not under way."""
    with transaction():
        run = _locked(by, run_id)
        if run.state is not ImportState.WAITING:
            raise Conflict("This import is not under way any more.", code="import_over")
        import_ends.stop(run, by.staff_id)
        _ring()


@retrying
def start(by: By, run_id: int, choice: Choice, *, dry_run: bool) -> None:
    """Try it or do it. Raises Invalid, Conflict where it is under way or done."""
    with transaction():
        run = _locked(by, run_id)
        _require_startable(run)
        run.options = _checked(run, choice, by, strict=True)
        _start(run, by, dry_run=dry_run)
        tell(run)


@retrying
def again(by: By, run_id: int, *, dry_run: bool) -> None:
    """The same with what was chosen before: do what was tried."""
    with transaction():
        run = _locked(by, run_id)
        _require_startable(run)
        run.options = _checked(run, chosen(run), by, strict=True)
        _start(run, by, dry_run=dry_run)
        tell(run)


def chosen(run: ImportRun) -> Choice:
    """What was chosen for it so far."""
    held = run.options.get("mapping")
    mapping = None if held is None else [Field(name) if name else None for name in held]
    options = run.options
    units = bool(options.get("units"))
    return Choice(mapping, None, options["kind"], options["remove_missing"], units)


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
        _answer(run, remove=remove)
        audit(
            by.institution_id,
            "removal.confirmed" if remove else "removal.declined",
            *(f"import:{run.id}", by.staff_id),
            name=run.name,
            count=run.leaving,
        )


def _answer(run: ImportRun, *, remove: bool) -> None:
    """In the open transaction."""
    run.options = {**run.options, "removal": remove}
    _wait(run)
    tell(run)


@retrying
def discard(by: By, run_id: int) -> None:
    """Let go of a file that was not imported."""
    with transaction():
        run = _locked(by, run_id)
        if not may_discard(run):
            raise Conflict("This file is being imported, or it has been.", code="import_started")
        _delete([run_id])


def _delete(run_ids: Sequence[int]) -> None:
    for table in (ImportPart, ImportRow):
        db.session.execute(delete(table).where(table.run_id.in_(run_ids)))
    db.session.execute(delete(ImportRun).where(ImportRun.id.in_(run_ids)))


def forget_old() -> None:
    """Let go of files that nobody imports, of questions that nobody answers, and of what became of
    rows long ago. Harmless at any time."""
    now = clock.now()
    with transaction():
        idle = ImportRun.state.not_in([ImportState.WAITING, ImportState.ASKING])
        old = select(ImportRun.id).where(idle, ImportRun.created_at < now - KEPT)
        db.session.execute(delete(ImportPart).where(ImportPart.run_id.in_(old)))
        older = select(ImportRun.id).where(idle, ImportRun.created_at < now - ROWS_KEPT)
        db.session.execute(delete(ImportRow).where(ImportRow.run_id.in_(older)))
        asking = select(ImportRun).where(
            ImportRun.state == ImportState.ASKING, ImportRun.started_at < now - KEPT
        )
        for run in db.session.execute(asking.with_for_update(**LOCK)).scalars():
            _answer(run, remove=False)
