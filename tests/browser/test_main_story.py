"""The main story, as Dana sees it, as Priya sees it, and on the student's phone."""

import re

from playwright.sync_api import expect

from tests.browser.pages import (
    box,
    item,
    line,
    marker,
    phones,
    row,
    send,
    send_button,
    shown_number,
)
from tests.helpers import until


def on_the_phone(context, school, person, name):
    """The page of the practice phones, and the phone of this person on it."""
    school.carrier.handset(person.numbers[0], name=name)
    page = context.new_page()
    page.goto(school.carrier.base_url)
    phone = page.get_by_role("article", name=name)
    expect(phone).to_be_visible()
    return phone


def test_text_answer_stop_and_start(school, opened, new_context):
    """S0-3, S3-24, S3-30, S3-51, S3-54, S3-58, S3-62, S4-48, D14, D16, D18: whoever looks sees it
    without a click."""
    (ours,) = school.pool(1)
    dana, maya = school.member(), school.person("mobile", "home")
    to, from_ = shown_number(maya.numbers[0]), shown_number(ours)

    page = opened(dana)
    page.get_by_role("link", name="New text").first.click()
    page.wait_for_url("**/inbox/new")
    page.get_by_role("searchbox", name="Search people").fill("torr")
    page.get_by_role("link", name="Maya Torres").click()
    by_text = f"Text to {to} from your number {from_}"
    expect(line(page)).to_have_text(f"{by_text} (yours from this text on)")
    box(page).fill("How is the term going?")
    expect(page.locator(".counter")).to_have_text("Length: 1 text, 138 left")
    send_button(page).click()
    expect(page).to_have_url(re.compile(r"/inbox/\d+$"))
    expect(item(page, "How is the term going?")).to_contain_text("Delivered")
    expect(line(page)).to_have_text(by_text)

    other = opened(school.admin(), page.url.removeprefix(school.url))
    expect(phones(other)).to_have_text(["SMS Default", "SMS Default"])

    phone = on_the_phone(new_context(), school, maya, "Maya Torres, tested")
    expect(phone.get_by_role("log")).to_contain_text("How is the term going?")
    phone.get_by_role("textbox", name="Text message").fill("Fine, thanks")
    phone.get_by_role("button", name="Send text").click()
    for browser in (page, other):
        expect(item(browser, "Fine, thanks")).to_be_visible()
    expect(row(page, "Maya Torres")).to_contain_text("Fine, thanks")

    phone.get_by_role("button", name="STOP").click()
    expect(phones(other)).to_have_text(["SMS Disabled", "SMS Disabled"])
    for browser in (page, other):
        expect(marker(browser, "Maya texted STOP and is opted out")).to_be_visible()
        expect(browser.locator(".bubble", has_text="STOP")).to_have_count(0)
    expect(line(page)).to_have_text(f"Email to {maya.email}, because Maya opted out of texts")
    expect(send_button(page)).to_have_text("Send email")
    send(page, "Your hold is cleared")
    for browser in (page, other):
        sheet = item(browser, "Your hold is cleared")
        expect(sheet.locator(".strip")).to_have_text("Went by email: Maya opted out of texts")
        expect(sheet.locator(".status")).to_have_text("Email sent")
    (mail,) = until(lambda: school.mails(maya.email))
    assert "Your hold is cleared" in mail["text"]

    phone.get_by_role("button", name="START").click()
    expect(phones(other)).to_have_text(["SMS Enabled", "SMS Disabled"])
    expect(marker(page, "Maya texted START and is opted in")).to_be_visible()
    expect(line(page)).to_have_text(by_text)
    send(page, "Welcome back")
    expect(item(page, "Welcome back")).to_contain_text("Delivered")
    assert [t["body"] for t in school.ledger()] == ["How is the term going?", "Welcome back"]
