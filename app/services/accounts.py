"""Accounts: the institution's accounts at its providers."""

from datetime import datetime
from functools import lru_cache, partial

import structlog
from flask import current_app
from sqlalchemy import or_, select, update

from app import clock, jobs
from app.config import Settings, Timing
from app.database import after_commit, database_now, db, transaction
from app.errors import Conflict, Invalid, NotFound, ProviderDenied, ProviderError
from app.events import Event, publish
from app.models import Institution, OptOutReplies, ProviderAccount, SenderNumber
from app.providers import Account, Credentials, Provider
from app.providers.twilio import NOT_ACTIVE, TwilioProvider
from app.rules import breaker
from app.rules.access import Can, Viewer
from app.services.audit import audit
from app.vault import decrypt, encrypt

log = structlog.get_logger()


def provider(account_id: int) -> Provider:
    """The client of an account with its credentials of now: a job goes on while somebody saves new
    ones."""
    return provider_of(db.session.get_one(ProviderAccount, account_id, populate_existing=True))


def provider_of(account: ProviderAccount) -> Provider:
    """The client of an account; the same one for the same credentials, so that connections stay
    alive."""
    credentials = Credentials(account.account_sid, decrypt(account.secret), account.api_url)
    return _client(credentials, _timing().call_deadline)


def provider_with(account: ProviderAccount, secret: str) -> Provider:
    """The client of an account with another secret than its own; nobody keeps it."""
    return TwilioProvider(
        Credentials(account.account_sid, secret, account.api_url), _timing().call_deadline
    )


def _timing() -> Timing:
    settings: Settings = current_app.config["SETTINGS"]
    return settings.timing


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
    by: Viewer | None = None,
) -> int:
    """Add a Twilio account, or give a known one new credentials; its id.

    Tested against the provider first, unless `check` is off: Invalid as `test` raises it.
    """
    if db.session.get(Institution, institution_id) is None:
        raise NotFound(f"There is no institution {institution_id}.")
    credentials = Credentials(account_sid, secret, api_url)
    db.session.rollback()  # nothing is held while the provider is asked
    if check:
        test(credentials)
    with transaction():
        account = find(account_sid)
        if account is None:
            account = ProviderAccount(
                institution_id=institution_id,
                kind="twilio",
                account_sid=account_sid,
                imported_until=database_now(),  # what came in before was not for us
                created_at=clock.now(),
            )
            db.session.add(account)
        elif account.institution_id != institution_id:
            raise Conflict("This provider account belongs to another institution.")
        else:
            account.missed_at = database_now()  # refused: webhooks signed with the others
            after_commit(lambda: jobs.ring(jobs.Job.IMPORT))
        account.secret = encrypt(secret)
        account.api_url = api_url
        account.opt_out_replies = opt_out_replies
        account.stopped_reason, account.saved_at = None, clock.now()
        account.paused_until, account.unclear = None, 0
        db.session.flush()
        staff_id = by.staff_id if by else None
        audit(institution_id, "provider.saved", f"provider_account:{account.id}", staff_id)
        _announce(institution_id)
        after_commit(lambda: jobs.ring(jobs.Job.DELIVER))
        return account.id


# Why an account cannot be used: codes of the Invalid that `test` raises
DENIED, NOT_IN_USE, NO_ANSWER = "not_accepted", "not_in_use", "no_answer"


def test(credentials: Credentials) -> Account:
    """Try them out; what the provider calls the account.

    Raises Invalid: DENIED, NOT_IN_USE where the account is suspended or closed, or NO_ANSWER.
    """
    try:
        return _client(credentials, _timing().call_deadline).check()
    except ProviderError as error:
        if error.provider_code == NOT_ACTIVE:
            told = "This account is suspended or closed at the provider. Its console says why."
            raise Invalid("account_sid", told, code=NOT_IN_USE) from None
        if isinstance(error, ProviderDenied):
            told = "The provider does not accept this account SID and token."
            raise Invalid("account_sid", told, code=DENIED) from None
        told = f"The provider could not be asked: {error}."
        raise Invalid("account_sid", told, code=NO_ANSWER) from None


def _announce(institution_id: int) -> None:
    publish(institution_id, Event("provider.changed", {}, (Can.PROVIDER_EDIT.value,)))


def stop(account_id: int, reason: str, called_at: datetime) -> bool:
    """Send nothing more through this account from the open transaction on; its queue is kept until
    somebody saves the account again (D35). False where it was stopped before.

    `called_at`: of the call that told so. One from before the account was saved stops nothing.
    """
    stopped = db.session.execute(
        update(ProviderAccount)
        .where(
            ProviderAccount.id == account_id,
            ProviderAccount.saved_at <= called_at,
            ProviderAccount.stopped_reason.is_(None),
        )
        .values(stopped_reason=reason[:300])
        .returning(ProviderAccount.institution_id)
    ).scalar_one_or_none()
    if stopped is not None:
        _announce(stopped)
        after_commit(partial(log.error, "account_stopped", account=account_id, why=reason))
    return stopped is not None


def pause(account_id: int, seconds: float) -> None:
    """No call for so long, from the open transaction on; a longer pause stays."""
    until = database_now(seconds)
    db.session.execute(
        update(ProviderAccount)
        .where(
            ProviderAccount.id == account_id,
            or_(ProviderAccount.paused_until.is_(None), ProviderAccount.paused_until < until),
        )
        .values(paused_until=until)
    )


def note_answers(account_id: int, *, clear: int, unclear: int) -> None:
    """How many calls have just had a clear answer, and how many had none: opens and closes the
    breaker (F34), in the open transaction."""
    of_account = update(ProviderAccount).where(ProviderAccount.id == account_id)
    if clear:
        db.session.execute(of_account.where(ProviderAccount.unclear > 0).values(unclear=0))
        return
    resting = ProviderAccount.paused_until > database_now()  # these were under way before it
    counted = db.session.execute(
        of_account.where(or_(ProviderAccount.paused_until.is_(None), ~resting))
        .values(unclear=ProviderAccount.unclear + unclear)
        .returning(ProviderAccount.unclear)
    ).scalar_one_or_none()
    timing = _timing()
    rest = breaker.rest(counted or 0, timing.breaker_first, timing.breaker_longest)
    if rest:
        pause(account_id, rest)
        after_commit(partial(log.error, "account_rests", account=account_id, seconds=rest))


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
