"""People in the browser: the page of one person, my students, and "who is this?"."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.looking import SIZES, looked_at
from tests.browser.pages import ON_POSTGRESQL, marker, open_thread, shown_number
from tests.school import new_number

pytestmark = ON_POSTGRESQL


@pytest.fixture
def talk(school):
    """Dana holds a number and a conversation with Tomás, who has two phones."""
    dana, ours = school.holder()
    tomas = school.person("mobile", "home", name="Tomás Herrera", source_id="N0038214")
    dana.settled(dana.send(tomas, "Your award letter is ready.")["id"], "delivered")
    return dana, ours, tomas


def phone(page, number):
    return page.locator(".phone-rows > li").filter(has_text=shown_number(number))


def edit(page, number):
    phone(page, number).get_by_role("link", name="Edit").click()
    expect(page.get_by_role("heading", name=f"Change {shown_number(number)}")).to_be_visible()


def headline(page):
    return page.locator("#outlook .headline")


def test_the_status_is_changed_with_a_reason(school, talk, opened):
    """S3-11, S3-12, S3-46, S3-62, D18: the warning says what stays in the way."""
    dana, ours, tomas = talk
    school.texts(tomas.numbers[0], ours, "STOP")
    page = opened(dana, f"/people/{tomas.id}")
    expect(page.locator("#person-head .pill")).to_have_text("Opted out")
    expect(phone(page, tomas.numbers[0]).locator(".pill")).to_have_text("SMS Disabled")
    expect(headline(page)).to_contain_text("It would go by email, because Tomás opted out")
    expect(page.locator("#history")).to_contain_text("Tomás texted “STOP”")
    expect(page.get_by_role("link", name="See the text")).to_be_visible()

    edit(page, tomas.numbers[0])
    expect(page.locator(".warning")).to_contain_text("Tomás opted out by text today.")
    expect(page.locator(".warning")).to_contain_text("still blocks your number until Tomás")
    page.get_by_label("SMS Enabled").check()
    page.get_by_label("Reason").fill("  ")
    page.get_by_role("button", name="Save status").click()
    expect(page.get_by_role("alert")).to_contain_text("Say why")
    expect(page.get_by_label("SMS Enabled")).to_be_checked()
    page.get_by_label("Reason").fill("Asked in person to start again")
    page.get_by_role("button", name="Save status").click()
    expect(phone(page, tomas.numbers[0]).locator(".pill")).to_have_text("SMS Enabled")
    expect(phone(page, tomas.numbers[1]).locator(".pill")).to_have_text("SMS Disabled")
    expect(page.locator("#history li").first).to_contain_text("Asked in person to start again")
    expect(headline(page)).to_contain_text("the phone company blocks your number")
    assert school.phone_status(tomas) == ["enabled", "disabled"]


def test_the_check_says_who_and_when(school, talk, opened):
    """S3-67, S3-69..S3-71: on hover and on focus; the last verified stands first."""
    dana, _, tomas = talk
    page = opened(dana, f"/people/{tomas.id}")
    expect(page.locator(".phone-rows .number").first).to_have_text(shown_number(tomas.numbers[0]))
    edit(page, tomas.numbers[1])
    page.get_by_role("button", name="Mark verified").click()
    first = page.locator(".phone-rows > li").first
    expect(first).to_contain_text(shown_number(tomas.numbers[1]))
    check = page.get_by_role("button", name="Verified by Dana Whitfield, today")
    expect(check.locator(".tip-text")).to_be_hidden()
    check.hover()
    expect(check.locator(".tip-text")).to_be_visible()
    page.mouse.move(0, 0)
    expect(check.locator(".tip-text")).to_be_hidden()
    page.get_by_role("link", name="Add phone").focus()
    page.keyboard.press("Tab")
    expect(check).to_be_focused()
    expect(check.locator(".tip-text")).to_be_visible()
    assert looked_at(page) == []
    page.keyboard.press("Escape")
    expect(check.locator(".tip-text")).to_be_hidden()
    edit(page, tomas.numbers[1])
    page.get_by_role("button", name="No longer verified").click()
    expect(page.locator(".tip")).to_have_count(0)


def test_phones_are_added_changed_removed_and_brought_back(school, talk, opened):
    dana, _, tomas = talk
    page, more = opened(dana, f"/people/{tomas.id}"), new_number()
    page.get_by_role("link", name="Add phone").click()
    page.get_by_label("Number").fill("911")
    page.get_by_role("button", name="Add phone").click()
    expect(page.get_by_role("alert")).to_contain_text("911 is an emergency number")
    expect(page.get_by_label("Number")).to_have_value("911")
    page.get_by_label("Number").fill(more)
    page.get_by_label("Type", exact=True).select_option("work")
    page.get_by_role("button", name="Add phone").click()
    expect(phone(page, more)).to_contain_text("Work. Not the default phone type")
    edit(page, more)
    page.get_by_label("Type", exact=True).select_option("mobile")
    page.get_by_role("button", name="Save type").click()
    expect(phone(page, more)).to_contain_text("Mobile.")
    edit(page, more)
    page.get_by_role("button", name="Remove phone").click()
    expect(page.get_by_text("The phone is removed.")).to_be_visible()
    expect(phone(page, more)).to_have_count(0)
    page.get_by_role("button", name="Undo").click()
    expect(phone(page, more)).to_be_visible()
    expect(page.get_by_text("The phone is removed.")).to_have_count(0)


def test_what_changes_elsewhere_is_seen(school, talk, opened):
    """A STOP and a setting, without a click; what is being typed stays."""
    dana, ours, tomas = talk
    page = opened(dana, f"/people/{tomas.id}?edit={tomas.phone_ids[0]}")
    expect(page.locator("[data-live-state]")).to_have_text("Live")
    expect(headline(page)).to_contain_text("It would be a text")
    page.get_by_label("Reason").fill("half a reason")
    school.texts(tomas.numbers[0], ours, "STOP")
    expect(phone(page, tomas.numbers[0]).locator(".pill")).to_have_text("SMS Disabled")
    expect(page.locator("#person-head .pill")).to_have_text("Opted out")
    expect(page.locator("#history")).to_contain_text("STOP")
    expect(page.locator("#talks")).to_contain_text("Texted STOP")
    expect(headline(page)).to_contain_text("Tomás opted out")
    expect(page.get_by_label("Reason")).to_have_value("half a reason")
    school.settings(sms_enabled=False)
    expect(headline(page)).to_contain_text("texting is switched off")


def test_our_own_numbers_only_text(school, talk, opened):
    """S3-31 on the record of who holds it, S3-32 on the student's page, S3-33."""
    dana, ours, tomas = talk
    page = opened(dana, f"/people/{tomas.id}")
    expect(page.get_by_text("Text Msg Only")).to_have_count(0)
    page.get_by_role("button", name="Add to my students").click()
    system = page.locator(".phone-rows > li").filter(has_text="Text Msg Only")
    expect(system).to_contain_text(shown_number(ours))
    expect(system).to_contain_text("Dana Whitfield’s number for texts with Tomás")
    expect(system).to_contain_text("cannot take calls")
    page.get_by_role("link", name="People").first.click()
    page.get_by_role("link", name="Everybody").click()
    page.get_by_label("Search").fill("whitf")
    page.get_by_role("link", name="Dana Whitfield").click()
    system = page.locator(".phone-rows > li").filter(has_text="Text Msg Only")
    expect(system).to_contain_text("System.")
    page.goto(f"/people/{tomas.id}")
    page.get_by_role("button", name="Remove Dana Whitfield").click()
    expect(page.get_by_text("Text Msg Only")).to_have_count(0)


def test_who_may_not_write_sees_what_would_happen_and_changes_nothing(school, talk, opened):
    """D41, D3: an Auditor reads; the number that a writer would use is not guessed."""
    _, _, tomas = talk
    page = opened(school.member("Auditor", name="Ada Lind"), f"/people/{tomas.id}")
    expect(page.locator("#outlook")).to_contain_text("Your role may answer texts but not start")
    expect(headline(page)).to_contain_text("It would be a text")
    expect(page.locator("#outlook .steps")).not_to_contain_text("From which number")
    expect(page.locator("#talks")).to_contain_text("Dana Whitfield")
    for name in ("Edit", "Add phone", "Write"):
        expect(page.get_by_role("link", name=name)).to_have_count(0)
    expect(page.get_by_role("button", name="Add to my students")).to_have_count(0)


@pytest.mark.parametrize("size", SIZES)
def test_my_students_at_a_glance(school, opened, size):
    dana, ours = school.holder()
    maya, devon = school.person("mobile"), school.person(name="Devon Price")
    tomas = school.person("mobile", name="Tomás Herrera")
    for person in (maya, devon, tomas):
        dana.api.put(f"/people/{person.id}/advisors/{dana.id}")
    dana.send(tomas)
    school.texts(tomas.numbers[0], ours, "STOP")
    page = opened(dana, "/people", viewport=SIZES[size])
    expect(page.get_by_role("link", name="My students")).to_have_attribute("aria-current", "page")
    row = {n: page.locator("tbody tr").filter(has_text=n) for n in ("Maya", "Devon", "Tomás")}
    expect(row["Maya"]).to_contain_text("Textable")
    expect(row["Maya"]).to_contain_text(shown_number(maya.numbers[0]))
    expect(row["Maya"]).to_contain_text("Never")
    expect(row["Devon"]).to_contain_text("By email")
    expect(row["Tomás"]).to_contain_text("Opted out")
    expect(row["Tomás"]).to_contain_text("They wrote")
    assert looked_at(page) == []
    page.get_by_label("Last contact").select_option("7")
    expect(row["Tomás"]).to_have_count(0)
    expect(row["Maya"]).to_be_visible()
    page.get_by_label("Last contact").select_option("")
    page.get_by_label("Status").select_option("opted_out")
    expect(row["Maya"]).to_have_count(0)
    expect(row["Tomás"]).to_be_visible()
    page.get_by_label("Status").select_option("")
    page.get_by_label("Search").fill("nobody at all")
    expect(page.get_by_text("Nothing matches “nobody at all”")).to_be_visible()
    assert looked_at(page) == []
    page.get_by_role("link", name="Clear").click()
    row["Maya"].get_by_role("link", name="Write to Maya Torres").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("New text")
    page.go_back()
    row["Tomás"].get_by_role("link", name="Open the conversation").click()
    expect(page.locator("#thread h2").first).to_contain_text("Tomás Herrera")


def test_a_person_is_added_and_corrected(school, talk, opened):
    dana, _, tomas = talk
    page = opened(dana, "/people")
    expect(page.get_by_role("link", name="Everybody")).to_have_attribute("aria-current", "page")
    page.get_by_role("link", name="Add person").click()
    page.get_by_label("First name").fill("Marcus")
    page.get_by_label("ID in your own system").fill("N0038214")
    page.get_by_label("Phone", exact=True).fill(new_number())
    page.get_by_role("button", name="Add person").click()
    expect(page.get_by_role("alert")).to_contain_text("this source id already")
    assert looked_at(page) == []
    page.get_by_label("ID in your own system").fill("N7")
    page.get_by_role("button", name="Add person").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Marcus")
    page.goto(f"/people/{tomas.id}")
    page.get_by_role("link", name="Edit Tomás Herrera").click()
    page.get_by_label("Time zone").fill("Mars/Base")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("alert")).to_contain_text("Mars/Base is not a time zone")
    page.get_by_label("Time zone").fill("America/Denver")
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".subline")).to_contain_text("in Denver")


def test_who_is_this(school, talk, opened):
    """D6: said in the details of the conversation; Dana’s other window sees it happen."""
    dana, ours, _ = talk
    number = new_number()
    school.texts(number, ours, "its my new phone")
    watching = opened(dana)
    page = opened(dana)
    open_thread(page, shown_number(number))
    page.get_by_role("link", name="Say who it is").click()
    page.get_by_label("Name, number or ID").fill("herr")
    page.get_by_role("button", name="Search").click()
    expect(page.get_by_role("button", name="It is Tomás")).to_be_visible()
    assert looked_at(page) == []
    page.get_by_role("button", name="It is Tomás").click()
    page.get_by_role("button", name="Yes, it is").click()
    expect(page.locator("#thread h2").first).to_contain_text("Tomás Herrera")
    said = f"{shown_number(number)} is Tomás Herrera, said Dana Whitfield"
    expect(marker(page, said)).to_be_visible()
    expect(watching.locator("#rows")).not_to_contain_text(shown_number(number))

    page.get_by_role("link", name="Wrong person?").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Is this Tomás Herrera?")
    assert looked_at(page) == []
    page.get_by_role("button", name=f"Split off {shown_number(number)}").click()
    page.get_by_role("button", name="Split it off").click()
    expect(page.locator("#thread h2").first).to_contain_text(shown_number(number))
    expect(watching.locator("#rows")).to_contain_text(shown_number(number))
    page.get_by_role("link", name="Say who it is").click()
    page.get_by_label("First name").fill("Marcus")
    page.get_by_label("Last name").fill("Bell")
    page.get_by_role("button", name="Add person").click()
    expect(page.locator("#thread h2").first).to_contain_text("Marcus Bell")
    page.locator("#details").get_by_role("link", name="Marcus Bell").click()
    expect(page).to_have_url(re.compile(r"/people/\d+$"))
    expect(phone(page, number)).to_be_visible()
