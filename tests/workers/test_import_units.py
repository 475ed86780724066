"""Orgs of an import: its worker is gone after them, or somebody stops it before them."""

import io

import pytest
from sqlalchemy import func, select

from app.database import db
from app.models import OrgUnit
from app.services import import_claims, import_runs, importing
from app.services.import_runs import Choice
from tests.imports import ORGS, ROLES_12, USERS_12, outcomes, worked

ROWS = {"orgs.csv o1", "s1", "g1", "t1", "s2"}


@pytest.fixture
def run_id(by):
    """A set of OneRoster that waits, with one org."""
    texts = {"users.csv": USERS_12, "roles.csv": ROLES_12, "orgs.csv": ORGS}
    given = dict.fromkeys(("sms", "phone", "guardian", "dana"), "")
    files = [(name, io.BytesIO(text.format(**given).encode())) for name, text in texts.items()]
    return import_runs.submit(by, files, "set.zip", Choice(make_units=True), dry_run=False)


def units():
    return db.session.execute(select(func.count()).select_from(OrgUnit)).scalar_one()


def test_f61_whoever_takes_over_makes_no_unit_twice(by, run_id):
    assert import_claims.claim(run_id)
    importing.work(run_id, lambda: False)
    db.session.rollback()
    assert units() == 1  # and nobody is there yet
    run = worked(run_id)
    assert (run.total, run.done, units()) == (5, 5, 1)
    assert {key for _, key, _, _ in outcomes(run)} == ROWS


def test_stopped_before_them_they_are_listed_too(by, run_id):
    import_runs.stop(by, run_id)
    run = worked(run_id)
    assert {(key, outcome) for _, key, outcome, _ in outcomes(run)} == {
        (key, "not_done") for key in ROWS
    }
    assert (run.counts, run.total, units()) == ({"not_done": 5}, 5, 0)
