"""What is not right in shape is refused in one shape, and never a 500 (reliability 4, REST API)."""

import json
from typing import Any

import httpx
import pytest

JSON = {"Content-Type": "application/json"}


def refused(answer: httpx.Response, status: int, code: str, *fields: str) -> None:
    """The answer is an error of contract 4, naming these fields."""
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["X-Request-Id"] == answer.json()["error"]["request_id"]
    has_the_shape_of_an_error(answer.json(), code, *fields)


def has_the_shape_of_an_error(said: Any, code: str, *fields: str) -> None:
    assert set(said) == {"error"}
    error = said["error"]
    assert set(error) == {"code", "message", "fields", "request_id"}
    assert error["code"] == code
    assert error["message"]
    assert len(error["request_id"]) >= 8
    assert [problem["field"] for problem in error["fields"]] == list(fields)
    assert all(problem["message"] for problem in error["fields"])


BODIES = [
    (b'{"given_name": "Pat"', 400, "bad_request", []),  # cut off
    (b'{"given_name": "\xff"}', 400, "bad_request", []),  # not UTF-8
    (rb'{"given_name": "\ud800"}', 400, "bad_request", []),  # half a character
    (b"", 400, "bad_request", []),
    (b"[]", 422, "invalid", ["body"]),
    (b"{}", 422, "invalid", ["given_name"]),
    (b'{"given_name": null}', 422, "invalid", ["given_name"]),
    (b'{"given_name": 5}', 422, "invalid", ["given_name"]),
    (b'{"given_name": " "}', 422, "invalid", ["given_name"]),
    (rb'{"given_name": "a\u0000b"}', 422, "invalid", ["given_name"]),
    (b'{"given_name": "Pat", "kind": "robot"}', 422, "invalid", ["kind"]),
    (b'{"given_name": "Pat", "nickname": "P"}', 422, "invalid", ["nickname"]),
    (b'{"given_name": "Pat", "email": "pat"}', 422, "invalid", ["email"]),
    (b'{"given_name": "Pat", "email": "a@b.edu\\r\\nBcc: x@y.edu"}', 422, "invalid", ["email"]),
    (b'{"given_name": "Pat", "timezone": "Mars/Base"}', 422, "invalid", ["timezone"]),
    (b'{"given_name": "Pat", "phones": {}}', 422, "invalid", ["phones"]),
    (b'{"given_name": "Pat", "phones": [{}]}', 422, "invalid", ["phones.0.number"]),
    (json.dumps({"given_name": "P" * 201}).encode(), 422, "invalid", ["given_name"]),
]  # fmt: skip


@pytest.mark.parametrize(("body", "status", "code", "fields"), BODIES)
def test_a_wrong_body_is_refused_by_field(body, status, code, fields, quiet):
    """A8"""
    answer = quiet.admin().api.post("/people", content=body, headers=JSON)
    refused(answer, status, code, *fields)


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "text/json"])
def test_only_json_is_read(kind, quiet):
    """A6"""
    body = b'{"given_name": "Pat"}'
    answer = quiet.admin().api.post("/people", content=body, headers={"Content-Type": kind})
    refused(answer, 415, "unsupported_media_type")


def test_a_body_has_an_end(quiet):
    """A7"""
    body = b'{"given_name": "' + b"P" * (1024 * 1024) + b'"}'
    answer = quiet.admin().api.post("/people", content=body, headers=JSON)
    refused(answer, 413, "request_entity_too_large")


QUERIES = [
    ("/messages?sort=password", "sort"),
    ("/messages?filter[name]=' OR 1=1--", "filter[name]"),
    ("/messages?limit=0", "limit"),
    ("/messages?limit=201", "limit"),
    ("/messages?limit=ten", "limit"),
    ("/messages?limit=1&limit=2", "limit"),
    ("/messages?cursor=x", "cursor"),
    ("/messages?cursor=%00", "cursor"),
    ("/messages?cursor=ImEi", "cursor"),  # "a"
    ("/messages?cursor=OTk5OTk5OTk5OTk5OTk5OTk5OTk5", "cursor"),  # a number past 64 bit
    ("/people?cursor=Mw", "cursor"),  # of another list
    ("/conversations?cursor=WyIwMDAxLTAxLTAxVDAwOjAwOjAwKzE0OjAwIiwxXQ", "cursor"),  # before year 1
    ("/messages?status=gone", "status"),
    ("/messages?direction=up", "direction"),
    ("/messages?channel=fax", "channel"),
    ("/messages?person_id=99999999999999999999", "person_id"),
    ("/messages?since=2026", "since"),
    ("/messages?since=2026-11-20", "since"),
    ("/messages?until=2026-11-20T10:00:00", "until"),  # which zone?
    ("/messages?since=0001-01-01T00:00:00%2B14:00", "since"),
    ("/messages?text=%00", "text"),
    ("/people?q=%00", "q"),
    ("/people/1?x=1", "x"),
    ("/usage?month=2026-01", "month"),
    ("/events?after=-1", "after"),
    ("/events?after=99999999999999999999", "after"),
]


@pytest.mark.parametrize(("path", "field"), QUERIES)
def test_a_wrong_parameter_is_refused_by_name(path, field, quiet):
    """A18"""
    refused(quiet.admin().api.get(path), 422, "invalid", field)


@pytest.mark.parametrize(
    "path",
    ["/nothing", "/people/", "/people/x", "/people/0", "/people/-1", "/people/1.5"]
    + [f"/people/{'9' * digits}" for digits in (19, 20, 3000)]
    + ["/people/%D9%A3", "/people/%00"],
)
def test_an_unknown_path_is_a_404_in_json(path, quiet):
    """A21"""
    refused(quiet.admin().api.get(path), 404, "not_found")


def test_a_wrong_method_says_which_are_right(quiet):
    """A21"""
    answer = quiet.admin().api.delete("/people")
    refused(answer, 405, "method_not_allowed")
    assert {"GET", "POST"} <= set(answer.headers["Allow"].split(", "))


def test_other_origins_are_granted_nothing(quiet):
    """A23"""
    for method in ("OPTIONS", "HEAD", "GET"):
        answer = quiet.admin().api.request(
            method, "/people", headers={"Origin": "https://evil.example"}
        )
        assert not [name for name in answer.headers if name.startswith("access-control")]
