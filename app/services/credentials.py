"""Credentials: of the provider account, as somebody types them: tried out, and saved. They are
never shown again."""

import re

from app.database import db
from app.errors import Invalid
from app.models import OptOutReplies, ProviderAccount
from app.providers import Account, Credentials
from app.rules.access import Viewer
from app.services import accounts
from app.services.own_numbers import account_of
from app.vault import decrypt

_SID = re.compile(r"AC[0-9a-f]{32}")


def test(viewer: Viewer, sid: str, secret: str) -> Account:
    """Try them out, and save nothing. Raises Invalid as `accounts.test` does."""
    credentials = _given(account_of(viewer), sid, secret)
    db.session.rollback()  # nothing is held while the provider is asked
    return accounts.test(credentials)


def save(
    viewer: Viewer, sid: str, secret: str, replies: OptOutReplies, *, tested: bool = True
) -> None:
    """Save them once the provider has accepted them, else Invalid; `tested` False: at once.

    The SID of an account that is there stays: its numbers belong to it. An empty secret is the one
    that is stored.
    """
    given = _given(account_of(viewer), sid, secret)
    accounts.add(
        viewer.institution_id,
        given.account_sid,
        given.secret,
        api_url=given.api_url,
        opt_out_replies=replies,
        check=tested,
        by=viewer,
    )


def _given(account: ProviderAccount | None, sid: str, secret: str) -> Credentials:
    if account is not None:
        kept = secret or decrypt(account.secret)
        return Credentials(account.account_sid, kept, account.api_url)
    if not _SID.fullmatch(sid):
        told = "An account SID is AC and 32 digits or letters from a to f."
        raise Invalid("account_sid", told)
    if not secret:
        raise Invalid("auth_token", "Paste the auth token of this account.")
    return Credentials(sid, secret)
