"""Upkeep: what keeps promises when something was lost. The sweep, and the notices nobody rang
for."""

from app import jobs
from app.jobs import Job
from app.services import delivery, health, notices


def sweep() -> None:
    """Free what dead workers had claimed, and ring for whatever is due. Harmless at any time."""
    jobs.answered(Job.SWEEP)
    health.note_sweep()
    delivery.free_dead_claims()
    delivery.fail_stale()
    for account_id in delivery.accounts_with_work():
        jobs.ring(Job.DELIVER, account_id)
    jobs.ring(Job.SEND_EMAILS)


def write_notices() -> None:
    """Email holders about replies that no browser of theirs shows."""
    jobs.answered(Job.NOTICES)
    notices.write_notices()
