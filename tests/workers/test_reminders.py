"""Reminders: of which texts somebody is told. Each sweep by hand, on a database of its own."""

import itertools
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
import time_machine
from sqlalchemy import select, update

from app import clock
from app.database import db, transaction
from app.models import Conversation, Email, Institution, Message
from app.providers import InboundSms
from app.rules.access import Can
from app.rules.lifecycle import Status
from app.services import identifying, leaving, receiving, reminders, roles, sending
from app.services.dispatching import Draft
from app.services.leaving import Plan
from tests.college import OURS, SID, THEIRS

FREE = "+15125570000"  # of ours, and nobody's for longer than OURS
OTHER = "+15125550148"
HOURS = 4  # of a new school
_SIDS = itertools.count(1)


@pytest.fixture(autouse=True)
def priya(college):
    """The administrator, who is told."""
    with college.inside():
        college.many_numbers(1)
        yield college.viewer("Priya", role="Administrator")


def texted(body, hours, from_=THEIRS, to=OURS):
    """Somebody wrote so many hours ago."""
    at = clock.now() - timedelta(hours=hours)
    sid = f"SM{next(_SIDS):032d}"
    receiving.receive_many([InboundSms(SID, sid, from_, to, body, at=at)])


def told():
    """Each reminder, the first one first."""
    reminder = Email.subject.contains("unclaimed in")
    found = list(
        db.session.execute(select(Email.text_body).where(reminder).order_by(Email.id)).scalars()
    )
    db.session.rollback()
    return found


def reminded():
    """Those of one sweep."""
    before = len(told())
    reminders.remind()
    db.session.rollback()
    return told()[before:]


def talk_with(number):
    found = select(Message.conversation_id).where(Message.from_address == number).limit(1)
    thread = db.session.execute(found).scalar_one()
    db.session.rollback()
    return thread


def test_the_oldest_text_that_waits_is_told_of_once(college):
    """D7: with its own time, for that is since when nobody has claimed it."""
    texted("Is anybody there?", HOURS + 2)
    texted("Hello?", HOURS + 1)
    when = (clock.now() - timedelta(hours=HOURS + 2)).astimezone(ZoneInfo("America/Chicago"))
    (mail,) = reminded()
    assert f"Maya Torres, {when:%-I:%M %p on %B %-d}: Is anybody there?" in mail
    assert "Hello?" not in mail
    assert reminded() == []


def test_what_has_waited_for_days_is_not_told_of_when_reminders_begin(college):
    """D7: nor after they were off for long."""
    with transaction():
        db.session.execute(update(Institution).values(unclaimed_hours=None))
    texted("Of last week", 24 * 7)
    texted("Of yesterday", 24, from_=OTHER)
    assert reminded() == []
    with transaction():
        db.session.execute(update(Institution).values(unclaimed_hours=HOURS))
    (mail,) = reminded()
    assert ("Of yesterday" in mail, "Of last week" in mail) == (True, False)


def test_what_somebody_leaves_behind_is_not_told_of_but_what_comes_after_is(college, priya):
    """D7: nobody has failed to claim it yet, and whoever decided so saw it."""
    with time_machine.travel(clock.now() - timedelta(hours=HOURS + 2)):
        college.text()
    texted("To Dana", HOURS + 1)
    leaving.deactivate(priya, college.dana.staff_id, Plan())
    assert reminded() == []
    texted("Is Dana gone?", 0)
    with time_machine.travel(clock.now() + timedelta(hours=HOURS, minutes=1)):
        (mail,) = reminded()
    assert ("Is Dana gone?" in mail, "To Dana" in mail) == (True, False)


def test_an_answer_for_later_that_never_went_is_none(college, priya):
    """D7, D34: it was canceled when its writer left."""
    texted("Is anybody there?", HOURS + 1, to=FREE)
    later = Draft("I will be", send_at=clock.now() + timedelta(days=1))
    sending.to_person(college.dana, college.maya, later)
    leaving.deactivate(priya, college.dana.staff_id, Plan())
    statuses = db.session.execute(select(Message.status).order_by(Message.id)).scalars().all()
    assert statuses == [Status.RECEIVED, Status.CANCELED]
    db.session.rollback()
    (mail,) = reminded()
    assert "Is anybody there?" in mail


def test_a_keyword_waits_for_nobody_but_the_question_before_it_does(college):
    """D7, D15"""
    texted("Is anybody there?", HOURS + 2)
    texted("START", HOURS + 1)
    texted("STOP", HOURS + 1, from_=OTHER)
    texted("START", HOURS + 1, from_="+15125550149")
    (mail,) = reminded()
    assert ("Is anybody there?" in mail, "ST" in mail) == (True, False)


def test_of_two_that_become_one_what_was_not_told_of_is(college):
    """D7, D25"""
    texted("From my phone", HOURS + 2)
    assert len(reminded()) == 1
    texted("From my sister’s", HOURS + 1, from_=OTHER)
    identifying.link(college.dana, talk_with(OTHER), college.maya)
    assert len(set(db.session.execute(select(Conversation.id)).scalars())) == 1
    db.session.rollback()
    (mail,) = reminded()
    assert "Maya Torres" in mail


def test_where_nobody_can_claim_it_who_manages_staff_is_told_so_and_who_may_read_it_reads_it(
    college,
):
    """D3, D7"""
    roles.save(college.dana, None, "Reader", [Can.STAFF_MANAGE, Can.INBOX_ALL])
    college.viewer("Rosa", role="Reader")
    with transaction():
        roles.named(college.id, ["Administrator"])[0].capabilities = [Can.STAFF_MANAGE]
    texted("Is anybody there?", HOURS + 1)
    of_priya, of_rosa = reminded()
    for mail in (of_priya, of_rosa):
        assert "Nobody has claimed this text in Northfield for 4 hours, and nobody can:" in mail
        assert "Claim and answer" not in mail
    assert ("Is anybody there?" in of_priya, "Maya" in of_priya) == (False, False)
    assert "Maya Torres, " in of_rosa
