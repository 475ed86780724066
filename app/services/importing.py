"""Importing: works through the rows of an import in batches, then removes who is to go.

How far it came stands in the row of the import, written with each batch: killed at any moment, it
goes on with the batch that was not committed (F61).
"""

from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from itertools import islice

import structlog
from sqlalchemy import delete
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from app.database import database_now, db, transaction
from app.errors import Conflict, Unavailable
from app.models import ImportRow, ImportRun, ImportState, Institution
from app.rules import importing as rules
from app.rules import oneroster
from app.rules.importing import Entry, Field, Refused
from app.rules.oneroster import Columns, File
from app.rules.tables import Unreadable
from app.services import import_ends, import_files, import_removal, import_rows, import_units
from app.services.import_claims import lease, put, tell
from app.services.import_known import Job
from app.services.import_plans import Row

log = structlog.get_logger()

BATCH = 500  # rows of one transaction: a text that comes in meanwhile waits for no more

Told = Callable[[int, int], object]  # rows done, of how many
Line = tuple[int, list[str]]  # where a row begins, and its cells


def work(run_id: int, in_time: Callable[[], bool], told: Told = lambda done, total: None) -> None:
    """Do what is left of an import that was claimed, until it is done, asks, or `in_time` says no
    after a step."""
    run = _loaded(run_id)
    try:
        if problem := _problem(run, in_time, told):
            import_ends.fail(run, problem)
    except Conflict as error:
        log.warning("import_taken_over", run=run_id, why=str(error))


def _problem(run: ImportRun, in_time: Callable[[], bool], told: Told) -> str:
    """Why it has failed, "" where it has not."""
    try:
        _work(run, in_time, told)
    except Unreadable as error:
        return str(error)
    except Exception as error:
        if _is_for_later(error):
            raise
        log.exception("import_failed", run=run.id)
        return "Something went wrong on our side. What was imported before stays."
    return ""


def _is_for_later(error: Exception) -> bool:
    """The database is away or busy, or somebody else is at it: the import waits, and goes on."""
    if isinstance(error, DBAPIError):
        return not isinstance(error, DataError | IntegrityError | ProgrammingError)
    return isinstance(error, Conflict | Unavailable | PoolTimeout)


def _work(run: ImportRun, in_time: Callable[[], bool], told: Told) -> None:
    with closing(_steps(run, told)) as steps:
        for _ in steps:
            if not in_time():
                with transaction():
                    put(run, lease_until=database_now())
                return


def _steps(run: ImportRun, told: Told) -> Generator[None]:
    """Yields after each transaction from which it can go on."""
    if run.state is ImportState.STOPPED:
        yield from _list_the_rest(run)
        return
    if run.total is None:
        _begin(run)
        run = _reloaded(run)
    job, done, total = _job(run), run.done, run.total or 0
    orgs = len(import_units.lines(run))
    if done < orgs:
        done = import_units.take(run)
        yield
    with closing(import_files.Roles(run)) as roles:
        unit_of = import_units.places(run, roles)
        for raw in _batches(run, roles, done - orgs):
            batch = [
                Row(line, read(run, job.region, roles.kind, cells), unit_of(cells))
                for line, cells in raw
            ]
            import_rows.take(job, batch, done)
            done += len(batch)
            told(done, total)
            yield
    yield from import_removal.steps(_reloaded(run))


def _list_the_rest(run: ImportRun) -> Generator[None]:
    """Of one that was stopped: each row that was not done. Who is on it is all that is read."""
    at = run.done + import_ends.listed(run)
    try:
        orgs = import_units.lines(run)
        if at < len(orgs):
            rest = [(line, *import_units.who(run, cells)) for line, cells in orgs]
            import_ends.list_some(run, rest)
            at = len(orgs)
            yield
        with closing(import_files.Roles(run)) as roles:
            for raw in _batches(run, roles, at - len(orgs)):
                rest = [(line, *_who(run, cells)) for line, cells in raw]
                import_ends.list_some(run, rest)
                at += len(rest)
                yield
    except Unreadable:  # from some line on
        pass
    import_ends.close(run, at)


def _who(run: ImportRun, cells: list[str]) -> tuple[str, str]:
    """The ID that stands in a row, and the name."""
    if import_files.PEOPLE not in run.files:
        return oneroster.who(cells, Columns.of(run.files[File.USERS]["columns"]))
    return rules.who(cells, [Field(name) if name else None for name in run.options["mapping"]])


def _loaded(run_id: int) -> ImportRun:
    """As it is now, and stays whatever is committed."""
    run = db.session.get_one(ImportRun, run_id, populate_existing=True)
    db.session.expunge(run)
    return run


def _reloaded(run: ImportRun) -> ImportRun:
    """As it is now. Raises Conflict where somebody else is at it by now, or stopped it."""
    found = _loaded(run.id)
    if found.claims != run.claims:
        raise Conflict("Somebody else is at this import.")
    return found


def _job(run: ImportRun) -> Job:
    region = db.session.get_one(Institution, run.institution_id).region
    is_plain = import_files.PEOPLE in run.files
    return Job(
        run.id,
        run.claims,
        run.institution_id,
        run.staff_id,
        region,
        run.dry_run,
        bool(run.options.get("links")),
        is_plain,
        bool(run.options.get("units")),
    )


def _begin(run: ImportRun) -> None:
    """Count the rows, so that a file which cannot be read changes nothing."""
    total = len(import_units.lines(run))
    total += sum(1 for _ in import_files.rows(run, next(iter(run.files))))
    with transaction():
        db.session.execute(delete(ImportRow).where(ImportRow.run_id == run.id))
        put(run, total=total, done=0, counts={}, lease_until=lease())
        tell(run)


def _batches(run: ImportRun, roles: import_files.Roles, done: int) -> Iterator[list[Line]]:
    """What is left when so many rows are done. Of OneRoster staff first, in batches of their own,
    so that an advisor is known before the students are."""
    file = next(iter(run.files))
    columns = Columns.of(run.files[file]["columns"])
    for staff in (None,) if file == import_files.PEOPLE else (True, False):
        lines = (
            (line, cells)
            for line, cells in import_files.rows(run, file)
            if staff is None or (oneroster.kind_in(cells, columns, roles.kind) == "staff") is staff
        )
        while batch := list(islice(lines, BATCH)):
            if done < len(batch):
                yield batch[done:]
            done = max(0, done - len(batch))


def read(
    run: ImportRun, region: str, kind_by_id: Callable[[str], str], cells: list[str]
) -> Entry | Refused:
    """What a row of the file says, with what was chosen for it."""
    if import_files.PEOPLE not in run.files:
        columns = Columns.of(run.files[File.USERS]["columns"])
        return oneroster.read_user(cells, columns, kind_by_id, region)
    held = [Field(name) if name else None for name in run.options["mapping"]]
    columns_ = run.files[import_files.PEOPLE]["columns"]
    return rules.read(cells, columns_, held, run.options["kind"], region)
