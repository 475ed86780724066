"""Asking Twilio what became of texts, and what came in: reliability 3.2, D42.

`Twilio` plays its part behind the carrier's back: it says what the carrier never would.
"""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import product
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from app.errors import ProviderBusy, ProviderDenied, ProviderError, ProviderUnknown
from app.providers import (
    Brand,
    Campaign,
    Credentials,
    Found,
    InboundSms,
    OutboundSms,
    Owned,
    Registrations,
    Service,
    Verification,
)
from app.providers.twilio import TwilioProvider
from app.rules.addresses import Webhooks
from app.rules.lifecycle import Status
from tests.helpers import serving

SID, TOKEN = "AC" + "1" * 32, "12345"
OURS, THEIRS = "+15125550190", "+15125550147"
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
API = f"/2010-04-01/Accounts/{SID}"


class Twilio(ThreadingHTTPServer):
    """Says what was laid down for a path: each thing once, the last one again and again."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answers: dict[str, list[tuple[int, bytes, dict[str, str]]]] = {}
        self.seen: list[tuple[str, dict[str, str]]] = []

    def says(self, path: str, body: Any, status: int = 200, **headers: str) -> None:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        path = path if path.startswith("/v1/") else API + path
        self.answers.setdefault(path, []).append((status, content, headers))

    def lists(self, *pages: list[dict[str, Any]], path: str = "/Messages.json") -> None:
        for index, page in enumerate(pages):
            more = f"{API}{path}?Page={index + 1}" if page is not pages[-1] else None
            self.says(path, {"messages": page, "page": index, "next_page_uri": more})

    def hangs_up(self, path: str) -> None:
        self.says(path, b"", 0)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Twilio

    def do_GET(self) -> None:
        path, query = urlsplit(self.path).path, urlsplit(self.path).query
        self.server.seen.append((path, dict(parse_qsl(query))))
        laid_down = self.server.answers[path]
        status, content, headers = laid_down.pop(0) if len(laid_down) > 1 else laid_down[0]
        if not status:
            self.close_connection = True
            self.connection.close()
            return
        self.send_response(status)
        for name, value in {"Content-Length": str(len(content)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.do_GET()

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def twilio() -> Iterator[Twilio]:
    server = Twilio()
    with serving(server):
        yield server


@pytest.fixture
def provider(twilio) -> TwilioProvider:
    url = f"http://127.0.0.1:{twilio.server_port}"
    return TwilioProvider(Credentials(SID, TOKEN, url), deadline=5)


def sid(number: int) -> str:
    return f"SM{number:032x}"


def message(number: int, minutes: float, **changed: Any) -> dict[str, Any]:
    """A text of ours, made so many minutes after noon, and sent at once."""
    made = format_datetime(NOON + timedelta(minutes=minutes))
    return {
        "sid": sid(number),
        "account_sid": SID,
        "from": OURS,
        "to": THEIRS,
        "body": f"Text {number}",
        "status": "sent",
        "direction": "outbound-api",
        "num_media": "0",
        "error_code": None,
        "date_created": made,
        "date_updated": made,
        "date_sent": made,
    } | changed


def inbound(number: int, minutes: float, **changed: Any) -> dict[str, Any]:
    way = {"direction": "inbound", "from": THEIRS, "to": OURS, "status": "received"}
    return message(number, minutes, **way) | changed


# One text


@pytest.mark.parametrize(
    ("word", "code", "status", "error"),
    [
        ("queued", None, Status.ACCEPTED, ""),
        ("sent", None, Status.SENT, ""),
        ("delivered", None, Status.DELIVERED, ""),
        ("undelivered", 30003, Status.UNDELIVERED, "30003"),
        ("failed", 0, Status.FAILED, ""),
        ("banana", None, None, ""),
    ],
)
def test_what_became_of_a_text(twilio, provider, word, code, status, error):
    """F45, W27: the words are those of the reports."""
    told = message(1, 0, status=word, error_code=code, date_sent=None)
    twilio.says(f"/Messages/{sid(1)}.json", told)
    assert provider.fetch(sid(1)) == Found(sid(1), "Text 1", status, word, NOON, error)


NOT_FOUND = {"code": 20404, "message": "Not found", "status": 404}


def test_a_text_that_nobody_knows_is_none_and_only_twilio_can_say_so(twilio, provider):
    """F39: a 404 of somebody on the way proves nothing."""
    twilio.says(f"/Messages/{sid(1)}.json", NOT_FOUND, 404)
    assert provider.fetch(sid(1)) is None
    twilio.says(f"/Messages/{sid(2)}.json", b"<html>not here</html>", 404)
    with pytest.raises(ProviderUnknown):
        provider.fetch(sid(2))


# What is no answer decides nothing (3.2, point 8)

NO_ANSWERS = [
    (500, {"code": 20500, "message": "Oops", "status": 500}, ProviderUnknown),
    (503, b"", ProviderUnknown),
    (301, b"", ProviderUnknown),
    (200, b"<html>A gateway</html>", ProviderUnknown),
    (200, b'{"sid": "SM', ProviderUnknown),
    (200, {}, ProviderUnknown),
    (200, [], ProviderUnknown),
    (200, {"messages": [{"sid": "banana"}]}, ProviderUnknown),
    (200, {"messages": [message(1, 0, direction=None)]}, ProviderUnknown),
    (200, {"messages": [message(1, 0, date_created="banana")]}, ProviderUnknown),
    (401, {"code": 20003, "message": "Authenticate", "status": 401}, ProviderDenied),
    (429, {"code": 20429, "message": "Slow down", "status": 429}, ProviderBusy),
]


@pytest.mark.parametrize(
    ("ask", "status", "body", "kind"),
    [
        (ask, *answer)
        for ask, answer in product(("fetch", "sent", "received", "owned"), NO_ANSWERS)
        if ask != "owned" or "messages" not in str(answer[1])  # those are not about numbers
    ],
)
def test_what_is_no_answer_is_never_taken_for_nothing_found(
    twilio, provider, ask, status, body, kind
):
    paths = (f"/Messages/{sid(1)}.json", "/Messages.json", "/IncomingPhoneNumbers.json")
    for path in paths:
        twilio.says(path, body, status)
    with pytest.raises(ProviderError) as raised:
        ASK[ask](provider)
    assert type(raised.value) is kind


ASK: dict[str, Any] = {
    "fetch": lambda provider: provider.fetch(sid(1)),
    "sent": lambda provider: provider.sent(OURS, THEIRS, NOON),
    "received": lambda provider: list(provider.received(NOON)),
    "owned": lambda provider: provider.owned(),
}


@pytest.mark.parametrize("ask", ["fetch", "sent", "received"])
@pytest.mark.parametrize(("times", "answered"), [(1, True), (2, False)])
def test_a_read_is_repeated_once_where_the_connection_was_lost(
    twilio, provider, ask, times, answered
):
    """3.2, point 8."""
    for _ in range(times):
        twilio.hangs_up("/Messages.json")
        twilio.hangs_up(f"/Messages/{sid(1)}.json")
    twilio.lists([])
    twilio.says(f"/Messages/{sid(1)}.json", NOT_FOUND, 404)
    if answered:
        assert not ASK[ask](provider)
    else:
        with pytest.raises(ProviderUnknown):
            ASK[ask](provider)
    assert len(twilio.seen) == 2


# What we sent to somebody


def test_texts_on_a_pair_are_listed_newest_first_until_the_time_asked_for(twilio, provider):
    """3.2 point 5: also those that still wait at Twilio, and no answers that it gave by itself."""
    twilio.lists(
        [
            message(9, -60, date_sent=None, status="queued"),  # old, and waiting: says nothing
            message(8, 5, date_sent=None, status="queued"),
            message(7, 4, direction="outbound-reply"),
            message(6, 3),
        ],
        [message(5, 0.005), message(4, -1), message(3, 1)],
        [message(2, -2)],
    )
    found = provider.sent(OURS, THEIRS, NOON + timedelta(seconds=0.9))
    assert [text.sid for text in found] == [sid(8), sid(6), sid(5), sid(3)]
    assert (found[0].status, found[0].word) == (Status.ACCEPTED, "queued")
    (first, filters), (second, more) = twilio.seen  # the third page is too old to be asked for
    assert first == second == f"{API}/Messages.json"
    assert filters == {"From": OURS, "To": THEIRS, "PageSize": "200"}
    assert more == {"Page": "1"}


# What came in


def test_what_came_in_is_read_page_by_page(twilio, provider):
    """D42: whoever stops reading asks for no more."""
    twilio.lists([inbound(9, 9), message(8, 8)], [inbound(7, 7, body="a\x00b")], [inbound(1, -1)])
    texts = provider.received(NOON)
    assert next(texts).sid == sid(9)
    assert len(twilio.seen) == 1
    assert next(texts) == InboundSms(
        SID, sid(7), THEIRS, OURS, "ab", at=NOON + timedelta(minutes=7)
    )
    assert list(texts) == []
    assert len(twilio.seen) == 3
    assert list(provider.received(NOON, OURS)) == []
    assert twilio.seen[3][1] == {"To": OURS, "PageSize": "200"}


def test_pictures_are_found_with_their_text(twilio, provider):
    """D42: an imported text is what its webhook would have been."""
    twilio.lists([inbound(2, 2, num_media="1"), inbound(1, 1, num_media="1")])
    media = f"{API}/Messages/{sid(2)}/Media/ME1"
    listed = {"media_list": [{"sid": "ME1", "content_type": "image/png", "uri": f"{media}.json"}]}
    twilio.says(f"/Messages/{sid(2)}/Media.json", listed)
    twilio.says(f"/Messages/{sid(1)}/Media.json", NOT_FOUND, 404)  # deleted there
    url = f"http://127.0.0.1:{twilio.server_port}{media}"
    assert [text.pictures for text in provider.received(NOON)] == [((url, "image/png"),), ()]


def newer(key: str, *found: dict[str, Any]) -> dict[str, Any]:
    """A list as Twilio's newer API gives it."""
    return {key: list(found), "meta": {"key": key, "page": 0, "next_page_url": None}}


def owned(e164: str, **changed: Any) -> dict[str, Any]:
    both = {"phone_number": e164, "sms_url": "https://x.example/in", "capabilities": {"SMS": True}}
    return both | changed


def test_each_number_says_where_its_texts_go(twilio, provider):
    """Protocol 3.2: an application outranks the addresses; what has none goes nowhere."""
    texts, none = owned(OURS, voice_url="https://x.example/voice"), owned("+15125550191")
    none |= {"sms_url": None, "capabilities": {"sms": False}}
    by_app = owned("+15125550192", sms_application_sid="AP1", sms_fallback_url="https://y.example")
    listed = {"incoming_phone_numbers": [texts, none, by_app], "next_page_uri": None}
    twilio.says("/IncomingPhoneNumbers.json", listed)
    twilio.says("/v1/Services", newer("services"))
    app = "the application AP1"
    assert provider.owned() == [
        Owned(OURS, Webhooks("https://x.example/in", "", "https://x.example/voice")),
        Owned("+15125550191", Webhooks("", "", ""), texts=False),
        Owned("+15125550192", Webhooks(app, app, "")),
    ]


def test_a_service_takes_what_comes_to_its_numbers(twilio, provider):
    """Protocol 3.3: unless it leaves that to them. Who has no services has none."""
    listed = {"incoming_phone_numbers": [owned(OURS)], "next_page_uri": None}
    twilio.says("/IncomingPhoneNumbers.json", listed)
    takes = {"sid": "MG1", "friendly_name": "Alerts", "inbound_request_url": "https://s.example"}
    leaves = {"sid": "MG2", "friendly_name": "Texts", "use_inbound_webhook_on_number": True}
    twilio.says("/v1/Services", newer("services", leaves, takes))
    twilio.says("/v1/Services/MG1/PhoneNumbers", newer("phone_numbers", {"phone_number": OURS}))
    (found,) = provider.owned()
    assert found.service == Service("MG1", "Alerts")
    assert found.webhooks == Webhooks("https://s.example", "", "")
    twilio.answers["/v1/Services"].clear()
    twilio.says("/v1/Services", NOT_FOUND, 404)
    (found,) = provider.owned()
    assert (found.service, found.webhooks.inbound) == (None, "https://x.example/in")


def test_what_carriers_were_told(twilio, provider):
    """Protocol 3.4: brands, the campaign of each service with its numbers, toll-free numbers."""
    brand = {"sid": "BN1", "status": "FAILED", "errors": [{"description": "No such company"}]}
    campaign = {"campaign_status": "VERIFIED", "us_app_to_person_usecase": "MIXED", "errors": []}
    verified = {"tollfree_phone_number": "+18005550100", "status": "TWILIO_REJECTED"}
    verified |= {"rejection_reason": "No consent shown"}
    services = ({"sid": sid, "friendly_name": sid} for sid in ("MG1", "MG2"))
    twilio.says("/v1/a2p/BrandRegistrations", newer("data", brand))
    twilio.says("/v1/Services", newer("services", *services))
    twilio.says("/v1/Services/MG1/Compliance/Usa2p", newer("compliance", campaign))
    twilio.says("/v1/Services/MG2/Compliance/Usa2p", newer("compliance"))
    twilio.says("/v1/Services/MG1/PhoneNumbers", newer("phone_numbers", {"phone_number": OURS}))
    twilio.says("/v1/Tollfree/Verifications", newer("verifications", verified))
    assert provider.registrations() == Registrations(
        (Brand("BN1", "FAILED", ("No such company",)),),
        (Campaign("MG1", "VERIFIED", "MIXED", (), (OURS,)),),
        (Verification("+18005550100", "TWILIO_REJECTED", "No consent shown"),),
    )


@pytest.mark.parametrize(
    ("header", "seconds"),
    [({"Retry-After": "30"}, 30), ({}, None), ({"Retry-After": "soon"}, None)],
)
def test_how_long_to_wait_is_handed_on(twilio, provider, header, seconds):
    """F32."""
    twilio.says("/Messages.json", {"code": 20429, "message": "No", "status": 429}, 429, **header)
    text = OutboundSms(OURS, THEIRS, "Hello", "https://x.example/status/1", 600)
    for ask in (lambda: provider.send(text), lambda: provider.sent(OURS, THEIRS, NOON)):
        with pytest.raises(ProviderBusy) as busy:
            ask()
        assert (busy.value.retry_after, busy.value.provider_code) == (seconds, "20429")
