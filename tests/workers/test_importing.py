"""Importing: a worker is stopped, overtaken, kept waiting, or meets what it did not expect, and the
import ends as it would have (F61)."""

import io
import sqlite3
from datetime import timedelta
from functools import partial

import pytest
from sqlalchemy import func, make_url, select, text, update

from app.database import database_now, db, transaction
from app.errors import Unavailable
from app.models import (
    Advisee,
    AuditEntry,
    ImportPart,
    ImportRun,
    ImportState,
    Person,
    PersonPhone,
)
from app.services import import_claims, import_runs, importing
from app.services.import_runs import By, Choice
from tests.imports import HEAD, known, line, many, outcomes, ran, submitted, worked
from tests.school import at_once


def people():
    return db.session.execute(
        select(func.count()).select_from(Person).where(Person.source_id.is_not(None))
    ).scalar_one()


def entries():
    """What the audit log says, as (action, who, detail)."""
    found = select(AuditEntry).where(AuditEntry.subject.like("import:%")).order_by(AuditEntry.id)
    return [(e.action, e.staff_id, e.detail) for e in db.session.execute(found).scalars()]


def expire_leases():
    with transaction():
        db.session.execute(update(ImportRun).values(lease_until=database_now(-1)))


def test_f61_stopped_at_any_batch_it_goes_on_with_the_same_result(by):
    run_id = submitted(by, many(1200))
    looks = 0
    while import_claims.claim(run_id):
        looks += 1
        importing.work(run_id, lambda: False)  # one batch, then it is stopped
        db.session.rollback()
        assert looks < 9
    run = db.session.get_one(ImportRun, run_id)
    assert (run.state, run.counts) == (ImportState.DONE, {"created": 1200})
    assert looks > 2
    assert db.session.execute(select(ImportPart.run_id)).first() is None  # the file is let go
    assert ran(by, many(1200)).counts == {"unchanged": 1200}
    assert [action for action, _, _ in entries()] == ["people.imported"] * 2


def test_f61_stopped_at_any_step_of_a_removal_it_goes_on_with_the_same_result(by):
    ran(by, many(1300))
    run_id = submitted(by, many(100), remove_missing=True)
    looks, run = 0, None
    while import_claims.claim(run_id):
        looks += 1
        importing.work(run_id, lambda: False)
        db.session.rollback()
        run = db.session.get_one(ImportRun, run_id, populate_existing=True)
        if run.state is ImportState.ASKING:
            assert (run.leaving, run.counts) == (1200, {"unchanged": 100, "leaving": 1200})
            import_runs.answer_removal(by, run_id, remove=True, count=1200)
        assert looks < 15
    assert looks > 6
    db.session.refresh(run)
    assert (run.state, run.counts) == (ImportState.DONE, {"unchanged": 100, "removed": 1200})


def test_two_imports_of_one_institution_wait_for_each_other(by):
    first, second = submitted(by, many(3)), submitted(by, many(3, "Q"))
    assert import_claims.claim() == first
    assert import_claims.claim() is None
    assert import_claims.any_waiting() is False
    importing.work(first, lambda: True)
    assert worked(second).counts == {"changed": 3}
    assert import_claims.claim() is None


def test_of_workers_that_look_at_the_same_moment_one_begins(college, by):
    for _ in range(5):
        waiting = [submitted(by, many(3)) for _ in range(4)]

        def claim(run_id):
            with college.inside():
                return import_claims.claim(run_id)

        taken = [found for found in at_once(*(partial(claim, each) for each in waiting)) if found]
        assert len(taken) == 1
        with transaction():
            db.session.execute(update(ImportRun).values(state=ImportState.DONE, lease_until=None))


def test_a_worker_that_was_overtaken_changes_nothing_any_more(college, by):
    """It overslept its lease between two batches; the other has done everything meanwhile."""
    run_id = submitted(by, many(1200))
    assert import_claims.claim(run_id)
    steps = []

    def other():
        with college.inside():
            expire_leases()
            return worked(run_id).counts

    def overslept():
        if not steps:
            steps.extend(at_once(other))
        return True

    importing.work(run_id, overslept)
    db.session.rollback()
    run = db.session.get_one(ImportRun, run_id, populate_existing=True)
    assert steps == [{"created": 1200}]
    assert (run.state, run.done, run.counts) == (ImportState.DONE, 1200, {"created": 1200})
    assert people() == 1200
    assert len(entries()) == 1


def test_a_worker_that_was_overtaken_at_its_end_fails_nothing(college, by):
    """The late one meets a line that it cannot read; the import is somebody else's by then."""
    run_id = submitted(by, HEAD + line("N1") + 'N2,"Noor\n')
    assert import_claims.claim(run_id)
    expire_leases()
    late = db.session.get_one(ImportRun, run_id, populate_existing=True)
    db.session.expunge(late)
    assert import_claims.claim(run_id)
    with pytest.raises(Exception, match="Somebody else"), transaction():
        import_claims.put(late, state=ImportState.FAILED)
    db.session.rollback()
    assert db.session.get_one(ImportRun, run_id).state is ImportState.WAITING


@pytest.mark.parametrize("quiet_database_url", ["sqlite"], indirect=True)
def test_a_busy_database_is_waited_for(college, by):
    """F26: whoever gets no turn to write goes on later."""
    run_id = submitted(by, many(3))
    assert import_claims.claim(run_id)
    other = sqlite3.connect(make_url(college.app.config["SETTINGS"].database).database)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(Unavailable):
        importing.work(run_id, lambda: True)
    other.rollback()
    other.close()
    db.session.rollback()
    assert db.session.get_one(ImportRun, run_id).state is ImportState.WAITING
    expire_leases()
    assert worked(run_id).counts == {"created": 3}


def test_what_the_database_refuses_is_told_once_and_not_tried_for_ever(by):
    """Here by a rule that the code does not know."""
    with transaction():
        rule = "CREATE UNIQUE INDEX one_boom ON person (given_name) WHERE given_name = 'Boom'"
        db.session.execute(text(rule))
    run = ran(by, many(600) + line("X1", "Boom") + line("X2", "Boom"))
    assert (run.state, run.done) == (ImportState.FAILED, 500)
    assert run.problem.startswith("Something went wrong on our side.")
    assert import_claims.any_waiting() is False
    assert people() == 500  # and it is written down that they came
    [(action, _, detail)] = entries()
    assert (action, detail["rows"], detail["problem"]) == (
        *("people.imported", {"created": 500}, run.problem),
    )


def test_what_is_written_down_names_who_pressed_the_button(college, by):
    """Not who uploaded the file; and each of them who answered."""
    kim = By.of(college.kim)
    head, rows = HEAD[:-1] + ",Advisor\n", f"X1,Maya,Torres,,+15122000001,,{college.dana.email}\n"
    file = ("p.csv", io.BytesIO((head + rows).encode()))
    run_id = import_runs.upload(by, [file], "p.csv")
    import_runs.start(kim, run_id, Choice(kind="prospect"), dry_run=False)
    worked(run_id)
    verified = select(PersonPhone.verified_by).where(PersonPhone.person_id == known("X1").id)
    linked = select(Advisee.created_by)
    named = {db.session.execute(each).scalar_one() for each in (verified, linked)}
    assert named | {entries()[0][1]} == {kim.staff_id}
    ran(kim, many(4))
    asking = submitted(kim, many(1), remove_missing=True)
    assert worked(asking).state is ImportState.ASKING
    assert entries()[-1][0] == "people.imported"  # what came is there, whatever the answer
    import_runs.answer_removal(by, asking, remove=True, count=3)
    worked(asking)
    assert entries()[-1] == (*("removal.confirmed", by.staff_id, {"name": "p.csv", "count": 3}),)
    again = submitted(kim, HEAD + line("N9"), remove_missing=True)
    worked(again)
    import_runs.answer_removal(by, again, remove=False, count=0)
    worked(again)
    assert [action for action, _, _ in entries()[-2:]] == ["people.imported", "removal.declined"]


def test_a_question_that_nobody_answers_is_answered_no(by):
    ran(by, many(5))
    run = ran(by, many(1), remove_missing=True)
    import_runs.forget_old()
    db.session.refresh(run)
    assert run.state is ImportState.ASKING
    with transaction():
        long_ago = run.started_at - import_runs.KEPT - timedelta(minutes=1)
        db.session.execute(update(ImportRun).values(started_at=long_ago))
    import_runs.forget_old()
    done = worked(run.id)
    assert (done.state, done.counts) == (ImportState.DONE, {"unchanged": 1, "skipped": 4})
    assert outcomes(done)[-1] == (*(0, "N4", "skipped", "Kept: the removal was not confirmed."),)
    assert people() == 5
