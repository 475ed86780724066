"""Webhook input: what is no provider's request changes nothing, and every real shape passes."""

import gzip

import httpx
import pytest

from tests.provider import FORM, Provider, new_sid, row_counts
from tests.school import School, new_number

INBOUND = "/webhooks/twilio/inbound"
EMPTY = '<?xml version="1.0" encoding="UTF-8"?><Response></Response>'


@pytest.fixture
def provider(school) -> Provider:
    return Provider(school)


@pytest.fixture
def form(school, provider) -> dict[str, str]:
    """A text that would be stored if it were signed."""
    (ours,) = school.pool(1)
    return provider.text(new_number(), ours, "Hello?")


def refused(school: School, answer: httpx.Response, before: dict[str, int]) -> int:
    """The status of an answer that says nothing and left no trace."""
    assert answer.content == b""
    assert row_counts(school) == before
    return answer.status_code


def send(school: School, method: str = "POST", **request) -> httpx.Response:
    return httpx.request(method, school.url + INBOUND, timeout=30, trust_env=False, **request)


def test_what_is_not_signed_is_refused(school, provider, form):
    """W1, W2, W3, W5, W8, X4: 403 and no change, for every webhook."""
    url = school.url + INBOUND
    before = row_counts(school)
    for path in ("inbound", "status/00000000-0000-4000-8000-000000000000", "voice"):
        plain = httpx.post(
            f"{school.url}/webhooks/twilio/{path}", data=form, timeout=30, trust_env=False
        )
        assert refused(school, plain, before) == 403, path
    for signature in ("", "nonsense", provider.signature(url, {**form, "Body": "Hello!"})):
        answer = send(school, data=form, headers={"X-Twilio-Signature": signature})
        assert refused(school, answer, before) == 403, signature
    for signed_url in (
        f"{url}/",
        f"{url}?a=1",
        f"{url}#rc=5&rp=ct,rt,5xx",  # a fragment is cut before it is signed
        "https://evil.example" + INBOUND,
        url.replace("http://", "https://"),
    ):
        answer = provider.post(form, signed_url=signed_url)
        assert refused(school, answer, before) == 403, signed_url
    assert refused(school, provider.post({**form, "AccountSid": new_sid("AC")}), before) == 403
    with school.another() as other:
        before = row_counts(school)
        answer = provider.post(form, secret=other.account_secret)
        assert refused(school, answer, before) == 403


def test_headers_of_a_proxy_decide_nothing(school, provider, form):
    """W5, ASVS 4.1.3: the address that was signed is built from PUBLIC_URL alone."""
    forged = {
        "Host": "evil.example",
        "X-Forwarded-Host": "evil.example",
        "X-Forwarded-Proto": "https",
    }
    before = row_counts(school)
    theirs = provider.post(form, signed_url=f"https://evil.example{INBOUND}", headers=forged)
    assert refused(school, theirs, before) == 403
    assert provider.post(form, headers=forged).status_code == 200


@pytest.mark.parametrize("field", ["MessageSid", "AccountSid", "From", "To", "Body"])
def test_a_missing_field_is_refused_even_when_signed(school, provider, form, field):
    """W15, contract 3."""
    before = row_counts(school)
    del form[field]
    assert refused(school, provider.post(form), before) == 400


MALFORMED = [
    ("MessageSid", "SM1"),
    ("MessageSid", "XX" + "0" * 32),
    ("MessageSid", "SM" + "G" * 32),
    ("MessageSid", "SM" + "0" * 32 + "\n"),
    ("MessageSid", ""),
    ("AccountSid", "AC1"),
    ("To", ""),
    ("NumMedia", "many"),
    ("NumMedia", "-1"),
]


def test_a_malformed_field_is_refused_even_when_signed(school, provider, form):
    """W15; finding 12: the signature does not say where a value ends."""
    before = row_counts(school)
    for field, value in MALFORMED:
        answer = provider.post({**form, field: value})
        assert refused(school, answer, before) == 400, (field, value)


def test_a_captured_request_cut_in_other_places_is_refused(school, provider, form):
    """Finding 12: the same characters in other fields carry the same valid signature."""
    before = row_counts(school)
    cut = dict(form)
    cut["Body"] += "From" + cut.pop("From") + "MessageSid" + cut.pop("MessageSid")
    url = school.url + INBOUND
    assert provider.signature(url, cut) == provider.signature(url, form)
    assert refused(school, provider.post(cut), before) == 400


def test_only_forms_are_read(school, provider, form):
    """W29: 405, 415, 413, 400; nothing is said and nothing is kept."""
    before = row_counts(school)
    signature = {"X-Twilio-Signature": provider.signature(school.url + INBOUND, form)}
    for method in ("GET", "PUT", "DELETE", "PATCH"):
        answer = send(school, method, headers=signature)
        assert refused(school, answer, before) == 405, method
        assert "POST" in answer.headers["Allow"]
    as_json = send(school, json=form, headers=signature)
    parts = {name: (None, value) for name, value in form.items()}
    as_parts = send(school, files=parts, headers=signature)
    as_nothing = send(school, content=b"Body=Hello", headers=signature)
    for answer in (as_json, as_parts, as_nothing):
        assert refused(school, answer, before) == 415
    typed = {**signature, "Content-Type": FORM}
    for size in (300_000, 2_000_000):
        answer = send(school, content=b"Body=" + b"x" * size, headers=typed)
        assert refused(school, answer, before) == 413, size
    for content in (b"Body=\xff\xfe", gzip.compress(b"Body=Hello")):
        answer = send(school, content=content, headers=typed)
        assert refused(school, answer, before) == 400
    # Half a character, percent-encoded, cannot be what was signed.
    escaped = send(school, content=b"AccountSid=%ED%A0%80&Body=%FF", headers=typed)
    assert refused(school, escaped, before) == 400


def test_every_shape_of_a_real_request_passes(school, provider):
    """W7, W10, W11: a query string, a Messaging Service, fields that nobody knows yet."""
    dana, ours = school.holder()
    shapes: list[tuple[dict[str, str], str]] = [
        ({}, "inbound"),
        ({}, "inbound?tenant=7&x=a%20b&empty="),
        ({"MessagingServiceSid": new_sid("MG")}, "inbound"),
        ({"FromCity": "", "ProfileName": "Maya ✓", "NewField": "2027"}, "inbound"),
        ({"ErrorCode": "11200", "ErrorUrl": school.url + INBOUND}, "inbound"),
        ({"SmsStatus": "received", "ApiVersion": "2010-04-01"}, "inbound"),
        ({"MessageSid": new_sid("MM")}, "inbound"),
    ]
    sender = new_number()
    for n, (fields, path) in enumerate(shapes):
        answer = provider.post(provider.text(sender, ours, f"Shape {n}", **fields), path)
        assert (answer.status_code, answer.text) == (200, EMPTY), (fields, path)
        assert answer.headers["Content-Type"].startswith("text/xml")
    (thread,) = dana.conversations(unread="true")
    assert [m["body"] for m in dana.thread(thread["id"])] == [
        f"Shape {n}" for n in range(len(shapes))
    ]


def test_the_same_request_later_changes_nothing(school, provider):
    """W13, W30, X6: a replay, and the fallback after the primary address stored it."""
    dana, ours = school.holder()
    form = provider.text(new_number(), ours, "Once")
    assert provider.post(form).status_code == 200
    (thread,) = dana.conversations(unread="true")
    dana.api.patch(f"/conversations/{thread['id']}", json={"read": True, "archived": True})
    before = row_counts(school)
    assert provider.post(form).status_code == 200
    fallback = {**form, "ErrorCode": "11205", "ErrorUrl": school.url + INBOUND}
    assert provider.post(fallback).status_code == 200
    assert row_counts(school) == before
    (same,) = dana.conversations(archived="true")
    assert (same["id"], same["unread"]) == (thread["id"], 0)


def test_a_stop_that_is_replayed_does_not_undo_a_start(school, provider):
    """W13: what was stored once has had its effect."""
    _, ours = school.holder()
    maya = school.person("mobile")
    stop = provider.text(maya.numbers[0], ours, "STOP")
    provider.post(stop)
    provider.post(provider.text(maya.numbers[0], ours, "START"))
    assert provider.post(stop).status_code == 200
    assert school.phone_status(maya) == ["enabled"]


def test_a_call_to_a_number_that_only_texts_is_told_so(school, provider, form):
    """Contract 3: said in words, and nothing is stored (S3-33)."""
    before = row_counts(school)
    call = {"CallSid": new_sid("CA"), "AccountSid": school.account_sid, "To": form["To"]}
    answer = provider.post(call, "voice")
    assert (answer.status_code, answer.headers["Content-Type"]) == (
        200,
        "text/xml; charset=utf-8",
    )
    assert "This number takes texts only." in answer.text
    assert row_counts(school) == before
