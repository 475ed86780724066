"""Import ends: an import is done, has failed, asks, or is stopped; what it changed is written
down."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import delete, func, insert, select, update

from app import clock
from app.database import database_now, db, transaction
from app.models import ImportRow, ImportRun, ImportState, Outcome, Staff
from app.rules.access import Can
from app.services import import_files
from app.services.audit import audit
from app.services.import_claims import lease, put, tell

_CHANGES = (Outcome.CREATED, Outcome.CHANGED, Outcome.REMOVED)


def ask(run: ImportRun, leaving: int, of: int) -> None:
    """Whether so many people are to be removed (C15). All rows have been taken."""
    with transaction():
        counts = _counts(run.id)
        asking = {"state": ImportState.ASKING, "lease_until": None}
        put(run, leaving=leaving, of=of, counts=counts, **asking)
        _audited(run, counts)
        tell(run)


def finish(run: ImportRun) -> None:
    with transaction():
        if not run.dry_run:
            _keep_the_others(run)
            import_files.let_go(run.id)
        counts = _counts(run.id)
        _end(run, state=ImportState.DONE, counts=counts)
        told = "removal" in run.options  # before the question
        if not (run.dry_run or told):
            _audited(run, counts)


def fail(run: ImportRun, why: str) -> None:
    db.session.rollback()
    if run.state is ImportState.STOPPED:  # and stays so, whatever its list lacks
        close(run, run.done)
        return
    with transaction():
        counts = _counts(run.id)
        _end(run, state=ImportState.FAILED, problem=why[:1000], counts=counts)
        if not run.dry_run and any(counts.get(each) for each in _CHANGES):
            _audited(run, counts, problem=why[:1000])


def _end(run: ImportRun, **values: Any) -> None:
    put(run, finished_at=clock.now(), lease_until=None, **values)
    tell(run, "import.finished", Can.PEOPLE_READ)


# Stopped


def stop(run: ImportRun, staff_id: int | None) -> None:
    """In the open transaction, in which its row is locked. Whoever is at it is overtaken, so that
    it holds wherever they are; what was not done is listed afterwards, by whoever takes it next."""
    name = db.session.get_one(Staff, staff_id).name if staff_id else "the command line"
    if run.total is None:  # these rows are of a try before
        db.session.execute(delete(ImportRow).where(ImportRow.run_id == run.id))
    run.state, run.problem = ImportState.STOPPED, f"Stopped by {name}."
    run.claims += 1
    run.lease_until = database_now()
    run.finished_at = clock.now()
    run.started_at = run.started_at or run.finished_at
    counts = _counts(run.id)
    left = (run.total or 0) - run.done
    if not run.dry_run:
        left += counts.pop(Outcome.LEAVING, 0)
        if any(counts.get(each) for each in _CHANGES):
            _audited(run, counts, problem=f"by {name}")
    run.counts = {**counts, **({Outcome.NOT_DONE.value: left} if left else {})}
    detail = {"name": run.name, "rows": run.counts}
    audit(run.institution_id, "import.stopped", f"import:{run.id}", staff_id, **detail)
    tell(run, "import.finished", Can.PEOPLE_READ)


def listed(run: ImportRun) -> int:
    """Of one that was stopped: how many of the rows that were not done are listed."""
    found = select(func.count()).select_from(ImportRow)
    return db.session.execute(found.where(*_not_done(run), ImportRow.line > 0)).scalar_one()


def list_some(run: ImportRun, rows: Sequence[tuple[int, str, str]]) -> None:
    """Of one that was stopped: these were not done, as (line, key, name)."""
    same = {"institution_id": run.institution_id, "run_id": run.id, "reason": run.problem}
    with transaction():
        put(run, lease_until=lease())
        db.session.execute(
            insert(ImportRow),
            [
                {**same, "line": line, "key": key, "name": name, "outcome": Outcome.NOT_DONE}
                for line, key, name in rows
            ],
        )


def close(run: ImportRun, total: int) -> None:
    """Of one that was stopped: all of its `total` rows are listed."""
    with transaction():
        put(run, lease_until=None, total=max(total, run.total or 0))
        if not run.dry_run:
            db.session.execute(
                update(ImportRow)
                .where(ImportRow.run_id == run.id, ImportRow.outcome == Outcome.LEAVING)
                .values(outcome=Outcome.NOT_DONE, reason=run.problem)
            )
        put(run, counts=_counts(run.id))
        tell(run)


def _not_done(run: ImportRun) -> list[Any]:
    return [ImportRow.run_id == run.id, ImportRow.outcome == Outcome.NOT_DONE]


# What they share


def _keep_the_others(run: ImportRun) -> None:
    """Who was to go and is still here."""
    why = "Came back, or can sign in, since this was counted."
    if run.options.get("removal") is False:
        why = "Kept: the removal was not confirmed."
    db.session.execute(
        update(ImportRow)
        .where(ImportRow.run_id == run.id, ImportRow.outcome == Outcome.LEAVING)
        .values(outcome=Outcome.SKIPPED, reason=why)
    )


def _counts(run_id: int) -> dict[str, int]:
    rows = db.session.execute(
        select(ImportRow.outcome, func.count())
        .where(ImportRow.run_id == run_id)
        .group_by(ImportRow.outcome)
    )
    return {outcome.value: count for outcome, count in rows}


def _audited(run: ImportRun, counts: dict[str, int], **more: str) -> None:
    detail = {"name": run.name, "rows": counts, **more}
    audit(run.institution_id, "people.imported", f"import:{run.id}", run.staff_id, **detail)
