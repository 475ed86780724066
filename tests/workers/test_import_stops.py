"""Stops: somebody stops an import wherever its worker is. What is done stays done, the rest is
listed as not done, and the same file does the rest."""

import io

import pytest
from sqlalchemy import func, select, update

from app.database import db, transaction
from app.errors import Conflict
from app.models import AuditEntry, ImportRow, ImportRun, ImportState, Outcome, Person
from app.services import import_claims, import_runs, importing
from app.services.import_runs import By
from tests.imports import ROLES_12, USERS_12, many, outcomes, ran, submitted, worked
from tests.school import at_once


@pytest.fixture
def kim(college):
    return By.of(college.kim)


def now(run_id):
    db.session.rollback()
    return db.session.get_one(ImportRun, run_id, populate_existing=True)


def step(run_id):
    """A worker takes it, does one batch, and is gone."""
    assert import_claims.claim(run_id) == run_id
    importing.work(run_id, lambda: False)


def people():
    there = (Person.source_id.is_not(None), Person.removed_at.is_(None))
    return db.session.execute(select(func.count()).select_from(Person).where(*there)).scalar_one()


def entries(run_id):
    """What the audit log says, as (action, who, detail)."""
    found = select(AuditEntry).where(AuditEntry.subject == f"import:{run_id}")
    return [
        (e.action, e.staff_id, e.detail)
        for e in db.session.execute(found.order_by(AuditEntry.id)).scalars()
    ]


def test_what_is_done_stays_done_and_the_rest_is_listed(by, kim):
    """F61: also where each worker that lists it is gone after a batch."""
    run_id = submitted(by, many(1700))
    step(run_id)
    import_runs.stop(kim, run_id)
    run = now(run_id)
    assert (run.state, run.problem) == (ImportState.STOPPED, "Stopped by Kim.")
    assert run.counts == {"created": 500, "not_done": 1200}  # at once, before it is listed
    assert people() == 500
    looks = 0
    while import_claims.any_waiting():
        step(run_id)
        looks += 1
        assert looks < 9
    assert looks > 2
    run = now(run_id)
    assert (run.state, run.done, run.total) == (ImportState.STOPPED, 500, 1700)
    assert run.counts == {"created": 500, "not_done": 1200}
    listed = select(ImportRow.line, ImportRow.key, ImportRow.name, ImportRow.reason).where(
        ImportRow.run_id == run_id, ImportRow.outcome == Outcome.NOT_DONE
    )
    rows = db.session.execute(listed.order_by(ImportRow.id)).all()
    assert rows == [(n + 2, f"N{n}", f"P{n} Torres", "Stopped by Kim.") for n in range(500, 1700)]
    assert people() == 500
    came = {"name": "p.csv", "rows": {"created": 500}, "problem": "by Kim"}
    assert entries(run_id) == [
        ("people.imported", by.staff_id, came),
        ("import.stopped", kim.staff_id, {"name": "p.csv", "rows": run.counts}),
    ]
    import_runs.again(by, run_id, dry_run=False)
    assert worked(run_id).counts == {"unchanged": 500, "created": 1200}


def test_a_worker_in_the_middle_is_overtaken(college, by, kim):
    """On another machine: it learns of it from the database, with its next batch."""
    run_id = submitted(by, many(1700))
    assert import_claims.claim(run_id) == run_id
    stopped = []

    def stop():
        with college.inside():
            import_runs.stop(kim, run_id)

    def in_time():
        if not stopped:
            stopped.extend(at_once(stop) or [True])
        return True

    importing.work(run_id, in_time)
    assert stopped
    run = now(run_id)
    assert (run.state, run.done, people()) == (ImportState.STOPPED, 500, 500)
    assert import_claims.claim() == run_id  # at once, whatever the lease of the other
    importing.work(run_id, lambda: True)
    assert now(run_id).counts == {"created": 500, "not_done": 1200}
    assert import_claims.any_waiting() is False


def test_begun_again_at_once_the_worker_of_before_changes_nothing_any_more(college, by, kim):
    run_id = submitted(by, many(600, "Q"))
    assert import_claims.claim(run_id) == run_id
    late = now(run_id)
    db.session.expunge(late)
    import_runs.stop(kim, run_id)
    import_runs.again(by, run_id, dry_run=False)
    with pytest.raises(Conflict), transaction():
        import_claims.put(late, done=600)
    assert worked(run_id).counts == {"created": 600}  # nobody's lease is waited for


def test_people_who_were_to_be_removed_stay(by, kim):
    ran(by, many(1300))
    run_id = submitted(by, many(100), remove_missing=True)
    assert worked(run_id).state is ImportState.ASKING
    import_runs.answer_removal(by, run_id, remove=True, count=1200)
    step(run_id)
    import_runs.stop(kim, run_id)
    counts = {"unchanged": 100, "removed": 500, "not_done": 700}
    assert now(run_id).counts == counts
    assert worked(run_id).counts == counts
    assert people() == 800
    assert {(row[0], row[2]) for row in outcomes(now(run_id))[600:]} == {(0, "not_done")}


def test_stopped_before_anybody_took_it(by, kim):
    """Nothing is left of what a try said before."""
    run_id = submitted(by, many(3), dry_run=True)
    assert worked(run_id).counts == {"created": 3}
    import_runs.again(by, run_id, dry_run=False)
    import_runs.stop(kim, run_id)
    assert now(run_id).counts == {}  # nobody has counted yet
    assert worked(run_id).counts == {"not_done": 3}
    assert (now(run_id).total, people()) == (3, 0)


def test_a_try_is_stopped_too_and_its_file_can_be_discarded(by, kim):
    run_id = submitted(by, many(1200), dry_run=True)
    step(run_id)
    import_runs.stop(kim, run_id)
    assert worked(run_id).counts == {"created": 500, "not_done": 700}
    assert [action for action, _, _ in entries(run_id)] == ["import.stopped"]
    import_runs.discard(kim, run_id)
    assert db.session.get(ImportRun, run_id, populate_existing=True) is None


def test_what_was_imported_is_not_discarded(by, kim):
    run_id = submitted(by, many(600))
    step(run_id)
    import_runs.stop(kim, run_id)
    with pytest.raises(Conflict):
        import_runs.discard(kim, run_id)


def test_of_oneroster_and_of_what_cannot_be_read_it_is_told_who(by, kim):
    uploads = [("users.csv", USERS_12), ("roles.csv", ROLES_12)]
    files = [(name, io.BytesIO(text.encode())) for name, text in uploads]
    choice = import_runs.Choice()
    run_id = import_runs.submit(by, files, "set", choice, dry_run=False)
    import_runs.stop(kim, run_id)
    rest = {(key, outcome) for _, key, outcome, _ in outcomes(worked(run_id))}
    assert rest == {(key, "not_done") for key in ("s1", "g1", "t1", "s2")}
    cut = submitted(by, many(600) + 'N9,"Noor\n')
    with transaction():
        db.session.execute(update(ImportRun).where(ImportRun.id == cut).values(total=601))
    import_runs.stop(kim, cut)
    run = worked(cut)
    assert (run.state, run.total) == (ImportState.STOPPED, 601)
    assert import_claims.any_waiting() is False


@pytest.mark.parametrize("state", [s for s in ImportState if s is not ImportState.WAITING])
def test_only_what_is_under_way_is_stopped(by, kim, state):
    run_id = submitted(by, many(3))
    with transaction():
        db.session.execute(update(ImportRun).values(state=state))
    with pytest.raises(Conflict) as refused:
        import_runs.stop(kim, run_id)
    assert refused.value.code == "import_over"
    assert now(run_id).state is state


def test_of_many_who_press_it_one_stops_it(college, by, kim):
    run_id = submitted(by, many(600))
    step(run_id)

    def stop():
        with college.inside():
            try:
                import_runs.stop(kim, run_id)
            except Conflict:
                return 0
            return 1

    assert sum(at_once(*[stop] * 4)) == 1
    assert [action for action, _, _ in entries(run_id)] == ["people.imported", "import.stopped"]
