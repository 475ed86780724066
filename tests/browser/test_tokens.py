"""API tokens on their page: made, shown once, copied, used, ended."""

from typing import Any

import httpx
import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.looking import SIZES, looked_at, wrong_with
from tests.browser.pages import ON_SQLITE
from tests.helpers import until
from tests.school import School

pytestmark = ON_SQLITE


def usage(school: School, token: str) -> int:
    headers = {"Authorization": f"Bearer {token}"}
    return httpx.get(f"{school.url}/api/v1/usage", headers=headers, trust_env=False).status_code


def listed(page: Page, name: str) -> Locator:
    return page.get_by_role("listitem").filter(has_text=name)


@pytest.mark.parametrize("size", SIZES)
def test_a_token_is_made_shown_once_and_ended(school, opened, size):
    window: dict[str, Any] = {"viewport": SIZES[size]}
    page = opened(school.admin(), permissions=["clipboard-read", "clipboard-write"], **window)
    page.locator("#account-menu summary").click()
    page.get_by_role("link", name="API tokens").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("API tokens")

    page.get_by_label("Only this:").check()
    page.get_by_role("button", name="Make token").click()
    page.get_by_label("What it is for").fill("reports")
    page.get_by_role("button", name="Make token").click()
    expect(page.get_by_text("Choose at least one.")).to_be_visible()
    wrong = looked_at(page)
    expect(page.get_by_label("What it is for")).to_have_value("reports")
    page.get_by_label("See people and their phones").check()
    page.get_by_role("button", name="Make token").click()
    expect(page.get_by_role("heading", name="Token “reports” is made")).to_be_visible()
    wrong += looked_at(page)
    token = page.get_by_label("Your new token").input_value()
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_text("Copied.")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == token

    expect(listed(page, "reports")).to_contain_text("Never used.")
    expect(listed(page, "reports")).to_contain_text("people.read")
    assert usage(school, token) == 200
    page.goto("/tokens")
    expect(page.get_by_label("Your new token")).to_have_count(0)
    assert token not in page.content()
    expect(listed(page, "reports")).to_contain_text("Last used: Today")
    page.get_by_role("button", name="Revoke reports").click()
    page.get_by_role("button", name="Revoke token").click()
    expect(page.get_by_text("The token is revoked.")).to_be_visible()
    expect(listed(page, "reports")).to_have_count(0)
    until(lambda: usage(school, token) == 401)
    assert wrong == []


def test_the_page_is_for_those_who_manage_tokens(school, opened):
    """D3"""
    page = opened(school.member())
    page.locator("#account-menu summary").click()
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()
    expect(page.get_by_role("link", name="API tokens")).to_have_count(0)
    answer = page.goto("/tokens")
    assert answer is not None
    assert answer.status == 403


def test_the_docs_are_read_by_keyboard(school, opened):
    """The list of what is there leads to it, and what may be refused opens with a key.

    The one page of /api/ is looked at here, and once: it is long.
    """
    page = opened(school.admin(), "/api/v1/docs", viewport={"width": 360, "height": 740})
    page.get_by_role("link", name="people", exact=True).focus()
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{school.url}/api/v1/docs#people")
    create = page.locator("#people_create")
    create.locator("summary").focus()
    page.keyboard.press("Enter")
    expect(create.get_by_text("idempotency_mismatch")).to_be_visible()
    assert wrong_with(page) == []
