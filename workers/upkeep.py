"""Upkeep: what keeps promises when something was lost. The sweep, and the notices nobody rang
for."""

from app import jobs
from app.jobs import Job
from app.services import (
    claiming,
    delivery,
    handling,
    health,
    hook_outbox,
    idempotency,
    import_claims,
    import_runs,
    later,
    notices,
    reminders,
)


def sweep() -> None:
    """Free what dead workers had claimed, and ring for whatever is due. Harmless at any time."""
    jobs.answered(Job.SWEEP)
    health.note_sweep()
    claiming.free_dead_claims()
    delivery.fail_stale()
    delivery.catch_forbidden()
    if claiming.accounts_with_work():
        jobs.ring(Job.DELIVER)
    jobs.ring(Job.SETTLE)
    jobs.ring(Job.SEND_EMAILS)
    if import_claims.any_waiting():
        jobs.ring(Job.IMPORT_PEOPLE)


def release_held() -> None:
    """Send the texts whose time has come, and bring back the conversations whose snooze is over."""
    jobs.answered(Job.RELEASE)
    later.release_due()
    handling.wake_snoozed()


def forget_old() -> None:
    """Let go of what is kept for a while only."""
    jobs.answered(Job.FORGET)
    idempotency.forget_old()
    import_runs.forget_old()
    hook_outbox.forget_old()


def write_notices() -> None:
    """Email holders about replies that no browser of theirs shows, and whoever may claim it about
    what nobody holds."""
    jobs.answered(Job.NOTICES)
    notices.write_notices()
    reminders.remind()
