"""Cover with two browsers: somebody goes on holiday, and a colleague answers for them."""

from datetime import timedelta

from playwright.sync_api import expect

from app import clock
from app.rules.days import day_in
from tests.browser.looking import looked_at
from tests.browser.pages import ON_SQLITE, box, item, open_thread, row, send, shown_number

pytestmark = ON_SQLITE


def day(plus: int = 0) -> str:
    return (day_in(clock.now(), "America/Chicago") + timedelta(days=plus)).isoformat()


def test_a_colleague_covers_for_some_days(school, opened):
    """D4: what is covered comes into the colleague's open inbox by itself, is answered there, and
    goes again when the cover is ended."""
    dana, ours = school.holder()
    maya = school.person("mobile")
    dana.send(maya, "How is the term?")
    school.texts(maya.numbers[0], ours, "When is the deadline?")
    kim = school.member(name="Kim Alvarez")
    hers = opened(kim)
    expect(hers.get_by_text("No texts yet")).to_be_visible()

    page = opened(dana, "/profile")
    page.get_by_label("Colleague").select_option(label="Kim Alvarez, Advisor")
    page.get_by_label("First day").fill(day(2))
    page.get_by_label("Last day").fill(day(1))
    page.get_by_role("button", name="Arrange cover").click()
    expect(page.get_by_text("The last day is before the first one.")).to_be_visible()
    expect(page.get_by_label("Colleague")).to_have_value(str(kim.id))
    wrong = looked_at(page)
    page.get_by_label("First day").fill(day())
    page.get_by_role("button", name="Arrange cover").click()
    expect(page.locator("#cover")).to_contain_text("Kim Alvarez covers")

    expect(row(hers, "Maya Torres")).to_contain_text("Dana Whitfield")
    open_thread(hers, "Maya Torres")
    expect(hers.locator(".thread-title")).to_contain_text("Covering for Dana Whitfield")
    wrong += looked_at(hers)
    send(hers, "Friday at five, says Kim")
    expect(item(hers, "Friday at five")).to_contain_text("Delivered")
    (text,) = school.ledger(maya.numbers[0])[-1:]
    assert (text["from"], text["body"]) == (ours, "Friday at five, says Kim")
    page.goto("/inbox")
    open_thread(page, "Maya Torres")
    expect(item(page, "Friday at five")).to_contain_text("Kim Alvarez")

    hers.goto("/profile")
    expect(hers.locator("#cover")).to_contain_text("Dana Whitfield")
    expect(hers.get_by_text(shown_number(ours))).to_have_count(0)
    hers.goto("/inbox")
    expect(row(hers, "Maya Torres")).to_be_visible()
    page.goto("/profile")
    page.get_by_role("button", name="End now").click()
    expect(page.locator("#cover")).not_to_contain_text("Kim Alvarez covers")
    expect(row(hers, "Maya Torres")).to_have_count(0)
    assert wrong == []


def test_two_who_may_answer_see_each_other_type(school, opened):
    """So that two people do not answer at once; it is over when nobody types."""
    dana, _ = school.holder()
    thread = dana.send(school.person("mobile"))["conversation_id"]
    kim = school.member(name="Kim Alvarez")
    page = opened(dana, "/profile")
    page.get_by_label("Colleague").select_option(label="Kim Alvarez, Advisor")
    page.get_by_label("First day").fill(day())
    page.get_by_label("Last day").fill(day())
    page.get_by_role("button", name="Arrange cover").click()
    expect(page.locator("#cover")).to_contain_text("Kim Alvarez covers")
    page.goto(f"/inbox/{thread}")
    hers = opened(kim, f"/inbox/{thread}")
    expect(page.locator("[data-live-state]")).to_have_text("Live")
    box(hers).fill("Let me look it up")
    expect(page.get_by_text("Kim Alvarez is typing an answer")).to_be_visible()
    expect(hers.locator("#presence")).to_have_text("")
    assert looked_at(page) == []
    expect(page.get_by_text("Kim Alvarez is typing an answer")).to_be_hidden()
    assert box(page).input_value() == ""
