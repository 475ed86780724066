"""Imports: people from a CSV file or from the files of OneRoster."""

from collections.abc import Sequence
from datetime import datetime
from io import BytesIO
from typing import Annotated, Literal

from pydantic import Field

from app.api.endpoints import get, post
from app.api.paging import BY_ID, Page, Paging, page
from app.api.types import Input, Shape, Text
from app.errors import Invalid
from app.models import ImportRow, ImportRun, ImportState, Outcome
from app.rules.access import Can, Viewer
from app.rules.importing import Field as Held
from app.services import import_reports, import_runs
from app.services.import_runs import By, Choice

_CSV = "ID,First name,Last name,Email,Mobile phone\nN0041877,Maya,Torres,,+15125550147\n"
MOST_MB = 50

Kind = Literal["student", "staff", "guardian", "prospect"]


class File(Input):
    """`name` is only shown; what a file is, is told from its columns."""

    name: Annotated[Text, Field(max_length=300, examples=["people.csv"])] = "people.csv"
    text: Annotated[Text, Field(min_length=1, examples=[_CSV])]


class NewImport(Input):
    """One CSV file, or files of OneRoster 1.1 or 1.2. `mapping`: what a column holds, by its name;
    columns that are not named are left out, and without it the names decide. `kind`: of whoever's
    row does not say. Numbers of prospects count as verified. `remove_missing`: whoever has an ID
    and is not in the file is removed; a dry run tells how many. `make_units`: the orgs in
    `orgs.csv` become org units, and staff who sign in here are put into theirs; the rows tell of
    them too."""

    files: Annotated[list[File], Field(min_length=1, max_length=10)]
    kind: Kind = "student"
    mapping: dict[Annotated[Text, Field(max_length=200)], Held] | None = None
    remove_missing: bool = False
    make_units: bool = False
    dry_run: bool = False


class Start(Input):
    dry_run: bool = False


class Removal(Input):
    """`count`: how many people would be removed, as the import says."""

    remove: bool
    count: Annotated[int, Field(ge=0, le=10_000_000)] = 0


class Import(Shape):
    """`counts`: rows by what became of them. `total`: None until they are counted. `leaving` of
    `of` people are, or would be, removed; above a fifth, or where a line could not be read, the
    import is `asking`, and its rows name them. `problem`: why it failed, or who stopped it; the
    rows that were not done are listed a moment later."""

    id: int
    name: str
    state: ImportState
    dry_run: bool
    total: int | None
    done: int
    counts: dict[str, int]
    leaving: int | None
    of: int | None
    problem: str
    created_at: datetime
    finished_at: datetime | None


class Row(Shape):
    """What became of one row. `line`: 0 = the person is not in the file. `reason`: what is wrong
    with it, or what changed."""

    line: int
    key: str
    name: str
    outcome: Outcome
    reason: str
    person_id: int | None


class RowsQuery(Paging):
    outcome: Outcome | None = None


def _shown(run: ImportRun) -> Import:
    return Import.model_validate(run)


def _one(viewer: Viewer, import_id: int) -> Import:
    return _shown(import_reports.one(viewer.institution_id, import_id))


def _rows(rows: Sequence[ImportRow]) -> list[Row]:
    return [Row.model_validate(row) for row in rows]


@get("/imports", Can.PEOPLE_IMPORT)
def list_(viewer: Viewer, query: Paging) -> Page[Import]:
    """All imports, newest first."""
    return page(
        query,
        BY_ID,
        lambda limit, before: import_reports.latest(viewer, before=before, limit=limit),
        lambda listed: listed.run.id,
        lambda rows: [_shown(listed.run) for listed in rows],
    )


@post("/imports", Can.PEOPLE_IMPORT, most_mb=MOST_MB)
def create(viewer: Viewer, body: NewImport) -> Import:
    """Import people, or try to: every row as a whole or not at all, never a consent status. It is
    done when `state` is; the same file again changes nothing."""
    uploads = [(file.name, BytesIO(file.text.encode())) for file in body.files]
    choice = Choice(None, body.mapping, body.kind, body.remove_missing, body.make_units)
    name = body.files[0].name
    try:
        made = import_runs.submit(By.of(viewer), uploads, name, choice, dry_run=body.dry_run)
    except Invalid as error:
        problems = {f["field"]: f["message"] for f in error.fields}
        raise Invalid.many(
            {"files" if k == "file" else k: v for k, v in problems.items()}
        ) from None
    return _one(viewer, made)


@get("/imports/<id:import_id>", Can.PEOPLE_IMPORT)
def one(viewer: Viewer, import_id: int) -> Import:
    """One import."""
    return _one(viewer, import_id)


@get("/imports/<id:import_id>/rows", Can.PEOPLE_IMPORT)
def rows(viewer: Viewer, import_id: int, query: RowsQuery) -> Page[Row]:
    """What became of each row, in their order."""
    run = import_reports.one(viewer.institution_id, import_id)
    return page(
        query,
        BY_ID,
        lambda limit, after: import_reports.rows(run, query.outcome, after=after or 0, limit=limit),
        lambda row: row.id,
        _rows,
    )


@post(
    "/imports/<id:import_id>/start",
    Can.PEOPLE_IMPORT,
    status=200,
    conflicts=("import_started", "import_gone"),
)
def start(viewer: Viewer, import_id: int, body: Start) -> Import:
    """Do what was tried, with the same choice."""
    import_runs.again(By.of(viewer), import_id, dry_run=body.dry_run)
    return _one(viewer, import_id)


@post(
    "/imports/<id:import_id>/removal",
    Can.PEOPLE_IMPORT,
    status=200,
    conflicts=("already_answered", "other_number"),
)
def removal(viewer: Viewer, import_id: int, body: Removal) -> Import:
    """Answer whether so many people are to be removed."""
    by = By.of(viewer)
    import_runs.answer_removal(by, import_id, remove=body.remove, count=body.count)
    return _one(viewer, import_id)


@post("/imports/<id:import_id>/stop", Can.PEOPLE_IMPORT, status=200, conflicts=("import_over",))
def stop(viewer: Viewer, import_id: int) -> Import:
    """Stop one that is under way: what is done stays done, nothing more is begun. The same file
    can be imported again, by `start` too."""
    import_runs.stop(By.of(viewer), import_id)
    return _one(viewer, import_id)
