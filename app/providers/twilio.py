"""Twilio: its words to ours and back. Speaks to whatever offers Twilio's API, so also to the
carrier.

`twilio` is imported where it is used: a process that only receives needs neither its client nor
requests.

Source: reference/protocol.md 1 and 6
"""

import re
from collections.abc import Mapping
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

from app.errors import BadRequest, ProviderBusy, ProviderDenied, ProviderRefused, ProviderUnknown
from app.providers import Accepted, Credentials, InboundSms, OutboundSms, Report
from app.rules.keywords import Keyword
from app.rules.lifecycle import Status

if TYPE_CHECKING:
    from twilio.rest import Client

_SID = re.compile(r"(SM|MM)[0-9a-f]{32}")
_ACCOUNT_SID = re.compile(r"AC[0-9a-f]{32}")
_LONGEST_BODY = 10_000  # characters kept of an inbound text
_MOST_PICTURES = 10
RETRY_OPTIONS = "#rc=5&rp=ct,rt,5xx"  # more tries than Twilio's one, for 5xx too (protocol 1.5)

STATUS: dict[str, Status] = {
    "accepted": Status.ACCEPTED,
    "scheduled": Status.ACCEPTED,
    "queued": Status.ACCEPTED,
    "sending": Status.ACCEPTED,
    "sent": Status.SENT,
    "delivered": Status.DELIVERED,
    "undelivered": Status.UNDELIVERED,
    "failed": Status.FAILED,
    "canceled": Status.CANCELED,
    "read": Status.READ,
}
_OPT_OUT = {"STOP": Keyword.STOP, "START": Keyword.START, "HELP": Keyword.HELP}


class TwilioProvider:
    """One account. Keep it: its connections stay alive."""

    def __init__(self, credentials: Credentials, deadline: float) -> None:
        self._credentials = credentials
        self._deadline = deadline

    @cached_property
    def _client(self) -> "Client":
        from twilio.rest import Client

        from app.providers.http import DeadlineHttpClient

        account = self._credentials
        http = DeadlineHttpClient(self._deadline)
        client = Client(account.account_sid, account.secret, http_client=http)
        if account.api_url:
            client.api.base_url = account.api_url
        return client

    def send(self, text: OutboundSms) -> Accepted:
        """Hand over one text, at most once: no retry happens in here."""
        made = self._call(
            lambda: self._client.messages.create(
                from_=text.from_,
                to=text.to,
                body=text.body,
                status_callback=text.report_url,
                validity_period=text.validity,
            )
        )
        if not _SID.fullmatch(str(made.sid or "")):
            raise ProviderUnknown("the answer has no message id")
        return Accepted(made.sid, STATUS.get(str(made.status), Status.ACCEPTED))

    def check(self) -> None:
        self._call(lambda: self._client.api.accounts(self._credentials.account_sid).fetch())

    def connect_number(self, e164: str, inbound_url: str, voice_url: str) -> str:
        owned = self._call(
            lambda: self._client.incoming_phone_numbers.list(phone_number=e164, limit=1)
        )
        if not owned:
            raise ProviderRefused(f"{e164} does not belong to this provider account", "20404")
        inbound = inbound_url + RETRY_OPTIONS
        number = self._call(
            lambda: owned[0].update(
                sms_url=inbound,
                sms_method="POST",
                sms_fallback_url=inbound,
                sms_fallback_method="POST",
                voice_url=voice_url,
                voice_method="POST",
            )
        )
        return str(number.sid)

    def signed(self, url: str, form: Mapping[str, str], signature: str) -> bool:
        return bool(_validator(self._credentials.secret).validate(url, form, signature))

    def _call(self, ask: Any) -> Any:
        """Ask, and sort what comes back: what was provably not done from what may have been."""
        import urllib3
        from twilio.base.exceptions import (
            TwilioException,
            TwilioRestException,
            TwilioServiceException,
        )

        try:
            return ask()
        except (TwilioRestException, TwilioServiceException) as error:  # its two ways to say no
            raise _sorted_out(error) from None
        except (urllib3.exceptions.NewConnectionError, urllib3.exceptions.ConnectTimeoutError):
            raise ProviderBusy("the provider cannot be reached") from None
        except (TwilioException, urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            raise ProviderUnknown(f"no clear answer: {type(error).__name__}") from None
        except Exception as error:
            # Half a JSON, a deadline, a field of another kind: whatever it is, it is no "no".
            raise ProviderUnknown(f"no clear answer: {type(error).__name__}") from None


def _sorted_out(error: Any) -> Exception:
    """A Twilio error as one of ours. Only a 4xx that carries a Twilio code proves that nothing was
    sent."""
    code = str(error.code) if error.code and error.code != error.status else None
    if error.status == 429:
        return ProviderBusy("the provider asks us to slow down", code)
    if error.status == 401 or code == "20003":
        return ProviderDenied("the provider does not accept our credentials", code or "20003")
    if 400 <= error.status < 500 and code:
        said = getattr(error, "msg", "") or error.title
        return ProviderRefused(str(said)[:300], code)
    return ProviderUnknown(f"HTTP {error.status}", code)


@lru_cache(maxsize=64)
def _validator(secret: str) -> Any:
    from twilio.request_validator import RequestValidator

    return RequestValidator(secret)


def account_sid(form: Mapping[str, str]) -> str:
    """Which account a webhook claims to come from. Raises BadRequest where it is not an id."""
    sid = form.get("AccountSid", "")
    if not _ACCOUNT_SID.fullmatch(sid):
        raise BadRequest("AccountSid is missing or malformed")
    return sid


def inbound(form: Mapping[str, str]) -> InboundSms:
    """The form of an inbound webhook. Every mandatory field is checked in strict shape, because
    Twilio's signature joins names and values without a separator. Raises BadRequest."""
    if "From" not in form or not form.get("To") or "Body" not in form:
        raise BadRequest("From, To and Body are required")
    count = form.get("NumMedia", "0")
    if not re.fullmatch(r"\d{1,2}", count):
        raise BadRequest("NumMedia is not a count")
    pictures = (
        (form.get(f"MediaUrl{n}", ""), form.get(f"MediaContentType{n}", "")[:100])
        for n in range(min(int(count), _MOST_PICTURES))
    )
    return InboundSms(
        account_sid(form),
        _message_sid(form),
        form["From"].strip()[:40],
        form["To"].strip()[:40],
        clean(form["Body"])[:_LONGEST_BODY],
        tuple((url, kind) for url, kind in pictures if url.startswith(("https://", "http://"))),
        _OPT_OUT.get(form.get("OptOutType", "").upper()),
    )


def report(form: Mapping[str, str]) -> Report:
    """The form of a status callback. An unknown status word is kept and changes nothing (W27)."""
    word = (form.get("MessageStatus") or form.get("SmsStatus") or "")[:32]
    error = form.get("ErrorCode", "")
    return Report(
        account_sid(form),
        _message_sid(form),
        STATUS.get(word),
        word,
        error if re.fullmatch(r"\d{1,10}", error) and error != "0" else "",
    )


def clean(body: str) -> str:
    """What a database can keep: no NUL, no lone surrogates."""
    return body.replace("\x00", "").encode("utf-8", "replace").decode("utf-8")


def _message_sid(form: Mapping[str, str]) -> str:
    sid = form.get("MessageSid", "")
    if not _SID.fullmatch(sid):
        raise BadRequest("MessageSid is missing or malformed")
    return sid
