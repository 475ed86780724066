"""Webhooks on their page: made, secret copied once, tested, watched live, sent again, deleted."""

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.looking import SIZES, looked_at
from tests.browser.pages import ON_POSTGRESQL
from tests.configuring import role
from tests.receiver import Receiver
from tests.school import School

pytestmark = ON_POSTGRESQL


def paused_renewed_and_deleted(page: Page, secret: str) -> list[str]:
    """What axe finds on the way."""
    page.get_by_role("button", name="Pause").click()
    expect(page.locator("#hook")).to_contain_text("Nothing is sent until it is resumed.")
    wrong = looked_at(page)
    page.get_by_role("button", name="Resume").click()
    expect(page.get_by_text("The webhook is resumed.")).to_be_visible()
    page.get_by_role("button", name="Renew secret").click()
    page.get_by_role("dialog").get_by_role("button", name="Renew secret").click()
    expect(page.get_by_role("heading", name="The secret is renewed")).to_be_visible()
    assert page.get_by_label("Its secret").input_value() != secret
    page.get_by_role("button", name="Delete webhook").click()
    wrong += looked_at(page)
    page.get_by_role("dialog").get_by_role("button", name="Delete webhook").click()
    expect(page.get_by_text("The webhook is deleted.")).to_be_visible()
    expect(page.get_by_text("No other system is told anything")).to_be_visible()
    return wrong


@pytest.mark.parametrize("size", SIZES)
def test_another_system_is_told_and_the_page_shows_it_live(school: School, opened, size):
    window: dict[str, Any] = {"viewport": SIZES[size]}
    page = opened(
        school.admin(), "/settings", permissions=["clipboard-read", "clipboard-write"], **window
    )
    page.get_by_role("navigation", name="SMS Configuration").get_by_text("Webhooks").click()
    expect(page.get_by_text("No other system is told anything")).to_be_visible()
    wrong = looked_at(page)
    page.get_by_label("Address").fill("https://192.168.0.7/told")
    page.get_by_role("button", name="Make webhook").click()
    expect(page.get_by_text("This address lies inside a network.")).to_be_visible()
    expect(page.get_by_text("Choose at least one.")).to_be_visible()
    expect(page.get_by_label("Address")).to_have_value("https://192.168.0.7/told")
    wrong += looked_at(page)

    with Receiver.listening() as receiver:
        receiver.says(500)
        page.get_by_label("Address").fill(receiver.url)
        page.get_by_label("A number of yours was given to somebody").check()
        page.get_by_role("button", name="Make webhook").click()
        expect(page.get_by_role("heading", name="The webhook is made")).to_be_visible()
        wrong += looked_at(page)
        secret = page.get_by_label("Its secret").input_value()
        page.get_by_role("button", name="Copy").click()
        expect(page.get_by_text("Copied.")).to_be_visible()
        assert page.evaluate("navigator.clipboard.readText()") == secret

        page.get_by_role("button", name="Send a test event").click()
        test = page.get_by_role("row").filter(has_text="webhook.test")
        expect(test).to_contain_text("Answered 500")
        expect(test).to_contain_text("Trying again")
        expect(page.locator("#hook")).to_contain_text("Failing")
        assert secret not in page.content()
        wrong += looked_at(page)
        receiver.says(204)
        expect(test).to_contain_text("Delivered")
        expect(page.locator("#hook")).to_contain_text("Working")
        school.holder()
        event = page.get_by_role("row").filter(has_text="number.assigned")
        expect(event).to_contain_text("Delivered")
        wrong += looked_at(page)

        before = len(receiver.took)
        event.get_by_role("button", name="Send again").click()
        expect(page.get_by_text("The event is sent again.")).to_be_visible()
        expect(event).to_contain_text("Delivered")
        assert len(receiver.took) == before + 1

        wrong += paused_renewed_and_deleted(page, secret)
    assert wrong == []


def test_the_tab_is_for_those_who_manage_tokens(school: School, opened):
    """D3: a Manager sees no settings at all; who changes settings alone sees no webhooks."""
    registrar = role(school, "Registrar", "settings.edit")
    page = opened(school.member(registrar, name="Ana Ruiz"), "/settings")
    expect(page.get_by_role("heading", level=1)).to_have_text("SMS Configuration")
    expect(page.get_by_role("link", name="Webhooks")).to_have_count(0)
    answer = page.goto("/settings/webhooks")
    assert answer is not None
    assert answer.status == 403
