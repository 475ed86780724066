"""By keyboard alone, from the sign-in to an answered text; also while nothing is live."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.pages import ON_SQLITE, Line, box, item, row
from tests.school import PASSWORD

pytestmark = ON_SQLITE


@pytest.fixture
def waiting(school):
    """Dana, to whom Ana has written last, and Maya, to whom she wrote."""
    dana, ours = school.holder()
    ana = school.person("mobile", name="Ana Reyes")
    dana.settled(dana.send(school.person("mobile", name="Maya Torres"))["id"], "delivered")
    school.texts(ana.numbers[0], ours, "may i come at 3?")
    return dana


def test_from_the_sign_in_to_an_answered_text(waiting, page):
    """The list, a thread, an answer and the way on; no single key works inside a field."""
    press, write = page.keyboard.press, page.keyboard.type
    page.goto("/login")
    page.get_by_label("Email").focus()  # where the page begins
    write(waiting.email)
    press("Tab")
    write(PASSWORD)
    press("Enter")
    page.wait_for_url("**/inbox")
    press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    press("j")
    expect(row(page, "Ana Reyes").get_by_role("link")).to_be_focused()
    press("Enter")
    expect(page.locator("#thread h2").first).to_contain_text("Ana Reyes")
    press("r")
    expect(box(page)).to_be_focused()
    write("jerk, e/?n")
    press("Control+Enter")
    expect(item(page, "jerk, e/?n")).to_be_visible()
    press("Escape")
    press("s")
    expect(page.get_by_role("button", name="Tomorrow, 8:00 am").first).to_be_visible()
    press("Escape")
    press("/")
    expect(page.get_by_role("searchbox")).to_be_focused()
    press("Escape")
    press("?")
    expect(page.get_by_role("dialog", name="Keyboard shortcuts")).to_be_visible()
    press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    press("n")
    page.wait_for_url("**/inbox/new")


def test_the_same_while_nothing_is_live(waiting, opened, school):
    """The page works, says since when it is not live, and is refreshed by hand."""

    def cut(page):
        page.clock.install()
        Line(page).cut()

    page = opened(waiting, before=cut)
    press = page.keyboard.press
    page.clock.fast_forward(16_000)
    expect(page.locator("[data-live-banner]")).to_contain_text(re.compile("Not live since"))
    press("j")
    press("Enter")
    expect(page.locator("#thread h2").first).to_contain_text("Ana Reyes")
    press("r")
    page.keyboard.type("Yes, at 3")
    press("Control+Enter")
    expect(item(page, "Yes, at 3")).to_be_visible()
    press("Escape")
    (sent,) = waiting.api.get("/messages", params={"text": "Yes, at 3"}).json()["items"]
    waiting.settled(sent["id"], "delivered")
    page.get_by_role("button", name="Refresh now").focus()
    press("Enter")
    expect(item(page, "Yes, at 3")).to_contain_text("Delivered")
