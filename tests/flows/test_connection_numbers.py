"""Numbers on both sides: what the provider knows of ours, and what it knows and we do not, compared
and set right from the provider page (C-31, issue 5)."""

import re

from app.database import db
from app.services import own_numbers
from tests.helpers import until
from tests.reading import section, text_of
from tests.school import new_number

PAGE = "/settings/twilio/connection"
HTMX = {"HX-Request": "true"}


def compared(browser):
    return section(browser.get(f"{PAGE}/numbers"), "numbers")


def stray(school, e164, **settings):
    school.carrier.set_number(school.account_sid, e164, **settings)


def test_numbers_are_compared_and_set_right(school):
    right, astray, quiet, gone, retired = school.pool(5)
    unknown = new_number()
    school.carrier.number(school.account_sid, unknown)
    stray(school, astray, sms_url="https://old.example/sms")
    stray(school, quiet, voice_url="https://pbx.example", sms_fallback_url="")
    school.carrier.take_number_away(gone)
    ids = {e164: school.number(e164)["id"] for e164 in (astray, quiet, retired, gone)}
    admin = school.admin()
    assert admin.api.delete(f"/numbers/{ids[retired]}").status_code == 204
    with school.browser(admin) as browser:
        told = compared(browser)
        assert "Texts go to https://old.example/sms, not to Replyline." in told
        assert "calls go to https://pbx.example" in told
        assert "The account does not own this number" in told
        assert "The account owns it, and it is not in the pool." in told
        assert "1 number is right" in told
        assert retired[-4:] not in told
        for e164 in (astray, quiet):
            assert browser.post(f"{PAGE}/numbers/{ids[e164]}").status_code == 303
        added = browser.post(
            "/settings/numbers/add", data={"numbers": unknown, "back": "connection"}
        )
        assert (added.status_code, added.headers["Location"]) == (303, f"{PAGE}/numbers")
        again = compared(browser)
        assert "4 numbers are right" in again
        lost = browser.post(f"{PAGE}/numbers/{ids[gone]}", headers=HTMX)
        assert f"{gone} does not belong to the provider account." in text_of(lost)
        assert browser.post(f"{PAGE}/numbers/{ids[gone]}").status_code == 422
        assert browser.post(f"{PAGE}/numbers/{ids[retired]}").status_code == 404
        log = text_of(browser.get("/audit?kind=numbers"))
    assert log.count("had the provider send here what comes to") == 2
    dana = school.member()
    dana.send(school.person("mobile"))
    assert school.texts(new_number(), astray, "Hello?")["webhook"]["status"] == 200
    assert school.texts(new_number(), right, "Hello?")["webhook"]["status"] == 200


def test_all_that_the_pool_lacks_is_added_at_once(school):
    new = [new_number() for _ in range(3)]
    for number in new:
        school.carrier.number(school.account_sid, number)
    with school.browser(school.admin()) as browser:
        page = browser.get(f"{PAGE}/numbers")
        (typed,) = re.findall(r'name="numbers" value="([^"]+\n[^"]+)"', page.text)
        assert sorted(typed.split()) == sorted(new)
        assert "Add all 3" in text_of(page)
        added = browser.post("/settings/numbers/add", data={"numbers": typed, "back": "connection"})
        assert added.status_code == 303
        assert "3 numbers are right" in compared(browser)


def test_a_number_is_freed_from_a_service_that_takes_its_texts(school):
    """Protocol 3.3: its own addresses alone would not help."""
    (ours,) = school.pool(1)
    service = {"name": "Alerts", "numbers": [ours], "inbound": "https://old.example"}
    school.carrier.registrations(school.account_sid, services=[{**service, "on_number": False}])
    number = school.number(ours)["id"]
    with school.browser(school.admin()) as browser:
        assert "By its messaging service “Alerts” texts go to https://old.example" in compared(
            browser
        )
        part = browser.post(f"{PAGE}/numbers/{number}", headers=HTMX)
        assert "1 number is right" in text_of(part)
        assert "Alerts" in text_of(browser.get("/audit?kind=numbers"))
    assert school.texts(new_number(), ours, "Hello?")["webhook"]["status"] == 200


def test_the_doctor_and_the_page_say_the_same(school):
    """One comparison, whoever asks."""
    (ours,) = school.pool(1)
    stray(school, ours, voice_url="")
    with school.app.app_context():
        (found,) = own_numbers.compared(school.account_id, school.url)
        db.session.remove()
    assert found.astray == ["voice"]
    with school.browser(school.admin()) as browser:
        assert found.told in until(lambda: compared(browser))
