"""Two records of one person in the browser: side by side, as one in every open window, and two
again (issue 5)."""

import re

from playwright.sync_api import expect

from tests.browser.pages import ON_SQLITE, shown_number

pytestmark = ON_SQLITE


def test_two_records_become_one_and_two_again(school, opened):
    dana, ours = school.holder()
    maya = school.person("mobile", name="Maya Torres", email=None)
    double = school.person("mobile", name="Mary Torres", email="mary@students.example")
    innocent = school.person(("home", maya.numbers[0]), name="Devon Lee")
    dana.settled(dana.send(maya, "To Maya")["id"], "delivered")
    thread = dana.send(double, "To Mary")["conversation_id"]
    school.texts(double.numbers[0], ours, "from Mary")
    page = opened(school.admin(), f"/people/{maya.id}")
    watching = opened(school.admin(), f"/people/{double.id}")
    inbox = opened(dana, f"/inbox/{thread}")

    page.get_by_role("link", name="Merge with another person").click()
    expect(page.locator(".candidates")).to_have_text(re.compile("Devon Lee"))  # the same number
    page.get_by_label("Name, number or ID").fill("mary")
    page.get_by_role("button", name="Search").click()
    page.get_by_role("link", name="Compare with Mary Torres").click()
    stays, goes = page.locator(".record").first, page.locator(".record").last
    expect(stays.get_by_role("heading")).to_have_text("Maya Torres")
    page.get_by_role("link", name="Keep the other record").click()
    expect(stays.get_by_role("heading")).to_have_text("Mary Torres")
    page.get_by_role("link", name="Keep the other record").click()
    expect(goes.get_by_role("heading")).to_have_text("Mary Torres")
    expect(goes).to_contain_text(shown_number(double.numbers[0]))
    points = page.locator(".points")
    expect(points).to_contain_text("The email comes from Mary Torres.")
    expect(points).to_contain_text(
        "The conversations of both with Dana Whitfield become one, with what is half written."
    )
    page.get_by_role("button", name="Merge the two records").click()
    expect(page.get_by_role("heading", name="Maya Torres")).to_be_visible()
    expect(page.locator("#phones")).to_contain_text(shown_number(double.numbers[0]))
    expect(page.locator("#person-head")).to_contain_text("mary@students.example")

    # The page of the other one leads to who was kept, also where it is open.
    expect(watching).to_have_url(re.compile(f"/people/{maya.id}$"))
    expect(watching.locator("#merges")).to_contain_text("Mary Torres was merged into this record")
    expect(inbox.locator("#rows .row").filter(has_text="Mary Torres")).to_have_count(0)
    expect(inbox.locator("#rows .row").filter(has_text="Maya Torres")).to_contain_text("from Mary")

    page.get_by_role("button", name="Undo merge with Mary Torres").click()
    expect(page.get_by_role("dialog")).to_contain_text("no number is switched on again")
    page.get_by_role("dialog").get_by_role("button", name="Undo merge").click()
    expect(page.locator("#merges .notice")).to_have_count(0)
    expect(page.locator("#phones")).not_to_contain_text(shown_number(double.numbers[0]))
    expect(watching.locator("#merges .notice")).to_have_count(0)
    expect(inbox.locator("#rows .row").filter(has_text="Mary Torres")).to_contain_text("from Mary")
    watching.goto(f"/people/{double.id}")
    expect(watching.get_by_role("heading", level=1)).to_have_text("Mary Torres")

    # Without the right there is no button, and the address refuses too.
    advisor = opened(dana, f"/people/{innocent.id}")
    expect(advisor.get_by_role("link", name="Merge")).to_have_count(0)
    answer = advisor.goto(f"/people/{innocent.id}/merge")
    assert answer is not None
    assert answer.status == 403
