"""Providers: one narrow contract for everybody who carries texts, in our words.

A provider translates; it decides nothing. Sending has three outcomes: `Accepted`, an error that
says the text provably was not taken (ProviderRefused, ProviderBusy, ProviderDenied), or
ProviderUnknown.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from app.rules.addresses import Webhooks
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
    an opt-out keyword, where it gives one."""

    account_sid: str
    sid: str
    from_: str
    to: str
    body: str
    pictures: tuple[tuple[str, str], ...] = ()
    says: Keyword | None = None
    at: datetime | None = None  # UTC; when the provider got it, where it was found by asking


@dataclass(frozen=True, slots=True)
class Found:
    """An outbound text as the provider keeps it, found by asking. `at`: UTC, when it was taken."""

    sid: str
    body: str
    status: Status | None  # None: a word we do not know
    word: str
    at: datetime
    error: str = ""


@dataclass(frozen=True, slots=True)
class Account:
    """What the provider calls it. `trial`: it texts only numbers that were verified there."""

    name: str
    trial: bool


@dataclass(frozen=True, slots=True)
class Service:
    """A group of numbers at the provider that has addresses of its own."""

    sid: str
    name: str


@dataclass(frozen=True, slots=True)
class Owned:
    """A number that the account owns. `service`: the one whose addresses count instead of the
    number's; `webhooks` are those that count. `texts`: whether it can send and get them."""

    e164: str
    webhooks: Webhooks
    texts: bool = True
    service: Service | None = None


@dataclass(frozen=True, slots=True)
class Brand:
    """Who sends, as the register of US carriers has it. `status`: the provider's word."""

    sid: str
    status: str
    errors: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Campaign:
    """What is sent, as the register of US carriers has it, and the numbers it is sent from.
    `status`, `use`: the provider's words."""

    service: str
    status: str
    use: str
    errors: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Verification:
    """Of a toll-free number. `status`: the provider's word."""

    e164: str
    status: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Registrations:
    brands: tuple[Brand, ...]
    campaigns: tuple[Campaign, ...]
    verifications: tuple[Verification, ...]


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

    def fetch(self, sid: str) -> Found | None:
        """What became of one text; None where the provider does not know it. Safe to repeat."""

    def sent(self, from_: str, to: str, since: datetime) -> list[Found]:
        """All texts that we sent on this pair since then, newest first. Safe to repeat."""

    def received(self, since: datetime, to: str | None = None) -> Iterator[InboundSms]:
        """What came in since then, newest first, to one number or to the account. Pages as read."""

    def owned(self) -> list[Owned]:
        """Every number of the account, and where the provider sends what comes to it."""

    def picture(self, url: str) -> tuple[str, bytes]:
        """A picture that came with a text: its type and its bytes. Raises ProviderError."""

    def check(self) -> Account:
        """Raises ProviderDenied or another ProviderError where the account cannot be used."""

    def connect_number(self, e164: str, inbound_url: str, voice_url: str) -> str:
        """Point an owned number at our webhooks; its id at the provider. ProviderRefused: not
        owned."""

    def free_from_service(self, sid: str) -> None:
        """From now on each number of this service follows its own addresses."""

    def registrations(self) -> Registrations:
        """What carriers were told about us. ProviderRefused: this provider does not tell."""

    def signature(self, url: str, form: Mapping[str, str]) -> str:
        """As the provider would sign this request to `url`."""

    def signed(self, url: str, form: Mapping[str, str], signature: str) -> bool:
        """Whether the provider signed exactly this request to `url`."""
