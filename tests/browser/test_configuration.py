"""SMS Configuration in the browser: the count before it is saved, fields at the cursor, questions
in the dialog, and numbers that change under two who look at them."""

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.looking import SIZES, looked_at
from tests.browser.pages import ON_SQLITE, shown_number
from tests.school import School

pytestmark = ON_SQLITE


def window(size: str) -> dict[str, Any]:
    return {"viewport": SIZES[size]}


def version(school: School) -> int:
    return int(school.admin().api.get("/settings").json()["version"])


def row(page: Page, name: str) -> Any:
    return page.locator(".numbers tbody tr").filter(has_text=name)


@pytest.mark.parametrize("size", SIZES)
def test_whom_a_default_moves_is_seen_while_choosing(school, opened, size):
    """S3-2..S3-6, S3-72, D43"""
    school.person("mobile")
    school.person("home")
    page = opened(school.admin(), **window(size))
    menu = page.get_by_role("navigation", name="Main", exact=True)
    if size == "phone":
        menu = page.get_by_role("navigation", name="Main, bottom")
        menu.get_by_text("More").click()
    menu.get_by_role("link", name="Settings").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("SMS Configuration")
    tabs = page.get_by_role("navigation", name="SMS Configuration").get_by_role("link")
    expect(tabs).to_have_text(["General Settings", "Email Notifications", "Twilio", "Webhooks"])
    students = page.get_by_role("group", name="Student SMS Default Status")
    students.get_by_label("Opted out").check()
    expect(page.locator("#effect")).to_contain_text("1 person stops being textable")
    wrong = looked_at(page)
    students.get_by_label("Opted in").check()
    expect(page.locator("#effect p")).to_have_count(0)
    page.get_by_label("Default SMS Phone Type").select_option("home")
    expect(page.locator("#effect")).to_contain_text("1 person becomes textable. 1 person stops")
    page.get_by_label("First contact line").fill("Northfield College. STOP ends texts.")
    expect(page.locator("#first-length")).to_contain_text("36 characters.")
    page.get_by_label("Longest text, in characters").fill("1601")
    page.get_by_role("button", name="Save settings").click()
    expect(page.locator("#max_length-error")).to_contain_text("Between 1 and 1,600")
    wrong += looked_at(page)
    assert version(school) == 1
    page.get_by_label("Longest text, in characters").fill("900")
    page.get_by_role("button", name="Save settings").click()
    expect(page.get_by_text("The settings are saved.")).to_be_visible()
    found = school.admin().api.get("/settings").json()
    assert (found["default_phone_type"], found["max_length"]) == ("home", 900)
    assert wrong == []


def test_two_admins_save_at_once(school, opened):
    """C-37: the second one sees the difference, in a browser of their own."""
    kim = school.member("Administrator", name="Kim Alvarez")
    first, second = opened(school.admin(), "/settings"), opened(kim, "/settings")
    for page, days in ((first, "7"), (second, "30")):
        page.get_by_label("Days before a number is given again").fill(days)
    first.get_by_role("button", name="Save settings").click()
    expect(first.get_by_text("The settings are saved.")).to_be_visible()
    second.get_by_role("button", name="Save settings").click()
    told = second.locator("#overtaken")
    expect(told).to_contain_text("Priya Shah saved these settings a moment ago")
    expect(second.get_by_label("Days before a number is given again")).to_have_value("30")
    wrong = looked_at(second)
    told.get_by_label("Saved by Priya Shah").check()
    told.get_by_role("button", name="Save what is chosen").click()
    expect(second.get_by_text("The settings are saved.")).to_be_visible()
    assert school.admin().api.get("/settings").json()["cool_off_days"] == 7
    assert wrong == []


def test_an_email_is_worded_with_its_preview_beside_it(school, opened):
    """S3-16: a field goes in at the cursor; the test mail leaves; the standard text comes back."""
    page = opened(school.admin(), "/settings/email")
    form = page.locator("#fallback_email")
    form.get_by_label("Subject").fill("From ")
    form.get_by_role("button", name="Insert {sender}").click()
    expect(form.get_by_label("Subject")).to_have_value("From {sender}")
    expect(form.get_by_role("region", name="Preview")).to_contain_text("From Priya Shah")
    form.get_by_label("Text of").fill("Hello {nobody}")
    expect(form.get_by_text("{nobody} is no field")).to_be_visible()
    expect(form.get_by_text("{text} is missing")).to_be_visible()
    wrong = looked_at(page)
    form.get_by_role("button", name="Send a test to myself").click()
    expect(page.get_by_text("A test is on its way to")).to_be_visible()
    form.get_by_role("button", name="Save").click()
    expect(page.get_by_text("The fallback email is saved.")).to_be_visible()
    form.get_by_role("button", name="Use the standard text").click()
    expect(form.get_by_label("Subject")).to_have_value("A message from {sender} at {institution}")
    assert wrong == []


@pytest.mark.parametrize("size", SIZES)
def test_numbers_are_handed_on_and_taken_back_before_two_who_look(school, opened, size):
    """S3-29, S3-34, S3-78, D25: asked in the dialog; the other admin's page follows by itself."""
    _, ours = school.holder()
    school.member(name="Imani Carter")
    kim = school.member("Administrator", name="Kim Alvarez")
    page, other = (opened(m, "/settings/twilio", **window(size)) for m in (school.admin(), kim))
    for each in (page, other):
        expect(each.locator(".live[data-live-state=live]")).to_have_count(1)
    row(page, "Dana Whitfield").get_by_role("link", name="Reassign").click()
    dialog = page.locator("#dialog")
    expect(dialog.get_by_role("heading")).to_have_text(f"Reassign {shown_number(ours)}")
    page.get_by_label("New holder", exact=True).select_option(label="Imani Carter, Advisor")
    wrong = looked_at(page)
    dialog.get_by_role("button", name="Reassign").click()
    expect(page.get_by_text("is Imani Carter’s now.")).to_be_visible()
    expect(row(other, "Imani Carter")).to_contain_text(shown_number(ours))
    expect(page.locator(".live[data-live-state=live]")).to_have_count(1)  # the script is there
    row(page, "Imani Carter").get_by_role("link", name="Delete the assignment").click()
    expect(dialog).to_contain_text("leaves Imani Carter for good and becomes free")
    wrong += looked_at(page)
    dialog.get_by_role("button", name="Cancel").click()
    expect(dialog).to_be_hidden()
    expect(row(page, "Imani Carter")).to_be_visible()
    row(page, "Imani Carter").get_by_role("link", name="Delete the assignment").click()
    dialog.get_by_role("button", name="OK, delete assignment").click()
    expect(page.get_by_text("Imani Carter holds no number now.")).to_be_visible()
    expect(other.get_by_text("Nobody has a number yet")).to_be_visible()
    other.get_by_role("link", name="1 free").click()
    other.locator("summary[aria-label^='More for']").click()
    wrong += looked_at(other)
    other.get_by_role("link", name="Retire this number").click()
    other.locator("#dialog").get_by_role("button", name="Retire number").click()
    expect(other.get_by_text("leaves the pool for good.")).to_be_visible()
    expect(page.get_by_role("link", name="1 retired")).to_be_visible()
    assert wrong == []


def test_the_month_counts_while_one_looks(school, opened):
    """S3-18: used of the limit, and the same numbers as a table."""
    dana, _ = school.holder()
    school.settings(message_limit=5)
    page = opened(school.admin(), "/settings/twilio")
    expect(page.locator(".figure").first).to_have_text("1 of 5")
    expect(page.locator(".live[data-live-state=live]")).to_have_count(1)
    dana.send(school.person("mobile"))
    expect(page.locator(".figure").first).to_have_text("2 of 5")
    page.get_by_text("Day by day as a table").click()
    expect(page.locator(".days tbody tr").first).to_contain_text("2")
    assert looked_at(page) == []


def test_a_search_stays_in_the_grid(school, opened):
    """S3-29: while typing, with what is found in place."""
    school.pool(2)
    for name in ("Ana Ruiz", "Bo Lind"):
        school.member(name=name).send(school.person("mobile"))
    page = opened(school.admin(), "/settings/twilio")
    page.get_by_role("searchbox", name="Search numbers").fill("ruiz")
    expect(row(page, "Bo Lind")).to_have_count(0)
    expect(row(page, "Ana Ruiz")).to_have_count(1)
    expect(page).to_have_url(f"{school.url}/settings/twilio?q=ruiz")
    page.get_by_role("link", name="Person", exact=True).click()
    expect(page).to_have_url(f"{school.url}/settings/twilio?q=ruiz&sort=person&order=up")
    expect(row(page, "Bo Lind")).to_have_count(0)
    expect(page.locator(".live[data-live-state=live]")).to_have_count(1)
    page.get_by_role("searchbox", name="Search numbers").fill("nobody at all")
    expect(page.get_by_text("Nothing matches “nobody at all”")).to_be_visible()
    assert looked_at(page) == []
