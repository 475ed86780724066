"""Gaps: the job that asks the providers for texts that did not reach us (D42)."""

from concurrent.futures import ThreadPoolExecutor

import structlog
from flask import Flask, current_app

from app import jobs
from app.errors import ProviderError
from app.jobs import Job
from app.services import gaps

log = structlog.get_logger()

ACCOUNTS_AT_ONCE = 8


def import_missed() -> None:
    """Import for each account that is due, once. One that fails is due again when the schedule
    rings; meanwhile nothing is sent for it where a STOP may have been missed."""
    jobs.answered(Job.IMPORT)
    app = current_app._get_current_object()  # type: ignore[attr-defined]
    with ThreadPoolExecutor(ACCOUNTS_AT_ONCE, thread_name_prefix="import") as pool:
        list(pool.map(lambda account_id: _import(app, account_id), gaps.accounts_due()))


def _import(app: Flask, account_id: int) -> None:
    """One account, with a session of its own. Never raises: its failure is no other's."""
    with app.app_context():
        try:
            gaps.import_account(account_id)
        except ProviderError as error:
            log.warning("import_failed", account=account_id, error=error.code)
        except Exception:
            log.exception("import_failed", account=account_id)
