"""Files: the job that imports people. It has a queue of its own: a large file takes a minute."""

import time

from flask import current_app

from app import jobs
from app.config import Settings
from app.jobs import Job
from app.services import import_claims, importing
from workers.main import stopping


def import_people() -> None:
    """Work on the imports that wait, one after the other, for `delivery_job` seconds at most, then
    ring again.

    May run twice, late or never: an import is claimed with a lease, each batch of rows is one
    transaction that also says how far it came, and the sweep rings for what was left.
    """
    jobs.answered(Job.IMPORT_PEOPLE)
    settings: Settings = current_app.config["SETTINGS"]
    ends = time.monotonic() + settings.timing.delivery_job

    def in_time() -> bool:
        return time.monotonic() < ends and not stopping.is_set()

    while in_time():
        if (run_id := import_claims.claim()) is None:
            return
        importing.work(run_id, in_time)
    jobs.ring(Job.IMPORT_PEOPLE)
