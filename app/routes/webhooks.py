"""Webhooks: what a provider tells us. Signed, stored, and only then answered (contract 3)."""

import time

from flask import Blueprint, Response, current_app, g, request

from app.config import Settings
from app.errors import BadRequest, BadSignature, Forbidden, NotFound
from app.models import ProviderAccount
from app.providers import twilio
from app.rules.self_test import MARK, OK
from app.services import accounts, gaps, receiving, tracking
from app.services.metrics import webhook_seconds

bp = Blueprint("webhooks", __name__, url_prefix="/webhooks/twilio")

LARGEST_FORM = 256 * 1024  # bytes; a text with ten pictures is under 10 kB
_NO_REPLY = '<?xml version="1.0" encoding="UTF-8"?><Response></Response>'
_TEXT_ONLY = (
    '<?xml version="1.0" encoding="UTF-8"?><Response><Say>This number takes texts only. '
    "Send a text message instead.</Say><Hangup/></Response>"
)


def twiml(body: str = _NO_REPLY) -> Response:
    return Response(body, content_type="text/xml; charset=utf-8", headers={MARK: OK})


@bp.post("/inbound")
def inbound() -> Response:
    """One inbound text; also the fallback URL. 200 with empty TwiML once it is stored, and only
    then."""
    _signed_account()
    text = twilio.inbound(request.form)
    receiving.wait_for_calls(receiving.receive_many([text]))
    return twiml()


@bp.post("/status/<attempt>")
def status(attempt: str) -> Response:
    """What became of one attempt. A report that we cannot use is answered 200 all the same."""
    account = _signed_account()
    tracking.report(account.id, attempt, twilio.report(request.form))
    return twiml()


@bp.post("/voice")
def voice() -> Response:
    """A call to a number that only texts."""
    _signed_account()
    return twiml(_TEXT_ONLY)


@bp.before_request
def _begin() -> None:
    g.began = time.perf_counter()


@bp.after_request
def _measure(response: Response) -> Response:
    name = (request.endpoint or "").rpartition(".")[2]
    webhook_seconds.labels(name).observe(time.perf_counter() - g.began)
    return response


@bp.after_request
def _remember(response: Response) -> Response:
    """What was turned away is asked for, before anything else is sent (D42)."""
    if response.status_code == 503:
        gaps.turned_away.set()
    return response


def _signed_account() -> ProviderAccount:
    """The account that signed this request; checked against the public address, never against
    headers.

    Raises BadSignature, and BadRequest for a form without an account.
    """
    if request.mimetype != "application/x-www-form-urlencoded":
        raise BadFormat("form-encoded only")
    request.max_content_length = LARGEST_FORM
    try:
        raw = request.get_data(cache=True)
        raw.decode("utf-8")
        form = request.form
    except UnicodeDecodeError:
        raise BadRequest("the form is not UTF-8") from None
    signature = request.headers.get("X-Twilio-Signature", "")
    if not signature:
        raise BadSignature("no signature")
    account = accounts.find(twilio.account_sid(form))
    settings: Settings = current_app.config["SETTINGS"]
    query = request.query_string.decode("latin-1")
    url = settings.public + request.path + (f"?{query}" if query else "")
    try:
        known = account is not None and accounts.provider_of(account).signed(url, form, signature)
    except (Forbidden, NotFound):
        known = False
    if account is None or not known:
        raise BadSignature("not signed by this account")
    return account


class BadFormat(BadRequest):
    code, http_status = "unsupported_media_type", 415
