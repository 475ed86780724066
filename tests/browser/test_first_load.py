"""The first load of the inbox: what has to come over the line before anything can be read."""

import re

from playwright.sync_api import expect

from tests.browser.pages import ON_SQLITE, row, sign_in

pytestmark = ON_SQLITE

MOST = 150_000  # bytes, without pictures
MOST_REQUESTS = 20


def test_the_inbox_is_small_and_asks_nobody_else(school, page, base_url):
    """Nothing from another server; less than 150 kB."""
    dana, _ = school.holder()
    for n in range(10):
        dana.send(school.person("mobile", name=f"Student {n}"), "About your schedule")
    fetched = []
    page.on("requestfinished", lambda request: fetched.append(request))
    sign_in(page, dana, "/inbox")
    expect(row(page, "Student 9")).to_be_visible()
    page.wait_for_load_state("networkidle")
    assert [r.url for r in fetched if not r.url.startswith(base_url)] == []
    sizes = {r.url: r.sizes()["responseBodySize"] for r in fetched}
    assert [url for url in sizes if url.endswith("/vendor/htmx.min.js")]
    assert len(sizes) <= MOST_REQUESTS, sizes
    assert sum(sizes.values()) < MOST, sizes


def test_scripts_are_asked_for_once_until_they_change(school):
    """Under the address that pages name; one of before a deploy gets what there is now."""
    with school.browser(school.member()) as browser:
        kept = re.search(r'src="(/static/v-\w+/page\.js)"', browser.get("/inbox").text)
        assert kept
        script = browser.get(kept[1])
        assert script.headers["Cache-Control"] == "public, immutable, max-age=31536000"
        for other in ("/static/page.js", "/static/v-0123456789ab/page.js"):
            answer = browser.get(other)
            assert (answer.content, answer.headers["Cache-Control"]) == (script.content, "no-cache")
        for gone in (
            "/static/v-0/nothing.js",
            "/static/v-0/../__init__.py",
            "/static/%2e%2e/cli.py",
        ):
            assert browser.get(gone).status_code == 404


def test_scripts_and_styles_are_compressed_and_asked_for_again_by_their_tag(school):
    """Pages are not: their size would tell of the token in them (BREACH)."""
    with school.browser(school.member()) as browser:
        script = browser.get("/static/vendor/htmx.min.js", headers={"Accept-Encoding": "gzip, br"})
        assert script.headers["Content-Encoding"] == "br"
        assert "Accept-Encoding" in script.headers["Vary"]
        tag = {"Accept-Encoding": "gzip, br", "If-None-Match": script.headers["ETag"]}
        assert browser.get("/static/vendor/htmx.min.js", headers=tag).status_code == 304
        plain = browser.get("/static/vendor/htmx.min.js", headers={"Accept-Encoding": "identity"})
        assert "Content-Encoding" not in plain.headers
        assert len(plain.content) > 50_000
        assert "Content-Encoding" not in browser.get("/inbox").headers
