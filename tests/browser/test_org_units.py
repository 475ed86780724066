"""Org units in browsers: the tree is made by hand, and whoever looks after a unit sees it live."""

from playwright.sync_api import expect

from tests.browser.looking import looked_at
from tests.browser.pages import ON_SQLITE, item, open_thread, row, send
from tests.flows.test_unclaimed import orphaned
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


def test_a_unit_has_somebody_who_stands_for_it_and_what_waits_there_is_claimed(school, opened):
    """D7, S4-21: the tree says live when nobody can; the automatic answer stands in the thread, and
    whoever looks after the unit claims it from its queue and answers from its number."""
    health = unit(school, "Health")
    lee = supervisor(school, health)
    maya, ours = orphaned(school, health, name="Maya Torres")
    school.settings(unclaimed_answer="Thank you. Somebody answers soon.")
    tree = opened(school.admin(), "/staff/units")
    status = tree.locator("#units .pill")
    expect(status).to_have_text("Invalid representative for unit")
    page = opened(school.admin(), f"/staff/units/{health}")
    expect(page.get_by_text("Nobody stands for Health, and texts come to it.")).to_be_visible()
    wrong = looked_at(page)
    page.get_by_label("Who stands for it").select_option(label="Lee Park")
    page.get_by_role("button", name="Save representative").click()
    expect(page.get_by_text("Lee Park stands for the unit.")).to_be_visible()
    expect(status).to_have_count(0)

    hers = opened(lee, "/inbox?view=unclaimed")
    queue = hers.get_by_role("navigation", name="Org units")
    queue.get_by_role("link", name="Health").click()
    school.texts(maya.numbers[0], ours, "Is anybody there?")
    expect(row(hers, "Is anybody there?")).to_contain_text("Unclaimed in Health")
    row(hers, "Is anybody there?").get_by_role("link").click()
    expect(hers.locator("#thread h2").first).to_contain_text("Maya Torres")
    answer = item(hers, "Thank you. Somebody answers soon.")
    expect(answer).to_contain_text("Automatic answer")
    expect(answer).to_contain_text("Delivered")
    wrong += looked_at(hers)
    hers.get_by_role("button", name="Claim and answer").click()
    send(hers, "Here I am")
    expect(item(hers, "Here I am")).to_contain_text("Delivered")
    assert school.ledger(maya.numbers[0])[-1]["from"] == ours

    assert school.admin().api.patch(f"/staff/{lee.id}", json={"active": False}).is_success
    expect(tree.locator("#units tbody tr")).to_contain_text("Lee Park")
    expect(status).to_have_text("Invalid representative for unit")
    assert wrong == []
