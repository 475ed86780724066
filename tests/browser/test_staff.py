"""Staff and roles on their pages: invited by mail, changed, given another password, deactivated."""

import re
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.looking import SIZES, looked_at
from tests.browser.pages import ON_POSTGRESQL, fill_sign_in, shown_number

pytestmark = ON_POSTGRESQL


def line(page: Page, name: str) -> Locator:
    return page.get_by_role("row").filter(has_text=name)


@pytest.mark.parametrize("size", SIZES)
def test_a_colleague_is_invited_chooses_a_password_and_signs_in(school, opened, page, size):
    """D3: by mail, with a link that works once."""
    window: dict[str, Any] = {"viewport": SIZES[size]}
    admin = opened(school.admin(), "/staff", **window)
    admin.get_by_role("link", name="Invite").click()
    admin.get_by_label("Name").fill("Nia Fox")
    admin.get_by_label("Email").fill(school.admin().email)
    admin.get_by_label("Advisor").check()
    admin.get_by_role("button", name="Send invitation").click()
    expect(admin.get_by_text("Somebody has this email address already.")).to_be_visible()
    wrong = looked_at(admin)
    expect(admin.get_by_label("Advisor")).to_be_checked()
    email = f"nia.{school.id}@northfield.example"
    admin.get_by_label("Email").fill(email)
    admin.get_by_role("button", name="Send invitation").click()
    expect(line(admin, "Nia Fox")).to_contain_text("Invited")
    wrong += looked_at(admin)

    page.goto("/login")
    fill_sign_in(page, email, "")
    page.get_by_label("Password").fill("whatever it may be")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_contain_text("do not match")
    path = school.password_link(email)
    page.goto(path)
    page.get_by_label("New password").fill("a good new password")
    page.get_by_label("The same again").fill("another one, though")
    page.get_by_role("button", name="Set password").click()
    expect(page.get_by_text("The two are not the same.")).to_be_visible()
    wrong += looked_at(page)
    page.get_by_label("New password").fill("a good new password")
    page.get_by_label("The same again").fill("a good new password")
    page.get_by_role("button", name="Set password").click()
    expect(page.get_by_text("Your password is set.")).to_be_visible()
    fill_sign_in(page, email, "a good new password")
    expect(page).to_have_url(re.compile("/inbox$"))
    page.goto(path)
    expect(page.get_by_role("heading", level=1)).to_have_text("This link does not work any more")
    wrong += looked_at(page)
    expect(line(admin, "Nia Fox")).to_contain_text("Active")
    assert wrong == []


def test_a_forgotten_password_is_replaced_and_old_sessions_end(school, opened, page):
    """The sign-in page tells nobody which addresses are known."""
    dana = school.member()
    before = opened(dana, "/profile")
    page.goto("/login")
    page.get_by_role("link", name="Forgot your password?").click()
    page.get_by_label("Email").fill(dana.email)
    page.get_by_role("button", name="Send the link").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Look into your mail")
    assert looked_at(page) == []
    page.goto(school.password_link(dana.email))
    page.get_by_label("New password").fill("quite another password")
    page.get_by_label("The same again").fill("quite another password")
    page.get_by_role("button", name="Set password").click()
    expect(page).to_have_url(re.compile("/login$"))
    before.reload()
    expect(before).to_have_url(re.compile("/login"))


def test_staff_are_found_and_sorted(school, opened):
    """By name, mail, role and the end of their number; without case and accents."""
    _, ours = school.holder(name="Zoë Ångström")
    school.member("Responder", name="Rosa Diaz")
    page = opened(school.admin(), "/staff")
    rows = page.locator("tbody th a")
    expect(rows).to_have_text(["Priya Shah", "Rosa Diaz", "Zoë Ångström"])
    expect(line(page, "Zoë")).to_contain_text(shown_number(ours))
    page.get_by_role("link", name="Name").click()
    expect(page.get_by_role("columnheader", name="Name")).to_have_attribute(
        "aria-sort", "descending"
    )
    expect(rows).to_have_text(["Zoë Ångström", "Rosa Diaz", "Priya Shah"])
    page.wait_for_load_state()
    for typed, found in (("angst", "Zoë Ångström"), (ours[-4:], "Zoë"), ("respon", "Rosa Diaz")):
        page.get_by_label("Search staff").fill(typed)
        expect(rows).to_have_count(1)
        expect(rows).to_contain_text(found)
    page.get_by_label("Search staff").fill("grnat")
    expect(page.get_by_role("heading", name="Nobody matches “grnat”")).to_be_visible()
    assert looked_at(page) == []


def test_a_role_is_made_changed_and_deleted(school, opened):
    """D3, S3-13: the matrix says it in words; student roles never hold a number (S3-42)."""
    page = opened(school.admin(), "/staff/roles")
    right = page.get_by_role("row").filter(has_text="text.start")
    expect(right.get_by_role("img", name="Yes")).to_have_count(3)
    expect(right).to_contain_text("Never")
    page.get_by_role("link", name="Add role").click()
    page.get_by_label("Name").fill("Advisor")
    page.get_by_label("Start conversations, and hold a number").check()
    page.get_by_role("button", name="Add role").click()
    expect(page.get_by_text("There is a role of this name already.")).to_be_visible()
    assert looked_at(page) == []
    page.get_by_label("Name").fill("Tutor")
    page.get_by_role("button", name="Add role").click()
    expect(right.get_by_role("img", name="Yes")).to_have_count(4)
    page.get_by_role("link", name="Tutor").click()
    page.get_by_label("Name").fill("Coach")
    page.get_by_label("Start conversations, and hold a number").uncheck()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("columnheader", name="Coach")).to_be_visible()
    expect(right.get_by_role("img", name="Yes")).to_have_count(3)
    page.get_by_role("link", name="Coach").click()
    page.get_by_role("button", name="Delete role").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete role").click()
    expect(page.get_by_text("The role Coach is deleted.")).to_be_visible()
    expect(page.get_by_role("columnheader", name="Coach")).to_have_count(0)


def test_the_profile_is_ones_own(school, opened):
    """Name, zone, password and browsers."""
    dana = school.member()
    other = opened(dana)
    page = opened(dana, "/profile")
    page.get_by_label("Time zone").fill("Europe/Nowhere")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Europe/Nowhere is not a time zone")).to_be_visible()
    page.get_by_label("Time zone").fill("Europe/Berlin")
    page.get_by_label("Name").fill("Dana Whitfield-Ross")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#account-menu summary")).to_contain_text("Dana Whitfield-Ross")
    expect(page.get_by_text("Times are shown in Europe/Berlin now")).to_be_visible()
    page.get_by_role("button", name="Sign out everywhere else").click()
    expect(page.get_by_text("You are signed in nowhere else.")).to_be_visible()
    expect(other).to_have_url(re.compile("/login"))
