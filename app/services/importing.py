"""Importing: works through the rows of an import in batches, then removes who is to go.

How far it came stands in the row of the import, written with each batch: killed at any moment, it
goes on with the batch that was not committed (F61).
"""

from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import islice
from typing import Any

import structlog
from sqlalchemy import ColumnElement, delete, exists, func, insert, or_, select, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import aliased

from app import clock
from app.database import database_now, db, retrying, transaction
from app.errors import Conflict
from app.events import Event, publish
from app.models import (
    ImportRow,
    ImportRun,
    ImportState,
    Institution,
    Outcome,
    Person,
    PersonPhone,
    Staff,
)
from app.rules import importing as rules
from app.rules import oneroster
from app.rules.access import Can
from app.rules.importing import Entry, Field, Refused
from app.rules.oneroster import Columns, File
from app.rules.tables import Unreadable
from app.services import held, import_files, import_rows
from app.services.audit import audit
from app.services.import_known import Job
from app.services.import_plans import Row
from app.services.import_rows import LEASE

log = structlog.get_logger()

BATCH = 500  # rows of one transaction: a text that comes in meanwhile waits for no more
_YES, _NO = "yes", "no"  # what was said about the removal

Told = Callable[[int, int], object]  # rows done, of how many
Line = tuple[int, list[str]]  # where a row begins, and its cells


def any_waiting() -> bool:
    return _next() is not None


def _free(run: Any = ImportRun) -> ColumnElement[bool]:
    return or_(run.lease_until.is_(None), run.lease_until <= database_now())


def _next(run_id: int | None = None) -> int | None:
    """The first that waits while nobody is at another of its institution."""
    other = aliased(ImportRun)
    busy = exists().where(other.institution_id == ImportRun.institution_id, ~_free(other))
    found = select(ImportRun.id).where(ImportRun.state == ImportState.WAITING, _free(), ~busy)
    if run_id is not None:
        found = found.where(ImportRun.id == run_id)
    id_ = db.session.execute(found.order_by(ImportRun.id).limit(1)).scalar_one_or_none()
    db.session.rollback()
    return id_


def claim(run_id: int | None = None) -> int | None:
    """Take one that waits, or this one; None where there is none to be had."""
    while (found := _next(run_id)) is not None:
        with transaction():
            taken = db.session.execute(
                update(ImportRun)
                .where(ImportRun.id == found, ImportRun.state == ImportState.WAITING, _free())
                .values(
                    lease_until=database_now(LEASE),
                    started_at=func.coalesce(ImportRun.started_at, clock.now()),
                )
                .execution_options(synchronize_session=False)
                .returning(ImportRun.id)
            ).scalar_one_or_none()
        if taken is not None:
            return taken
    return None


def work(run_id: int, in_time: Callable[[], bool], told: Told = lambda done, total: None) -> None:
    """Do what is left of an import that was claimed, until it is done or `in_time` says no."""
    try:
        _work(run_id, in_time, told)
    except Unreadable as error:
        _fail(run_id, str(error))
    except Conflict as error:
        log.warning("import_taken_over", run=run_id, why=str(error))
    except DBAPIError:
        raise  # the database is away: it waits, and goes on
    except Exception:
        log.exception("import_failed", run=run_id)
        _fail(run_id, "Something went wrong on our side. What was imported before stays.")


def _work(run_id: int, in_time: Callable[[], bool], told: Told) -> None:
    run = _loaded(run_id)
    if run.total is None:
        _begin(run)
        run = _loaded(run_id)
    job, done, total = _job(run), run.done, run.total or 0
    with closing(import_files.Roles(run)) as roles:
        for raw in _batches(run, roles, done):
            if not in_time():
                _let_go(run_id)
                return
            batch = [Row(line, read(run, job.region, roles.kind, cells)) for line, cells in raw]
            import_rows.take(job, batch, done)
            done += len(batch)
            told(done, total)
    _remove(_loaded(run_id), job)


def _loaded(run_id: int) -> ImportRun:
    """As it is now, and stays whatever is committed."""
    run = db.session.get_one(ImportRun, run_id, populate_existing=True)
    db.session.expunge(run)
    return run


def _job(run: ImportRun) -> Job:
    region = db.session.get_one(Institution, run.institution_id).region
    is_plain = import_files.PEOPLE in run.files
    return Job(
        run.id,
        run.institution_id,
        run.staff_id,
        region,
        run.dry_run,
        bool(run.options.get("links")),
        is_plain,
    )


def _begin(run: ImportRun) -> None:
    """Count the rows, so that a file which cannot be read changes nothing."""
    total = sum(1 for _ in import_files.rows(run, next(iter(run.files))))
    with transaction():
        db.session.execute(delete(ImportRow).where(ImportRow.run_id == run.id))
        _set(run.id, total=total, done=0, counts={}, lease_until=database_now(LEASE))
        _changed(run)


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


# Removing


def _remove(run: ImportRun, job: Job) -> None:
    said = run.options.get("removal")
    if said is None:
        leaving, of = _count(run)
        run.leaving, run.of = leaving, of
        asks = rules.needs_confirmation(leaving, of) and not run.dry_run
        with transaction():
            _set(run.id, leaving=leaving, of=of)
            if asks:
                _set(run.id, state=ImportState.ASKING, lease_until=None)
                _changed(run)
        if asks:
            return
    if not run.dry_run and said != _NO:
        while _remove_some(run):
            pass
    _finish(run, kept=said == _NO)


def _missing(run: ImportRun) -> list[Any]:
    """Whom this import takes away: who is marked in the file, and where that was chosen whoever is
    not in it. Never somebody who can sign in, or whom no import knows by an ID."""
    named = select(ImportRow.key).where(ImportRow.run_id == run.id)
    gone: ColumnElement[bool] = Person.source_id.in_(
        named.where(ImportRow.outcome == Outcome.LEAVING)
    )
    if run.options.get("remove_missing"):
        in_file = exists().where(ImportRow.run_id == run.id, ImportRow.key == Person.source_id)
        gone = or_(gone, Person.kind.in_(run.options.get("kinds", ())) & ~in_file)
    return [*_of_import(run), gone, ~exists().where(Staff.person_id == Person.id)]


def _of_import(run: ImportRun) -> list[Any]:
    return [
        Person.institution_id == run.institution_id,
        Person.source_id.is_not(None),
        Person.removed_at.is_(None),
    ]


def _count(run: ImportRun) -> tuple[int, int]:
    """How many would be removed, and of how many who were there before."""
    found = select(func.count()).select_from(Person)
    before = [Person.created_at < run.started_at]
    leaving = db.session.execute(found.where(*_missing(run))).scalar_one()
    of = db.session.execute(found.where(*_of_import(run), *before)).scalar_one()
    return leaving, of


@retrying
def _remove_some(run: ImportRun) -> bool:
    """False where nobody is left to remove."""
    now = clock.now()
    with transaction():
        people = db.session.execute(
            select(Person.id, Person.source_id, Person.given_name, Person.family_name)
            .where(*_missing(run))
            .order_by(Person.id)
            .limit(BATCH)
        ).all()
        if not people:
            return False
        ids = [person.id for person in people]
        phones = update(PersonPhone).where(PersonPhone.person_id.in_(ids))
        db.session.execute(update(Person).where(Person.id.in_(ids)).values(removed_at=now))
        db.session.execute(phones.where(PersonPhone.removed_at.is_(None)).values(removed_at=now))
        held.cancel_for(ids, "An import removed this person.")
        marked = db.session.execute(
            update(ImportRow)
            .where(
                ImportRow.run_id == run.id,
                ImportRow.outcome == Outcome.LEAVING,
                ImportRow.key.in_([person.source_id for person in people]),
            )
            .values(outcome=Outcome.REMOVED)
            .returning(ImportRow.key)
        )
        known = set(marked.scalars())
        rows = [
            {
                "institution_id": run.institution_id,
                "run_id": run.id,
                "line": 0,
                "key": person.source_id,
                "name": f"{person.given_name} {person.family_name}".strip(),
                "outcome": Outcome.REMOVED,
                "reason": "Not in the file.",
                "person_id": person.id,
            }
            for person in people
            if person.source_id not in known
        ]
        if rows:
            db.session.execute(insert(ImportRow), rows)
        _set(run.id, lease_until=database_now(LEASE))
        _changed(run)
        return True


# The end


def _finish(run: ImportRun, *, kept: bool) -> None:
    why = "Kept: the removal was not confirmed." if kept else "Nobody with this ID is here."
    with transaction():
        if not run.dry_run:
            db.session.execute(
                update(ImportRow)
                .where(ImportRow.run_id == run.id, ImportRow.outcome == Outcome.LEAVING)
                .values(outcome=Outcome.SKIPPED, reason=why)
            )
            import_files.let_go(run.id)
        counts = _counts(run.id)
        _end(run, state=ImportState.DONE, counts=counts)
        if not run.dry_run:
            about = f"import:{run.id}"
            detail = {"name": run.name, "rows": counts}
            audit(run.institution_id, "people.imported", about, run.staff_id, **detail)


def _counts(run_id: int) -> dict[str, int]:
    rows = db.session.execute(
        select(ImportRow.outcome, func.count())
        .where(ImportRow.run_id == run_id)
        .group_by(ImportRow.outcome)
    )
    return {outcome.value: count for outcome, count in rows}


def _fail(run_id: int, why: str) -> None:
    db.session.rollback()
    with transaction():
        run = db.session.get_one(ImportRun, run_id)
        _end(run, state=ImportState.FAILED, problem=why[:1000])


def _end(run: ImportRun, **values: Any) -> None:
    _set(run.id, finished_at=clock.now(), lease_until=None, **values)
    _changed(run, "import.finished", Can.PEOPLE_READ)


def _let_go(run_id: int) -> None:
    with transaction():
        _set(run_id, lease_until=None)


def _set(run_id: int, **values: Any) -> None:
    db.session.execute(
        update(ImportRun)
        .where(ImportRun.id == run_id)
        .values(**values)
        .execution_options(synchronize_session=False)
    )


def _changed(run: ImportRun, name: str = "import.changed", who: Can = Can.PEOPLE_IMPORT) -> None:
    audience = (Can.PEOPLE_IMPORT.value, who.value)
    publish(run.institution_id, Event(name, {"import": run.id}, audience))
