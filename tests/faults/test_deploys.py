"""Deploys: a worker that is asked to stop, or whose time is up, finishes what is on the wire."""

import os
import signal

import pytest

from app import config, create_app, jobs, mail
from app.config import Timing
from app.jobs import Job
from tests.helpers import until
from tests.school import School
from tests.stack import DELIVERY, Stack

WRITERS, PEOPLE = 5, 10
SENDS = WRITERS * PEOPLE


def test_a_worker_that_is_asked_to_stop_loses_no_call_on_the_wire(stack: Stack, school: School):
    """F10: SIGTERM with fifty sends running; all are there once, and nothing was left unknown."""
    staff, people = school.crowd(WRITERS, PEOPLE)
    school.carrier.fault(school.account_sid, "slow", count=None, seconds=1.2)
    with stack.without(stack.pid(*DELIVERY)):
        school.all_write_to_all(staff, people)
    until(lambda: len(school.ledger()) > SENDS // 2)
    os.kill(stack.pid(*DELIVERY), signal.SIGTERM)
    until(lambda: not school.under_way())
    assert school.accepted() == {1: SENDS}


WAITS = Timing()
ANSWERS = 12  # of a mail server, from its greeting to the end of one mail
LONGEST = {  # seconds that a job may take: until it begins nothing more, then its last call
    Job.DELIVER: WAITS.delivery_job + WAITS.call_deadline,
    Job.SEND_EMAILS: WAITS.delivery_job + ANSWERS * mail.TIMEOUT,
}


@pytest.mark.parametrize(("job", "longest"), LONGEST.items())
def test_no_job_is_cut_off_in_the_middle_of_a_call(redis_url, tmp_path, job, longest):
    """F12: its time-out, as it stands in the queue, comes after the deadline of its last call."""
    config.loopback_secrets(tmp_path)
    settings = config.load(var_dir=tmp_path, redis_url=f"{redis_url}?db=1")
    with create_app(settings, web=False).app_context():
        jobs.ring(job)
        (rung,) = jobs.queue(jobs.QUEUE_OF.get(job, jobs.DEFAULT_QUEUE)).jobs
        jobs.redis().flushdb()
    assert rung.timeout > longest
