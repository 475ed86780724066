"""Accounts: the institution's accounts at its providers."""

from datetime import datetime
from functools import lru_cache, partial

import structlog
from flask import current_app
from sqlalchemy import select, update

from app import clock, jobs
from app.config import Settings
from app.database import after_commit, db, transaction
from app.errors import Conflict, Invalid, NotFound, ProviderDenied, ProviderError
from app.models import Institution, OptOutReplies, ProviderAccount, SenderNumber
from app.providers import Credentials, Provider
from app.providers.twilio import TwilioProvider
from app.security import decrypt, encrypt
from app.services.audit import audit

log = structlog.get_logger()


def provider_of(account: ProviderAccount) -> Provider:
    """The client of an account; the same one for the same credentials, so that connections stay
    alive."""
    settings: Settings = current_app.config["SETTINGS"]
    credentials = Credentials(account.account_sid, decrypt(account.secret), account.api_url)
    return _client(credentials, settings.timing.call_deadline)


@lru_cache(maxsize=256)
def _client(credentials: Credentials, deadline: float) -> Provider:
    return TwilioProvider(credentials, deadline)


def find(account_sid: str) -> ProviderAccount | None:
    """The account that a webhook names; None where it is not ours."""
    return db.session.execute(
        select(ProviderAccount).where(ProviderAccount.account_sid == account_sid)
    ).scalar_one_or_none()


def of_institution(institution_id: int) -> ProviderAccount:
    found = db.session.execute(
        select(ProviderAccount)
        .where(ProviderAccount.institution_id == institution_id)
        .order_by(ProviderAccount.id)
        .limit(1)
    ).scalar_one_or_none()
    if found is None:
        raise NotFound("This institution has no provider account yet. Add one first.")
    return found


def add(
    institution_id: int,
    account_sid: str,
    secret: str,
    *,
    api_url: str | None = None,
    opt_out_replies: OptOutReplies = OptOutReplies.PROVIDER,
    check: bool = True,
) -> int:
    """Add a Twilio account, or give a known one new credentials; its id.

    Tested against the provider first, unless `check` is off: Invalid where it does not accept them.
    """
    if db.session.get(Institution, institution_id) is None:
        raise NotFound(f"There is no institution {institution_id}.")
    credentials = Credentials(account_sid, secret, api_url)
    db.session.rollback()  # nothing is held while the provider is asked
    if check:
        _test(credentials)
    with transaction():
        account = find(account_sid)
        if account is None:
            account = ProviderAccount(
                institution_id=institution_id,
                kind="twilio",
                account_sid=account_sid,
                created_at=clock.now(),
            )
            db.session.add(account)
        elif account.institution_id != institution_id:
            raise Conflict("This provider account belongs to another institution.")
        account.secret = encrypt(secret)
        account.api_url = api_url
        account.opt_out_replies = opt_out_replies
        account.stopped_reason, account.saved_at = None, clock.now()
        db.session.flush()
        audit(institution_id, "provider.saved", f"provider_account:{account.id}")
        account_id = account.id
        after_commit(lambda: jobs.ring(jobs.Job.DELIVER, account_id))
        return account_id


def _test(credentials: Credentials) -> None:
    settings: Settings = current_app.config["SETTINGS"]
    try:
        _client(credentials, settings.timing.call_deadline).check()
    except ProviderDenied:
        raise Invalid(
            "account_sid", "The provider does not accept this account SID and token."
        ) from None
    except ProviderError as error:
        raise Invalid("account_sid", f"The provider could not be asked: {error}.") from None


def stop(account_id: int, reason: str, called_at: datetime) -> None:
    """Send nothing more through this account from the open transaction on; its queue is kept until
    somebody saves the account again (D35).

    `called_at`: of the call that told so. One from before the account was saved stops nothing.
    """
    stopped = db.session.execute(
        update(ProviderAccount)
        .where(ProviderAccount.id == account_id, ProviderAccount.saved_at <= called_at)
        .values(stopped_reason=reason[:300])
        .returning(ProviderAccount.id)
    ).first()
    if stopped:
        after_commit(partial(log.error, "account_stopped", account=account_id, why=reason))


def is_ours(e164: str, institution_id: int) -> bool:
    """Whether a number is one of this institution's own."""
    return (
        db.session.execute(
            select(SenderNumber.id).where(
                SenderNumber.e164 == e164, SenderNumber.institution_id == institution_id
            )
        ).first()
        is not None
    )
