"""Import claims: which worker is at an import. One works for an institution at a time, and whoever
was overtaken changes nothing any more."""

from typing import Any

from flask import current_app
from sqlalchemy import ColumnElement, and_, exists, func, or_, select, update
from sqlalchemy.orm import aliased

from app import clock
from app.config import Settings
from app.database import LOCK, database_now, db, transaction
from app.errors import Conflict
from app.events import Event, publish
from app.models import ImportRun, ImportState, Institution
from app.rules.access import Can


def waits(run: ImportRun) -> bool:
    """For a worker: to be worked on or, once it was stopped, listed to its end."""
    stopped = run.state is ImportState.STOPPED and run.lease_until is not None
    return stopped or run.state is ImportState.WAITING


def any_waiting() -> bool:
    return _next(None) is not None


def claim(run_id: int | None = None) -> int | None:
    """Take one that waits, or this one; None where there is none to be had."""
    while (found := _next(run_id)) is not None:
        with transaction():
            # Claims of one institution take turns, so that each sees the one before it.
            institution = select(Institution.id).where(Institution.id == found.institution_id)
            db.session.execute(institution.with_for_update(**LOCK))
            taken = db.session.execute(
                update(ImportRun)
                .where(ImportRun.id == found.id, *_to_be_had())
                .values(
                    claims=ImportRun.claims + 1,
                    lease_until=lease(),
                    started_at=func.coalesce(ImportRun.started_at, clock.now()),
                )
                .execution_options(synchronize_session=False)
                .returning(ImportRun.id)
            ).scalar_one_or_none()
        if taken is not None:
            return taken
    return None


def lease() -> database_now:
    """Until when a worker may take for its next step; then another may be at it."""
    settings: Settings = current_app.config["SETTINGS"]
    return database_now(settings.timing.import_lease)


def put(run: ImportRun, **values: Any) -> None:
    """Write what a worker did into the row of the import as it was claimed, in the open
    transaction. Raises Conflict where somebody else is at it by now."""
    written = db.session.execute(
        update(ImportRun)
        .where(
            ImportRun.id == run.id,
            ImportRun.claims == run.claims,
            ImportRun.state == run.state,
        )
        .values(**values)
        .execution_options(synchronize_session=False)
        .returning(ImportRun.id)
    )
    if written.scalar_one_or_none() is None:
        raise Conflict("Somebody else is at this import.")


def tell(run: ImportRun, name: str = "import.changed", who: Can = Can.PEOPLE_IMPORT) -> None:
    audience = (Can.PEOPLE_IMPORT.value, who.value)
    publish(run.institution_id, Event(name, {"import": run.id}, audience))


def _next(run_id: int | None) -> Any:
    """The first that is to be had, as (id, institution_id)."""
    found = select(ImportRun.id, ImportRun.institution_id).where(*_to_be_had())
    if run_id is not None:
        found = found.where(ImportRun.id == run_id)
    row = db.session.execute(found.order_by(ImportRun.id).limit(1)).first()
    db.session.rollback()
    return row


def _to_be_had() -> list[ColumnElement[bool]]:
    """What waits, or was stopped and is not listed to its end, while nobody is at another of its
    institution."""
    other = aliased(ImportRun)
    busy = exists().where(other.institution_id == ImportRun.institution_id, ~_free(other))
    stopped = and_(ImportRun.state == ImportState.STOPPED, ImportRun.lease_until.is_not(None))
    return [or_(ImportRun.state == ImportState.WAITING, stopped), _free(ImportRun), ~busy]


def _free(run: Any) -> ColumnElement[bool]:
    return or_(run.lease_until.is_(None), run.lease_until <= database_now())
