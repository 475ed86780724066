"""The weekly summary: what it says, to whom, and once (issue 5)."""

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select, update

from app import clock
from app.database import db, transaction
from app.models import Email, Institution, Message
from app.rules.figures import days_words
from app.rules.periods import Days
from app.services import profile, staff, summary

HERE = clock.now().astimezone(ZoneInfo("America/Chicago"))
_OF_LAST_WEEK = HERE.date() - timedelta(days=HERE.weekday() + 7)
MONDAY = datetime.combine(_OF_LAST_WEEK, time(7), HERE.tzinfo)  # the last but one


@pytest.fixture
def reader(college):
    """Dana texted on the Thursday before; the school is older than that. Robin reads reports."""
    with college.inside():
        college.text()
        robin = college.viewer("Robin", "Manager")
        with transaction():
            thursday = MONDAY - timedelta(days=4)
            db.session.execute(update(Message).values(created_at=thursday))
            founded = MONDAY - timedelta(days=30)
            db.session.execute(update(Institution).values(created_at=founded))
    return robin


def mails():
    return db.session.execute(select(Email).order_by(Email.id)).scalars().all()


def test_readers_of_reports_get_the_week_once(college, reader):
    with college.inside():
        assert summary.write_due(MONDAY - timedelta(minutes=1)) == 0
        assert summary.write_due(MONDAY) == 1
        assert summary.write_due(MONDAY + timedelta(days=6)) == 0
        week = Days(_OF_LAST_WEEK - timedelta(days=7), _OF_LAST_WEEK - timedelta(days=1))
        (mail,) = mails()
        assert mail.to_address == reader.email
        assert mail.subject == "Northfield: 1 texts out, 0 in last week"
        assert f"{days_words(week)} at Northfield" in mail.text_body
        assert "Texts out: 1 (0)" in mail.text_body
        assert "/analytics" in mail.text_body
        assert "{" not in mail.text_body
        assert summary.write_due(MONDAY + timedelta(days=7)) == 1


def test_what_is_wrong_with_one_school_is_no_other_ones(college, reader):
    with college.inside():
        other = staff.create_institution("Ashfield", "America/Chicago", "US")
        founded = MONDAY - timedelta(days=30)
        with transaction():
            db.session.execute(update(Institution).values(created_at=founded))
            lost = Institution.id == college.id
            db.session.execute(update(Institution).where(lost).values(timezone="Nowhere/At_All"))
        assert summary.write_due(MONDAY) == 1
        told = select(Institution.summarized_on).where(Institution.id == other)
        assert db.session.execute(told).scalar_one() is not None


def test_whoever_does_not_want_it_gets_none(college, reader):
    with college.inside():
        profile.want_summary(reader, False)
        summary.write_due(MONDAY)
        assert mails() == []


def test_a_new_school_is_told_nothing_about_a_week_it_did_not_have(college, reader):
    with college.inside():
        with transaction():
            db.session.execute(update(Institution).values(created_at=MONDAY - timedelta(hours=2)))
        assert summary.write_due(MONDAY) == 0
        assert mails() == []
        assert summary.write_due(MONDAY + timedelta(days=7)) == 1


def test_it_is_switched_off_in_the_profile(school):
    admin = school.admin()
    box = '<input type="checkbox" name="weekly_summary" value="on" '
    with school.browser(admin) as browser:
        assert f"{box}checked>" in browser.get("/profile").text
        assert browser.post("/profile/summary", data={}).status_code == 303
        assert f"{box}>" in browser.get("/profile").text
        assert browser.post("/profile/summary", data={"weekly_summary": "on"}).status_code == 303
        assert f"{box}checked>" in browser.get("/profile").text
        assert "Weekly summary" in browser.get("/audit").text
    with school.browser(school.member()) as browser:
        assert "weekly_summary" not in browser.get("/profile").text
        assert browser.post("/profile/summary", data={}).status_code == 403
