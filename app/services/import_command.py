"""Import command: an import from upload to end while somebody waits for it."""

import time
from collections.abc import Iterator
from typing import IO

from app import clock
from app.database import db
from app.errors import Invalid
from app.models import ImportRun, ImportState, Outcome
from app.services import import_claims, import_reports, import_runs, importing
from app.services.import_runs import By, Choice
from app.services.importing import Told

_LOOK = 0.5  # seconds until the next look, where a worker was faster
_SHOWN = 50  # refused rows


def run(
    institution_id: int,
    content: IO[bytes],
    *,
    kind: str,
    dry_run: bool,
    remove_missing: bool,
    make_units: bool,
    confirmed: int | None,
    told: Told,
) -> tuple[list[str], int]:
    """Import this file; what to say about it, and the exit code: 0 done, 1 a number was not
    confirmed, so nobody was removed, or somebody stopped it. Raises Invalid where the file cannot
    be read."""
    by = By.command(institution_id)
    choice = Choice(kind=kind, remove_missing=remove_missing, make_units=make_units)
    uploads = [(content.name, content)]
    run_id = import_runs.submit(by, uploads, str(content.name), choice, dry_run=dry_run)
    found = _worked(institution_id, run_id, told)
    kept = False
    if found.state is ImportState.ASKING:
        kept = confirmed != found.leaving
        import_runs.answer_removal(by, run_id, remove=not kept, count=confirmed or 0)
        found = _worked(institution_id, run_id, told)
    if found.state is ImportState.FAILED:
        raise Invalid("file", found.problem)
    return list(_said(found, kept=kept)), int(kept or found.state is ImportState.STOPPED)


def _worked(institution_id: int, run_id: int, told: Told) -> ImportRun:
    """Here, or by a worker that was faster."""
    while True:
        if import_claims.claim(run_id):
            importing.work(run_id, lambda: True, told)
        found = import_reports.one(institution_id, run_id)
        if not import_claims.waits(found):
            return found
        db.session.rollback()
        time.sleep(_LOOK)


def _said(run: ImportRun, *, kept: bool) -> Iterator[str]:
    began = run.started_at or clock.now()
    if run.state is ImportState.STOPPED:
        yield run.problem
    refused = import_reports.rows(run, Outcome.REFUSED, limit=_SHOWN)
    for row in refused:
        yield f"Line {row.line}: {row.reason}"
    if (more := run.counts.get(Outcome.REFUSED, 0) - len(refused)) > 0:
        yield f"and {more:,} more lines that were refused."
    if run.dry_run:
        yield "Nothing was changed. An import would give:"
    counts = [f"{run.counts[o.value]:,} {o.value}" for o in Outcome if o.value in run.counts]
    if kept or (run.dry_run and run.leaving):
        yield (
            f"{run.leaving:,} of {run.of:,} people would be removed. "
            f"To do that, import again with --confirm-removal {run.leaving}."
        )
    took = ((run.finished_at or clock.now()) - began).total_seconds()
    yield f"{run.total or 0:,} rows in {took:.1f} s: {', '.join(counts) or 'none'}"
