"""Import ends: an import is done, has failed, or asks; what it changed is written down."""

from typing import Any

from sqlalchemy import func, select, update

from app import clock
from app.database import db, transaction
from app.models import ImportRow, ImportRun, ImportState, Outcome
from app.rules.access import Can
from app.services import import_files
from app.services.audit import audit
from app.services.import_claims import put, tell

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
    with transaction():
        counts = _counts(run.id)
        _end(run, state=ImportState.FAILED, problem=why[:1000], counts=counts)
        if not run.dry_run and any(counts.get(each) for each in _CHANGES):
            _audited(run, counts, problem=why[:1000])


def _end(run: ImportRun, **values: Any) -> None:
    put(run, finished_at=clock.now(), lease_until=None, **values)
    tell(run, "import.finished", Can.PEOPLE_READ)


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
