"""Send SMS in the browser: the dialog over the overview and the page without script (S4-27..S4-49).
What is refused, and forged forms, are in tests/flows/test_send_sms_input.py."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.looking import SIZES, looked_at
from tests.browser.pages import ON_SQLITE, line, send_button, shown_number
from tests.school import new_number

pytestmark = ON_SQLITE


def text(page: Page):
    return page.get_by_role("textbox", name="SMS text")


def number(page: Page):
    return page.get_by_role("textbox", name="Phone number", exact=True)


def phone(page: Page):
    return page.get_by_role("combobox", name="Phone")


def dialog(page: Page):
    return page.get_by_role("dialog", name="Send SMS")


def keep(page: Page):
    return page.get_by_label("Keep window open")


def open_dialog(page: Page) -> None:
    page.get_by_role("link", name="Send SMS").first.click()
    expect(dialog(page)).to_be_visible()


def pick(page: Page, body: str, name: str) -> None:
    """Select the row of a message, and write to whom it is with."""
    page.locator(".messages tbody tr").filter(has_text=body).get_by_role("radio").check()
    page.get_by_role("link", name=f"Send SMS to {name}").click()
    expect(dialog(page)).to_be_visible()


@pytest.mark.parametrize("size", SIZES)
def test_a_free_number_with_the_window_kept_open(school, opened, size):
    """S4-3, S4-27, S4-35, S4-40, S4-42..S4-44, S4-48, S4-49: what goes is said before, what went is
    said after and goes on being told, and the form is ready for the next."""
    dana, ours = school.holder()
    first, second = new_number(), new_number()
    page = opened(dana, "/messages", viewport=SIZES[size])
    open_dialog(page)
    expect(number(page)).to_be_focused()
    expect(line(page)).to_have_text("Type the number first.")
    wrong = looked_at(page)
    page.keyboard.type(shown_number(first))
    text(page).fill("a" * 161)
    expect(line(page)).to_contain_text(f"Text to {shown_number(first)}")
    expect(line(page)).to_contain_text(f"from your number {shown_number(ours)}")
    expect(page.locator(".counter")).to_have_text("Length: 2 texts, 145 left")
    text(page).fill("Are you coming?")
    expect(page.locator(".counter")).to_have_text("Length: 1 text, 145 left")
    keep(page).check()
    send_button(page).click()
    sent = page.locator("#sent")
    expect(sent).to_contain_text(f"Text to {shown_number(first)}")
    expect(sent).to_contain_text("Delivered")
    expect(page.locator("#announcer")).to_contain_text(f"Text to {shown_number(first)}")
    expect(number(page)).to_have_value("")
    expect(number(page)).to_be_focused()
    expect(text(page)).to_have_value("")
    expect(keep(page)).to_be_checked()
    wrong += looked_at(page)
    number(page).fill(second)
    text(page).fill("And you?")
    keep(page).uncheck()
    expect(line(page)).to_contain_text(f"Text to {shown_number(second)}")
    send_button(page).click()
    expect(dialog(page)).to_be_hidden()
    toast = page.locator(".toast").filter(has_text=f"Text to {shown_number(second)} is queued.")
    wrong += looked_at(page)
    toast.get_by_role("link", name="See it").click()
    expect(page).to_have_url(re.compile(r"/messages/\d+$"))
    expect(page.locator(".whole")).to_have_text("And you?")
    found = [text["body"] for to in (first, second) for text in school.ledger(to)]
    assert found == ["Are you coming?", "And you?"]
    assert wrong == []


@pytest.mark.parametrize("size", SIZES)
def test_to_the_person_of_the_picked_row(school, opened, size):
    """S4-28, S4-32..S4-37: one phone stands there, of several one is chosen; one without consent
    warns at the field and nothing can be sent; live when the consent changes."""
    dana, _ = school.holder()
    maya, bo = school.person("mobile", "home"), school.person("mobile", name="Bo Lind")
    school.set_status(maya, 1, "disabled")
    dana.send(maya, "The door is open")
    dana.send(bo, "Hello Bo")
    page = opened(dana, "/messages", viewport=SIZES[size])
    expect(page.locator("#picked")).to_have_count(0)  # a contact is needed, and none is selected
    pick(page, "Hello Bo", "Bo Lind")
    options = phone(page).locator("option")
    expect(options).to_have_text([f"{shown_number(bo.numbers[0])}, mobile, SMS Default"])
    expect(text(page)).to_be_focused()
    page.keyboard.press("Escape")
    expect(dialog(page)).to_be_hidden()
    pick(page, "The door is open", "Maya Torres")
    mobile, home = (shown_number(each) for each in maya.numbers)
    expect(phone(page).locator("option:checked")).to_have_text(f"{mobile}, mobile, SMS Default")
    text(page).fill("Your waiver came through.")
    phone(page).select_option(label=f"{home}, home, SMS Disabled")
    warning = page.locator("#phone-error")
    expect(warning).to_contain_text(f"{home} cannot be texted")
    expect(warning).to_contain_text("Choose another number.")
    expect(phone(page)).to_have_attribute("aria-invalid", "true")
    expect(send_button(page)).to_be_disabled()
    wrong = looked_at(page)
    school.set_status(maya, 1, "enabled")
    expect(warning).to_have_count(0)
    expect(line(page)).to_contain_text(f"Text to {home}")
    keep(page).check()
    send_button(page).click()
    expect(page.locator("#sent")).to_contain_text("Text to Maya Torres")
    expect(text(page)).to_have_value("")
    expect(text(page)).to_be_focused()
    last = dana.said_to(maya)[-1]
    assert (last["to"], last["reason"]) == (maya.numbers[1], "chosen_phone")
    assert wrong == []


def test_a_number_without_consent_warns_at_its_field(school, opened):
    """S4-36, S4-37: while it is typed; whose it is, and how to reach them otherwise."""
    dana, ours = school.holder()
    tomas = school.person("mobile", name="Tomás Herrera")
    school.texts(tomas.numbers[0], ours, "STOP")
    page = opened(dana, "/messages")
    open_dialog(page)
    number(page).fill(tomas.numbers[0])
    warning = page.get_by_role("alert")
    said = f"{shown_number(tomas.numbers[0])} cannot be texted: Tomás opted out of texts."
    expect(warning).to_have_text(said)
    expect(page.locator(".whose").first).to_contain_text("On record for Tomás Herrera")
    expect(send_button(page)).to_be_disabled()
    wrong = looked_at(page)
    page.get_by_role("link", name="Other ways to reach Tomás Herrera").click()
    expect(page.get_by_text(said)).to_be_visible()
    expect(line(page)).to_contain_text("Email to")
    wrong += looked_at(page)
    text(page).fill("Come by on Tuesday.")
    send_button(page).click()
    expect(page.locator(".toast")).to_contain_text("goes by email")
    assert school.ledger(tomas.numbers[0]) == []
    assert wrong == []


def test_a_shared_number_asks_who_is_meant(school, opened):
    dana, _ = school.holder()
    shared = new_number()
    maya = school.person(("mobile", shared))
    school.person(("mobile", shared), name="Ana Torres")
    page = opened(dana, "/messages")
    open_dialog(page)
    number(page).fill(shared)
    expect(line(page)).to_have_text("Choose who is meant.")
    text(page).fill("Hello")
    send_button(page).click()
    expect(dialog(page)).to_be_visible()  # the browser asks for it
    wrong = looked_at(page)
    page.get_by_label("Maya Torres").check()
    expect(line(page)).to_contain_text(f"Text to {shown_number(shared)}")
    send_button(page).click()
    expect(dialog(page)).to_be_hidden()
    assert [m["body"] for m in dana.said_to(maya)] == ["Hello"]
    assert wrong == []


def test_a_person_is_chosen_in_the_dialog(school, opened):
    """S4-35: a contact instead of a number, and back."""
    dana, _ = school.holder()
    maya = school.person("mobile")
    page = opened(dana, "/messages")
    open_dialog(page)
    page.get_by_role("link", name="Choose a person").click()
    page.get_by_label("Search people").press_sequentially("maya")
    found = page.locator("#people").get_by_role("link", name="Maya Torres")
    expect(found).to_be_visible()
    wrong = looked_at(page)
    found.click()
    expect(phone(page)).to_be_visible()
    page.get_by_role("link", name="Somebody else").click()
    expect(number(page)).to_be_visible()
    number(page).fill(maya.numbers[0])
    text(page).fill("Found you")
    text(page).press("Control+Enter")
    expect(dialog(page)).to_be_hidden()
    expect(page).to_have_url(f"{school.url}/messages")
    assert [m["body"] for m in dana.said_to(maya)] == ["Found you"]
    assert wrong == []


def test_standard_texts_go_in_at_the_cursor(school, opened):
    """S4-45, S4-46: filled for who has the number; Escape closes the menu before the dialog, and
    what was typed is there when it is opened again."""
    dana, _ = school.holder()
    kept = {"title": "Drop deadline", "body": "{first_name}, until Dec 4"}
    assert dana.api.post("/standard-texts", json=kept).status_code == 201
    maya = school.person("mobile")
    page = opened(dana, "/messages")
    open_dialog(page)
    number(page).fill(maya.numbers[0])
    text(page).fill("Yes, . See you")
    text(page).evaluate("area => area.setSelectionRange(5, 5)")
    page.locator("#texts-menu summary").click()
    expect(page.locator("#texts-list")).to_be_visible()
    wrong = looked_at(page)
    page.locator("#texts-menu summary").focus()
    page.keyboard.press("Escape")
    expect(page.locator("#texts-list")).to_be_hidden()
    expect(dialog(page)).to_be_visible()
    page.locator("#texts-menu summary").click()
    page.get_by_role("button", name="Drop deadline").click()
    expect(text(page)).to_have_value("Yes, Maya, until Dec 4. See you")
    expect(text(page)).to_be_focused()
    page.keyboard.press("Escape")
    expect(dialog(page)).to_be_hidden()
    open_dialog(page)
    expect(text(page)).to_have_value("Yes, Maya, until Dec 4. See you")
    assert dana.said_to(maya) == []
    assert wrong == []


def test_what_is_too_long_is_kept_and_said(school, opened):
    """S4-38, S4-39: in the dialog, with the focus where it is wrong."""
    dana, _ = school.holder()
    page = opened(dana, "/messages")
    open_dialog(page)
    number(page).fill(new_number())
    send_button(page).click()
    expect(text(page)).to_be_focused()  # mandatory: the browser says so
    text(page).fill("long " * 220)
    send_button(page).click()
    expect(page.get_by_role("alert")).to_contain_text("1,000 is the most")
    expect(text(page)).to_have_value("long " * 220)
    expect(text(page)).to_be_focused()
    wrong = looked_at(page)
    number(page).fill("911")
    text(page).fill("Short")
    expect(line(page)).to_have_text("911 is an emergency number.")
    send_button(page).click()
    expect(page.get_by_role("alert")).to_have_text("911 is an emergency number.")
    expect(number(page)).to_be_focused()
    wrong += looked_at(page)
    assert wrong == []


def test_a_double_click_sends_once(school, opened):
    """U1: in the dialog, also where it stays open."""
    dana, _ = school.holder()
    to = new_number()
    page = opened(dana, "/messages")
    open_dialog(page)
    number(page).fill(to)
    text(page).fill("Once")
    keep(page).check()
    expect(line(page)).to_contain_text("Text to")
    send_button(page).dblclick()
    expect(page.locator("#sent")).to_contain_text("Delivered")
    assert [text["body"] for text in school.ledger(to)] == ["Once"]


def test_without_script(school, opened):
    """S4-27, S4-43..S4-49: the same form as a page; Back and sending again is the same text."""
    dana, _ = school.holder()
    maya, to = school.person("mobile"), new_number()
    page = opened(dana, "/messages", java_script_enabled=False)
    page.get_by_role("link", name="Send SMS").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Send SMS")
    number(page).fill(shown_number(to))
    text(page).fill("By hand")
    keep(page).check()
    send_button(page).click()
    expect(page.locator("#sent")).to_contain_text(f"Text to {shown_number(to)}")
    expect(number(page)).to_have_value("")
    page.go_back()
    number(page).fill(shown_number(to))
    text(page).fill("By hand")
    send_button(page).click()
    expect(page.locator("#sent")).to_be_visible()
    assert len(dana.conversations(q=to)) == 1
    page.get_by_role("link", name="Choose a person").click()
    page.get_by_label("Search people").press_sequentially("maya")
    page.get_by_label("Search people").press("Enter")
    page.get_by_role("link", name="Maya Torres").click()
    text(page).fill("Hello Maya")
    send_button(page).click()
    expect(page).to_have_url(f"{school.url}/messages")
    expect(page.locator(".toast")).to_contain_text("Text to Maya Torres is queued.")
    page.locator(".toast").get_by_role("link", name="See it").click()
    expect(page.locator(".whole")).to_have_text("Hello Maya")
    assert [m["body"] for m in dana.said_to(maya)] == ["Hello Maya"]
