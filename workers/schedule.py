"""Schedule: the periodic table. One process rings for it; a lock in Redis keeps a second one
waiting."""

import signal
import threading
import time
import uuid

import structlog
from flask import Flask
from redis import RedisError

from app import jobs
from app.config import Settings, Timing
from app.jobs import Job

log = structlog.get_logger()

_LOCK = "replyline:scheduler"
_LOCK_SECONDS = 10
_STEP = 1.0  # seconds between looks
_HOUR = 3600.0


def periodic_table(timing: Timing) -> dict[Job, float]:
    """Every periodic job, and how many seconds lie between two of its runs."""
    return {
        Job.SWEEP: timing.sweep_every,
        Job.IMPORT: timing.sweep_every,
        Job.NOTICES: timing.sweep_every,
        Job.RELEASE: timing.release_every,
        Job.TELL_HOOKS: timing.hook_every,
        Job.FORGET: _HOUR,
        Job.FACTS: _HOUR,
        Job.SUMMARY: _HOUR,
    }


def run(app: Flask) -> None:
    """Ring for each job in its time until SIGTERM or SIGINT. Without Redis nothing rings, nothing
    is lost."""
    stopped = threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: stopped.set())
    settings: Settings = app.config["SETTINGS"]
    table = periodic_table(settings.timing)
    next_run = dict.fromkeys(table, 0.0)
    me = str(uuid.uuid4())
    with app.app_context():
        while not stopped.is_set():
            try:
                if _is_mine(me):
                    _ring_due(table, next_run)
            except RedisError as error:
                log.warning("scheduler_without_redis", error=type(error).__name__)
            stopped.wait(_STEP)


def _ring_due(table: dict[Job, float], next_run: dict[Job, float]) -> None:
    now = time.monotonic()
    for job, every in table.items():
        if next_run[job] <= now:
            next_run[job] = now + every
            jobs.ring(job)


def _is_mine(me: str) -> bool:
    """Take or keep the lock; it falls free by itself when its holder dies."""
    redis = jobs.redis()
    if redis.set(_LOCK, me, nx=True, ex=_LOCK_SECONDS):
        return True
    if redis.get(_LOCK) != me.encode():
        return False
    redis.expire(_LOCK, _LOCK_SECONDS)
    return True
