"""Every page, wide and on a phone, light and dark: axe finds nothing, the console is silent,
nothing scrolls sideways. The pages are those of the URL map, so that a new one must be named here.
"""

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from app import create_app
from tests.browser.looking import SIZES, looked_at
from tests.browser.pages import ON_SQLITE, box, send_button, sign_in
from tests.browser.scene import Scene
from tests.counting import MOST_QUERIES, queries
from tests.school import PASSWORD
from tests.stack import Stack

pytestmark = ON_SQLITE

# Addresses that are asked for by pages and programs, not by people: parts of pages are on them.
PARTS = {"inbox.list_", "inbox.thread", "inbox.details", "inbox.route", "inbox.new_route"}
PARTS |= {"configuration.usage_", "configuration.grid", "messages.rows", "messages.sent"}
PARTS |= {"configuration.connection_state"}
PARTS |= {"inbox.people", "inbox.presence", "inbox.picture", "standard_texts.picker"}
OTHERS = {
    "static",
    "session.home",
    "health.healthz",
    "health.readyz",
    "health.metrics_",
    "__flask_sock.live",
}
OTHERS |= {"audit_log.export", "imports.export", "messages.export", "person_phones.export"}  # files
OTHERS |= {"analytics.export", "analytics.staff_export"}


@pytest.fixture(scope="module")
def scene(stack: Stack) -> Iterator[Scene]:
    """Made once: it is only looked at."""
    with stack.school() as school:
        yield Scene.of(school)


def test_every_page_of_the_url_map_is_looked_at(stack, scene):
    """Whoever adds a page adds it to the scene, or says here that it is none."""
    settings = stack.app.config["SETTINGS"]
    rules = [rule for rule in create_app(settings).url_map.iter_rules() if "GET" in rule.methods]
    asked = {r.endpoint for r in rules if not r.rule.startswith("/api/")}
    assert asked == set(scene.paths) | PARTS | OTHERS


def test_no_page_asks_more_than_a_dozen_times(stack, scene):
    """For somebody with every right; a page with more rows asks no more."""
    app = create_app(stack.app.config["SETTINGS"])  # in this process, so that it can be counted
    app.config["WTF_CSRF_ENABLED"] = False
    client = app.test_client()
    scene.school.settings(first_contact="Northfield College texts from here.")
    form = {"email": scene.dana.email, "password": PASSWORD}
    assert client.post("/login", data=form).status_code == 303
    counts = {}
    for path in (path for found in scene.paths.values() for path in found):
        client.get(path)  # the first notes that the sign-in is used
        with queries() as asked:
            client.get(path)
        counts[path] = len(asked)
    assert {path: count for path, count in counts.items() if count > MOST_QUERIES} == {}


@pytest.mark.parametrize("size", SIZES)
def test_every_page(scene, page, size):
    page.set_viewport_size(SIZES[size])
    wrong: list[str] = []
    page.on("console", lambda said: wrong.append(f"console: {said.text}"))
    page.on("pageerror", lambda error: wrong.append(f"script: {error}"))
    page.goto("/login")
    wrong += looked_at(page)
    sign_in(page, scene.dana)
    for path in (path for found in scene.paths.values() for path in found):
        answer = page.goto(path)
        assert answer is not None
        assert answer.status == 200
        wrong += looked_at(page)
    assert wrong == []


@pytest.mark.parametrize("size", SIZES)
def test_what_opens_on_a_page(school, opened, size):
    """Menus, dialogs, details, the costly character, a phone that cannot be texted, errors."""
    dana, _ = school.holder()
    maya = school.person("mobile", "home")
    thread = dana.send(maya)["conversation_id"]
    school.set_status(maya, 1, "disabled")
    page = opened(dana, f"/inbox/{thread}", viewport=SIZES[size])
    wrong: list[str] = []
    page.get_by_role("link", name="Why?").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    wrong += looked_at(page)
    page.keyboard.press("Escape")
    page.locator("#route-why summary").click()
    wrong += looked_at(page)
    page.keyboard.press("Escape")
    if size == "phone":
        page.get_by_role("button", name="Maya Torres, details").click()
        expect(page.locator("#details")).to_be_visible()
        wrong += looked_at(page)
        page.get_by_role("button", name="Close details").click()
    box(page).fill("’" + "a" * 80)
    expect(page.locator(".costly")).to_be_visible()
    wrong += looked_at(page)
    page.get_by_text("Choose the phone").click()
    page.get_by_label("Phone", exact=True).select_option(index=2)
    expect(page.locator("#phone-error")).to_be_visible()
    wrong += looked_at(page)
    page.get_by_label("Phone", exact=True).select_option(index=0)
    box(page).fill("long " * 300)
    expect(send_button(page)).to_be_enabled()
    send_button(page).click()
    expect(page.get_by_role("alert")).to_be_visible()
    wrong += looked_at(page)
    page.goto("/inbox")
    page.locator("#views-menu summary").click()
    wrong += looked_at(page)
    page.locator("#account-menu summary").click()
    wrong += looked_at(page)
    page.get_by_role("button", name="Keyboard shortcuts").click()
    wrong += looked_at(page)
    for path, heading in (("/nowhere", "Nothing is here"), (f"/inbox/{thread}/read", "Nothing is")):
        page.goto(path)
        expect(page.get_by_role("heading", level=1)).to_contain_text(heading)
        wrong += looked_at(page)
    assert wrong == []
