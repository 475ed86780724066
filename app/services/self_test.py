"""Self-test: our webhooks called by their public address, signed as the provider signs (C-31)."""

import secrets
import uuid
from urllib.parse import urlsplit

from app.config import LOOPBACK
from app.database import db
from app.providers import Provider, round_trip
from app.rules.access import Viewer
from app.rules.self_test import Answer, Step, steps
from app.services import accounts

_SECONDS = 5.0  # for each request


def run(viewer: Viewer, public_url: str) -> list[Step]:
    """What each step shows, in order; changes nothing. Raises NotFound without an account.

    Holds no transaction while it calls; at most five times `_SECONDS`, and one where nothing
    answers.
    """
    account = accounts.of_institution(viewer.institution_id)
    provider = accounts.provider_of(account)
    stranger = accounts.provider_with(account, secrets.token_hex(16))
    sid, practice = account.account_sid, _is_here(account.api_url or "")
    db.session.rollback()
    hooks = f"{public_url}/webhooks/twilio"
    places = {"texts": f"{hooks}/inbound", "reports": f"{hooks}/status/{uuid.uuid4()}"}
    places["calls"] = f"{hooks}/voice"
    signed = {"texts": _call(places["texts"], sid, provider)}
    through = bool(signed["texts"].mark)  # else nothing that is ours answers
    if through:
        signed |= {what: _call(places[what], sid, provider) for what in ("reports", "calls")}
    return steps(
        public_url,
        loopback=_is_here(public_url),
        practice=practice,
        signed=signed,
        foreign=_call(places["texts"], sid, stranger) if through else None,
        unsigned=_call(places["texts"], sid, None) if through else None,
    )


def _is_here(url: str) -> bool:
    return urlsplit(url).hostname in LOOPBACK


def _call(url: str, sid: str, signs: Provider | None) -> Answer:
    """A form without a text in it: whoever accepts the signature has nothing to store."""
    form = {"AccountSid": sid, "SelfTest": "yes"}
    signature = signs.signature(url, form) if signs else None
    return round_trip.post(url, form, signature, _SECONDS)
