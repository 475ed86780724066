"""Twilio: its words to ours and back. Speaks to whatever offers Twilio's API, so also to the
carrier. What its answers prove is in `answers`.

`twilio` is imported where it is used: a process that only receives needs neither its client nor
requests.

Source: reference/protocol.md 1 and 6
"""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

from app.errors import BadRequest, ProviderRefused, ProviderUnknown
from app.providers import (
    Accepted,
    Account,
    Credentials,
    Found,
    InboundSms,
    OutboundSms,
    Owned,
    Registrations,
    Report,
    inventory,
)
from app.providers.answers import ask
from app.rules.keywords import Keyword
from app.rules.lifecycle import Status

if TYPE_CHECKING:
    from twilio.rest import Client

_SID = re.compile(r"(SM|MM)[0-9a-f]{32}")
_ACCOUNT_SID = re.compile(r"AC[0-9a-f]{32}")
_LONGEST_BODY = 10_000  # characters kept of an inbound text
_MOST_PICTURES = 10
_PAGE = 200  # texts; the longest of them fit into one answer
_MOST_PAGES = 1000  # of one listing
_UNKNOWN_HERE = "20404"
NOT_ACTIVE = "20005"  # suspended or closed
RETRY_OPTIONS = "#rc=5&rp=ct,rt,5xx"  # more tries than Twilio's one, for 5xx too (protocol 1.5)
_APPLICATIONS = ("sms_application_sid", "voice_application_sid")  # they outrank the addresses

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

    @cached_property
    def _whole_client(self) -> "Client":
        """With the newer half of the API, which takes long to import: few processes need it."""
        client = self._client
        if self._credentials.api_url:
            client.messaging.base_url = self._credentials.api_url
        return client

    def send(self, text: OutboundSms) -> Accepted:
        """Hand over one text, at most once: no retry happens in here."""
        made = ask(
            self._client.messages.create,
            from_=text.from_,
            to=text.to,
            body=text.body,
            status_callback=text.report_url,
            validity_period=text.validity,
        )
        if not _SID.fullmatch(str(made.sid or "")):
            raise ProviderUnknown("the answer has no message id")
        return Accepted(made.sid, STATUS.get(str(made.status), Status.ACCEPTED))

    def fetch(self, sid: str) -> Found | None:
        try:
            return _found(ask(lambda: _checked(self._client.messages(sid).fetch())))
        except ProviderRefused as refused:
            if refused.provider_code == _UNKNOWN_HERE:
                return None
            raise

    def sent(self, from_: str, to: str, since: datetime) -> list[Found]:
        pair = {"from_": from_, "to": to}
        return [_found(text) for text in self._listed("outbound-api", since, pair)]

    def received(self, since: datetime, to: str | None = None) -> Iterator[InboundSms]:
        for text in self._listed("inbound", since, {"to": to} if to else {}):
            yield _came_in(text, self._pictures(text))

    def _listed(self, direction: str, since: datetime, pair: dict[str, str]) -> Iterator[Any]:
        """Newest first, page by page, up to a text that had left by `since`. Twilio's own filter by
        date is not used: it knows no text that still waits there (reliability 3.2)."""
        since = since.replace(microsecond=0)  # as Twilio's times
        page = ask(self._client.messages.page, page_size=_PAGE, **pair)
        for _ in range(_MOST_PAGES):
            wanted, more = ask(_wanted, page, direction, since)
            yield from wanted
            page = ask(page.next_page) if more else None
            if page is None:
                return
        raise ProviderUnknown("the list of texts does not end")

    def _pictures(self, text: Any) -> tuple[tuple[str, str], ...]:
        if text.num_media in (None, "0"):
            return ()
        try:
            media = ask(self._client.messages(text.sid).media.list, limit=_MOST_PICTURES)
        except ProviderRefused:  # they were deleted there
            return ()
        url = self._client.api.absolute_url
        return tuple((url(m.uri.removesuffix(".json")), m.content_type[:100]) for m in media)

    def owned(self) -> list[Owned]:
        return inventory.owned(self._whole_client, self._deadline)

    def free_from_service(self, sid: str) -> None:
        service = self._whole_client.messaging.v1.services(sid)
        ask(service.update, use_inbound_webhook_on_number=True)

    def registrations(self) -> Registrations:
        return inventory.registrations(self._whole_client, self._deadline)

    def picture(self, url: str) -> tuple[str, bytes]:
        from app.providers import media

        account = self._credentials
        return media.picture(url, (account.account_sid, account.secret), account.api_url)

    def check(self) -> Account:
        sid = self._credentials.account_sid
        found = ask(self._client.api.accounts(sid).fetch)
        if found.sid != sid:
            raise ProviderUnknown("the answer is about no account")
        if found.status != "active":
            raise ProviderRefused(f"the account is {found.status}", NOT_ACTIVE)
        return Account(str(found.friendly_name or "")[:64], found.type == "Trial")

    def connect_number(self, e164: str, inbound_url: str, voice_url: str) -> str:
        owned = self._owned(e164)
        if owned is None:
            raise ProviderRefused(f"{e164} does not belong to this provider account", _UNKNOWN_HERE)
        inbound = inbound_url + RETRY_OPTIONS
        number = ask(
            owned.update,
            sms_url=inbound,
            sms_method="POST",
            sms_fallback_url=inbound,
            sms_fallback_method="POST",
            voice_url=voice_url,
            voice_method="POST",
            **{name: "" for name in _APPLICATIONS if getattr(owned, name)},
        )
        return str(number.sid)

    def _owned(self, e164: str) -> Any:
        """The number at Twilio, or None. Its filter also finds numbers that only contain it."""
        numbers = ask(self._client.incoming_phone_numbers.list, phone_number=e164, limit=20)
        return next((number for number in numbers if number.phone_number == e164), None)

    def signature(self, url: str, form: Mapping[str, str]) -> str:
        return str(_validator(self._credentials.secret).compute_signature(url, form))

    def signed(self, url: str, form: Mapping[str, str], signature: str) -> bool:
        return bool(_validator(self._credentials.secret).validate(url, form, signature))


@lru_cache(maxsize=64)
def _validator(secret: str) -> Any:
    from twilio.request_validator import RequestValidator

    return RequestValidator(secret)


def _wanted(page: Any, direction: str, since: datetime) -> tuple[list[Any], bool]:
    """The texts of a page that go this way and came up since then; whether more may follow."""
    texts = [_checked(text) for text in page]
    found = [t for t in texts if t.direction == direction and t.date_created >= since]
    return found, not any(t.date_sent and t.date_sent < since for t in texts)


def _checked(text: Any) -> Any:
    """Raises ValueError for what is no message as Twilio describes one."""
    if not (
        _SID.fullmatch(text.sid) and text.direction and isinstance(text.date_created, datetime)
    ):
        raise ValueError("neither a message nor proof that there is none")
    return text


def _found(text: Any) -> Found:
    word = str(text.status)[:32]
    error = str(text.error_code) if text.error_code else ""
    return Found(text.sid, text.body or "", STATUS.get(word), word, text.date_created, error)


def _came_in(text: Any, pictures: tuple[tuple[str, str], ...]) -> InboundSms:
    return InboundSms(
        str(text.account_sid),
        text.sid,
        (text.from_ or "").strip()[:40],
        text.to.strip()[:40],
        clean(text.body or "")[:_LONGEST_BODY],
        pictures,
        at=text.date_created,
    )


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
