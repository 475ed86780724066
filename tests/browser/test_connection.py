"""The provider page in the browser: what asks Twilio says so while it waits, and what it shows is
mended on the spot (C-31)."""

import secrets

import pytest
from playwright.sync_api import expect

from tests.browser.looking import SIZES, looked_at
from tests.browser.pages import ON_POSTGRESQL, shown_number
from tests.browser.test_configuration import window
from tests.school import new_number

pytestmark = ON_POSTGRESQL


@pytest.mark.parametrize("size", SIZES)
def test_the_connection_is_tested_and_mended(school, opened, size):
    astray, _ = school.pool(2)
    unknown = new_number()
    school.carrier.number(school.account_sid, unknown)
    school.carrier.set_number(school.account_sid, astray, sms_url="https://old.example/sms")
    page = opened(school.admin(), "/settings/twilio", **window(size))
    page.get_by_role("link", name="Connection, self-test and registration").click()
    expect(page.get_by_role("heading", name="Twilio account")).to_be_visible()
    wrong = looked_at(page)
    page.get_by_role("button", name="Test the way there and back").click()
    expect(page.locator("#self-test li.tone-text")).to_have_count(5)
    page.get_by_role("button", name="Compare the numbers").click()
    differing = page.locator("#compared .differing li")
    expect(differing).to_have_count(2)
    wrong += looked_at(page)
    differing.filter(has_text=shown_number(astray)).get_by_role("button").click()
    asked = page.locator("#confirm")
    expect(asked).to_contain_text(f"Set {shown_number(astray)} right?")
    wrong += looked_at(page)
    asked.get_by_role("button", name="Set it right").click()
    expect(page.get_by_text(f"What comes to {shown_number(astray)} comes in here")).to_be_visible()
    expect(differing).to_have_count(1)
    differing.get_by_role("button", name="Add").click()
    expect(page.get_by_text("1 number is in the pool.")).to_be_visible()
    expect(page.locator("#compared")).to_contain_text("3 numbers are right")
    page.get_by_role("button", name="Ask Twilio about it").click()
    expect(page.locator("#registered")).to_contain_text("In no campaign")
    wrong += looked_at(page)
    assert wrong == []


def test_while_twilio_is_silent_the_page_says_that_it_waits(school, opened):
    """Then that there was no answer; and what was typed stays in the field."""
    page = opened(school.admin(), "/settings/twilio/connection")
    school.carrier.fault(school.account_sid, "reading_hangs")
    token = page.get_by_label("Auth token")
    token.fill(school.account_secret)
    page.get_by_role("button", name="Test and save").click()
    expect(page.locator("#account-waiting")).to_be_visible()
    tested = page.locator("#tested")
    expect(tested).to_contain_text("The provider could not be asked: no answer in time.")
    expect(page.locator("#account-waiting")).to_be_hidden()
    expect(token).to_have_value(school.account_secret)
    wrong = looked_at(page)
    tested.get_by_label("Save it without a test").check()
    page.get_by_role("button", name="Test and save").click()
    expect(page.get_by_text("The account is saved.")).to_be_visible()
    expect(token).to_have_value("")
    assert wrong == []


def test_a_wrong_token_is_refused_and_another_admin_sees_what_is_saved(school, opened):
    kim = school.member("Administrator", name="Kim Alvarez")
    page, other = (opened(each, "/settings/twilio/connection") for each in (school.admin(), kim))
    expect(other.locator(".live[data-live-state=live]")).to_have_count(1)
    page.get_by_label("Auth token").fill(secrets.token_hex(16))
    page.get_by_role("button", name="Test and save").click()
    expect(page.get_by_role("alert")).to_contain_text("does not accept this account SID and token")
    expect(page.get_by_label("Save it without a test")).to_have_count(0)
    expect(other.locator("#account-now")).to_contain_text("Twilio answers.")
    page.get_by_label("Auth token").fill("")
    page.get_by_label("Who answers STOP").select_option("ours")
    page.get_by_role("button", name="Test and save").click()
    expect(page.get_by_text("The account is saved.")).to_be_visible()
    expect(other.locator("#account-now")).to_contain_text("Replyline answers.")
