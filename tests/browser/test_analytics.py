"""Analytics in the browser: the picture is drawn from the table beside it, and follows what is
chosen."""

import re
from datetime import date

import pytest
from playwright.sync_api import expect

from tests.browser.looking import looked_at
from tests.browser.pages import ON_POSTGRESQL

pytestmark = ON_POSTGRESQL

CHART = "Chart.getChart(document.querySelector('.chart canvas'))"
BARS = f"() => {CHART}.data.datasets.map(d => d.data)"
COLOUR = f"() => {CHART}.data.datasets[0].backgroundColor"


@pytest.fixture
def busy(school):
    dana, ours = school.holder()
    maya = school.person("mobile", name="Maya Torres")
    dana.settled(dana.send(maya)["id"], "delivered")
    school.texts(maya.numbers[0], ours, "Thanks")
    return dana


def table(page):
    """The columns of the table, from the first day on."""
    page.locator("#volume summary").click()
    rows = page.locator("#volume tbody tr")
    expect(rows.first).to_be_visible()
    cells = [[int(td) for td in row.locator("td").all_inner_texts()] for row in rows.all()]
    return [list(column) for column in zip(*reversed(cells), strict=True)]


def test_the_picture_has_the_numbers_of_the_table(school, opened, busy):
    """S0-42..S0-45"""
    page = opened(school.admin(), "/analytics")
    expect(page.get_by_role("img", name="2 texts out, 1 texts in and 0 emails")).to_be_visible()
    found = table(page)
    assert page.evaluate(BARS) == found
    assert [sum(column) for column in found] == [2, 1, 0]
    page.get_by_label("Period").select_option("Last 12 months")
    expect(page.get_by_role("heading", name="Messages per month")).to_be_visible()
    expect(page).to_have_url(re.compile("period=year"))
    assert [sum(column) for column in page.evaluate(BARS)] == [2, 1, 0]
    assert len(page.evaluate(BARS)[0]) in (12, 13)
    page.get_by_label("Whose figures").select_option("Priya Shah")
    expect(page.get_by_text("Nothing was written in these days")).to_be_visible()
    page.get_by_label("Whose figures").select_option("Dana Whitfield")
    expect(page.get_by_role("heading", name="Messages per month")).to_be_visible()
    assert [sum(column) for column in page.evaluate(BARS)] == [2, 1, 0]


def test_the_figures_of_today_follow_what_happens(school, opened, busy):
    """Some seconds later, in the tiles, the table and the picture; what is open stays open."""
    page = opened(school.admin(), "/analytics")
    expect(page.locator(".live[data-live-state=live]")).to_have_count(1)
    assert [sum(column) for column in table(page)] == [2, 1, 0]
    busy.settled(busy.send(school.person(name="Devon Bell"), "By email")["id"], "sent")
    expect(page.get_by_role("img", name="2 texts out, 1 texts in and 1 emails")).to_be_visible()
    expect(page.locator("#volume tbody tr").first).to_be_visible()
    page.wait_for_function(f"() => ({BARS})()[2].reduce((a, b) => a + b) === 1")
    drawn = "() => { const c = document.querySelector('.chart canvas'); "
    drawn += "return c.getContext('2d').getImageData(0, 0, c.width, c.height).data.some(Boolean) }"
    assert page.evaluate(drawn), "a picture that is empty"
    assert looked_at(page) == []


def test_other_days_are_chosen_and_a_slip_is_told_at_its_field(school, opened, busy):
    page = opened(school.admin(), "/analytics")
    expect(page.get_by_label("From")).to_be_hidden()
    page.get_by_label("Period").select_option("Other days")
    first = page.get_by_label("From")
    expect(first).to_have_value(f"{date.today().replace(day=1)}")
    first.fill("2024-05-01")
    expect(page.get_by_role("heading", name="Messages per month")).to_be_visible()
    page.get_by_text("Export", exact=True).click()
    with page.expect_request("**/analytics/export**") as asked, page.expect_download() as got:
        page.get_by_role("link", name="CSV").click()
    assert "2024-05-01" in asked.value.url
    assert got.value.suggested_filename.startswith("analytics-")
    page.get_by_label("To", exact=True).fill("2024-04-01")
    expect(page.get_by_text("The last day is before the first one.")).to_be_visible()
    expect(page.get_by_text("Export", exact=True)).to_be_hidden()


def test_other_days_are_typed_with_the_keyboard(school, opened, busy):
    """2.1.1: each key makes a day, and the next one still goes to the same field; what is shown is
    said to whoever does not see it."""
    page = opened(school.admin(), "/analytics")
    said = page.get_by_role("status").filter(has_text="Northfield College, ")
    expect(said).to_be_visible()
    page.evaluate("() => { window.said = document.querySelector('#whose') }")
    page.get_by_label("Period").select_option("Other days")
    first, last = page.get_by_label("From"), page.get_by_label("To", exact=True)
    expect(first).to_be_visible()
    first.focus()
    for keys, asked in (("05", "-05-01"), ("012", "0002-05-01"), ("024", "2024-05-01")):
        page.keyboard.type(keys)
        expect(page).to_have_url(re.compile(f"from=[0-9]*{asked}"))  # as slowly as it is answered
        expect(first).to_be_focused()
    expect(first).to_have_value("2024-05-01")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    expect(last).to_be_focused()
    page.keyboard.type("06302024")
    expect(last).to_have_value("2024-06-30")
    expect(page).to_have_url(re.compile("from=2024-05-01&to=2024-06-30"))
    expect(said).to_have_text("Northfield College, May 1 to June 30, 2024")
    assert page.evaluate("() => window.said.isConnected"), "a new one is not listened to"


def test_the_picture_changes_its_colours_with_the_page(school, opened, busy):
    page = opened(school.admin(), "/analytics")
    page.emulate_media(color_scheme="light")
    expect(page.locator(".chart canvas")).to_be_visible()
    light = page.evaluate(COLOUR)
    page.emulate_media(color_scheme="dark")
    page.wait_for_function(f"light => ({COLOUR})() !== light", arg=light)
