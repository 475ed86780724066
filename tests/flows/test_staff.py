"""Staff and roles: who may change whom, and links that let somebody choose a password."""

import re
import secrets

import httpx
import pytest
import time_machine
from sqlalchemy import select

from app.database import db
from app.models import AuditEntry, Email, PasswordLink
from app.services import passwords
from tests.helpers import until
from tests.school import PASSWORD

NEW = "quite another password"


def address():
    return f"nia.{secrets.token_hex(4)}@northfield.example"


def invite(browser, email, role="Advisor", name="Nia Fox"):
    return browser.post("/staff", data={"name": name, "email": email, "role": role})


def choose(school, path, password=NEW, again=None):
    """In a browser in which nobody is signed in."""
    with httpx.Client(base_url=school.url, timeout=30, trust_env=False) as client:
        page = client.get(path)
        token = page.text.split('name="csrf_token" value="')[1].split('"')[0]
        form = {"password": password, "again": again or password, "csrf_token": token}
        return client.post(path, data=form)


def forget(school, email):
    with httpx.Client(base_url=school.url, timeout=30, trust_env=False) as client:
        page = client.get("/password")
        token = page.text.split('name="csrf_token" value="')[1].split('"')[0]
        return client.post("/password", data={"email": email, "csrf_token": token})


def signs_in(school, email, password):
    with httpx.Client(base_url=school.url, timeout=30, trust_env=False) as client:
        page = client.get("/login")
        token = page.text.split('name="csrf_token" value="')[1].split('"')[0]
        form = {"email": email, "password": password, "csrf_token": token}
        return client.post("/login", data=form).status_code == 303


def test_a_link_works_once_and_the_latest_alone(school):
    """An invitation sent again ends the one before; used, it is gone."""
    email = address()
    with school.browser(school.admin()) as browser:
        assert invite(browser, email).status_code == 303
        first = school.password_link(email)
        (nia,) = [
            s for s in school.admin().api.get("/staff").json()["items"] if s["email"] == email
        ]
        assert browser.post(f"/staff/{nia['id']}/link").status_code == 303
    second = school.password_link(email, 1)
    assert "does not work any more" in httpx.get(school.url + first, trust_env=False).text
    assert choose(school, second, "short").status_code == 422
    assert choose(school, second, "x" * 1001).status_code == 422
    assert choose(school, second, NEW, "not the same").status_code == 422
    assert not signs_in(school, email, "")
    assert choose(school, second).headers["Location"] == "/login"
    assert signs_in(school, email, NEW)
    gone = httpx.get(school.url + second, trust_env=False)
    assert (gone.status_code, gone.headers["Referrer-Policy"]) == (404, "no-referrer")


def test_a_reset_ends_every_session_and_the_old_password(school):
    dana = school.member()
    with school.browser(dana) as browser:
        forget(school, dana.email)
        assert choose(school, school.password_link(dana.email)).status_code == 303
        assert browser.get("/inbox").status_code == 302
    assert not signs_in(school, dana.email, PASSWORD)
    assert signs_in(school, dana.email, NEW)


def test_nobody_learns_whose_address_it_is_and_few_mails_go_out(school):
    """The answer names what was typed and nothing else; three links in an hour."""
    dana, stranger = school.member(), address()
    known = [forget(school, dana.email) for _ in range(5)]
    unknown = forget(school, stranger)
    told = {
        page.text.replace(email, "").partition("<main")[2].partition("</main>")[0]
        for email, page in [(stranger, unknown), *((dana.email, page) for page in known)]
    }
    assert len(told) == 1
    last = school.password_link(dana.email, passwords.MOST_ASKED - 1)
    assert len(school.mails(dana.email)) == passwords.MOST_ASKED
    assert school.mails(stranger) == []
    assert choose(school, last).status_code == 303


def test_neither_link_nor_password_is_kept(school, stack):
    """Only hashes in the tables, nothing in the logs; the mail is emptied once it has left."""
    dana = school.member()
    forget(school, dana.email)
    token = school.password_link(dana.email).rpartition("/")[2]
    choose(school, f"/password/{token}")

    def sent():
        with school.app.app_context():
            body = select(Email.text_body).where(Email.to_address == dana.email)
            found = db.session.execute(body).scalar_one()
            db.session.remove()
        return found == ""

    until(sent)
    logs = "".join(log.read_text() for log in stack.var_dir.rglob("*.log"))
    assert "/password/<token>" in logs
    assert token not in logs
    assert NEW not in logs


def test_links_end(school):
    """An hour, seven days; and with the account."""
    dana = school.member()
    forget(school, dana.email)
    token = school.password_link(dana.email).rpartition("/")[2]
    with school.app.app_context():
        link = db.session.execute(
            select(PasswordLink).where(PasswordLink.staff_id == dana.id)
        ).scalar_one()
        made, ends = link.created_at, link.expires_at
        assert passwords.owner_of(token)[1].id == dana.id
        with time_machine.travel(ends), pytest.raises(passwords.NotFound):
            passwords.owner_of(token)
        db.session.remove()
    assert ends - made == passwords.GOOD_FOR[passwords.Purpose.RESET]
    school.admin().api.patch(f"/staff/{dana.id}", json={"active": False})
    assert httpx.get(f"{school.url}/password/{token}", trust_env=False).status_code == 404


def test_the_pages_are_for_those_who_manage_staff(school):
    """D3: forged requests, too."""
    dana, kim = school.member(), school.member(name="Kim Alvarez")
    with school.browser(dana) as browser:
        for path in ("", "/new", f"/{kim.id}", f"/{kim.id}/deactivate", "/roles", "/roles/new"):
            assert browser.get(f"/staff{path}").status_code == 403
        for path in ("", f"/{kim.id}", f"/{kim.id}/link", f"/{kim.id}/deactivate", "/roles"):
            assert browser.post(f"/staff{path}", data={"name": "x"}).status_code == 403
        assert "Staff</a>" not in browser.get("/inbox").text
    with school.another() as elsewhere, elsewhere.browser(elsewhere.admin()) as other:
        for path in (f"/{kim.id}", f"/{kim.id}/deactivate"):
            assert other.get(f"/staff{path}").status_code == 404
        for path in (f"/{kim.id}", f"/{kim.id}/link", f"/{kim.id}/deactivate"):
            changed = other.post(f"/staff{path}", data={"name": "x", "role": "Advisor"})
            assert changed.status_code == 404
        role = school.admin().api.get("/roles").json()["items"][0]["id"]
        assert other.get(f"/staff/roles/{role}").status_code == 404
        assert other.post(f"/staff/roles/{role}/delete").status_code == 404


def test_nobody_grants_what_they_do_not_have(school):
    """D3: not to a new colleague, not to one who is there, and not by way of a role; what somebody
    has already stays theirs."""
    admin = school.admin()
    admin.api.post("/roles", json={"name": "Desk", "capabilities": ["staff.manage", "text.reply"]})
    desk, kim = school.member("Desk", name="Dee Desk"), school.member("Manager", name="Kim Alvarez")
    ids = {role["name"]: role["id"] for role in admin.api.get("/roles").json()["items"]}
    with school.browser(desk) as browser:
        refused = invite(browser, address(), "Administrator")
        assert (refused.status_code, "rights you do not have" in refused.text) == (422, True)
        assert 'value="Nia Fox"' in refused.text
        more = {"name": "Kim", "role": ["Manager", "Administrator"]}
        assert browser.post(f"/staff/{kim.id}", data=more).status_code == 422
        same = {"name": "Kim Lee", "role": ["Manager", "Desk"]}
        assert browser.post(f"/staff/{kim.id}", data=same).status_code == 303
        role = {"name": "Desk", "capability": ["staff.manage", "inbox.all"]}
        assert browser.post(f"/staff/roles/{ids['Desk']}", data=role).status_code == 422
        page = browser.get(f"/staff/roles/{ids['Manager']}").text
        assert '<input type="hidden" name="capability" value="inbox.all">' in page
    (member,) = [s for s in admin.api.get("/staff").json()["items"] if s["id"] == kim.id]
    assert (member["name"], member["roles"]) == ("Kim Lee", ["Manager", "Desk"])


def test_a_form_that_was_open_changes_only_what_was_changed_in_it(school):
    """Two administrators at once: what the other has saved meanwhile stays."""
    admin = school.admin()
    kim = school.member("Advisor", "Manager", name="Kim Alvarez")
    ids = {role["name"]: role["id"] for role in admin.api.get("/roles").json()["items"]}

    def seen(page):
        return re.findall(r'name="seen" value="([^"]*)"', page)

    with school.browser(admin) as browser:
        old = seen(browser.get(f"/staff/{kim.id}").text)
        admin.api.patch(f"/staff/{kim.id}", json={"roles": ["Advisor"]})
        form = {"name": "Kim Lee", "role": ["Advisor", "Manager"], "seen": old}
        assert browser.post(f"/staff/{kim.id}", data=form).status_code == 303
        (found,) = [s for s in admin.api.get("/staff").json()["items"] if s["id"] == kim.id]
        assert (found["name"], found["roles"]) == ("Kim Lee", ["Advisor"])

        path, held = f"/staff/roles/{ids['Responder']}", ["text.reply", "people.read"]
        old = seen(browser.get(path).text)
        given = {"capabilities": [*held, "text.start"]}
        version = admin.api.get("/settings").json()["version"]
        assert admin.api.patch(f"/roles/{ids['Responder']}", json=given).is_success
        assert admin.api.get("/settings").json()["version"] == version + 1  # Permitted Roles
        form = {"name": "Helper", "capability": held, "seen": old}
        assert browser.post(path, data=form).status_code == 303
    roles = {role["name"]: role["capabilities"] for role in admin.api.get("/roles").json()["items"]}
    assert roles["Helper"] == ["people.read", "text.reply", "text.start"]


def test_nobody_brings_somebody_back_who_may_do_more(school):
    """D3: by the API, as by the page."""
    admin = school.admin()
    admin.api.post("/roles", json={"name": "Desk", "capabilities": ["staff.manage", "text.reply"]})
    desk, boss = school.member("Desk", name="Dee Desk"), school.member("Administrator")
    assert admin.api.patch(f"/staff/{boss.id}", json={"active": False}).is_success
    refused = desk.api.patch(f"/staff/{boss.id}", json={"active": True})
    assert refused.status_code == 403
    assert admin.api.patch(f"/staff/{boss.id}", json={"active": True}).is_success


def test_roles_are_changed_with_care(school):
    """M2, S3-42: the last administrator stays, students hold no number, used roles stay."""
    admin = school.admin()
    ids = {role["name"]: role["id"] for role in admin.api.get("/roles").json()["items"]}
    with school.browser(admin) as browser:
        for role, form, words in (
            ("Administrator", {"name": "Administrator"}, "last administrator"),
            ("Student", {"name": "Student", "capability": "text.start"}, "no number"),
            ("Advisor", {"name": ""}, "Give the role a name"),
            ("Advisor", {"name": "x" * 81}, "at most 80"),
            ("Advisor", {"name": "Manager"}, "of this name already"),
        ):
            answer = browser.post(f"/staff/roles/{ids[role]}", data=form)
            assert (answer.status_code, words in answer.text) == (422, True)
        for role in ("Administrator", "Student"):
            assert browser.post(f"/staff/roles/{ids[role]}/delete").status_code == 409
        assert browser.post(f"/staff/roles/{ids['Auditor']}/delete").status_code == 303
    left = [role["name"] for role in admin.api.get("/roles").json()["items"]]
    assert left == ["Student", "Responder", "Advisor", "Manager", "Administrator"]
    with school.app.app_context():
        written = select(AuditEntry.subject).where(
            AuditEntry.institution_id == school.id, AuditEntry.action == "role.deleted"
        )
        assert db.session.execute(written).scalars().all() == [f"role:{ids['Auditor']}"]
        db.session.remove()


def test_ones_own_password_needs_the_old_one(school):
    dana = school.member()
    with school.browser(dana) as here, school.browser(dana) as there:
        for form, words in (
            ({"old": "not it", "password": NEW, "again": NEW}, "not your password"),
            ({"old": PASSWORD, "password": NEW, "again": "other"}, "not the same"),
            ({"old": PASSWORD, "password": "short", "again": "short"}, "at least 10"),
        ):
            answer = here.post("/profile/password", data=form)
            assert (answer.status_code, words in answer.text) == (422, True)
        form = {"old": PASSWORD, "password": NEW, "again": NEW}
        assert here.post("/profile/password", data=form).status_code == 303
        assert here.get("/profile").status_code == 200
        assert there.get("/profile").status_code == 302
    assert signs_in(school, dana.email, NEW)
