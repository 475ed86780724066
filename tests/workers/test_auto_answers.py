"""Auto-answers: which text of many gets one. Each step by hand, on a database of its own."""

from datetime import timedelta

import pytest
import time_machine
from sqlalchemy import select, update

from app import clock
from app.database import db, transaction
from app.models import (
    ContactNumber,
    Conversation,
    Institution,
    Kind,
    Message,
    PairBlock,
    ProviderAccount,
    SenderNumber,
)
from app.providers import InboundSms
from app.rules.lifecycle import Status
from app.rules.limits import month_of
from app.services import claiming, delivery, handling, identifying, receiving
from app.services.delivery import Outcome
from app.services.usage import used_in
from tests.college import OURS, SID, THEIRS

WORDS = "Thank you for your text. Somebody answers within a day."


@pytest.fixture(autouse=True)
def inside(college):
    with college.inside():
        with transaction():
            db.session.execute(update(Institution).values(unclaimed_answer=WORDS))
        yield


def sms(body, n, from_=THEIRS):
    return InboundSms(SID, f"SM{n:032d}", from_, OURS, body)


def answers():
    """The status of each, the first one first."""
    answer = Message.kind == Kind.AUTO_ANSWER
    rows = db.session.execute(select(Message.status).where(answer).order_by(Message.id))
    found = list(rows.scalars())
    db.session.rollback()
    return found


def test_of_texts_that_come_together_the_first_that_may_be_answered_is(college):
    """D7: a keyword before it is none."""
    receiving.receive_many([sms("HELP", 1), sms("Is anybody there?", 2), sms("Hello?", 3)])
    assert answers() == [Status.QUEUED]


def test_a_conversation_is_answered_once_however_late_they_write_again(college):
    """D7: longer than a number is left alone, and from another number too."""
    college.person("Ana", "+15125550171", "+15125550172")
    receiving.receive_many([sms("Is anybody there?", 1, "+15125550171")])
    with time_machine.travel(clock.now() + timedelta(days=3), tick=False):
        receiving.receive_many([sms("Hello?", 2, "+15125550171")])
        receiving.receive_many([sms("And here?", 3, "+15125550172")])
    assert answers() == [Status.QUEUED]


def retired():
    db.session.execute(update(SenderNumber).values(retired_at=clock.now()))


def stopped():
    db.session.execute(update(ProviderAccount).values(stopped_reason="Suspended"))


def blocked():
    number, contact = (
        db.session.execute(select(table)).scalars().one() for table in (SenderNumber, ContactNumber)
    )
    db.session.add(
        PairBlock(
            sender_number_id=number.id,
            contact_number_id=contact.id,
            institution_id=number.institution_id,
            blocked_at=clock.now(),
        )
    )


@pytest.mark.parametrize("cannot", [retired, stopped, blocked])
def test_where_no_text_could_go_none_is_queued(college, cannot):
    """D18, D26, D35"""
    with transaction():
        cannot()
    receiving.receive_many([sms("Is anybody there?", 1)])
    assert answers() == []


def perhaps_opts_out(college):
    receiving.receive_many([sms("please stop texting me", 2)])


def claims(college):
    talk = db.session.execute(select(Conversation.id)).scalar_one()
    handling.hand_over(college.dana, talk, college.dana.staff_id)


CAUGHT = [(perhaps_opts_out, ("opted_out", None)), (claims, (None, "claimed"))]


@pytest.mark.parametrize(("happens", "why"), CAUGHT)
@pytest.mark.parametrize("claimed", [True, False])
def test_an_answer_that_has_not_gone_yet_is_caught(college, happens, why, claimed):
    """D20, D7, D28: just before its call, or by the sweep. What somebody wrote still goes."""
    receiving.receive_many([sms("Is anybody there?", 1)])
    (call,) = claiming.claim(college.account, 10) if claimed else [None]
    happens(college)
    if claimed:
        assert not claiming.begin_call(call)
        delivery.record([Outcome(call, None, called=False)])
    else:
        assert delivery.catch_forbidden() == 1
    assert delivery.catch_forbidden() == 0
    (caught,) = db.session.execute(
        select(Message).where(Message.kind == Kind.AUTO_ANSWER)
    ).scalars()
    assert (caught.status, caught.reason, caught.error_code) == (Status.CANCELED, *why)
    assert caught.places == 0
    db.session.rollback()
    assert used_in(college.id, month_of(clock.now(), "America/Chicago")) == 0
    db.session.rollback()
    text = college.text("I am here.")
    (call,) = claiming.claim(college.account, 10)
    assert (call.message_id, claiming.begin_call(call)) == (text, True)


def test_after_an_answer_that_never_left_the_next_text_gets_one(college):
    """D7, D34"""
    for n, body in enumerate(("Is anybody there?", "STOP", "START"), 1):
        receiving.receive_many([sms(body, n)])
        delivery.catch_forbidden()
    assert answers() == [Status.CANCELED]
    receiving.receive_many([sms("It is me again", 4)])
    assert answers() == [Status.CANCELED, Status.QUEUED]


def test_a_text_that_is_taken_to_another_conversation_waits_there_still(college):
    """D7: its automatic answer goes along, and is not the last word."""
    college.person("Ana", "+15125550171", "+15125550172")
    receiving.receive_many([sms("Is anybody there?", 1, "+15125550171")])
    receiving.receive_many([sms("And here?", 2, "+15125550172")])
    (talk,) = db.session.execute(select(Conversation)).scalars()
    number = select(ContactNumber.id).where(ContactNumber.e164 == "+15125550171")
    contact, thread = db.session.execute(number).scalar_one(), talk.id
    db.session.rollback()
    bare = identifying.split(college.dana, thread, contact)
    assert answers() == [Status.QUEUED]
    found = db.session.get_one(Conversation, bare)
    assert (found.snippet, found.last_direction) == ("Is anybody there?", "inbound")
