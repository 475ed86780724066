"""Imports: a file of people is uploaded, its columns are mapped, it is tried and imported, and what
became of each row is shown and taken away."""

from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for

from app.errors import Conflict, Invalid
from app.models import ImportRow, ImportRun, ImportState, Outcome
from app.routes import exports
from app.routes.filters import bookmark, number, row_id
from app.rules.access import Can
from app.rules.importing import KINDS, LABELS, Field, Refused
from app.rules.oneroster import File, version_of
from app.security import allowed, viewer
from app.services import import_claims, import_files, import_reports, import_runs
from app.services.import_files import PEOPLE
from app.services.import_reports import PAGE, Sample
from app.services.import_runs import By, Choice

bp = Blueprint("imports", __name__, url_prefix="/people/import")

UPLOAD = "imports.upload"
MOST_BYTES = import_files.MOST_BYTES + 1024 * 1024  # with the frame of the form around it
_SAMPLES = 3  # values of a column
_HEAD = ("line", "id", "name", "outcome", "reason", "person_id")

_TOLD = (ImportState.DONE, ImportState.ASKING, ImportState.STOPPED)  # row by row

# What is said of so many rows, and its colour.
WORDS: dict[Outcome, tuple[str, str]] = {
    Outcome.CREATED: ("New", "plain"),
    Outcome.CHANGED: ("Changed", "plain"),
    Outcome.UNCHANGED: ("As before", "plain"),
    Outcome.REFUSED: ("Refused", "bad"),
    Outcome.SKIPPED: ("Left out", "plain"),
    Outcome.LEAVING: ("Would be removed", "warn"),
    Outcome.REMOVED: ("Removed", "stop"),
    Outcome.NOT_DONE: ("Not done", "warn"),
}


# The list, and a new one


@bp.get("")
@allowed(Can.PEOPLE_IMPORT)
def index() -> Any:
    return _index()


def _index(problem: str | None = None) -> str:
    asking = viewer()
    bookmark(asking)
    return render_template(
        "imports/index.html",
        runs=[(listed, _summary(listed.run)) for listed in import_reports.latest(asking)],
        most_mb=import_files.MOST_BYTES // 1024 // 1024,
        problem=problem,
    )


def _summary(run: ImportRun) -> str:
    """What became of it, in a few words."""
    match run.state:
        case ImportState.DRAFT:
            return "Not imported yet"
        case ImportState.WAITING:
            return "Under way"
        case ImportState.ASKING:
            return "Asks whether to remove people"
        case ImportState.FAILED:
            return "Not imported"
    told = [f"{count:,} {WORDS[each][0].lower()}" for each, count in _counts(run)]
    said = ", ".join(told) or "no rows"
    if run.state is ImportState.STOPPED:
        return f"Stopped: {said}"
    return f"Tried: {said}" if run.dry_run else said.capitalize()


def _counts(run: ImportRun) -> list[tuple[Outcome, int]]:
    return [(each, run.counts[each]) for each in Outcome if run.counts.get(each)]


@bp.post("")
@allowed(Can.PEOPLE_IMPORT)
def upload() -> Any:
    """Its size is bounded before the form is read (`routes.__init__`)."""
    found = [file for file in request.files.getlist("file") if file.filename]
    try:
        if not found:
            raise Invalid("file", "Choose a file.")
        uploads = [(file.filename or "", file.stream) for file in found]
        name = uploads[0][0] if len(uploads) == 1 else f"{uploads[0][0]} and more"
        made = import_runs.upload(By.of(viewer()), uploads, name)
    except Invalid as error:
        return _index(str(error)), 422
    return _to(made)


def _to(run_id: int) -> Any:
    return redirect(url_for("imports.one", run_id=run_id), code=303)


# One


@bp.get("/<int:run_id>")
@allowed(Can.PEOPLE_IMPORT)
def one(run_id: int) -> Any:
    return _page(run_id)


def _page(run_id: int, problems: dict[str, str] | None = None) -> str:
    asking = viewer()
    bookmark(asking)
    run = import_reports.one(asking.institution_id, run_id)
    counts = _counts(run)
    return render_template(
        "imports/one.html",
        run=run,
        counts=[(*WORDS[each], each.value, count) for each, count in counts],
        facts=_facts(run),
        problems=problems or {},
        choosing=_choosing(run) if import_runs.may_start(run) else None,
        may_discard=import_runs.may_discard(run),
        listing=import_claims.waits(run),
        kinds=KINDS,
        **(_rows(run) if run.state in _TOLD else {}),
        **(_question(run) if run.state is ImportState.ASKING else {}),
    )


def _question(run: ImportRun) -> dict[str, bool]:
    many, unsure = import_reports.why_asked(run)
    return {"many": many, "unsure": unsure}


def _facts(run: ImportRun) -> list[tuple[str, str]]:
    """What kind of file it is."""
    first = next(iter(run.files.values()))
    if PEOPLE in run.files:
        between = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
        cut = between[first["delimiter"]]
        return [("Format", f"CSV, cut at {cut}"), ("Columns", str(len(first["columns"])))]
    users = run.files[File.USERS]
    found = [("Format", f"OneRoster {version_of(users['columns'])}")]
    return [*found, ("Files", ", ".join(f"{name}.csv" for name in run.files))]


# What is chosen before it is imported


@dataclass(frozen=True, slots=True)
class Column:
    """`held`: what it holds, "" = it is left out."""

    place: int
    name: str
    held: str
    samples: str


@dataclass(frozen=True, slots=True)
class Preview:
    """A row as it would be read; `problem`: why not."""

    line: int
    name: str
    problem: str
    source_id: str = ""
    kind: str = ""
    email: str = ""
    phones: str = ""
    advisor: str = ""


def _choosing(run: ImportRun) -> dict[str, Any]:
    asking = viewer()
    samples = import_reports.preview(asking, run)
    may_link = asking.can(Can.STAFF_MANAGE)
    held = [each for each in Field if may_link or each is not Field.ADVISOR]
    return {
        "columns": _columns(run, samples),
        "fields": [(each.value, LABELS[each]) for each in held],
        "twice": import_reports.named_twice(run),
        "schools": import_reports.schools(run),
        "delta": import_runs.is_delta(run),
        "problem": import_reports.mapping_problem(asking, run),
        "preview": [_preview(sample) for sample in samples],
        "may_link": may_link,
    }


def _columns(run: ImportRun, samples: list[Sample]) -> list[Column]:
    if PEOPLE not in run.files:
        return []
    values = list(zip_longest(*(sample.cells for sample in samples), fillvalue=""))
    found = []
    for place, name in enumerate(run.files[PEOPLE]["columns"]):
        said = [cell.strip()[:40] for cell in (values[place] if place < len(values) else ())]
        some = ", ".join([cell for cell in said if cell][:_SAMPLES])
        found.append(Column(place, name, run.options["mapping"][place] or "", some))
    return found


def _preview(sample: Sample) -> Preview:
    entry = sample.entry
    if isinstance(entry, Refused):
        return Preview(sample.line, entry.name or entry.key or "No name", entry.reason)
    return Preview(
        sample.line,
        entry.name,
        "",
        entry.source_id or "",
        entry.kind,
        entry.email or "",
        ", ".join(f"{number(e164)} {type_.value}" for e164, type_ in entry.phones),
        ", ".join(entry.advisors),
    )


def _chosen(run: ImportRun) -> Choice:
    form = request.form
    mapping = None
    if PEOPLE in run.files:
        typed = [form.get(f"column-{n}", "") for n in range(len(run.files[PEOPLE]["columns"]))]
        mapping = [Field(held) if held in set(Field) else None for held in typed]
    kind, units = form.get("kind", "student"), "make_units" in form
    return Choice(mapping, None, kind, "remove_missing" in form, units)


@bp.post("/<int:run_id>/look")
@allowed(Can.PEOPLE_IMPORT)
def look(run_id: int) -> Any:
    """The first rows again, with what is chosen now."""
    return _act(run_id, lambda by, choice: import_runs.choose(by, run_id, choice))


@bp.post("/<int:run_id>/try")
@allowed(Can.PEOPLE_IMPORT)
def try_(run_id: int) -> Any:
    return _act(run_id, lambda by, choice: import_runs.start(by, run_id, choice, dry_run=True))


@bp.post("/<int:run_id>/start")
@allowed(Can.PEOPLE_IMPORT)
def start(run_id: int) -> Any:
    return _act(run_id, lambda by, choice: import_runs.start(by, run_id, choice, dry_run=False))


def _act(run_id: int, act: Any) -> Any:
    by = By.of(viewer())
    choice = _chosen(import_reports.one(by.institution_id, run_id))
    try:
        act(by, choice)
    except Invalid as error:
        import_runs.choose(by, run_id, choice)  # what was chosen is kept
        return _page(run_id, {f["field"]: f["message"] for f in error.fields}), 422
    return _to(run_id)


@bp.post("/<int:run_id>/stop")
@allowed(Can.PEOPLE_IMPORT)
def stop(run_id: int) -> Any:
    try:
        import_runs.stop(By.of(viewer()), run_id)
    except Conflict as error:
        return _page(run_id, {"stop": str(error)}), 409
    return _to(run_id)


@bp.post("/<int:run_id>/discard")
@allowed(Can.PEOPLE_IMPORT)
def discard(run_id: int) -> Any:
    import_runs.discard(By.of(viewer()), run_id)
    flash("The file is gone. Nothing of it was imported.")
    return redirect(url_for("imports.index"), code=303)


@bp.post("/<int:run_id>/removal")
@allowed(Can.PEOPLE_IMPORT)
def removal(run_id: int) -> Any:
    """Whether so many people are to be removed (C15)."""
    form = request.form
    count, remove = form.get("count", -1, type=row_id), form.get("remove") == "yes"
    try:
        import_runs.answer_removal(By.of(viewer()), run_id, remove=remove, count=count)
    except Conflict as error:
        return _page(run_id, {"removal": str(error)}), 409
    return _to(run_id)


# What became of the rows


def _rows(run: ImportRun) -> dict[str, Any]:
    args = request.args
    asked = args.get("show", "")
    first = Outcome.LEAVING if run.state is ImportState.ASKING else Outcome.REFUSED
    default = first if run.counts.get(first) else None
    shown = Outcome(asked) if asked in set(Outcome) else (None if asked == "all" else default)
    after = args.get("after", 0, type=row_id)
    rows = import_reports.rows(run, shown, after=after, limit=PAGE + 1)
    return {
        "rows": [(row, *WORDS[row.outcome]) for row in rows[:PAGE]],
        "show": shown.value if shown else "all",
        "after": after,
        "next": rows[PAGE - 1].id if len(rows) > PAGE else None,
    }


@bp.get("/<int:run_id>/export")
@allowed(Can.PEOPLE_IMPORT)
def export(run_id: int) -> Any:
    """What became of every row, as CSV."""
    rows = import_reports.export(viewer(), run_id)
    return exports.sent(f"import-{run_id}", _HEAD, (_cells(row) for row in rows))


def _cells(row: ImportRow) -> tuple[exports.Cell, ...]:
    outcome = WORDS[row.outcome][0]
    return (row.line or None, row.key, row.name, outcome, row.reason, row.person_id)
