"""The audit log: from a saved setting to what was changed, filtered while one types, and taken
away as a file."""

import csv
import io
import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.looking import SIZES, looked_at
from tests.browser.pages import ON_POSTGRESQL

pytestmark = ON_POSTGRESQL


def entries(page: Page) -> Locator:
    return page.locator(".log tbody tr")


@pytest.mark.parametrize("size", SIZES)
def test_an_administrator_sees_who_changed_what_and_takes_it_away(school, opened, size):
    window: dict[str, Any] = {"viewport": SIZES[size]}
    tomas = school.person("mobile", name="Tomás Herrera")
    school.set_status(tomas, 0, "disabled")
    page = opened(school.admin(), "/settings", **window)
    page.get_by_label("SMS Message Limit").fill("500")
    page.get_by_role("button", name="Save settings").click()
    expect(page.get_by_text("The settings are saved.")).to_be_visible()
    page.get_by_role("link", name="What was changed").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Audit log")
    newest = entries(page).first
    expect(newest).to_contain_text("Priya Shah")
    expect(newest).to_contain_text("changed the settings, version 2")
    expect(newest.locator(".changed dt")).to_have_text("SMS Message Limit")
    expect(newest.locator(".was")).to_contain_text("none")
    expect(newest.locator(".now")).to_contain_text("500")
    expect(entries(page)).to_have_count(2)
    wrong = looked_at(page)

    page.locator(".chip").filter(has_text="Settings").click()
    expect(page).to_have_url(re.compile("/audit$"))
    page.wait_for_load_state()  # what is typed before its script is there is not looked for
    everything = entries(page).count()
    assert everything > 4
    page.get_by_label("About whom or what").press_sequentially("herr")
    expect(entries(page)).to_have_count(1)
    expect(entries(page)).to_contain_text("of Tomás Herrera to SMS Disabled")
    expect(page).to_have_url(re.compile("q=herr"))
    if size == "phone":
        page.get_by_text("Filters", exact=True).click()
    page.get_by_label("Who did it").select_option("The command line")
    expect(page.locator("#filters-on")).to_have_text("Filters, 1 on")
    expect(page.get_by_role("heading", name="Nothing matches")).to_be_visible()
    wrong += looked_at(page)
    page.get_by_label("Who did it").select_option("Priya Shah")
    expect(page.locator(".chip")).to_have_text(["“herr”", "By Priya Shah"])
    with page.expect_download() as downloading:
        page.get_by_text("Export", exact=True).click()
        page.get_by_role("link", name="CSV").click()
    assert re.fullmatch(r"audit-log-\d{4}-\d\d-\d\d\.csv", downloading.value.suggested_filename)
    text = Path(downloading.value.path()).read_text(encoding="utf-8-sig")
    [row] = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    assert row["What"].endswith("of Tomás Herrera to SMS Disabled")

    page.get_by_label("To", exact=True).fill("2020-01-02")
    page.get_by_label("From", exact=True).fill("2020-01-03")
    expect(page.get_by_role("alert")).to_contain_text("The last day is before the first one.")
    wrong += looked_at(page)
    page.get_by_label("From", exact=True).fill("2020-01-01")
    expect(page.get_by_role("heading", name="Nothing matches")).to_be_visible()
    page.get_by_role("link", name="Clear all").first.click()
    expect(entries(page)).to_have_count(everything + 1)
    expect(entries(page).first).to_contain_text("exported the audit log")
    page.get_by_role("link", name=re.compile(r"\(\d{3}\)")).first.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Tomás Herrera")
    page.go_back()
    expect(page.get_by_role("heading", level=1)).to_have_text("Audit log")
    assert wrong == []
