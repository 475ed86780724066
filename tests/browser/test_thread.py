"""The thread and its list: what they show, and what is done with them."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.pages import (
    ON_POSTGRESQL,
    item,
    line,
    marker,
    open_thread,
    phones,
    row,
    send,
    send_button,
)
from tests.helpers import until
from tests.school import new_number

pytestmark = ON_POSTGRESQL
EVIL = '<img src=x onerror="alert(1)">'


def test_names_and_texts_are_shown_as_they_are(school, opened):
    """X17, W22, W23: HTML, templates, scripts and long words are text, in every place."""
    dana, ours = school.holder()
    evil = school.person("mobile", name=f"{EVIL} O'Neil", email="o@students.example")
    said = f"{EVIL} <script>alert(1)</script> {{{{7*7}}}} 👩‍👩‍👧‍👦 " + "a" * 300
    dana.send(evil, said)
    school.texts(evil.numbers[0], ours, said)
    page = opened(dana, "/inbox/new")
    page.get_by_role("searchbox").fill(EVIL[:9])
    page.get_by_role("link", name=EVIL).click()
    page.wait_for_load_state()
    expect(page.locator("#items .body")).to_have_text([f"You: {said}", f"{EVIL} O'Neil: {said}"])
    expect(page.locator("#details h2").first).to_have_text(f"{EVIL} O'Neil")
    expect(row(page, EVIL).locator(".snippet")).to_contain_text("<script>alert(1)</script>")
    page.get_by_role("link", name="Why?").first.click()
    expect(page.get_by_role("dialog")).to_contain_text("Why a text?")
    expect(page.locator("img")).to_have_count(0)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_search_takes_every_character_as_itself(school, opened):
    """U9: no wildcard, no error."""
    dana, _ = school.holder()
    page = opened(dana)
    for path in ("/inbox", "/inbox/new"):
        page.goto(path)
        for q in ("%", "_", "'", "\\", "x" * 10_000, "👩‍👩‍👧‍👦", "(a+)+$"):
            page.get_by_role("searchbox").fill(q)
            nothing = page.get_by_role("heading", name=f"Nothing matches “{q[:100]}”", exact=True)
            expect(nothing).to_be_visible()
    page.goto("/inbox?q=zz")
    page.get_by_role("link", name="Clear search").click()
    expect(row(page, "Noor Haddad")).to_be_visible()


def test_earlier_messages_come_with_their_markers(school, opened):
    dana, ours = school.holder()
    maya = school.person("mobile")
    dana.settled(dana.send(maya, "Message 0")["id"], "delivered")
    number = maya.numbers[0]
    for word in ("STOP", "START"):
        school.texts(number, ours, word)
    for n in range(1, 61):
        school.texts(number, ours, f"Message {n}")
    page = opened(dana)
    open_thread(page, "Maya Torres")
    expect(page.locator("#items .body")).to_have_count(50)
    expect(page.locator("#items .marker")).to_have_count(0)
    page.get_by_role("button", name="Earlier messages").click()
    expect(page.locator("#items .body")).to_have_count(61)
    expect(page.get_by_role("button", name="Earlier messages")).to_have_count(0)
    school.texts(number, ours, "Message 61")
    expect(item(page, "Message 61")).to_be_visible()
    said = [text.rpartition(" ")[2] for text in page.locator("#items .body").all_inner_texts()]
    assert said == [str(n) for n in range(62)]
    expect(page.locator("#items .marker")).to_contain_text(["STOP", "START"])
    expect(page.locator("#items .day:visible")).to_have_text(["Today"])


@pytest.mark.parametrize("answer", ["Keep texting", "Opt out"])
def test_opt_this_person_out_is_one_click_either_way(school, opened, answer):
    """D20."""
    dana, ours = school.holder()
    thuy = school.person("mobile", "home", name="Thuy Nguyễn")
    thread = dana.send(thuy)["conversation_id"]
    page = opened(dana, f"/inbox/{thread}")
    school.texts(thuy.numbers[0], ours, "please stop texting me so early")
    ask = page.locator("#ask")
    expect(ask).to_contain_text("Opt Thuy Nguyễn out? “please stop texting me so early” may be")
    ask.get_by_role("button", name=answer).click()
    expect(ask).to_have_count(0)
    if answer == "Opt out":
        expect(phones(page)).to_have_text(["SMS Disabled", "SMS Disabled"])
        expect(marker(page, "Dana Whitfield opted this person out")).to_be_visible()
        expect(send_button(page)).to_have_text("Send email")
    else:
        expect(phones(page).first).to_have_text("SMS Default")
        expect(send_button(page)).to_have_text("Send text")


def test_an_unknown_number_says_who_it_may_be(school, opened):
    """D6: two people own it; another is nobody's."""
    dana, ours = school.holder()
    shared, nobodys = new_number(), new_number()
    for name in ("Ana Reyes", "Luis Reyes"):
        school.person(("mobile", shared), name=name)
    school.texts(shared, ours, "is school open?")
    school.texts(nobodys, ours, "its marcus, new phone")
    page = opened(dana)
    row(page, "is school open?").get_by_role("link").click()
    details = page.locator("#details")
    expect(details).to_contain_text(re.compile(r"may belong to:\s+Ana Reyes\s*Luis Reyes"))
    row(page, "its marcus").get_by_role("link").click()
    expect(details).to_contain_text("Nobody on record has this number.")
    expect(phones(page)).to_have_text(["SMS Enabled"])
    send(page, "Marcus who?")
    assert until(lambda: school.ledger(nobodys))[-1]["body"] == "Marcus who?"


def test_a_colleagues_thread_is_read_only_and_an_unclaimed_one_can_be_claimed(school, opened):
    """D3, D7: who sees everything reads it; what is nobody's is taken, and then answered."""
    dana, _ = school.holder()
    thread = dana.send(school.person("mobile"), "Hello")["conversation_id"]
    (free,) = school.pool(1)
    stranger = new_number()
    school.texts(stranger, free, "who is this number")
    page = opened(school.admin(), "/inbox?view=all")
    open_thread(page, "Maya Torres")
    expect(page.locator("#compose")).to_have_text(
        "This conversation is held by Dana Whitfield. You can read it."
    )
    expect(item(page, "Hello")).to_be_visible()
    assert dana.api.get(f"/conversations/{thread}").json()["staff_id"] == dana.id
    page.locator("#views-menu summary").click()
    page.get_by_role("link", name="Unclaimed 1").click()
    expect(page.locator("#thread h2").first).to_contain_text("Maya Torres")  # it stays open
    row(page, "who is this number").get_by_role("link").click()
    page.get_by_role("button", name="Claim and answer").click()
    expect(line(page)).to_contain_text("Text to")
    send(page, "Northfield College")
    assert until(lambda: school.ledger(stranger))[-1]["body"] == "Northfield College"


def test_whoever_may_only_answer_answers(school, opened):
    """S3-15, D4, D41, U8: no way to start, and the answer goes from the number of the thread."""
    kim, kims = school.holder(name="Kim Alvarez")
    sam = school.member("Responder", name="Sam Okafor")
    maya = school.person("mobile")
    thread = kim.send(maya)["conversation_id"]
    school.texts(maya.numbers[0], kims, "hello kim")
    page = opened(sam)
    expect(page.get_by_role("heading", name="No texts yet")).to_be_visible()
    expect(page.get_by_role("link", name="New text")).to_have_count(0)
    assert kim.api.patch(f"/conversations/{thread}", json={"staff_id": sam.id}).status_code == 200
    open_thread(page, "Maya Torres")
    expect(marker(page, "Kim Alvarez handed this conversation to Sam Okafor")).to_be_visible()
    send(page, "Sam here, for Kim")
    answers = until(lambda: [t for t in school.ledger(maya.numbers[0]) if "Sam" in t["body"]])
    assert [text["from"] for text in answers] == [kims]
    refused = page.goto("/inbox/new")
    assert refused is not None
    assert refused.status == 403
    expect(page.get_by_role("heading", name="Your role does not allow this")).to_be_visible()


def test_archive_unread_and_back(school, opened):
    dana, ours = school.holder()
    maya = school.person("mobile")
    dana.send(maya)
    school.texts(maya.numbers[0], ours, "hello")
    page = opened(dana)
    expect(page).to_have_title("(1) Inbox · Replyline")
    open_thread(page, "Maya Torres")
    expect(page).to_have_title("Maya Torres · Replyline")
    page.get_by_role("button", name="Mark unread").click()
    expect(page).to_have_title("(1) Inbox · Replyline")
    open_thread(page, "Maya Torres")
    page.get_by_role("button", name="Archive").click()
    expect(page.get_by_text("Noor Haddad")).to_be_visible()
    expect(row(page, "Maya Torres")).to_have_count(0)
    page.goto("/inbox?view=archived")
    open_thread(page, "Maya Torres")
    page.get_by_role("button", name="Move back to the inbox").click()
    expect(row(page, "Maya Torres")).to_be_visible()
