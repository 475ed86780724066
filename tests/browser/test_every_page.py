"""Every page, wide and on a phone, light and dark: axe finds nothing, the console is silent,
nothing scrolls sideways. The pages are those of the URL map, so that a new one must be named here.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from app import clock, create_app
from tests.browser.pages import ON_SQLITE, box, send_button, sign_in
from tests.counting import MOST_QUERIES, queries
from tests.helpers import until
from tests.school import PASSWORD, Member, School, new_number
from tests.units import put, share, unit

pytestmark = ON_SQLITE
AXE = Axe().axe_script
SIZES = {"wide": {"width": 1440, "height": 900}, "phone": {"width": 360, "height": 740}}
WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]

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


@dataclass
class Scene:
    """A school with something of everything; `paths`: endpoint → what is looked at there."""

    dana: Member
    paths: dict[str, list[str]]

    @classmethod
    def of(cls, school: School) -> "Scene":
        dana, ours = school.holder()
        health = unit(school, "College of Health and Human Services")
        nursing = unit(school, "Department of Nursing", health)
        put(school, dana, nursing)
        maya = school.person("mobile", "home", name="Maya Wolfeschlegelsteinhausenbergerdorff")
        tomas, devon = school.person("mobile", name="Tomás Herrera"), school.person(email=None)
        nobodys = new_number()
        sent = [dana.send(person, "x" * 300) for person in (maya, tomas, devon)]
        dana.settled(sent[0]["id"], "delivered")
        dana.settled(sent[1]["id"], "delivered")
        school.texts(maya.numbers[0], ours, "please stop texting me")
        school.texts(tomas.numbers[0], ours, "STOP")
        school.texts(nobodys, ours, "its marcus")
        failing = school.person("mobile", name="Priya Natarajan")
        school.carrier.handset(failing.numbers[0], behaviour="undelivered", code=30005)
        sent += [dana.send(tomas, "By email then"), dana.send(failing, "Tuesday?")]
        dana.settled(sent[-1]["id"], "undelivered")
        soon = (datetime.now(UTC) + timedelta(days=3)).isoformat()
        held = dana.send(maya, "Reminder: Tuesday, 8:30", send_at=soon)["id"]
        talks = {c["person_id"]: c["id"] for c in dana.conversations()}
        threads = set(talks.values())
        school.verify(maya, 0)
        for person in (maya, tomas, devon):
            dana.api.put(f"/people/{person.id}/advisors/{dana.id}")
        imports = imports_of(school)
        double = school.person("mobile", ("home", maya.numbers[1]), name="Mary Torres")
        into = {"other": school.person(name="Maya T.", email=None).id}
        assert school.admin().api.post(f"/people/{maya.id}/merge", json=into).is_success
        school.carrier.number(school.account_sid, new_number())
        school.carrier.registrations(
            school.account_sid,
            brands=[{"status": "FAILED", "errors": ["The name and the tax number differ"]}],
            services=[{"numbers": [ours], "campaign": {"status": "IN_PROGRESS"}}],
        )
        one = f"/people/{maya.id}"
        everything = {"roles": ["Advisor", "Administrator"]}
        assert school.admin().api.patch(f"/staff/{dana.id}", json=everything).status_code == 200
        gone = school.member("Manager", name="Joan Tran")
        put(school, gone, health)
        roles = school.admin().api.get("/roles").json()
        with school.browser(dana) as browser:
            stands = {"staff": gone.id}
            address = f"/staff/units/{nursing}/representative"
            assert browser.post(address, data=stands).status_code == 303
            assert school.admin().api.patch(f"/staff/{gone.id}", json={"active": False}).is_success
            invited = {"name": "Nia Fox", "email": f"nia.{dana.email}", "role": "Advisor"}
            assert browser.post("/staff", data=invited).status_code == 303
            days = {day: f"{clock.now():%Y-%m-%d}" for day in ("first", "last")}
            covered = {"by": school.admin().id, **days}
            assert browser.post("/profile/cover", data=covered).status_code == 303
            told = hooks_of(school, browser)
        number = school.number(ours)["id"]
        free, given = school.pool(2)
        spare, office = (school.number(each)["id"] for each in (free, given))
        assert share(school, given, health).is_success
        noor = school.person("mobile", name="Noor Haddad")
        school.texts(noor.numbers[0], given, "Is anybody there?")
        with school.browser(dana) as browser:
            asked = next(c["id"] for c in dana.conversations() if c["person_id"] == noor.id)
            assert browser.post(f"/inbox/{asked}/claim").status_code == 303
        kept = {"title": "Drop deadline", "body": "Hi {first_name}, until Dec 4. " * 8}
        assert dana.api.delete(f"/phones/{maya.phone_ids[1]}").status_code == 204
        school.settings(cool_off_days=7, fallback_email={"subject": "From {sender}"})
        shared = dana.api.post("/standard-texts", json={**kept, "shared": True}).json()["id"]
        assert dana.api.post("/standard-texts", json=kept).status_code == 201
        return cls(
            dana,
            {
                "inbox.index": [
                    "/inbox",
                    "/inbox?view=archived",
                    "/inbox?q=nobody",
                    "/inbox?view=snoozed",
                    f"/inbox?view=unclaimed&unit={nursing}",
                ],
                "inbox.conversation": [f"/inbox/{n}" for n in sorted({*threads, asked})],
                "inbox.later_": ["/inbox/later"],
                "inbox.change_later": [f"/inbox/messages/{held}/later"],
                "inbox.hand_over_form": [f"/inbox/{min(threads)}/hand-over"],
                "inbox.new": ["/inbox/new", "/inbox/new?q=maya", f"/inbox/new?person={failing.id}"],
                "inbox.why": [f"/inbox/messages/{sent[n]['id']}/why" for n in (0, 2, 3)],
                "messages.index": [
                    "/messages",
                    f"/messages?status=undelivered&since=2026-01-01&picked={sent[-1]['id']}",
                    "/messages?sort=status&phone=nobody",
                    f"/messages?unit={health}&text=nobody",
                ],
                "messages.one": [f"/messages/{sent[n]['id']}" for n in (0, 2, 4)],
                "messages.new": [
                    "/messages/new",
                    f"/messages/new?person={maya.id}&keep=yes&sent={sent[0]['id']}",
                    f"/messages/new?person={devon.id}",
                    f"/messages/new?number={tomas.numbers[0][1:]}",
                    f"/messages/new?number={nobodys[1:]}",
                    "/messages/new?pick=person&q=maya",
                ],
                "messages.emails": ["/messages/emails", "/messages/emails?state=failed"],
                "people.index": ["/people", "/people?view=all", "/people?q=nobody"],
                "person_phones.index": [
                    "/people/phones",
                    "/people/phones?show=all",
                    "/people/phones?q=nobody",
                ],
                "people.person": [
                    f"{one}?edit={maya.phone_ids[0]}",
                    f"{one}?add=phone",
                    f"/people/{tomas.id}",
                ],
                "imports.index": ["/people/import"],
                "imports.one": [f"/people/import/{each}" for each in imports],
                "people.route": [f"{one}/route", f"/people/{devon.id}/route"],
                "people.new": ["/people/new"],
                "joining.question": [
                    f"{one}/merge",
                    f"{one}/merge?q=torres",
                    f"{one}/merge?other={double.id}",
                    f"/people/{tomas.id}/merge?other={maya.id}",
                    f"{one}/merge?other={maya.id}",
                ],
                "people.edit": [f"{one}/edit"],
                "identify.question": [
                    f"/people/identify/{talks[None]}?q=maya",
                    f"/people/identify/{talks[maya.id]}",
                ],
                "session.login": ["/login"],
                "tokens.index": ["/tokens"],
                "staff.index": ["/staff", "/staff?q=nobody", "/staff?sort=-seen"],
                "staff.new": ["/staff/new"],
                "staff.one": [f"/staff/{dana.id}", f"/staff/{gone.id}"],
                "staff.leave": [f"/staff/{dana.id}/deactivate"],
                "org_units.index": ["/staff/units"],
                "org_units.new": ["/staff/units/new", f"/staff/units/new?under={nursing}"],
                "org_units.one": [f"/staff/units/{health}", f"/staff/units/{nursing}"],
                "roles.index": ["/staff/roles"],
                "roles.new": ["/staff/roles/new"],
                "roles.one": [f"/staff/roles/{role['id']}" for role in roles["items"][:2]],
                "profile.index": ["/profile"],
                "standard_texts.index": ["/texts"],
                "standard_texts.new": ["/texts/new"],
                "standard_texts.one": [f"/texts/{shared}"],
                "password.ask": ["/password"],
                "password.choose": [school.password_link(f"nia.{dana.email}")],
                "analytics.index": [
                    "/analytics",
                    f"/analytics?period=year&who=staff-{dana.id}",
                    f"/analytics?who=unit-{health}",
                    "/analytics?period=days&from=2024-01-01&to=2024-01-31",
                ],
                "analytics.numbers": ["/analytics/numbers"],
                "analytics.staff": [
                    "/analytics/staff",
                    f"/analytics/staff?period=30&who=unit-{health}&sort=name",
                    "/analytics/staff?period=days&from=2024-01-01&to=2024-01-31",
                ],
                "audit_log.index": [
                    "/audit",
                    f"/audit?q=maya&by={school.admin().id}&kind=consent&from=2026-01-01",
                    "/audit?kind=settings",
                ],
                "configuration.index": ["/settings"],
                "configuration.email": ["/settings/email"],
                "configuration.twilio": [
                    "/settings/twilio",
                    "/settings/twilio?show=retired",
                    "/settings/twilio?show=free",
                    "/settings/twilio?q=nobody",
                ],
                "configuration.connection": ["/settings/twilio/connection"],
                "configuration.compared": ["/settings/twilio/connection/numbers"],
                "configuration.registered": ["/settings/twilio/connection/registration"],
                "configuration.reassigning": [f"/settings/numbers/{number}/reassign"],
                "configuration.sharing": [f"/settings/numbers/{spare}/share"],
                "configuration.unsharing": [f"/settings/numbers/{office}/unshare"],
                "configuration.releasing": [f"/settings/numbers/{number}/release"],
                "configuration.retiring": [f"/settings/numbers/{number}/retire"],
                "configuration.adding": ["/settings/numbers/add"],
                "hooks.index": ["/settings/webhooks"],
                "hooks.one": [told, f"{told}?state=given_up"],
            },
        )


def imports_of(school: School) -> list[int]:
    """One that was tried, one that asks, and one whose file cannot be read."""
    api, head = school.admin().api, "ID,First name,Mobile phone,Mobile phone,Funk\n"
    people = "".join(f"N{n},P{n},,,x\n" for n in range(3))
    asked = [
        (head + people + "N4,,911,,x\n", {}),
        (head + people + "N4,,911,,x\n", {"dry_run": True}),
        (head + people[:10], {"remove_missing": True}),
        (head + people + 'N5,"Maya,,,\n', {}),
    ]
    made = []
    for text, choice in asked:
        answer = api.post("/imports", json={"files": [{"text": text}], **choice})
        made.append(answer.json()["id"])
        until(lambda: api.get(f"/imports/{made[-1]}").json()["state"] != "waiting")
    return made[1:]


def hooks_of(school: School, browser: httpx.Client) -> str:
    """A webhook whose system does not take what it is told; the path of its page."""
    form = {"url": f"{school.url}/nowhere/{'x' * 80}", "event": ["number.assigned"]}
    assert browser.post("/settings/webhooks", data=form).status_code == 200
    page = browser.get("/settings/webhooks").text
    path = page.partition('class="who"><a href="')[2].partition('"')[0]
    assert browser.post(f"{path}/test").status_code == 303
    until(lambda: "Trying again" in browser.get(path).text)
    return path


def wrong_with(page: Page, rules: list[str] | None = None) -> list[str]:
    """What axe finds, and whether the page is wider than its window."""
    only = {"type": "rule", "values": rules} if rules else {"type": "tag", "values": WCAG}
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE)
    options = {"runOnly": only, "resultTypes": ["violations"]}
    found = page.evaluate("options => axe.run(options)", options)["violations"]
    wrong = [f"{page.url}: {v['id']}: {n['html'][:120]}" for v in found for n in v["nodes"]]
    if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
        wrong.append(f"{page.url}: wider than its window")
    return wrong


def looked_at(page: Page) -> list[str]:
    """In both colours; a colour changes nothing but the contrast."""
    page.emulate_media(color_scheme="light", reduced_motion="reduce")
    wrong = wrong_with(page)
    page.emulate_media(color_scheme="dark")
    return wrong + [f"dark: {each}" for each in wrong_with(page, ["color-contrast"])]


def test_every_page_of_the_url_map_is_looked_at(stack, school):
    """Whoever adds a page adds it to the scene, or says here that it is none."""
    settings = stack.app.config["SETTINGS"]
    rules = [rule for rule in create_app(settings).url_map.iter_rules() if "GET" in rule.methods]
    asked = {r.endpoint for r in rules if not r.rule.startswith("/api/")}
    assert asked == set(Scene.of(school).paths) | PARTS | OTHERS


def test_no_page_asks_more_than_a_dozen_times(stack, school):
    """For somebody with every right; a page with more rows asks no more."""
    app = create_app(stack.app.config["SETTINGS"])  # in this process, so that it can be counted
    app.config["WTF_CSRF_ENABLED"] = False
    scene, client = Scene.of(school), app.test_client()
    school.settings(first_contact="Northfield College texts from here.")
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
def test_every_page(school, page, size):
    page.set_viewport_size(SIZES[size])
    wrong: list[str] = []
    page.on("console", lambda said: wrong.append(f"console: {said.text}"))
    page.on("pageerror", lambda error: wrong.append(f"script: {error}"))
    scene = Scene.of(school)
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
