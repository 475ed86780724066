"""The overview of messages with two browsers: rows change where they are, a picked one stays
picked, and a text is sent again by its button (S4-24..S4-31)."""

import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.looking import SIZES, looked_at
from tests.browser.pages import ON_POSTGRESQL
from tests.helpers import until
from tests.test_workbooks import cells

pytestmark = ON_POSTGRESQL


def row(page: Page, text: str) -> Any:
    return page.locator(".messages tbody tr").filter(has_text=text)


def live(page: Page) -> None:
    expect(page.locator(".live[data-live-state=live]")).to_have_count(1)


@pytest.mark.parametrize("size", SIZES)
def test_a_status_changes_before_two_who_look(school, opened, size):
    """S4-25, S4-26: in place, also where the filter would no longer find it; what is picked stays
    picked, and what is new is counted until it is asked for."""
    dana, _ = school.holder()
    maya, noor = school.person("mobile"), school.person("mobile", name="Noor Aziz")
    school.carrier.handset(maya.numbers[0], behaviour="silent")
    sent = dana.send(maya, "The door is open")
    dana.settled(sent["id"], "accepted", "sent")
    (text,) = school.ledger(maya.numbers[0])
    page = opened(dana, "/messages?status=accepted&status=sent")
    boss = opened(school.admin(), "/messages", viewport=SIZES[size])
    for each in (page, boss):
        live(each)
        row(each, "The door is open").get_by_role("radio").check()
        expect(each.locator("#picked")).to_contain_text("1 selected")
    button = page.get_by_role("button", name="Resend SMS")
    expect(button).to_be_enabled()
    expect(boss.locator("#picked")).to_contain_text("Take this conversation over")
    wrong = looked_at(page) + looked_at(boss)
    school.carrier.callback(text["sid"], "delivered")
    for each in (page, boss):
        expect(row(each, "The door is open")).to_contain_text("Delivered")
        expect(row(each, "The door is open").get_by_role("radio")).to_be_checked()
    expect(button).to_be_disabled()
    expect(page.locator("#picked")).to_contain_text("It has arrived.")
    dana.send(noor, "Something new")
    expect(boss.get_by_role("link", name="1 new")).to_be_visible()
    expect(row(boss, "Something new")).to_have_count(0)
    boss.get_by_role("link", name="1 new").click()
    expect(row(boss, "Something new")).to_have_count(1)
    wrong += looked_at(boss)
    assert wrong == []


def test_the_first_row_comes_to_a_list_that_was_empty(school, opened):
    """S4-26: in its place, with nothing else of the page."""
    dana, _ = school.holder()
    page = opened(dana, "/messages?text=door")
    live(page)
    expect(page.get_by_text("Nothing matches")).to_be_visible()
    dana.send(school.person("mobile"), "The door is open")
    expect(row(page, "The door is open")).to_have_count(1)
    expect(page.locator("header, h1")).to_have_count(2)
    assert looked_at(page) == []


def test_a_text_is_sent_again_by_its_button(school, opened):
    """S4-4, S4-29..S4-31: confirmed by name; the new row is marked, the old one stays; the other
    one who looks sees that it can be sent no more."""
    dana, _ = school.holder()
    maya = school.person("mobile")
    school.carrier.handset(maya.numbers[0], behaviour="undelivered", code=30008)
    sent = dana.send(maya, "The door is open")
    dana.settled(sent["id"], "undelivered")
    school.carrier.handset(maya.numbers[0], behaviour="delivered")
    page = opened(dana, "/messages?text=door")
    expect(page.get_by_role("button", name="Resend SMS")).to_have_count(0)
    row(page, "Undelivered").get_by_role("radio").check()
    page.get_by_role("button", name="Resend SMS").click()
    expect(page.get_by_text("Text to Maya Torres is queued again.")).to_be_visible()
    expect(page).to_have_url(f"{school.url}/messages?text=door")
    expect(page.locator(".messages tbody tr")).to_have_count(2)
    new, old = page.locator(".messages tbody tr").nth(0), page.locator(".messages tbody tr").nth(1)
    expect(new.get_by_label("Resent")).to_be_visible()
    expect(new).to_contain_text("Delivered")
    expect(old).to_contain_text("Undelivered")
    assert len(until(lambda: school.ledger(maya.numbers[0]))) == 2
    old.get_by_role("radio").check()
    expect(page.get_by_role("button", name="Resend SMS")).to_be_disabled()
    expect(page.locator("#picked")).to_contain_text("This was sent again already")


def test_filters_stay_in_the_address(school, opened):
    """S4-8..S4-11: while typing; a chip takes one away; the meaning of a status by keyboard."""
    dana, _ = school.holder()
    dana.settled(dana.send(school.person("mobile"), "The door is open")["id"], "delivered")
    page = opened(dana, "/messages")
    page.get_by_label("Text", exact=True).fill("door")
    expect(page).to_have_url(re.compile(r"text=door"))
    again = page.get_by_role("link", name="Refresh")
    expect(again).to_have_attribute("href", re.compile("text=door"))
    expect(page.locator(".messages tbody tr")).to_have_count(1)
    page.locator("#statuses summary").click()
    page.get_by_label("Delivered", exact=True).check()
    page.get_by_label("Received", exact=True).check()
    expect(page.locator("#status-chosen")).to_have_text("2 chosen")
    page.keyboard.press("Escape")
    page.reload()
    expect(page.locator("#status-chosen")).to_have_text("2 chosen")
    page.get_by_role("link", name="Without Delivered").click()
    expect(page.get_by_text("Nothing matches")).to_be_visible()
    page.get_by_role("link", name="Clear all").first.click()
    expect(page.locator(".messages tbody tr")).to_have_count(2)
    row(page, "door").get_by_role("link").focus()
    page.keyboard.press("Tab")
    tip = row(page, "door").locator(".tip-text")
    expect(tip).to_have_text("The phone confirmed it. Also called “Received”.")
    expect(tip).to_be_visible()
    assert looked_at(page) == []


def test_a_file_that_takes_long_shows_how_far_it_is_and_can_be_stopped(school, opened):
    """S4 overview, exported: as a workbook and as CSV; the page says what happens meanwhile."""
    dana, _ = school.holder()
    dana.settled(dana.send(school.person("mobile"), "See you on Tuesday")["id"], "delivered")
    page = opened(school.admin(), "/messages")
    asked = []
    page.route("**/messages/export**", lambda route: asked.append(route))
    page.get_by_text("Export", exact=True).click()
    page.get_by_role("link", name="CSV").click()
    expect(page.get_by_text("Making the file")).to_be_visible()
    assert looked_at(page) == []
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_text("Stopped. No file was made.")).to_be_visible()
    expect(page.get_by_text("Making the file")).to_have_count(0)
    page.unroute("**/messages/export**")
    page.get_by_text("Export", exact=True).click()
    with page.expect_download() as got:
        page.get_by_role("link", name="Excel").click()
    assert re.fullmatch(r"messages-\d{4}-\d\d-\d\d\.xlsx", got.value.suggested_filename)
    rows = cells(Path(got.value.path()).read_bytes())
    assert [row[-1] for row in rows] == ["Text", "See you on Tuesday", "Hello"]
