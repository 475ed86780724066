"""Imports on a database that no process works on: each step is taken by hand."""

import pytest

from app.services.import_runs import By


@pytest.fixture
def by(college):
    """Whoever imports, Dana; inside a context of the app."""
    with college.inside():
        yield By.of(college.dana)
