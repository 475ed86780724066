"""Settling: the job that asks providers about texts of which they did not tell."""

from concurrent.futures import ThreadPoolExecutor

import structlog
from flask import Flask, current_app

from app import jobs
from app.database import db
from app.errors import ProviderError
from app.jobs import Job
from app.services import accounts, settling
from app.services.settling import Look

log = structlog.get_logger()

LOOKS_AT_ONCE = 8
_BATCH = 200


def settle() -> None:
    """Ask about everything that is due, once. The sweep rings again for what comes due later."""
    jobs.answered(Job.SETTLE)
    app = current_app._get_current_object()  # type: ignore[attr-defined]
    with ThreadPoolExecutor(LOOKS_AT_ONCE, thread_name_prefix="look") as pool:
        while looks := settling.claim_looks(_BATCH):
            list(pool.map(lambda look: _settle(app, look), looks))


def _settle(app: Flask, look: Look) -> None:
    with app.app_context():
        provider = accounts.provider(look.account_id)
        db.session.rollback()  # nothing is held while the provider is asked
        try:
            found = settling.ask(provider, look)
        except ProviderError as error:
            log.warning("look_failed", error=error.code, provider_code=error.provider_code)
            settling.postpone(look)
        else:
            settling.record(look, found)
