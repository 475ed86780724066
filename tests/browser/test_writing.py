"""Writing: what the box says before, what is sent, and what is kept when it is not."""

import re

import pytest
from playwright.sync_api import expect

from app.rules.segments import measure
from tests.browser.pages import (
    ON_POSTGRESQL,
    answer_to_send,
    box,
    item,
    line,
    send,
    send_button,
    shown_number,
)

pytestmark = ON_POSTGRESQL
CURLY = (
    "You’re fine to drop until Dec 4 and keep your aid, as long as you stay at 12 credits. "
    "Bring the letter on Tuesday."
)


@pytest.fixture
def thread(school, opened):
    """Dana, Maya, and a page with their thread."""
    dana, _ = school.holder()
    maya = school.person("mobile", "home")
    conversation = dana.send(maya)["conversation_id"]
    return dana, maya, conversation, opened(dana, f"/inbox/{conversation}")


def bodies(member, conversation):
    return [message["body"] for message in member.thread(conversation)]


def counter(page):
    return page.locator(".counter")


def test_the_counter_is_the_servers(thread):
    """S4-40, S4-42, S4-49, D37: what it says before is what the message costs after."""
    dana, _, conversation, page = thread
    for body in ("a" * 160, "a" * 161, "{" * 80, "ñ\nñ\n\n3", "ş" * 71, "🎓" * 36, CURLY):
        expected = measure(body)
        texts = "1 text" if expected.parts == 1 else f"{expected.parts} texts"
        box(page).fill(body)
        expect(counter(page)).to_have_text(f"Length: {texts}, {expected.left} left")
        send_button(page).click()
        expect(box(page)).to_have_value("")
        last = dana.thread(conversation)[-1]
        assert (last["body"], last["segments"]) == (body, expected.parts)


def test_the_costly_character_is_named_and_the_plain_one_offered(thread):
    *_, page = thread
    box(page).fill(CURLY)
    costly = page.locator(".costly")
    expect(costly).to_contain_text("The ’ makes this 2 texts instead of 1.")
    costly.get_by_role("button", name="Use a plain '").click()
    expect(costly).to_have_count(0)
    expect(counter(page)).to_have_text("Length: 1 text, 46 left")
    expect(box(page)).to_have_value(CURLY.replace("’", "'"))
    expect(box(page)).to_be_focused()


def test_the_first_text_shows_what_is_added_to_it(school, opened):
    """D43: the line that goes with it, counted; not with the next one."""
    school.settings(first_contact="Northfield College. STOP ends texts.")
    dana, _ = school.holder()
    maya = school.person("mobile")
    page = opened(dana, f"/inbox/new?person={maya.id}")
    expect(page.locator(".added")).to_have_text("Ends with Northfield College. STOP ends texts.")
    expect(counter(page)).to_contain_text(f"{160 - 37} left")
    send(page, "How is the term?")
    expect(item(page, "How is the term?")).to_contain_text("STOP ends texts.")
    expect(page.locator(".added")).to_have_count(0)


def test_why_leads_to_the_setting_that_decided(school, opened):
    """In the box before sending and on the person's page, for who may change it."""
    school.settings(sms_enabled=False)
    maya = school.person("mobile")
    for member, links in ((school.admin(), 1), (school.member(), 0)):
        page = opened(member, f"/inbox/new?person={maya.id}")
        page.locator("#route-why summary").click()
        expect(page.locator("#route-why .deciding a")).to_have_count(links)
        page.goto(f"/people/{maya.id}/route")
        expect(page.locator(".steps .deciding a")).to_have_count(links)


def test_a_double_click_sends_once(school, thread):
    """U1."""
    dana, _, conversation, page = thread
    box(page).fill("Once")
    send_button(page).dblclick()
    expect(item(page, "Once")).to_have_count(1)
    send(page, "And then")
    assert bodies(dana, conversation) == ["Hello", "Once", "And then"]


def test_a_first_text_is_sent_once_whatever_is_clicked(school, opened):
    """U1: a double click, then Back."""
    dana, _ = school.holder()
    maya = school.person("mobile")
    page = opened(dana, f"/inbox/new?person={maya.id}")
    box(page).fill("Hello Maya")
    send_button(page).dblclick()
    expect(item(page, "Hello Maya")).to_have_count(1)
    page.go_back()
    page.wait_for_url(re.compile(r"/inbox/\d+$"))  # of the thread that there is now
    expect(item(page, "Hello Maya")).to_have_count(1)
    expect(box(page)).to_have_value("")
    assert [m["body"] for m in dana.said_to(maya)] == ["Hello Maya"]


def test_back_and_resubmit_without_script(school, opened):
    """U1: the form carries its key, so sending it again is the same message."""
    dana, _ = school.holder()
    maya = school.person("mobile")
    page = opened(dana, f"/inbox/new?person={maya.id}", java_script_enabled=False)
    fields = page.locator("#compose").locator("input, textarea")
    box(page).fill("Hello Maya")
    form = {field.get_attribute("name"): field.input_value() for field in fields.all()}
    send_button(page).click()
    expect(item(page, "Hello Maya")).to_be_visible()
    again = page.request.post("/inbox/new", form=form)
    assert (again.status, again.url) == (200, page.url)
    assert [m["body"] for m in dana.said_to(maya)] == ["Hello Maya"]


def test_what_is_too_long_is_kept_and_counted(thread):
    """S4-39, A11, D36."""
    dana, _, conversation, page = thread
    text = "long " * 220
    box(page).fill(text)
    with answer_to_send(page) as answer:
        send_button(page).click()
    assert answer[0].status == 422
    error = "The message has 1,099 characters; 1,000 is the most. It would take 8 texts."
    expect(page.get_by_role("alert")).to_have_text(error)
    expect(box(page)).to_have_value(text)
    expect(box(page)).to_be_focused()
    assert bodies(dana, conversation) == ["Hello"]


@pytest.mark.parametrize("role", ["Advisor", "Administrator"])
def test_a_reply_to_what_a_colleague_holds_by_now_is_kept(school, opened, role):
    """U6: whether the writer may still see the conversation or not."""
    school.pool(1)
    dana, kim = school.member(role), school.member(name="Kim Alvarez")
    maya = school.person("mobile")
    conversation = dana.send(maya)["conversation_id"]
    page = opened(dana, f"/inbox/{conversation}")
    box(page).fill("A long and careful answer")
    path = f"/conversations/{conversation}"
    assert school.admin().api.patch(path, json={"staff_id": kim.id}).status_code == 200
    with answer_to_send(page) as answer:
        send_button(page).click()
    assert answer[0].status == 409
    expect(page.get_by_role("alert")).to_have_text(
        "Not sent. This conversation is now handled by Kim Alvarez. "
        "Copy the text if it is still needed."
    )
    kept = page.get_by_role("textbox", name="The text that was not sent")
    expect(kept).to_have_value("A long and careful answer")
    assert bodies(kim, conversation) == ["Hello"]


def test_a_phone_is_chosen_by_hand(school, thread):
    """S4-34, S4-36, S4-37, D11: one that is not textable says so at the field and cannot be
    picked."""
    dana, maya, _, page = thread
    school.set_status(maya, 1, "disabled")
    mobile, home = (shown_number(number) for number in maya.numbers)
    page.get_by_text("Choose the phone").click()
    phone = page.get_by_label("Phone", exact=True)
    box(page).fill("Your lab fee waiver came through.")
    phone.select_option(label=f"{home}, home, SMS Disabled")
    expect(page.locator("#phone-error")).to_have_text(
        f"{home} cannot be texted: texts were switched off for this number by staff. "
        "Choose another number."
    )
    expect(send_button(page)).to_be_disabled()
    expect(counter(page)).to_have_text("Length: 1 text, 127 left")
    phone.select_option(label=f"{mobile}, mobile, SMS Default")
    expect(line(page)).to_contain_text(f"Text to {mobile}")
    send_button(page).click()
    expect(item(page, "Your lab fee waiver")).to_be_visible()
    assert dana.said_to(maya)[-1]["reason"] == "chosen_phone"


def test_nothing_can_be_sent_to_somebody_without_phone_and_email(school, opened):
    """D10, D30: it says so before, and the button cannot be pressed."""
    school.pool(1)
    dana, devon = school.member(), school.person(name="Devon Lee", email=None)
    page = opened(dana, f"/inbox/new?person={devon.id}")
    expect(line(page)).to_have_text(
        "Cannot be sent. Devon has no phone on record, and there is no email address either."
    )
    expect(send_button(page)).to_be_disabled()
