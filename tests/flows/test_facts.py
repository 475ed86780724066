"""Facts: the kept figures are those of a plain recount, whenever a day was closed and whatever
changed since (issue 5)."""

import random
from collections import Counter
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import func, select, update

from app import clock
from app.database import db, transaction
from app.models import (
    ConsentEntry,
    ContactNumber,
    Conversation,
    DailyFact,
    Direction,
    Email,
    FactDay,
    Institution,
    Kind,
    Message,
    PersonPhone,
    SenderNumber,
)
from app.providers import Accepted, InboundSms
from app.rules.consent import ConsentEvent, SmsStatus
from app.rules.dispatch import Channel
from app.rules.facts import Measure, Volume
from app.rules.keywords import Keyword
from app.rules.lifecycle import Status
from app.rules.periods import Days
from app.rules.reasons import Reason
from app.services import (
    analytics,
    claiming,
    delivery,
    emails,
    facts,
    handling,
    identifying,
    receiving,
    staff,
)
from app.services.analytics import Of
from app.services.delivery import Outcome
from bench.recount import recounted
from tests.college import OURS, SID, THEIRS
from tests.school import at_once

HERE = ZoneInfo("America/Chicago")
SPAN = 30  # days that are written about
OUT = [Status.QUEUED, Status.SENT, Status.DELIVERED, Status.UNDELIVERED, Status.HELD]
OUT += [Status.CANCELED]


@pytest.fixture
def written(college):
    """A month of messages of every kind: of Dana with Maya and with Thuy, and of Kim with Maya, in
    which no text came in."""
    dice = random.Random(5)
    with college.inside():
        now = clock.now()
        thuy = college.person("Thuy", "+15125550148")
        with transaction():
            school = db.session.get_one(Institution, college.id)
            school.created_at = now - timedelta(days=SPAN + 5)
            number = db.session.execute(select(SenderNumber.id)).scalar_one()
            threads = [
                Conversation(
                    institution_id=college.id,
                    person_id=person,
                    staff_id=staff.staff_id,
                    last_message_at=now,
                )
                for staff, person in (
                    (college.dana, college.maya),
                    (college.kim, college.maya),
                    (college.dana, thuy),
                )
            ]
            db.session.add_all(threads)
            db.session.flush()
            college.with_maya, _, college.with_thuy = (thread.id for thread in threads)
            stops = []
            mail = emails.add(college.id, "fallback", "a@b.example", "Dana", "", "", now)
            for _ in range(600):
                at = now - timedelta(seconds=dice.randrange(SPAN * 86_400))
                thread = dice.choice(threads)
                talks = thread is not threads[1]
                message = _message(dice, thread, number, mail.id, at, talks=talks)
                db.session.add(message)
                if message.keyword is Keyword.STOP:
                    stops.append(message)
            db.session.flush()
            db.session.add_all(_opt_out(message) for message in stops)
            for _ in range(20):
                at = now - timedelta(seconds=dice.randrange(SPAN * 86_400))
                emails.add(college.id, "notice", "c@d.example", "Dana", "", "", at)
    return college


def _opt_out(message):
    number = select(ContactNumber.id).order_by(ContactNumber.id).limit(1)
    return ConsentEntry(
        institution_id=message.institution_id,
        contact_number_id=db.session.execute(number).scalar_one(),
        from_status=SmsStatus.DEFAULT,
        to_status=SmsStatus.DISABLED,
        event=ConsentEvent.OPTED_OUT,
        message_id=message.id,
        at=message.created_at,
    )


def _message(dice, thread, number_id, email_id, at, *, talks):
    made = {"institution_id": thread.institution_id, "conversation_id": thread.id, "decision": []}
    made |= {"created_at": at, "body": "Hello", "kind": Kind.CONVERSATION}
    way = dice.randrange(10)
    if way < 4 and talks:
        made |= {"channel": Channel.SMS, "sender_number_id": number_id}
        made |= {"holder_id": thread.staff_id}
        if way == 0 and dice.random() < 0.3:
            made |= {"kind": Kind.STOP_REPLY, "segments": 1, "provider_sid": f"SM{at:%s%f}"}
            return Message(**made, direction=Direction.OUTBOUND, status=Status.SENT)
        word = Keyword.STOP if way == 0 else Keyword.NONE
        more = {"direction": Direction.INBOUND, "keyword": word, "status": Status.RECEIVED}
        return Message(**made, **more)
    made |= {"direction": Direction.OUTBOUND, "staff_id": thread.staff_id}
    if way == 8:
        return Message(**made, channel=Channel.EMAIL, status=Status.SENT, reason=None)
    if way == 9:
        reason = dice.choice([Reason.NO_PHONE, Reason.OPTED_OUT])
        channel, status = dice.choice(
            [(Channel.EMAIL, Status.SENT), (Channel.NONE, Status.NOT_SENT)]
        )
        return Message(**made, channel=channel, status=status, reason=reason)
    status = dice.choice(OUT)
    made |= {"sender_number_id": number_id, "segments": dice.randint(1, 4)}
    if status > Status.SENDING and status is not Status.CANCELED:
        made |= {"provider_sid": f"SM{dice.getrandbits(120):030x}"}
    if status is Status.DELIVERED:
        made |= {"delivered_at": at + timedelta(seconds=dice.randrange(4000))}
    if status is Status.UNDELIVERED:
        made |= {
            "error_code": dice.choice(["30003", "30005", "expired"]),
            "reason": Reason.DELIVERY_FAILED,
        }
        made |= {"email_id": email_id}
    return Message(**made, channel=Channel.SMS, status=status)


def days_until_today():
    today = clock.now().astimezone(HERE).date()
    return Days(today - timedelta(days=SPAN), today)


def figures(college, of=Of()):  # noqa: B008 (a value)
    days = days_until_today()
    before = days.first - timedelta(days=1)
    return analytics.figures(college.id, of, days, Days(before, before))


def compare(college):
    """Every measure: of all, of each member of staff, of a number."""
    number = db.session.execute(select(SenderNumber.id)).scalar_one()
    for of in (Of(), Of(college.dana.staff_id), Of(college.kim.staff_id), Of(0, number)):
        totals = figures(college, of).totals
        found = {measure: +counts for measure, counts in totals.items() if +counts}
        assert found == recounted(college.id, of), of
        if of == Of():
            assert set(found) == set(Measure), "a figure that is compared with nothing"


def test_the_figures_are_those_of_a_plain_recount(written):
    """Must show 5: before a day is closed, after it, and of one member of staff or one number
    (S0-42, S0-43)."""
    with written.inside():
        compare(written)
        assert facts.close_days(60)
        compare(written)
        days = days_until_today()
        kept = db.session.execute(select(func.count()).select_from(DailyFact)).scalar_one()
        open_ = facts.open_days(db.session.get_one(Institution, written.id), days.each())
        assert kept > 100
        assert open_ == days.each()[-len(open_) :]
        assert 4 <= len(open_) <= 6  # whose texts may still change


@pytest.mark.parametrize("closed", [False, True])
def test_a_conversation_changes_hands_and_its_figures_stay(written, closed):
    """D25: who held it when a text came in has it, whenever its day is closed; where two
    conversations become one, answers are told by what is before them now."""
    with written.inside():
        if closed:
            assert facts.close_days(60)
        before = figures(written, Of(written.dana.staff_id)).totals[Measure.VOLUME]
        assert before[Volume.TEXT_IN] > 50
        for thread in (written.with_maya, written.with_thuy):
            handling.hand_over(written.dana, thread, written.kim.staff_id)
        left = select(Conversation.id).where(Conversation.staff_id == written.dana.staff_id)
        assert db.session.execute(left).first() is None
        kims = select(func.count(Conversation.id))
        assert db.session.execute(kims).scalar_one() == 2  # with Maya she had one
        compare(written)
        assert facts.close_days(60)
        compare(written)
        assert figures(written, Of(written.dana.staff_id)).totals[Measure.VOLUME] == before


def test_a_number_that_was_somebody_elses_takes_its_texts_along(written):
    """Who is this: answers are told by the conversation they are in now."""
    with written.inside():
        assert facts.close_days(60)
        maya = select(ContactNumber.id).join(
            PersonPhone, PersonPhone.contact_number_id == ContactNumber.id
        )
        contact = db.session.execute(maya.where(PersonPhone.person_id == written.maya)).scalar_one()
        with transaction():
            some = (Message.conversation_id == written.with_maya, Message.id % 3 == 0)
            db.session.execute(update(Message).where(*some).values(contact_number_id=contact))
        identifying.split(written.dana, written.with_maya, contact)
        compare(written)
        assert facts.close_days(60)
        compare(written)


def test_each_day_has_its_own_messages(written):
    """Days of the school, not of the clock in London."""
    with written.inside():
        facts.close_days(60)
        found = figures(written).by_day
        rows = db.session.execute(
            select(Message.created_at).where(Message.direction == Direction.INBOUND)
        ).scalars()
        plain = Counter(at.astimezone(HERE).date() for at in rows)
        assert {d: c[Volume.TEXT_IN] for d, c in found.items() if c[Volume.TEXT_IN]} == plain
        notices = select(func.count()).where(Email.kind == "notice")
        assert figures(written).totals[Measure.TYPE]["notice"] == (
            db.session.execute(notices.select_from(Email)).scalar_one()
        )


def test_closing_again_changes_nothing_and_stops_in_time(written):
    with written.inside():
        assert not facts.close_days(-1)  # one day is done all the same
        assert facts.close_days(60)
        before = _facts()
        assert facts.close_days(60)
        day = db.session.execute(select(func.min(FactDay.day))).scalar_one()
        facts.close(written.id, day)
        assert _facts() == before


def _facts():
    fields = (DailyFact.staff_id, DailyFact.number_id, DailyFact.measure, DailyFact.day)
    rows = db.session.execute(select(*fields, DailyFact.key, DailyFact.count)).all()
    return Counter(tuple(row) for row in rows)


def test_what_becomes_known_after_a_day_was_closed_counts_at_once(college):
    """D35: a late "delivered" is recorded, and so are the figures of its day."""
    with college.inside():
        college.text()
        (call,) = claiming.claim(college.account, 1)
        assert claiming.begin_call(call)
        delivery.record([Outcome(call, Accepted("SM" + "f" * 32, Status.ACCEPTED))])
        long_ago = clock.now() - timedelta(days=9)
        with transaction():
            db.session.execute(update(Message).values(created_at=long_ago))
            db.session.execute(update(Institution).values(created_at=long_ago))
        assert facts.close_days(60)
        assert figures(college).totals[Measure.STATUS] == {"accepted": 1}
        college.report(call, Status.DELIVERED)
        for _ in range(2):  # counted when asked for, then kept anew
            assert figures(college).totals[Measure.STATUS]["delivered"] == 1
            assert figures(college).totals[Measure.STATUS]["accepted"] == 0
            assert facts.close_days(60)
        day = long_ago.astimezone(HERE).date()
        kept = select(FactDay.closed).where(FactDay.day == day)
        assert db.session.execute(kept).scalar_one()


def test_a_text_that_was_found_late_counts_on_its_day(college):
    """D42: and whoever answered after it is told to have answered."""
    with college.inside():
        college.text("Are you well?")
        long_ago = clock.now() - timedelta(days=9)
        with transaction():
            founded = long_ago - timedelta(days=1)
            db.session.execute(update(Institution).values(created_at=founded))
            at = {"created_at": long_ago + timedelta(days=1), "status": Status.DELIVERED}
            db.session.execute(update(Message).values(**at))
        assert facts.close_days(60)
        assert figures(college).totals[Measure.VOLUME] == {Volume.TEXT_OUT: 1}
        text = InboundSms(SID, "SM" + "5" * 32, THEIRS, OURS, "Hi", at=long_ago)
        receiving.receive_many([text])
        for _ in range(2):
            found = figures(college, Of(college.dana.staff_id)).totals
            assert found[Measure.VOLUME] == {Volume.TEXT_OUT: 1, Volume.TEXT_IN: 1}
            assert found[Measure.REPLY] == {"86000": 1}
            assert facts.close_days(60)


def test_what_is_wrong_with_one_school_is_no_other_ones(written):
    with written.inside():
        other = staff.create_institution("Southfield", "America/Chicago", "US")
        long_ago = clock.now() - timedelta(days=9)
        with transaction():
            db.session.get_one(Institution, written.id).timezone = "Nowhere/At_All"
            db.session.get_one(Institution, other).created_at = long_ago
        assert facts.close_days(60)
        closed = select(func.count()).where(FactDay.institution_id == other, FactDay.closed)
        assert db.session.execute(closed).scalar_one() >= 4


def test_a_day_is_closed_once_by_two_at_the_same_time(written):
    def close():
        with written.inside():
            return facts.close_days(60)

    assert at_once(close, close) == [True, True]
    with written.inside():
        compare(written)
