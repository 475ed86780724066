"""Every job that is rung by name exists, and every queue has a worker that listens to it."""

from importlib import import_module

import pytest

from app.config import Timing
from app.jobs import QUEUE_OF, QUEUES, Job
from workers.schedule import periodic_table


@pytest.mark.parametrize("job", list(Job))
def test_a_job_can_be_found_by_its_name(job):
    module, _, function = job.value.rpartition(".")
    assert callable(getattr(import_module(module), function))


def test_every_queue_is_one_that_workers_listen_to():
    assert set(QUEUE_OF.values()) <= set(QUEUES)


def test_what_was_left_is_looked_for_periodically():
    periodic = {Job.SWEEP, Job.IMPORT, Job.NOTICES, Job.RELEASE, Job.FORGET}
    periodic |= {Job.FACTS, Job.SUMMARY, Job.TELL_HOOKS}
    assert set(periodic_table(Timing())) == periodic
