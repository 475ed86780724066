"""What an operator does now and then: an import is stopped while somebody else watches it, and
staff are compared side by side."""

from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.looking import SIZES, looked_at
from tests.browser.pages import ON_POSTGRESQL
from tests.browser.test_imports import counted, file
from tests.imports import many

pytestmark = ON_POSTGRESQL


@pytest.mark.parametrize("size", SIZES)
def test_an_import_is_stopped_and_staff_are_compared(school, opened, size):
    dana, _ = school.holder()
    school.pool(1)
    kim = school.member("Administrator", name="Kim Alvarez")
    for name in ("Maya Torres", "Devon Bell"):
        kim.settled(kim.send(school.person("mobile", name=name))["id"], "delivered")
    window: dict[str, Any] = {"viewport": SIZES[size]}
    page = opened(kim, "/people/import", **window)
    page.get_by_label("File").set_input_files(file(many(20_000), "fall.csv"))
    page.get_by_role("button", name="Upload").click()
    page.get_by_role("button", name="Import", exact=True).click()
    expect(page.get_by_text("of 20,000 rows")).to_be_visible()
    watching = opened(school.admin(), page.url, **window)
    expect(watching.get_by_role("button", name="Stop")).to_be_visible()
    page.get_by_role("button", name="Stop").click()
    for each in (page, watching):
        expect(each.get_by_role("heading", name="Stopped", exact=True)).to_be_visible()
        expect(each.get_by_text("Stopped by Kim Alvarez.").first).to_be_visible()
        expect(each.get_by_text("are being listed")).to_have_count(0)
        expect(counted(each, "Not done")).to_be_visible()
        expect(each.get_by_role("button", name="Import again")).to_be_visible()
    page.get_by_role("link", name="Not done").click()
    expect(page.locator(".outcomes tbody tr").first).to_contain_text("Stopped by Kim Alvarez.")
    wrong = looked_at(page)

    page.goto("/analytics/staff")
    rows = page.locator("#volume tr")
    expect(rows).to_have_count(2)
    for sort, names in ((None, [kim.name, dana.name]), ("Name", [dana.name, kim.name])):
        if sort and size == "wide":  # on phones the head of the table is not there
            page.get_by_role("link", name=sort, exact=True).click()
        elif sort:
            page.goto("/analytics/staff?sort=name")
        expect(rows.first).to_contain_text(names[0])
        cells = [row.locator("td[data-count]").all_inner_texts() for row in rows.all()]
        columns = [[int(n) for n in column] for column in zip(*cells, strict=True)]
        drawn = "window.Chart?.getChart(document.querySelector('.chart canvas'))?.data.datasets"
        drawn = f"columns => `${{{drawn}?.map(d => d.data)}}` === `${{columns}}`"
        page.wait_for_function(drawn, arg=columns)
    expect(page.get_by_role("img", name="Kim Alvarez sent the most: 2.")).to_be_visible()
    wrong += looked_at(page)
    page.get_by_role("link", name="Dana Whitfield").click()
    expect(page.get_by_label("Whose figures").locator("option:checked")).to_have_text(dana.name)
    assert wrong == []
