"""Media: a picture that came with a text, fetched from the provider's own hosts and from no other.

X21: https to a named host (or the address that the account itself is on), one redirect, checked
again; small, and what it is is told by its first bytes, never by its name.
"""

from urllib.parse import urljoin

import urllib3
from urllib3.exceptions import LocationParseError
from urllib3.util import Url, parse_url

from app.errors import ProviderRefused, ProviderUnknown

LARGEST = 5 * 1024 * 1024  # bytes
_SECONDS = 5.0
_HOSTS = (".twilio.com", ".twiliocdn.com")
_REDIRECTS = (301, 302, 303, 307, 308)
_KINDS = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
)


def picture(url: str, auth: tuple[str, str], home: str | None) -> tuple[str, bytes]:
    """Its type and its bytes. `auth`: told to the first host only. `home`: where the account's API
    is, if not at the provider. Raises ProviderRefused for what is not shown, ProviderUnknown."""
    headers = urllib3.make_headers(basic_auth=":".join(auth))
    status, target, content = _get(_checked(url, home), headers)
    if status in _REDIRECTS and target:
        status, _, content = _get(_checked(urljoin(url, target), home), {})
    if status == 404:
        raise ProviderRefused("The provider has deleted this picture.")
    if status != 200:
        raise ProviderUnknown(f"The provider answered {status} for this picture.")
    if len(content) > LARGEST:
        raise ProviderRefused("This picture is too large to be shown.")
    return kind_of(content), content


def _checked(url: str, home: str | None) -> str:
    """The address as the client itself reads it: two readers may see two hosts in one address."""
    try:
        parts = parse_url(url)
    except LocationParseError:
        parts = Url()
    own = home and _site(parts) == _site(parse_url(home))
    named = _site(parts) == ("https", parts.host, None) and (parts.host or "").endswith(_HOSTS)
    if parts.auth is not None or not (own or named):
        raise ProviderRefused("This picture lies outside of the provider, so it is not fetched.")
    return parts.url


def _site(parts: Url) -> tuple[str | None, str | None, int | None]:
    return parts.scheme, parts.host, parts.port


def kind_of(content: bytes) -> str:
    """By its first bytes. Raises ProviderRefused for anything but a picture."""
    for start, kind in _KINDS:
        if content.startswith(start):
            return kind
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "image/webp"
    raise ProviderRefused("This is not a picture that can be shown.")


def _get(url: str, headers: dict[str, str]) -> tuple[int, str | None, bytes]:
    try:
        with urllib3.PoolManager(retries=False) as pool:
            answer = pool.request(
                "GET",
                url,
                headers=headers,
                redirect=False,
                timeout=urllib3.Timeout(total=_SECONDS),
                preload_content=False,
            )
            try:
                return answer.status, answer.headers.get("Location"), answer.read(LARGEST + 1)
            finally:
                answer.close()
    except urllib3.exceptions.HTTPError as error:
        raise ProviderUnknown("The provider cannot be reached just now.") from error
