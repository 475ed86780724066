"""Hooks: which events another system can be told of, at which addresses it may be, how what it gets
is signed, and what its answer means.

The signature is that of Standard Webhooks: HMAC-SHA256 over "id.timestamp.body".
"""

import base64
import hashlib
import hmac
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network

from urllib3.exceptions import LocationParseError
from urllib3.util import Url, parse_url

from app.rules.access import Can

LONGEST_URL = 500  # characters
TEST = "webhook.test"
PREFIX = "whsec_"  # of a secret
GONE = 410
LOOPBACK = ("127.0.0.1", "localhost", "[::1]")


# What can be told


@dataclass(frozen=True, slots=True)
class Choice:
    """`words`: what happened. `data`: the kind of row that is told. `needs`: who may hand it on."""

    words: str
    data: str
    needs: Can


CHOICES: dict[str, Choice] = {
    "message.created": Choice("A message was written, or one came in", "message", Can.INBOX_ALL),
    "message.status_changed": Choice("The status of a message changed", "message", Can.INBOX_ALL),
    "consent.changed": Choice(
        "A number of a person was opted in or out", "person", Can.PEOPLE_READ
    ),
    "number.assigned": Choice(
        "A number of yours was given to somebody", "number", Can.NUMBERS_MANAGE
    ),
    "number.shared": Choice(
        "A number of yours was given to an org unit to share", "number", Can.NUMBERS_MANAGE
    ),
    "number.released": Choice(
        "A number of yours went back to the pool", "number", Can.NUMBERS_MANAGE
    ),
}
TEST_WORDS = "A test"


def words_of(name: str) -> str:
    choice = CHOICES.get(name)
    return choice.words if choice else TEST_WORDS


def needed(names: Iterable[str]) -> frozenset[Can]:
    """The rights of whoever hands these events on."""
    return frozenset(CHOICES[name].needs for name in names if name in CHOICES)


# Where it may go


class BadAddress(ValueError):
    """The address cannot be used; str() says why, to whoever typed it."""


def checked(url: str, *, loopback: bool) -> Url:
    """The address as the client itself reads it: two readers may see two hosts in one address.

    `loopback`: an installation for trying things out, which may also tell this very machine. Raises
    BadAddress.
    """
    url = url.strip()
    if len(url) > LONGEST_URL:
        raise BadAddress(f"An address has at most {LONGEST_URL} characters.")
    try:
        parts = parse_url(url)
    except LocationParseError:
        raise BadAddress("This is not an address that can be called.") from None
    host = parts.host or ""
    here = loopback and host in LOOPBACK
    if parts.scheme != "https" and not (here and parts.scheme == "http"):
        raise BadAddress("Write an address that begins with https://.")
    if not host or parts.port == 0:
        raise BadAddress("This is not an address that can be called.")
    if parts.auth is not None:
        raise BadAddress("Leave the name and the password out of the address.")
    if not here and _is_inside(host):
        raise BadAddress("This address lies inside a network. Write one that the internet reaches.")
    return parts._replace(fragment=None)


def _is_inside(host: str) -> bool:
    """As far as its name tells; what it stands for is checked when it is called."""
    try:
        ip_address(host.strip("[]"))
    except ValueError:
        return "." not in host.strip(".") or host.rstrip(".").endswith((".localhost", ".local"))
    return not may_reach(host.strip("[]"), loopback=False)


_V6 = ip_network("2000::/3")
_NOT_V6: tuple[IPv6Network, ...] = tuple(
    IPv6Network(each) for each in ("2001::/23", "2002::/16", "3fff::/20")
)
_NOT_V4 = ip_network("192.88.99.0/24")


def may_reach(address: str, *, loopback: bool) -> bool:
    """Whether an IP address is one of the internet: not of a private network, of this machine or
    its neighbours, and no wrapping of such a one."""
    found = ip_address(address.partition("%")[0])
    if isinstance(found, IPv6Address) and found.ipv4_mapped:
        found = found.ipv4_mapped
    if loopback and found.is_loopback:
        return True
    if not found.is_global or found.is_multicast:
        return False
    if isinstance(found, IPv4Address):
        return found not in _NOT_V4
    return found in _V6 and not any(found in net for net in _NOT_V6)


# How it is signed


def as_key(random: bytes) -> str:
    """Of random bytes, as a secret has it."""
    return base64.b64encode(random).decode()


def signature(secrets: Iterable[str], id_: str, timestamp: int, body: bytes) -> str:
    """The header of this name, one signature for each secret that is valid."""
    told = f"{id_}.{timestamp}.".encode() + body
    return " ".join(f"v1,{_signed(secret, told)}" for secret in secrets)


def _signed(secret: str, told: bytes) -> str:
    key = base64.b64decode(secret.removeprefix(PREFIX))
    return base64.b64encode(hmac.new(key, told, hashlib.sha256).digest()).decode()


# What the answer means


class Verdict(StrEnum):
    TAKEN = "taken"
    LATER = "later"  # it did not take it; it is asked again
    GONE = "gone"  # it never wants anything again


def verdict(status: int | None) -> Verdict:
    """Of an answer; None where there was none."""
    if status is not None and 200 <= status < 300:
        return Verdict.TAKEN
    return Verdict.GONE if status == GONE else Verdict.LATER


def said(status: int) -> str:
    """What an answer that is no success means."""
    if 300 <= status < 400:
        return f"Answered {status}: it sends elsewhere, which is not followed"
    if status in (401, 403):
        return f"Answered {status}: it does not accept the call"
    if status == 404:
        return "Answered 404: nothing is at this address"
    if status == GONE:
        return "Answered 410: it wants no more events"
    if status == 429:
        return "Answered 429: too many calls"
    return f"Answered {status}" + (": it has a problem of its own" if status >= 500 else "")


def wait(tries: int, first: float, longest: float) -> float:
    """Seconds until the next try, after so many that failed."""
    return float(min(first * 2 ** min(max(tries - 1, 0), 30), longest))
