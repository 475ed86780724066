"""The first load of the inbox: what has to come over the line before anything can be read."""

import gzip

from playwright.sync_api import expect

from tests.browser.pages import ON_SQLITE, row, sign_in

pytestmark = ON_SQLITE

MOST = 150_000  # bytes, compressed, without pictures
MOST_REQUESTS = 20


def test_the_inbox_is_small_and_asks_nobody_else(school, page, base_url):
    """Nothing from another server; less than 150 kB, compressed as any proxy does."""
    dana, _ = school.holder()
    for n in range(10):
        dana.send(school.person("mobile", name=f"Student {n}"), "About your schedule")
    sizes, strangers = {}, []

    def note(response):
        if not response.url.startswith(base_url):
            strangers.append(response.url)
        elif response.status == 200:
            body = response.body()
            packed = response.url.endswith(".woff2")  # it is compressed as it is
            sizes[response.url] = len(body) if packed else len(gzip.compress(body))

    page.on("response", note)
    sign_in(page, dana, "/inbox")
    expect(row(page, "Student 9")).to_be_visible()
    page.wait_for_load_state("networkidle")
    assert strangers == []
    assert len(sizes) <= MOST_REQUESTS, sizes
    assert sum(sizes.values()) < MOST, sizes
