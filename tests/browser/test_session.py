"""Signing in and out."""

import re

import httpx
import pytest
from playwright.sync_api import expect

from tests.browser.pages import ON_SQLITE, box, fill_sign_in, sign_in, sign_out
from tests.school import PASSWORD

pytestmark = ON_SQLITE
WRONG = "That email and password do not match. Check both, or ask your administrator for a reset."


def token_in(answer):
    return re.search(r'name="csrf_token" value="([^"]+)"', answer.text)[1]


def cookie(page):
    (found,) = [c for c in page.context.cookies() if "replyline" in c["name"]]
    return found


def test_wrong_password_and_unknown_email_look_alike_and_keep_the_email(school, page):
    """Nobody learns which accounts exist; what was typed stays, except the password."""
    for email in (school.member().email, "nobody@northfield.example"):
        page.goto("/login")
        fill_sign_in(page, email, "not the password")
        expect(page.get_by_role("alert")).to_have_text(WRONG)
        expect(page.get_by_label("Email")).to_have_value(email)
        expect(page.get_by_label("Password")).to_have_value("")
        expect(page.get_by_label("Password")).to_be_focused()
        assert page.title() == "Sign in · Replyline"


def test_it_leads_to_the_page_that_was_asked_for(school, page):
    page.goto("/inbox/new?person=7")
    expect(page).to_have_url(re.compile("/login"))
    fill_sign_in(page, school.member().email)
    expect(page).to_have_url(re.compile(r"/inbox/new\?person=7$"))


def test_next_leads_nowhere_else(school):
    """X29."""
    dana = school.member()
    for evil in ("//evil.test", "/\\evil.test", "https://evil.test", "https:evil", "\\evil"):
        with httpx.Client(base_url=school.url, timeout=30, trust_env=False) as client:
            login = client.get("/login", params={"next": evil})
            form = {"email": dana.email, "password": PASSWORD, "next": evil}
            answer = client.post("/login", data={**form, "csrf_token": token_in(login)})
        assert (answer.status_code, answer.headers["Location"]) == (303, "/inbox")


def test_the_cookie_is_for_the_server_alone_and_dies_with_the_sign_out(school, page):
    """X11, X12, X13: another one than before the sign-in, and of no use afterwards."""
    dana = school.member()
    page.goto("/login")
    before = cookie(page)["value"]
    fill_sign_in(page, dana.email)
    expect(page).to_have_url(re.compile("/inbox$"))
    session = cookie(page)
    assert session["value"] != before
    assert (session["httpOnly"], session["sameSite"]) == (True, "Lax")
    kept = {session["name"]: session["value"]}
    assert (
        httpx.get(f"{school.url}/inbox", cookies=kept, timeout=30, trust_env=False).status_code
        == 200
    )
    sign_out(page)
    after = httpx.get(f"{school.url}/inbox", cookies=kept, timeout=30, trust_env=False)
    assert (after.status_code, after.headers["Location"]) == (302, "/login?next=/inbox")
    page.goto("/inbox")
    expect(page).to_have_url(re.compile("/login"))


def end_session(school, page):
    """End it at the server, while the browser still holds its cookie."""
    kept = {c["name"]: c["value"] for c in page.context.cookies()}
    with httpx.Client(base_url=school.url, cookies=kept, timeout=30, trust_env=False) as other:
        form = {"csrf_token": token_in(other.get("/inbox"))}
        assert other.post("/logout", data=form).status_code == 303


def without_socket(page):
    page.route_web_socket(re.compile("/live"), lambda socket: None)


@pytest.mark.parametrize("told_by", ["the socket", "the answer"])
def test_the_session_ends_while_somebody_types(school, opened, told_by):
    """U2, X12: signing in leads back, the draft is there, and nothing was sent by itself."""
    dana, _ = school.holder()
    maya = school.person("mobile")
    thread = dana.send(maya)["conversation_id"]
    deaf = told_by == "the answer"
    page = opened(dana, f"/inbox/{thread}", before=without_socket if deaf else None)
    box(page).fill("A long and careful answer")
    end_session(school, page)
    if deaf:
        page.keyboard.press("Control+Enter")
    expect(page).to_have_url(re.compile("/login"))
    fill_sign_in(page, dana.email)
    expect(page).to_have_url(re.compile(f"/inbox/{thread}$"))
    expect(box(page)).to_have_value("A long and careful answer")
    expect(page.locator(".counter")).to_contain_text("135 left")
    assert [m["body"] for m in dana.thread(thread)] == ["Hello"]


def test_a_draft_is_not_left_behind_for_the_next_who_signs_in(school, opened):
    """U2: it is for its writer alone: kept by the server, and not by the browser."""
    dana, _ = school.holder()
    maya = school.person("mobile")
    thread = dana.send(maya)["conversation_id"]
    page = opened(dana, f"/inbox/{thread}")
    box(page).fill("Between us")
    page.reload()
    expect(box(page)).to_have_value("Between us")
    sign_out(page)
    kept = page.evaluate("Object.keys(sessionStorage).filter((key) => key.startsWith('draft'))")
    assert kept == []
    admin = school.admin()
    assert (
        admin.api.patch(f"/conversations/{thread}", json={"staff_id": admin.id}).status_code == 200
    )
    sign_in(page, admin, f"/inbox/{thread}")
    expect(box(page)).to_have_value("")
