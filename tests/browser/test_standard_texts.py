"""Standard texts: kept on their page, and inserted while somebody writes (S4-45..S4-47)."""

from playwright.sync_api import expect

from tests.browser.looking import looked_at
from tests.browser.pages import ON_SQLITE, box, item, send_button

pytestmark = ON_SQLITE


def write(page, title, body):
    page.get_by_role("link", name="New text").first.click()
    page.get_by_label("Title").fill(title)
    page.get_by_label("Text", exact=True).fill(body)


def open_menu(page):
    page.get_by_label("Insert a standard text").click()
    expect(page.locator("#texts-list")).to_be_visible()


def test_they_are_kept_on_a_page(school, opened):
    """S4-47"""
    admin = school.admin()
    page = opened(admin, "/inbox")
    page.locator("#account-menu summary").click()
    page.get_by_role("link", name="Standard texts").click()
    expect(page.get_by_role("heading", name="No standard texts yet")).to_be_visible()
    wrong = looked_at(page)
    write(page, "Drop deadline", "Hi , until Dec 4.")
    page.get_by_label("Text", exact=True).evaluate("area => area.setSelectionRange(3, 3)")
    page.get_by_role("button", name="First name").click()
    expect(page.get_by_label("Text", exact=True)).to_be_focused()
    expect(page.get_by_label("Text", exact=True)).to_have_value("Hi {first_name}, until Dec 4.")
    page.get_by_label("Everybody who writes").check()
    page.get_by_role("button", name="Save text").click()
    card = page.get_by_role("region", name="Shared").get_by_role("listitem")
    expect(card.locator("mark")).to_have_text("{first_name}")
    expect(card).to_contain_text("About 1 text")
    write(page, "Signature", "Priya")
    page.get_by_role("button", name="Save text").click()
    mine = page.get_by_role("region", name="Mine").get_by_role("listitem")
    expect(mine).to_contain_text("Signature")

    write(page, "signature", "Priya Shah")
    page.get_by_role("button", name="Save text").click()
    expect(page.get_by_text("There is a text of this title already.")).to_be_visible()
    expect(page.get_by_label("Text", exact=True)).to_have_value("Priya Shah")
    wrong += looked_at(page)
    page.goto("/texts")
    page.get_by_label("Edit Signature").click()
    page.get_by_label("Text", exact=True).fill("Priya Shah")
    page.get_by_role("button", name="Save text").click()
    expect(mine).to_contain_text("Priya Shah")
    page.get_by_label("Delete Signature").click()
    expect(page.get_by_role("dialog")).to_contain_text("What was sent with it stays as it is.")
    page.get_by_role("button", name="Cancel").click()
    page.get_by_label("Delete Signature").click()
    page.get_by_role("button", name="Delete text").click()
    expect(page.get_by_text("“Signature” is deleted.")).to_be_visible()
    expect(mine).to_have_count(0)
    assert wrong == []


def test_one_is_inserted_in_the_middle_of_what_is_typed(school, opened):
    """S4-45, S4-46: at the cursor, filled for the person; the counter and the draft follow."""
    dana, _ = school.holder()
    kept = {"title": "Drop deadline", "body": "{first_name}, until Dec 4"}
    assert dana.api.post("/standard-texts", json=kept).status_code == 201
    thread = dana.send(school.person("mobile"))["conversation_id"]
    page = opened(dana, f"/inbox/{thread}")
    box(page).fill("Yes, . See you")
    expect(page.locator(".counter")).to_contain_text("146 left")
    box(page).evaluate("area => area.setSelectionRange(5, 5)")
    open_menu(page)
    wrong = looked_at(page)
    expect(page.locator("#texts-search")).to_have_count(0)
    with page.expect_response(lambda answer: answer.url.endswith("/draft")):
        page.get_by_role("button", name="Drop deadline").click()
    expect(box(page)).to_have_value("Yes, Maya, until Dec 4. See you")
    expect(box(page)).to_be_focused()
    expect(page.locator("#texts-list")).to_be_hidden()
    expect(page.locator(".counter")).to_contain_text("129 left")
    page.keyboard.type("!")  # where the cursor was left
    send_button(page).click()
    expect(item(page, "Yes, Maya, until Dec 4!. See you")).to_be_visible()
    open_menu(page)  # the box is new, and so is its menu
    page.get_by_role("button", name="Drop deadline").click()
    expect(box(page)).to_have_value("Maya, until Dec 4")
    assert wrong == []


def test_a_missing_value_is_shown_and_never_sent(school, opened):
    dana, _ = school.holder()
    kept = {"title": "ID", "body": "Your ID is {student_id}."}
    assert dana.api.post("/standard-texts", json=kept).status_code == 201
    maya = school.person("mobile")
    page = opened(dana, f"/inbox/new?person={maya.id}")
    open_menu(page)
    expect(page.locator("#texts-list")).to_contain_text("{student_id} is not on record")
    wrong = looked_at(page)
    page.get_by_role("button", name="Your ID is").click()
    expect(box(page)).to_have_value("Your ID is {student_id}.")
    send_button(page).click()
    expect(page.get_by_role("alert")).to_contain_text("Fill in {student_id} first")
    expect(box(page)).to_have_value("Your ID is {student_id}.")
    assert dana.said_to(maya) == []
    assert wrong == []


def test_many_are_searched_by_keyboard(school, opened):
    """A search over more than eight; Enter takes the first that is left and sends nothing."""
    dana, _ = school.holder()
    for n in range(9):
        kept = {"title": f"Answer {n}", "body": f"It is number {n} of them."}
        assert dana.api.post("/standard-texts", json=kept).status_code == 201
    thread = dana.send(school.person("mobile"))["conversation_id"]
    page = opened(dana, f"/inbox/{thread}", viewport={"width": 360, "height": 740})
    page.get_by_label("Insert a standard text").focus()
    page.keyboard.press("Enter")
    search = page.get_by_label("Search standard texts")
    search.fill("nothing like it")
    expect(page.get_by_text("Nothing matches.")).to_be_visible()
    wrong = looked_at(page)
    search.fill("number 7")
    expect(page.locator("#texts-list > li:visible")).to_have_count(1)
    wrong += looked_at(page)
    page.keyboard.press("Enter")
    expect(box(page)).to_have_value("It is number 7 of them.")
    assert [m["body"] for m in dana.thread(thread)] == ["Hello"]
    assert wrong == []
