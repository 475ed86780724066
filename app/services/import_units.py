"""Import units: the orgs of a OneRoster set become org units, and staff who sign in here are put
into theirs, where whoever imports has chosen that.

Nothing that is there is renamed or removed, and whoever was put into a unit by hand stays there:
the audit log tells who did it.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import insert, select, update

from app import clock
from app.database import LOCK, db, retrying, transaction
from app.errors import Conflict
from app.events import Event, publish
from app.models import Conversation, ImportRow, ImportRun, OrgUnit, Outcome, Staff
from app.rules import oneroster, org_imports
from app.rules.access import Can, staff_audience
from app.rules.oneroster import Columns, File
from app.rules.org_imports import Placed
from app.rules.tables import Unreadable
from app.services import import_files, org_units, roles
from app.services.audit import audit
from app.services.import_claims import lease, tell
from app.services.import_known import Job, Wanted

MOST_ROWS = 10_000  # of orgs.csv
TELL_EACH = 50  # changes that browsers hear of one by one

Line = tuple[int, list[str]]


def lines(run: ImportRun) -> list[Line]:
    """Of orgs.csv, as (line, cells); none where nobody chose to make units of them. Raises
    Unreadable."""
    found: list[Line] = []
    for row in import_files.rows(run, File.ORGS) if run.options.get("units") else ():
        found.append(row)
        if len(found) > MOST_ROWS:
            raise Unreadable(f"orgs.csv has more than {MOST_ROWS:,} rows.")
    return found


def who(run: ImportRun, cells: Sequence[str]) -> tuple[str, str]:
    """Of a line of orgs.csv: by what its row is known, and its name."""
    columns = Columns.of(run.files[File.ORGS]["columns"])
    return _key(columns.cell(cells, "sourcedid")), columns.cell(cells, "name")[:200]


def _key(org_id: str) -> str:
    return f"orgs.csv {org_id}"[:200]  # no person is called so


def _placed(run: ImportRun) -> list[Placed]:
    """Every line of orgs.csv, with the units as they are now."""
    if not (rows := lines(run)):
        return []
    columns = Columns.of(run.files[File.ORGS]["columns"])
    longest = org_units.LONGEST_NAME
    read = [(line, oneroster.read_org(cells, columns, longest)) for line, cells in rows]
    units = [each for each in org_units.every(run.institution_id) if each.removed_at is None]
    return org_imports.placed(read, units, org_units.MOST)


# Making them


@retrying
def take(run: ImportRun) -> int:
    """Make what is not there, before anybody is put into it; how many rows that were. A dry run
    only tells. Raises Conflict where somebody else is at the import."""
    with transaction():
        roles.lock(run.institution_id)  # as whoever changes the tree by hand
        now = select(ImportRun.claims, ImportRun.done).where(ImportRun.id == run.id)
        if tuple(db.session.execute(now.with_for_update(**LOCK)).one()) != (run.claims, 0):
            raise Conflict("Somebody else is at this import.")
        found = _placed(run)
        rows = [_row(run, each) for each in sorted(found, key=lambda each: each.line)]
        if not run.dry_run:
            _make(run, [each for each in found if each.is_new])
        if rows:
            db.session.execute(insert(ImportRow), rows)
        counts = Counter(row["outcome"].value for row in rows)
        written = update(ImportRun).where(ImportRun.id == run.id)
        db.session.execute(written.values(done=len(rows), counts=dict(counts), lease_until=lease()))
        tell(run)
        return len(rows)


def _make(run: ImportRun, new: Sequence[Placed]) -> None:
    """What is above stands before what is below."""
    for each in new:
        parent = each.above.unit if each.above else None
        unit = OrgUnit(
            institution_id=run.institution_id,
            parent_id=parent,
            name=each.name,
            version=1,
            created_at=clock.now(),
        )
        db.session.add(unit)
        db.session.flush()
        each.unit = unit.id
        under = each.above.name if each.above else None
        about = f"org_unit:{unit.id}"
        audit(run.institution_id, "org_unit.created", about, run.staff_id, under=under)
    for each in new[:TELL_EACH]:
        org_units.announce(run.institution_id, each.unit or 0)


def _row(run: ImportRun, each: Placed) -> dict[str, Any]:
    outcome, reason = _told(each)
    return {
        "institution_id": run.institution_id,
        "run_id": run.id,
        "line": each.line,
        "key": _key(each.id),
        "name": each.name,
        "outcome": outcome,
        "reason": f"Org. unit: {reason}",
    }


def _told(each: Placed) -> tuple[Outcome, str]:
    """What becomes of a line of orgs.csv, and why."""
    if each.problem:
        return Outcome.SKIPPED if each.skipped else Outcome.REFUSED, each.problem
    if each.same:
        return Outcome.UNCHANGED, f"the same as on line {each.same.line:,} of orgs.csv."
    under = f"under {each.above.name}." if each.above else "at the top."
    return Outcome.CREATED if each.is_new else Outcome.UNCHANGED, under


# Who is in them


def places(run: ImportRun, roles_: import_files.Roles) -> Callable[[list[str]], Wanted | None]:
    """The unit of whoever is on a line of users.csv: of their first org that is one."""
    units = {each.id: each.same or each for each in _placed(run) if not each.problem}
    # Else it was renamed by hand just now, and is none any more.
    found = {id_: each for id_, each in units.items() if each.unit or run.dry_run}
    columns = Columns.of(run.files[File.USERS]["columns"]) if found else Columns.of([])

    def of(cells: list[str]) -> Wanted | None:
        user = columns.cell(cells, "sourcedid")
        for org_id in (*oneroster.orgs_of(cells, columns), roles_.org(user)) if found else ():
            if (each := found.get(org_id)) is not None:
                return Wanted(each.unit, each.name)
        return None

    return of


def put(job: Job, moves: Mapping[int, Wanted]) -> None:
    """Put staff, by their ids, into their units, with all of their conversations; in the open
    transaction, under the lock of the institution."""
    # Whole, so that whoever is just opening a conversation of theirs has done so, or waits.
    staff = select(Staff.id, Staff.org_unit_id).where(Staff.id.in_([*moves])).order_by(Staff.id)
    was = dict(db.session.execute(staff.with_for_update()).tuples().all())
    by_unit: dict[int, list[int]] = defaultdict(list)
    for staff_id in was:
        by_unit[moves[staff_id].unit or 0].append(staff_id)
        about = f"staff:{staff_id}"
        name = moves[staff_id].name
        audit(job.institution_id, "staff.placed", about, job.staff_id, org_unit=name)
    for unit_id, ids in by_unit.items():
        here = {"org_unit_id": unit_id}
        db.session.execute(update(Staff).where(Staff.id.in_(ids)).values(here))
        theirs = update(Conversation).where(Conversation.staff_id.in_(ids))
        db.session.execute(theirs.values(here))
    units = {unit_id for unit_id in (*was.values(), *by_unit) if unit_id}
    for unit_id in sorted(units)[:TELL_EACH]:
        org_units.announce(job.institution_id, unit_id)
    for staff_id in sorted(was)[:TELL_EACH]:
        audience = (Can.STAFF_MANAGE.value, staff_audience(staff_id))
        publish(job.institution_id, Event("staff.changed", {"staff": staff_id}, audience))
