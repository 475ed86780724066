"""Hooks: the job that tells other systems what happened here. It has a queue of its own, because
they may be slow."""

import time
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

import structlog
from flask import Flask, current_app

from app import clock, jobs
from app.config import Settings
from app.database import db
from app.jobs import Job
from app.points import reached
from app.posting import Line
from app.services import hook_outbox
from app.services.hook_outbox import Claim
from workers.main import stopping

log = structlog.get_logger()

HOOKS_AT_ONCE = 8
STAYS = 20.0  # seconds with one address, then the others have their turn
_STEP = 0.25  # seconds until the next look for work, while calls last
_ANNOUNCED_EVERY = 1.0  # seconds, to the pages that show it


def tell() -> None:
    """Tell each address what it is to be told now, HOOKS_AT_ONCE of them at the same time.

    May run twice, late or never: deliveries are made behind a bookmark, an address is claimed with
    a lease, and the periodic table rings again for what was left. Works for `delivery_job` seconds
    at most, then rings itself.
    """
    jobs.answered(Job.TELL_HOOKS)
    settings: Settings = current_app.config["SETTINGS"]
    app = current_app._get_current_object()  # type: ignore[attr-defined]
    ends = time.monotonic() + settings.timing.delivery_job

    def in_time() -> bool:
        return time.monotonic() < ends and not stopping.is_set()

    with ThreadPoolExecutor(HOOKS_AT_ONCE, thread_name_prefix="hook") as pool:
        running: set[Future[None]] = set()
        while True:
            if in_time():
                hook_outbox.make_deliveries()
                for claim in hook_outbox.claim(HOOKS_AT_ONCE - len(running)):
                    running.add(pool.submit(_tell, app, claim, in_time))
            if not running:
                break
            _, running = wait(running, timeout=_STEP, return_when=FIRST_COMPLETED)
    if not in_time():
        jobs.ring(Job.TELL_HOOKS)


def _tell(app: Flask, claim: Claim, in_time: Callable[[], bool]) -> None:
    """One address in a thread of its own, with its own session. Never raises: what was not written
    down is told again when the lease has run out."""
    with app.app_context():
        try:
            _one_after_the_other(app, claim, in_time)
            hook_outbox.release(claim)
        except Exception as error:
            log.exception("hook_not_told", hook=claim.hook_id, error=type(error).__name__)
        finally:
            db.session.remove()


def _one_after_the_other(app: Flask, claim: Claim, in_time: Callable[[], bool]) -> None:
    settings: Settings = app.config["SETTINGS"]
    ends, told = time.monotonic() + STAYS, time.monotonic()
    deadline, loopback = settings.timing.hook_deadline, settings.on_loopback
    with Line(claim.url, deadline=deadline, loopback=loopback) as line:
        while in_time() and time.monotonic() < ends:
            if (post := hook_outbox.next_post(claim)) is None:
                return
            reached("hooks.claimed")
            answer = line.post(post.body, post.headers(clock.now()))
            reached("hooks.told")
            due = time.monotonic() - told > _ANNOUNCED_EVERY
            told = time.monotonic() if due else told
            if not hook_outbox.record(claim, post.delivery_id, answer, announced=due):
                return
