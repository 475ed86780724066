"""Delivery: the job that hands texts to a provider until nothing is due."""

import time
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

import structlog
from flask import current_app

from app import jobs
from app.config import Settings
from app.database import db
from app.errors import ProviderError
from app.jobs import Job
from app.models import ProviderAccount
from app.providers import Provider
from app.services import accounts, delivery
from app.services.delivery import Call, Outcome

log = structlog.get_logger()

CALLS_AT_ONCE = 64


def deliver(account_id: int) -> None:
    """Send what is due for one provider account, CALLS_AT_ONCE texts at a time.

    May run twice, late or never: a text is taken by an atomic claim, and the sweep rings again for
    what was left. Works for `delivery_job` seconds at most, then rings itself, so that other
    accounts get their turn.
    """
    jobs.answered(Job.DELIVER, account_id)
    settings: Settings = current_app.config["SETTINGS"]
    app = current_app._get_current_object()  # type: ignore[attr-defined]
    ends = time.monotonic() + settings.timing.delivery_job
    with ThreadPoolExecutor(CALLS_AT_ONCE, thread_name_prefix="call") as pool:
        running: set[Future[Outcome]] = set()
        while True:
            in_time = time.monotonic() < ends
            free = CALLS_AT_ONCE - len(running)
            calls = delivery.claim(account_id, free) if free and in_time else []
            if calls:
                provider = _provider(account_id)
                running |= {pool.submit(_call, app, provider, call) for call in calls}
            if not running:
                break
            done, running = wait(running, return_when=FIRST_COMPLETED)
            delivery.record([future.result() for future in done])
    if not in_time:
        jobs.ring(Job.DELIVER, account_id)


def _provider(account_id: int) -> Provider:
    """With the credentials of now: a job goes on while somebody saves new ones."""
    account = db.session.get_one(ProviderAccount, account_id, populate_existing=True)
    provider = accounts.provider_of(account)
    db.session.rollback()  # nothing is held during the calls
    return provider


def _call(app, provider: Provider, call: Call) -> Outcome:  # type: ignore[no-untyped-def]
    """One call in a thread of its own, with its own session. Never raises."""
    with app.app_context():
        try:
            if not delivery.begin_call(call):
                return Outcome(call, None, called=False)
        except Exception as error:
            # The stamp may or may not have been committed; the lease will tell.
            log.exception("call_not_begun", error=type(error).__name__)
            return Outcome(call, None, called=False)
        finally:
            db.session.remove()
        try:
            return Outcome(call, provider.send(call.text))
        except ProviderError as error:
            log.warning("call_failed", error=error.code, provider_code=error.provider_code)
            return Outcome(call, error)
