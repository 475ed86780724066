"""Org units in browsers: the tree is made by hand, and whoever looks after a unit sees it live."""

from playwright.sync_api import expect

from tests.browser.pages import ON_SQLITE, item, open_thread, row
from tests.browser.test_every_page import looked_at
from tests.units import supervisor, unit

pytestmark = ON_SQLITE


def test_the_tree_is_made_and_somebody_looks_after_a_part_of_it(school, opened):
    """S4-7, S4-23, C-19: what is put into the unit comes into the open list by itself, and what is
    texted there; it goes again when its holder moves away."""
    dana, ours = school.holder()
    maya = school.person("mobile")
    dana.send(maya, "How is the term?")
    lee = supervisor(school, unit(school, "Health"))
    hers = opened(lee, "/inbox?view=all")
    expect(hers.locator("#list")).to_contain_text("Conversations of the unit")

    page = opened(school.admin(), "/staff")
    page.get_by_role("link", name="Org units").click()
    beside = opened(school.admin(), "/staff/units")
    page.get_by_role("link", name="Add below Health").click()
    page.get_by_role("button", name="Add unit").click()
    expect(page.get_by_label("Name")).to_be_focused()  # the browser says that it is needed
    page.get_by_label("Name").fill("Health")
    page.get_by_label("Under").select_option(label="None, at the top")
    page.get_by_role("button", name="Add unit").click()
    expect(page.get_by_text("Health is there already.")).to_be_visible()
    wrong = looked_at(page)
    page.get_by_label("Name").fill("Nursing")
    page.get_by_label("Under").select_option(label="Health")
    page.get_by_role("button", name="Add unit").click()
    expect(page.locator("#units tbody tr.depth-1")).to_contain_text("Nursing")
    expect(beside.locator("#units tbody tr.depth-1")).to_contain_text("Nursing")  # live

    page.goto(f"/staff/{dana.id}")
    page.get_by_label("Org. unit").select_option(label="\u2003Nursing")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Dana Whitfield is saved.")).to_be_visible()
    expect(row(hers, "Maya Torres")).to_contain_text("Dana Whitfield")
    wrong += looked_at(hers)
    school.texts(maya.numbers[0], ours, "Fine, thanks")
    expect(row(hers, "Maya Torres")).to_contain_text("Fine, thanks")
    open_thread(hers, "Maya Torres")
    expect(item(hers, "Fine, thanks")).to_be_visible()

    page.goto("/messages")
    page.get_by_label("Org. unit").select_option(label="\u2003Nursing")
    expect(page.locator(".chip")).to_contain_text("Org. unit: Nursing")
    expect(page.locator("#found tbody tr")).to_have_count(1)  # what was said before stays outside
    assert "unit=" in page.url
    page.get_by_role("link", name="Without Org. unit: Nursing").click()
    expect(page.locator("#found tbody tr")).to_have_count(3)
    wrong += looked_at(page)

    page.goto(f"/staff/{dana.id}")
    page.get_by_label("Org. unit").select_option(label="None")
    page.get_by_role("button", name="Save").click()
    hers.goto("/inbox?view=all")
    expect(hers.locator("#list")).to_contain_text("Conversations of the unit")
    expect(row(hers, "Maya Torres")).to_have_count(0)
    assert wrong == []
