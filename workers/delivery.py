"""Delivery: the job that hands texts to the providers until nothing is due."""

import time
from collections import Counter
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

import structlog
from flask import Flask, current_app

from app import jobs
from app.config import Settings
from app.database import db
from app.errors import ProviderError
from app.jobs import Job
from app.points import reached
from app.providers import Provider
from app.services import accounts, claiming, delivery
from app.services.claiming import CALLS_PER_ACCOUNT, Call
from app.services.delivery import Outcome
from workers.main import stopping

log = structlog.get_logger()

CALLS_AT_ONCE = 2 * CALLS_PER_ACCOUNT  # one account whose provider hangs leaves room for others
_STEP = 0.05  # seconds until the next look for work, while calls last or numbers are paced


def deliver() -> None:
    """Send what is due for all accounts, CALLS_AT_ONCE texts at a time.

    May run twice, late or never: a text is taken by an atomic claim, and the sweep rings again for
    what was left. Works for `delivery_job` seconds at most, then rings itself, so that a worker
    that is asked to stop gets to it.
    """
    jobs.answered(Job.DELIVER)
    settings: Settings = current_app.config["SETTINGS"]
    app = current_app._get_current_object()  # type: ignore[attr-defined]
    ends = time.monotonic() + settings.timing.delivery_job
    with ThreadPoolExecutor(CALLS_AT_ONCE, thread_name_prefix="call") as pool:
        running: dict[Future[Outcome], int] = {}  # to the account of each
        while True:
            in_time = time.monotonic() < ends and not stopping.is_set()
            waiting = claiming.accounts_with_work() if in_time else []
            for provider, call in _claimed(waiting, Counter(running.values())):
                running[pool.submit(_call, app, provider, call)] = call.account_id
            if running:
                done, _ = wait(running, timeout=_STEP, return_when=FIRST_COMPLETED)
                if done:
                    delivery.record([future.result() for future in done])
                    reached("delivery.recorded")
                running = {f: account for f, account in running.items() if f not in done}
            elif waiting:
                time.sleep(_STEP)
            else:
                break
    if not in_time:
        jobs.ring(Job.DELIVER)


def _claimed(account_ids: list[int], running: Counter[int]) -> list[tuple[Provider, Call]]:
    """Texts of these accounts that may be called now, each account in its turn."""
    found: list[tuple[Provider, Call]] = []
    for account_id in account_ids:
        free = CALLS_AT_ONCE - running.total() - len(found)
        if free <= 0 or running[account_id] >= CALLS_PER_ACCOUNT:
            continue
        if calls := claiming.claim(account_id, free):
            provider = accounts.provider(account_id)
            db.session.rollback()  # nothing is held during the calls
            found += [(provider, call) for call in calls]
    return found


def _call(app: Flask, provider: Provider, call: Call) -> Outcome:
    """One call in a thread of its own, with its own session. Never raises."""
    with app.app_context():
        try:
            reached("delivery.claimed")
            if not claiming.begin_call(call):
                return Outcome(call, None, called=False)
        except Exception as error:
            # The stamp may or may not have been committed; the lease will tell.
            log.exception("call_not_begun", error=type(error).__name__)
            return Outcome(call, None, called=False)
        finally:
            db.session.remove()
        try:
            reached("delivery.stamped")
            accepted = provider.send(call.text)
            reached("delivery.called")
            return Outcome(call, accepted)
        except ProviderError as error:
            log.warning("call_failed", error=error.code, provider_code=error.provider_code)
            return Outcome(call, error)
