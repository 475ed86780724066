"""Shared numbers in a browser: given to a unit on the grid, seen there, answered from, and taken
back."""

from playwright.sync_api import expect

from tests.browser.looking import SIZES, looked_at
from tests.browser.pages import ON_POSTGRESQL, item, line, open_thread, send, shown_number
from tests.units import supervisor, unit

pytestmark = ON_POSTGRESQL


def test_a_number_is_shared_answered_from_and_taken_back(school, opened):
    """Issue 5, S4-21: nothing leaves from it before somebody stands for the unit, and whoever is
    about to answer sees that change."""
    office = unit(school, "Admissions office")
    lee = supervisor(school, office, "text.start")
    (ours,) = school.pool(1)
    maya = school.person("mobile")
    page = opened(school.admin(), "/settings/twilio?show=free", viewport=SIZES["phone"])
    wrong = looked_at(page)
    page.get_by_role("link", name=f"Share {shown_number(ours)}").click()
    dialog = page.locator("#dialog")
    expect(dialog.get_by_role("heading")).to_have_text(f"Share {shown_number(ours)}")
    wrong += looked_at(page)
    page.get_by_label("Org. unit").select_option(label="Admissions office")
    dialog.get_by_role("button", name="Share number").click()
    expect(page.get_by_text(f"{shown_number(ours)} is shared by Admissions office")).to_be_visible()
    row = page.locator("#grid tbody tr")
    expect(row).to_contain_text("Shared: Admissions office")
    expect(row).to_contain_text("Invalid representative for unit")
    expect(page.locator(".live[data-live-state=live]")).to_have_count(1)
    wrong += looked_at(page)

    school.texts(maya.numbers[0], ours, "Is anybody there?")
    hers = opened(lee, "/inbox?view=unclaimed")
    open_thread(hers, "Maya Torres")
    hers.get_by_role("button", name="Claim and answer").click()
    expect(line(hers)).to_contain_text("because Admissions office has no valid representative")
    of_unit = opened(school.admin(), f"/staff/units/{office}", viewport=SIZES["phone"])
    expect(of_unit.locator("section", has_text="Shared numbers")).to_contain_text(
        shown_number(ours)
    )
    wrong += looked_at(of_unit)
    of_unit.get_by_label("Who stands for it").select_option(label="Lee Park")
    of_unit.get_by_role("button", name="Save representative").click()
    expect(row).to_contain_text("Lee Park stands for it")
    expect(line(hers)).to_contain_text(f"from {shown_number(ours)}, which Admissions office shares")
    wrong += looked_at(hers)
    send(hers, "Here I am")
    expect(item(hers, "Here I am")).to_contain_text("Delivered")
    expect(hers.locator("#thread")).to_contain_text(f", from {shown_number(ours)}")
    assert school.ledger(maya.numbers[0])[-1]["from"] == ours

    row.get_by_role("link", name="Take back").click()
    expect(dialog).to_contain_text("Admissions office shares it no more")
    wrong += looked_at(page)
    dialog.get_by_role("button", name="Take number back").click()
    expect(page.get_by_text("Admissions office shares it no more.")).to_be_visible()
    expect(page.get_by_role("link", name="1 free")).to_be_visible()
    assert wrong == []
