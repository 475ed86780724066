"""Facts: the jobs that keep the figures of days that are over, and tell of those of a week."""

from app import clock, jobs
from app.jobs import Job
from app.services import facts, summary

_SECONDS = 60.0  # then it rings itself, so that others have their turn


def close_days() -> None:
    """Count each day that is not kept yet. May run twice or late: a day that is not kept is counted
    whenever somebody looks."""
    jobs.answered(Job.FACTS)
    if not facts.close_days(_SECONDS):
        jobs.ring(Job.FACTS)


def write_summaries() -> None:
    """The emails of Mondays, where they are due."""
    jobs.answered(Job.SUMMARY)
    summary.write_due(clock.now())
