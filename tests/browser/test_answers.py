"""Answers: their headers, and what forged forms and wrong addresses are told."""

import base64
import json
from urllib.parse import quote

import httpx
import pytest

from app.security import CSP
from tests.browser.pages import ON_SQLITE

pytestmark = ON_SQLITE
BIG = "9" * 30
STRICT = {
    "Content-Security-Policy": CSP,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}


@pytest.fixture
def dana(school):
    return school.holder()[0]


def test_every_answer_carries_the_strict_headers(school, dana):
    """X18, X19: pages, parts of pages, redirects and errors alike."""
    maya = school.person("mobile")
    message = dana.send(maya)
    thread = message["conversation_id"]
    with school.browser(dana) as browser:
        answers = [
            browser.get(path)
            for path in (
                *("/", "/inbox", "/inbox/list", "/inbox/new", f"/inbox/new?person={maya.id}"),
                *(f"/inbox/{thread}{part}" for part in ("", "/thread", "/details", "/route")),
                *(f"/inbox/messages/{message['id']}/why", "/inbox/people?q=m", "/login"),
                *("/nowhere", f"/inbox/{thread}/read", "/inbox/0", "/static/page.js", "/healthz"),
            )
        ]
        answers.append(browser.post("/inbox/new", data={"person_id": maya.id, "body": ""}))
        browser.headers["X-CSRFToken"] = "wrong"
        answers.append(browser.post("/logout"))
        answers.append(browser.post("/logout", content=b"x" * 2_000_000))
    for part in ("default-src 'self'", "object-src 'none'", "frame-ancestors 'none'"):
        assert part in CSP
    assert "unsafe" not in CSP
    assert {a.status_code for a in answers} >= {200, 302, 400, 404, 405, 413, 422}
    for answer in answers:
        told = {name: answer.headers.get(name) for name in STRICT}
        assert told == STRICT, answer.url
        stored = answer.headers["Cache-Control"]
        assert stored == "no-store" or answer.url.path.startswith("/static/"), answer.url
        assert len(answer.headers["X-Request-Id"]) == 16


def test_a_form_without_the_right_token_changes_nothing(school, dana):
    """U3, X2: none, a wrong one, and that of somebody else."""
    maya = school.person("mobile")
    thread = dana.send(maya)["conversation_id"]
    with school.browser(school.admin()) as other:
        theirs = other.headers["X-CSRFToken"]
    with school.browser(dana) as browser:
        for token in (None, "", "wrong", theirs):
            browser.headers.pop("X-CSRFToken", None)
            form = {"body": "Forged"} | ({"csrf_token": token} if token is not None else {})
            for path in (f"/inbox/{thread}/messages", f"/inbox/{thread}/archive", "/logout"):
                refused = browser.post(path, data=form)
                assert refused.status_code == 400
                assert "This page is out of date" in refused.text
        assert browser.get("/inbox").status_code == 200
    assert [m["body"] for m in dana.thread(thread)] == ["Hello"]
    assert not dana.api.get(f"/conversations/{thread}").json()["archived"]


def test_an_address_that_is_no_rows_is_not_found(school, dana):
    """A4, X34: an id too large for any row, of nobody, and of another institution's."""
    with school.browser(dana) as browser:
        for path in (f"/inbox/{BIG}", f"/inbox/messages/{BIG}/why", "/inbox/0", "/inbox/-1"):
            assert browser.get(path).status_code == 404
        assert browser.get(f"/inbox/new?person={BIG}").status_code == 200
        assert browser.post("/inbox/new", data={"person_id": BIG, "body": "x"}).status_code == 404
        assert browser.get(f"/inbox?limit={BIG}&view=odd&q=%00%FF").status_code == 200
        for place in ("0_0001-01-01T00:00:00+14:00_5", "0_9999-12-31T23:59:59-11:00_5", "0_x_5"):
            after = quote(place)
            assert browser.get(f"/inbox/list?after={after}").status_code == 200
        odd = (["a", "b", 1e999], ["\ud800", "b", 1], ["a\0", "b", 1], {}, [[[]]], "x")
        for cursor in odd:
            mark = base64.urlsafe_b64encode(json.dumps(cursor).encode()).decode()
            assert browser.get(f"/people?view=all&after={mark}").status_code == 200


def test_the_rights_hold_behind_the_pages(school, dana):
    """U8, C-19: whoever may only answer cannot start; nobody sees what is a colleague's."""
    maya = school.person("mobile")
    message = dana.send(maya)
    thread = message["conversation_id"]
    sam = school.member("Responder", name="Sam Okafor")
    with school.browser(sam) as browser:
        started = browser.post("/inbox/new", data={"person_id": maya.id, "body": "x"})
        assert started.status_code == 403
        for part in ("", "/thread", "/details", "/route"):
            assert browser.get(f"/inbox/{thread}{part}").status_code == 404
        assert browser.get(f"/inbox/messages/{message['id']}/why").status_code == 404
        for change in ("messages", "read", "unread", "archive", "unarchive", "claim"):
            answer = browser.post(f"/inbox/{thread}/{change}", data={"body": "x"})
            assert answer.status_code == 404
        for change in ("consent", "dismiss"):
            assert browser.post(f"/inbox/{thread}/{change}").status_code == 403
        assert "Maya" not in browser.get("/inbox?view=all").text
    assert [m["body"] for m in dana.thread(thread)] == ["Hello"]
    with httpx.Client(base_url=school.url, timeout=30, trust_env=False) as stranger:
        answer = stranger.get(f"/inbox/{thread}")
        assert answer.headers["Location"] == f"/login?next=/inbox/{thread}"
