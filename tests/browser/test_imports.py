"""Import: from a file on somebody's disk to what became of its rows, with the columns mapped by
hand, live, in the browser."""

import re
from typing import Any

import pytest
from playwright.sync_api import FilePayload, Page, expect

from tests.browser.looking import SIZES, looked_at
from tests.browser.pages import ON_SQLITE, shown_number
from tests.school import new_number

pytestmark = ON_SQLITE


def file(text: str, name: str = "fall.csv") -> FilePayload:
    return {"name": name, "mimeType": "text/csv", "buffer": text.encode()}


def counted(page: Page, word: str) -> Any:
    return page.locator(".counts > div").filter(has_text=word).locator("dd")


@pytest.mark.parametrize("size", SIZES)
def test_a_file_is_uploaded_looked_at_tried_and_imported(school, opened, size):
    window: dict[str, Any] = {"viewport": SIZES[size]}
    number = new_number()
    text = f"Nr,Ruf,Last name,Funk\nN1,Maya,Torres,{number}\nN2,,Herrera,\nN3,Noor,Haddad,911\n"
    page = opened(school.admin(), "/people?view=all", **window)
    page.get_by_role("link", name="Import").first.click()
    page.get_by_label("File").set_input_files(file("no columns at all", "x.csv"))
    page.get_by_role("button", name="Upload").click()
    expect(page.get_by_role("alert")).to_contain_text("nobody below them")
    wrong = looked_at(page)
    page.get_by_label("File").set_input_files(file(text))
    page.get_by_role("button", name="Upload").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("fall.csv")
    expect(page.get_by_role("alert")).to_contain_text("Choose the column that holds the first name")
    wrong += looked_at(page)
    page.wait_for_load_state()
    page.get_by_label("Nr").select_option("ID")
    page.get_by_label("Ruf").select_option("First name")
    expect(page.get_by_role("alert")).to_have_count(0)
    page.get_by_label("These people are").select_option("Guardians")
    expect(page.locator("#preview")).to_contain_text("Guardian")
    page.get_by_label("Funk").select_option("Mobile phone")
    expect(page.locator("#preview")).to_contain_text(f"{shown_number(number)} mobile")
    expect(page.locator("#preview")).to_contain_text("911 is an emergency number")
    page.get_by_role("button", name="Try without changing anything").click()
    expect(page.get_by_role("heading", name="What an import would do")).to_be_visible()
    expect(counted(page, "New")).to_have_text("1")
    expect(counted(page, "Refused")).to_have_text("2")
    expect(page.locator(".outcomes tbody tr")).to_have_count(2)
    wrong += looked_at(page)
    page.get_by_role("button", name="Import", exact=True).click()
    expect(page.get_by_role("heading", name="Imported", exact=True)).to_be_visible()
    page.get_by_role("link", name="New", exact=True).click()
    row = page.locator(".outcomes tbody tr")
    expect(row).to_have_count(1)
    expect(row).to_contain_text("Maya Torres")
    with page.expect_download() as downloading:
        page.get_by_text("Every row", exact=True).click()
        page.get_by_role("link", name="CSV").click()
    assert re.fullmatch(r"import-\d+-[\d-]+\.csv", downloading.value.suggested_filename)
    page.get_by_role("link", name="Maya Torres").click()
    expect(page.get_by_text(shown_number(number)).first).to_be_visible()
    assert wrong == []


def person_of(school: Any, source_id: str) -> int:
    found = school.admin().api.get("/people", params={"source_id": source_id}).json()["items"]
    return int(found[0]["id"])


def test_removing_most_people_is_asked_about(school, opened):
    """C15"""
    head, people = "ID,First name\n", [f"N{n},Person{n}\n" for n in range(5)]
    body = {"files": [{"text": head + "".join(people)}]}
    assert school.admin().api.post("/imports", json=body).status_code == 201
    page = opened(school.admin(), "/people?view=all")
    names = page.locator("#found tbody tr").filter(has_text="Person")
    expect(names).to_have_count(5)
    page.goto("/people/import")
    page.get_by_label("File").set_input_files(file(head + people[0]))
    page.get_by_role("button", name="Upload").click()
    page.get_by_label("Remove who is missing").check()
    page.get_by_role("button", name="Import", exact=True).click()
    expect(page.get_by_role("heading", name="Remove 4 of 5 people?")).to_be_visible()
    for n in range(1, 5):
        expect(page.locator(".outcomes tbody tr").filter(has_text=f"Person{n}")).to_be_visible()
    assert looked_at(page) == []
    watching = opened(school.admin(), f"/people/{person_of(school, 'N4')}")
    expect(watching.get_by_text("removed by an import")).to_have_count(0)
    page.get_by_role("button", name="Remove 4 people").click()
    expect(watching.get_by_text("removed by an import")).to_be_visible()
    expect(page.get_by_role("heading", name="Imported", exact=True)).to_be_visible()
    expect(counted(page, "Removed")).to_have_text("4")
    page.goto("/people?view=all")
    expect(names).to_have_count(1)


def test_without_script_it_is_the_same(school, opened):
    page = opened(school.admin(), "/people/import", java_script_enabled=False)
    page.get_by_label("File").set_input_files(file("Nr,First name\nN1,Maya\n"))
    page.get_by_role("button", name="Upload").click()
    page.get_by_label("Nr").select_option("ID")
    page.get_by_role("button", name="Show the first rows again").click()
    expect(page.locator("#preview")).to_contain_text("ID N1")
    page.get_by_role("button", name="Import", exact=True).click()

    def over() -> bool:
        page.reload()
        return page.get_by_role("heading", name="Imported", exact=True).is_visible()

    from tests.helpers import until

    until(over)
