"""Pool health: how each number fares, how long the free ones last, and who is told when there is
none (issue 5)."""

import html
import re
from datetime import timedelta

import pytest
from sqlalchemy import update

from app import clock
from app.database import db, transaction
from app.models import SenderNumber
from tests.helpers import until
from tests.reading import plain, pretty


def page(browser):
    answer = browser.get("/analytics/numbers")
    assert answer.status_code == 200
    return html.unescape(answer.text)


def row(text, e164):
    """The cells of one number, without what only marks them up."""
    part = next(p for p in text.split("<tr>")[2:] if pretty(e164) in p)
    cells = re.findall(r"<(?:td|th)[^>]*>(.*?)</(?:td|th)>", part, re.S)
    return [plain(cell) for cell in cells]


def test_how_each_number_fares(school):
    dana, ours = school.holder()
    (spare,) = school.pool(1)
    maya, lost = school.person("mobile"), school.person("mobile")
    school.carrier.handset(lost.numbers[0], behaviour="undelivered", code=30007)
    for _ in range(2):
        dana.settled(dana.send(maya)["id"], "delivered")
    dana.settled(dana.send(lost)["id"], "undelivered")
    school.texts(maya.numbers[0], ours, "STOP")
    until(lambda: school.phone_status(maya) == ["disabled"])
    with school.browser(school.admin()) as browser:
        text = page(browser)
        _, used, today, texts, delivered, opt_outs, troubles = row(text, ours)
        assert used.startswith("Today")
        assert (today, texts, delivered, opt_outs) == ("3", "4", "75%", "1")
        assert troubles == "Stopped as spam (30007)"
        assert row(text, spare)[1:] == ["Never", "0", "0", "–", "0", "None failed"]
        assert "1 number is left for newcomers." in text
        assert "At the pace of 1 taken in the last 30 days they last about 30 days." in text
        school.settings(number_limit=1)
        assert "No number is left for newcomers" in page(browser)


def test_an_idle_number_is_marked_and_can_be_reclaimed(school):
    _, ours = school.holder()
    with school.app.app_context():
        with transaction():
            long_ago = clock.now() - timedelta(days=75)
            here = update(SenderNumber).where(SenderNumber.e164 == ours)
            db.session.execute(here.values(last_used_at=long_ago))
        db.session.remove()
    number = school.number(ours)["id"]
    with school.browser(school.admin()) as browser:
        text = page(browser)
        assert "Idle 75 days" in row(text, ours)[1]
        assert f'href="/settings/numbers/{number}/release"' in text
    with school.browser(school.member("Auditor", name="Robin Reed")) as browser:
        assert "Idle 75 days" in page(browser)
        assert "/release" not in page(browser)
    with school.browser(school.member(name="Lee Morgan")) as browser:
        assert browser.get("/analytics/numbers").status_code == 403


def test_another_schools_numbers_are_not_there(school):
    """D1"""
    _, ours = school.holder()
    with school.another() as other, other.browser(other.admin()) as browser:
        assert pretty(ours) not in page(browser)
        assert "The pool has no numbers" in page(browser)


def test_who_manages_numbers_is_told_once_a_day_that_there_is_none(school):
    """D24: of both walls."""
    admin, dana, lee = school.admin(), school.member(), school.member(name="Lee Morgan")
    maya = school.person("mobile")

    def told():
        return [
            m["subject"] for m in school.mails(admin.email) if "want of a number" in m["subject"]
        ]

    assert dana.send(maya)["reason"] == "pool_empty"
    until(told)
    school.pool(1)
    school.settings(number_limit=0)
    assert lee.send(maya)["reason"] == "number_limit_reached"
    sent = dana.send(maya)
    dana.settled(sent["id"], "sent")  # whatever was written before it is sent
    assert told() == ["Dana Whitfield could not text for want of a number"]
    assert school.mails(lee.email) == []


@pytest.mark.parametrize(("email", "said"), [("", "went by email"), (None, "was not sent")])
def test_what_became_of_the_message_is_told_as_it_was(school, email, said):
    """D10: without an address nothing went."""
    admin = school.admin()
    school.member().send(school.person("mobile", email=email))
    (mail,) = until(lambda: school.mails(admin.email))
    assert f"{said}: no number free" in mail["text"]
