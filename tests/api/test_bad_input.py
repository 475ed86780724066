"""The table of bad input to the API, row by row (reliability 4, A1-A23)."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from tests.api.test_shapes import has_the_shape_of_an_error
from tests.school import Member, School, Someone

ROWS = [1, 2, 3, 4, 6, 7, 8, 10, 11, 12, 13, 14, 18, 21, 23]  # A20 is in test_rate
JSON = {"Content-Type": "application/json"}
Answers = Iterator[tuple[httpx.Response, int, str]]  # what came, and what it should be


@dataclass(frozen=True)
class Scene:
    school: School
    elsewhere: School
    admin: Member
    maya: Someone  # opted out, by her own STOP
    narrow: httpx.Client  # with the scope people.read alone

    def post(self, path: str, body: Any, **headers: str) -> httpx.Response:
        return self.admin.api.post(path, json=body, headers=headers)

    def stranger(self, path: str = "/usage", **headers: str) -> httpx.Response:
        url = f"{self.school.url}/api/v1{path}"
        return httpx.get(url, headers=headers, trust_env=False)


TABLE: dict[str, Callable[[Scene], Answers]] = {}


def row(make: Callable[[Scene], Answers]) -> Callable[[Scene], Answers]:
    TABLE[make.__name__] = make
    return make


@row
def a1(s: Scene) -> Answers:
    """No key, a malformed one, a revoked one: the same text for all."""
    made = s.post("/tokens", {"name": "gone"}).json()
    s.admin.api.delete(f"/tokens/{made['id']}")
    ours = s.admin.api.headers["Authorization"]
    wrong = ["", "Bearer", "Bearer x", ours.split()[1], f"Basic {ours}", f"Bearer {made['token']}"]
    answers = [s.stranger(Authorization=header) for header in wrong] + [s.stranger()]
    assert len({answer.json()["error"]["message"] for answer in answers}) == 1
    for answer in answers:
        assert answer.headers["WWW-Authenticate"] == "Bearer"
        yield answer, 401, "unauthorized"


@row
def a2(s: Scene) -> Answers:
    """A key in the address."""
    key = s.admin.api.headers["Authorization"].split()[1]
    for name in ("token", "access_token", "api_key", "key", "Authorization"):
        yield s.stranger(f"/usage?{name}={key}"), 401, "unauthorized"


@row
def a3(s: Scene) -> Answers:
    """A key without the scope."""
    for path in ("/settings", "/numbers", "/messages", "/tokens"):
        yield s.narrow.get(path), 403, "forbidden"


@row
def a4(s: Scene) -> Answers:
    """Another institution's object, as one that does not exist."""
    theirs, nobody = s.elsewhere.person("mobile"), 999_999_999
    for person in (theirs.id, nobody):
        yield s.admin.api.get(f"/people/{person}"), 404, "not_found"
        yield s.post("/messages", {"person_id": person, "body": "Hi"}), 404, "not_found"
    assert (
        s.admin.api.get(f"/people/{theirs.id}").json()["error"]["message"]
        == s.admin.api.get(f"/people/{nobody}").json()["error"]["message"]
    )


@row
def a6(s: Scene) -> Answers:
    """Another Content-Type, or none."""
    for kind in ("text/plain", "application/x-www-form-urlencoded", "text/json", ""):
        answer = s.admin.api.post("/people", content=b"{}", headers={"Content-Type": kind})
        yield answer, 415, "unsupported_media_type"


@row
def a7(s: Scene) -> Answers:
    """A body over 1 MB."""
    body = b'{"given_name": "' + b"P" * 1024 * 1024 + b'"}'
    answer = s.admin.api.post("/people", content=body, headers=JSON)
    yield answer, 413, "request_entity_too_large"


@row
def a8(s: Scene) -> Answers:
    """An unknown field, also where no body is expected."""
    body = {"person_id": s.maya.id, "body": "Hi", "schedule_at": "2027-01-01T00:00:00Z"}
    answer = s.post("/messages", body)
    assert answer.json()["error"]["fields"][0]["field"] == "schedule_at"
    yield answer, 422, "invalid"
    yield s.post("/messages/1/cancel", {"why": "no"}), 422, "invalid"


@row
def a10(s: Scene) -> Answers:
    """A number that is no phone: emergency, premium, letters, too long, an extension, our own."""
    own = s.admin.api.get("/numbers").json()["items"][0]["number"]
    for number in ("911", "+19005550123", "words", "1" * 20, "512 555 0147 x5", "+44", own):
        answer = s.post(f"/people/{s.maya.id}/phones", {"number": number})
        assert answer.json()["error"]["fields"][0]["field"] == "number"
        yield answer, 422, "invalid_number"


@row
def a11(s: Scene) -> Answers:
    """A text that is none, or too long: the count and the parts are named."""
    for body in ("", " \n ", "a\x07b", "x" * 1001, "😀" * 1001):
        answer = s.post("/messages", {"person_id": s.maya.id, "body": body})
        if len(body) > 1000:
            assert "1,001 characters" in answer.json()["error"]["message"]
            assert "texts." in answer.json()["error"]["message"]
        yield answer, 422, "invalid"


@row
def a12(s: Scene) -> Answers:
    """A person who opted out: by email with the reason; a text or nothing is nothing (D40)."""
    before = len(s.admin.said_to(s.maya))
    only_a_text = {"person_id": s.maya.id, "body": "Hi", "channel": "sms"}
    yield s.post("/messages", only_a_text), 409, "opted_out"
    assert len(s.admin.said_to(s.maya)) == before
    sent = s.admin.send(s.maya, "Hi")
    assert (sent["channel"], sent["reason"]) == ("email", "opted_out")


@row
def a13(s: Scene) -> Answers:
    """The same key and body."""
    body = {"person_id": s.maya.id, "body": "Once"}
    first, again = (s.post("/messages", body, **{"Idempotency-Key": "a13"}) for _ in range(2))
    assert (again.status_code, again.content) == (201, first.content)
    assert [m["body"] for m in s.admin.said_to(s.maya)].count("Once") == 1
    yield from ()


@row
def a14(s: Scene) -> Answers:
    """The same key, another body."""
    for given, status, code in (("Pat", 201, ""), ("Pam", 409, "idempotency_mismatch")):
        answer = s.post("/people", {"given_name": given}, **{"Idempotency-Key": "a14"})
        if code:
            yield answer, status, code
        assert answer.status_code == status


@row
def a18(s: Scene) -> Answers:
    """Parameters that no list has."""
    for query in ("sort=password", "filter[name]=' OR 1=1--", "limit=1;DROP", "status=gone"):
        yield s.admin.api.get(f"/messages?{query}"), 422, "invalid"


@row
def a21(s: Scene) -> Answers:
    """A wrong method; an unknown path, with a key and without."""
    for method, path in (("DELETE", "/people"), ("PUT", "/messages"), ("POST", "/people/1")):
        answer = s.admin.api.request(method, path, json={})
        assert "GET" in answer.headers["Allow"]
        yield answer, 405, "method_not_allowed"
    for path in ("/nothing", "/people/", "/people/0", f"/people/{'9' * 19}", "/people/x"):
        for answer in (s.admin.api.get(path), s.stranger(path)):
            yield answer, 404, "not_found"
    yield s.admin.api.patch(f"/people/{'9' * 19}", json={}), 404, "not_found"


@row
def a23(s: Scene) -> Answers:
    """Another origin is granted nothing."""
    asked = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    for method in ("OPTIONS", "HEAD", "GET", "POST"):
        for path in ("/people", "/openapi.json", "/docs"):
            answer = s.admin.api.request(method, path, headers=asked)
            assert not [name for name in answer.headers if name.startswith("access-control")]
    yield s.stranger(Origin="https://evil.example"), 401, "unauthorized"


@pytest.fixture
def scene(school, elsewhere, narrowed) -> Scene:
    school.pool(1)
    admin, maya = school.admin(), school.person("mobile")
    sent = admin.send(maya)
    admin.settled(sent["id"], "delivered")
    school.texts(maya.numbers[0], sent["from"], "STOP")
    assert school.phone_status(maya) == ["disabled"]
    return Scene(school, elsewhere, admin, maya, narrowed(admin, "people.read"))


def test_every_row_is_answered_as_the_table_says(scene):
    assert list(TABLE) == [f"a{number}" for number in ROWS]
    for name, make in TABLE.items():
        for answer, status, code in make(scene):
            assert answer.status_code == status, f"{name}: {answer.text}"
            fields = [problem["field"] for problem in answer.json()["error"]["fields"]]
            has_the_shape_of_an_error(answer.json(), code, *fields)
            assert bool(fields) == (status == 422), name
