"""Health: does everything that we depend on answer?"""

from collections.abc import Callable
from typing import Any

from flask import current_app
from redis import RedisError
from sqlalchemy import select, text
from sqlalchemy.exc import SQLAlchemyError

from app import jobs, migrations
from app.config import Settings
from app.database import db
from app.errors import ProviderError, ReplylineError
from app.mail import MailServerDown, connected
from app.models import ProviderAccount
from app.rules.addresses import State
from app.services import accounts, gaps, own_numbers

SWEEP_SEEN = "replyline:sweep"  # Redis key that lives for two minutes after each sweep
SWEEP_SECONDS = 120


def note_sweep() -> None:
    """Called by the sweep, so that its silence is noticed."""
    try:
        jobs.redis().set(SWEEP_SEEN, 1, ex=SWEEP_SECONDS)
    except RedisError:
        return


def readiness() -> tuple[list[str], list[str]]:
    """What makes us useless (database, migrations), and what only degrades us."""
    missing = [name for name, check in _needed() if _problem(check)]
    degraded = [] if missing else [name for name, check in _useful() if _problem(check)]
    return missing, degraded


def examine() -> list[tuple[str, str | None]]:
    """Every check with its problem, None where it is well; for `replyline doctor`."""
    settings: Settings = current_app.config["SETTINGS"]
    found: list[tuple[str, str | None]] = [("settings", None)]
    checks = [*_needed(), *_useful(), ("provider", _provider_answers), ("webhooks", _webhooks)]
    found += [(name, _problem(check)) for name, check in checks]
    local = settings.on_loopback
    note = "is on loopback: a real provider cannot reach it" if local else None
    return [*found, ("public address" + (f" ({note})" if note else ""), None)]


def _needed() -> list[tuple[str, Callable[[], Any]]]:
    return [("database", _database), ("migrations", _migrations)]


def _useful() -> list[tuple[str, Callable[[], Any]]]:
    return [
        ("redis", lambda: jobs.redis().ping()),
        ("mail", _mail),
        ("provider_account", _provider_accounts),
        ("sweep", _sweep),
        ("web", _web),
    ]


def _problem(check: Callable[[], Any]) -> str | None:
    try:
        check()
    except NotWell as found:
        return str(found)
    except (RedisError, SQLAlchemyError, MailServerDown, ReplylineError, OSError) as error:
        return str(error).splitlines()[0][:200] or type(error).__name__
    finally:
        db.session.remove()
    return None


class NotWell(ReplylineError):
    """A check found something; str() says what."""


def _database() -> None:
    db.session.execute(text("SELECT 1"))


def _migrations() -> None:
    if not migrations.is_current():
        raise NotWell("the database is not at this version: run `replyline db upgrade`")


def _mail() -> None:
    settings: Settings = current_app.config["SETTINGS"]
    if not settings.mail_url:
        raise NotWell("MAIL_URL is not set")
    with connected(settings.mail_url, settings.mail_from):
        pass


def _provider_accounts() -> None:
    stopped = select(ProviderAccount.stopped_reason).where(
        ProviderAccount.stopped_reason.is_not(None)
    )
    if reason := db.session.execute(stopped.limit(1)).scalar_one_or_none():
        raise NotWell(f"a provider account is stopped: {reason}")
    if db.session.execute(select(ProviderAccount.id).where(gaps.missed()).limit(1)).first():
        raise NotWell("texts that came in meanwhile have not been fetched; nothing is sent before")


def _web() -> None:
    if not db.session.execute(select(gaps.beating())).scalar_one():
        raise NotWell("no web process stores what comes in, so nothing is sent: is it running?")


def _sweep() -> None:
    if not jobs.redis().exists(SWEEP_SEEN):
        raise NotWell("no sweep has run for two minutes: is the scheduler running?")


def _provider_answers() -> None:
    for account in db.session.execute(select(ProviderAccount)).scalars():
        try:
            accounts.provider_of(account).check()
        except ProviderError as error:
            raise NotWell(f"{account.account_sid[:6]}…: {error}") from None


def _webhooks() -> None:
    """Whether every number of ours in the pool calls us, for texts and for calls (contract 3)."""
    settings: Settings = current_app.config["SETTINGS"]
    found = db.session.execute(select(ProviderAccount.id).order_by(ProviderAccount.id)).scalars()
    wrong = [
        f"{each.e164} ({', '.join(each.astray) or 'not in the account'})"
        for account_id in found.all()
        for each in own_numbers.compared(account_id, settings.public)
        if each.state not in (State.RIGHT, State.UNKNOWN)
    ]
    if wrong:
        raise NotWell(f"the provider sends elsewhere what comes to {'; '.join(wrong)}")
