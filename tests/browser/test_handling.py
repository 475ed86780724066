"""What is done with a conversation beside answering: put off, noted, handed on, kept for later."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.looking import SIZES, looked_at
from tests.browser.pages import ON_SQLITE, box, item, open_thread, row, send
from tests.helpers import until

pytestmark = ON_SQLITE


@pytest.fixture
def begun(school):
    """Dana, with her number, and Maya, who has a text from her."""
    dana, ours = school.holder()
    maya = school.person("mobile")
    sent = dana.send(maya, "Can you do Tuesday?")
    dana.settled(sent["id"], "delivered")
    return dana, ours, maya, sent["conversation_id"]


@pytest.mark.parametrize("size", SIZES)
def test_a_text_for_later_is_written_changed_and_canceled(begun, opened, size):
    """C-13: dashed and at the end of the thread; a reply asks before it goes."""
    dana, _, _, thread = begun
    page = opened(dana, f"/inbox/{thread}", viewport=SIZES[size])
    box(page).fill("Reminder: Tuesday, 8:30")
    page.locator("#later-menu summary").click()
    wrong = looked_at(page)
    page.get_by_role("button", name="Tomorrow, 8:00 am").click()
    page.get_by_role("button", name="Schedule text").click()
    held = item(page, "Reminder: Tuesday, 8:30")
    expect(held).to_contain_text("Held until")
    expect(box(page)).to_have_value("")
    wrong += looked_at(page)
    held.get_by_role("link", name="Edit").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_label("Message")).to_be_visible()
    wrong += looked_at(page)
    dialog.get_by_label("Message").fill("Reminder: Wednesday")
    dialog.get_by_label("Goes at").fill("2020-01-01T08:00")
    dialog.get_by_role("button", name="Save text").click()
    expect(dialog.get_by_role("alert")).to_contain_text("still to come")
    expect(dialog.get_by_label("Message")).to_have_value("Reminder: Wednesday")
    dialog.get_by_label("Goes at").fill("2027-01-04T08:00")
    dialog.get_by_role("button", name="Save text").click()
    expect(dialog).to_be_hidden()
    held = item(page, "Reminder: Wednesday")
    expect(held).to_contain_text("Held until Jan 4, 2027, 8:00 am")
    page.goto("/inbox/later")
    expect(page.get_by_role("listitem").filter(has_text="Maya Torres")).to_contain_text("Wednesday")
    page.goto(f"/inbox/{thread}")
    (waiting,) = [m for m in dana.thread(thread) if m["status"] == "held"]
    dana.settled(waiting["id"], "held")
    held.get_by_role("button", name="Cancel").click()
    expect(item(page, "Reminder: Wednesday")).to_contain_text("Canceled")
    assert dana.message(waiting["id"])["status"] == "canceled"
    assert wrong == []


def test_a_reply_asks_whether_the_text_still_goes(begun, opened, school):
    dana, ours, maya, thread = begun
    page = opened(dana, f"/inbox/{thread}")
    dana.send(maya, "Reminder: Tuesday", send_at="2027-01-04T08:00:00Z")
    expect(item(page, "Reminder: Tuesday")).to_contain_text("Held until")
    school.texts(maya.numbers[0], ours, "i will come")
    asked = item(page, "Reminder: Tuesday")
    expect(asked).to_contain_text("They replied. Send it")
    asked.get_by_role("button", name="Send it").click()
    expect(asked).to_contain_text("Held until")
    school.texts(maya.numbers[0], ours, "STOP")
    expect(asked).to_contain_text("Canceled")


def test_a_conversation_is_snoozed_and_comes_back(begun, opened, school):
    """Out of the list until its time or the next text; undone at once."""
    dana, ours, maya, thread = begun
    page = opened(dana, f"/inbox/{thread}")
    for _ in range(2):
        page.get_by_label("Snooze").click()
        page.get_by_role("button", name="Tomorrow, 8:00 am").first.click()
        expect(page.get_by_text("Snoozed until")).to_be_visible()
        expect(row(page, "Maya Torres")).to_have_count(0)
        if _ == 0:
            page.get_by_role("button", name="Undo").click()
            expect(row(page, "Maya Torres")).to_be_visible()
    page.locator("#views-menu summary").click()
    page.get_by_role("link", name="Snoozed").click()
    expect(row(page, "Maya Torres")).to_contain_text("Snoozed until")
    page.goto("/inbox")
    expect(row(page, "Maya Torres")).to_have_count(0)
    school.texts(maya.numbers[0], ours, "wednesday is better")
    expect(row(page, "Maya Torres")).to_contain_text("wednesday is better")


def test_a_note_is_for_staff_alone(begun, opened, school):
    """It stands in the thread of whoever may read it, and goes nowhere."""
    dana, _, maya, thread = begun
    page, other = opened(dana, f"/inbox/{thread}"), opened(school.admin(), f"/inbox/{thread}")
    box(page).fill("Her aid depends on 12 credits")
    page.get_by_role("button", name="Keep as a private note").click()
    for each in (page, other):
        note = item(each, "Her aid depends on 12 credits")
        expect(note).to_contain_text("only staff see it")
        expect(note).to_contain_text("Dana Whitfield")
    expect(box(page)).to_have_value("")
    assert looked_at(page) == []
    assert [m["body"] for m in dana.thread(thread)] == ["Can you do Tuesday?"]
    assert len(school.ledger(maya.numbers[0])) == 1


def test_a_conversation_is_handed_to_a_colleague(begun, opened, school):
    """Two browsers: it leaves one list and comes up in the other, with its marker."""
    dana, _, _, thread = begun
    kim = school.member(name="Kim Alvarez")
    page, theirs = opened(dana, f"/inbox/{thread}"), opened(kim)
    page.get_by_role("link", name="Hand over").first.click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Hand over Maya Torres")
    assert looked_at(page) == []
    dialog.get_by_label("Colleague").select_option("Kim Alvarez")
    dialog.get_by_role("button", name="Hand over").click()
    expect(page.get_by_text("The conversation is handed over.")).to_be_visible()
    expect(row(page, "Maya Torres")).to_have_count(0)
    expect(row(theirs, "Maya Torres")).to_be_visible()
    open_thread(theirs, "Maya Torres")
    expect(theirs.locator("#items .marker")).to_contain_text(
        "Dana Whitfield handed this conversation to Kim Alvarez"
    )


def test_what_is_typed_is_there_in_another_browser(begun, opened):
    """Drafts are the server's: one's own, on any machine, until sent."""
    dana, _, _, thread = begun
    page = opened(dana, f"/inbox/{thread}")
    with page.expect_response(re.compile("/draft$")):
        box(page).fill("I will look it up and")
    other = opened(dana, f"/inbox/{thread}")
    expect(box(other)).to_have_value("I will look it up and")
    send(other, "I will look it up and write tomorrow")
    page.reload()
    expect(item(page, "write tomorrow")).to_be_visible()
    other.reload()
    expect(box(other)).to_have_value("")


def test_pictures_are_fetched_only_when_somebody_looks(begun, opened, school):
    """X21, X32: behind a click, by way of us."""
    dana, ours, maya, thread = begun
    page = opened(dana, f"/inbox/{thread}")
    school.carrier.text(maya.numbers[0], ours, "this is the letter", media=["image/png"])
    expect(item(page, "this is the letter")).to_be_visible()
    expect(page.locator("#items img")).to_have_count(0)
    page.get_by_role("link", name="Show picture").click()
    picture = page.get_by_role("img", name="Picture")
    expect(picture).to_be_visible()
    assert until(lambda: picture.evaluate("image => image.naturalWidth")) == 160


def test_a_text_that_did_not_arrive_is_sent_again(begun, opened, school):
    """S4-29..S4-31: the old one stays, the new one says that it is a second try."""
    dana, _, maya, thread = begun
    school.carrier.handset(maya.numbers[0], behaviour="undelivered", code=30008)
    sent = dana.reply(thread, "Tuesday at 8:30, my office")
    dana.settled(sent["id"], "undelivered")
    school.carrier.handset(maya.numbers[0], behaviour="delivered")
    page = opened(dana, f"/inbox/{thread}")
    page.get_by_role("button", name="Send again").click()
    expect(item(page, "Tuesday at 8:30, my office")).to_have_count(2)
    expect(item(page, "Tuesday at 8:30").first).to_contain_text("Sent again below")
    expect(item(page, "Tuesday at 8:30").last).to_contain_text("Resent")
    expect(page.get_by_role("button", name="Send again")).to_have_count(0)
    expect(item(page, "Tuesday at 8:30").last).to_contain_text("Delivered")
