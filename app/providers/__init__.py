"""Providers: one narrow contract for everybody who carries texts, in our words.

A provider translates; it decides nothing. Sending has three outcomes: `Accepted`, an error that
says the text provably was not taken (ProviderRefused, ProviderBusy, ProviderDenied), or
ProviderUnknown.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from app.rules.keywords import Keyword
from app.rules.lifecycle import Status


@dataclass(frozen=True, slots=True)
class Credentials:
    """An account at a provider. `api_url` None = the provider's own address."""

    account_sid: str
    secret: str
    api_url: str | None = None


@dataclass(frozen=True, slots=True)
class OutboundSms:
    """`report_url`: where the provider reports to; it names our attempt. `validity`: seconds."""

    from_: str
    to: str
    body: str
    report_url: str
    validity: int


@dataclass(frozen=True, slots=True)
class Accepted:
    sid: str
    status: Status


@dataclass(frozen=True, slots=True)
class InboundSms:
    """One text that came in. `pictures`: (url, content type). `says`: the provider's own reading of
    an opt-out keyword, where it gives one. `replied`: the provider has answered that keyword
    itself."""

    account_sid: str
    sid: str
    from_: str
    to: str
    body: str
    pictures: tuple[tuple[str, str], ...] = ()
    says: Keyword | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """What became of a text. `status` None: a word we do not know; kept, changes nothing (W27)."""

    account_sid: str
    sid: str
    status: Status | None
    word: str
    error: str = ""


class Provider(Protocol):
    def send(self, text: OutboundSms) -> Accepted: ...

    def check(self) -> None:
        """Raises ProviderDenied or another ProviderError where the account cannot be used."""

    def connect_number(self, e164: str, inbound_url: str, voice_url: str) -> str:
        """Point an owned number at our webhooks; its id at the provider. ProviderRefused: not
        owned."""

    def signed(self, url: str, form: Mapping[str, str], signature: str) -> bool:
        """Whether the provider signed exactly this request to `url`."""
