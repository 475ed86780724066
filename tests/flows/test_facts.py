"""Facts: the kept figures are those of a plain recount, whenever a day was closed and whatever
changed since (issue 5)."""

import random
from collections import Counter
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import func, select, update

from app import clock
from app.database import db, transaction
from app.models import (
    Conversation,
    DailyFact,
    Direction,
    Email,
    FactDay,
    Institution,
    Kind,
    Message,
    SenderNumber,
)
from app.providers import Accepted
from app.rules.dispatch import Channel
from app.rules.facts import Measure, Volume, two_digits
from app.rules.keywords import Keyword
from app.rules.lifecycle import Status
from app.rules.periods import Days
from app.rules.reasons import Reason
from app.services import analytics, claiming, delivery, emails, facts
from app.services.analytics import Of
from app.services.delivery import Outcome
from tests.school import at_once

HERE = ZoneInfo("America/Chicago")
SPAN = 30  # days that are written about
OUT = [Status.QUEUED, Status.SENT, Status.DELIVERED, Status.UNDELIVERED, Status.HELD]
OUT += [Status.CANCELED]


@pytest.fixture
def written(college):
    """A month of messages of every kind, of two advisors; Kim's thread has no texts that came
    in."""
    dice = random.Random(5)
    with college.inside():
        now = clock.now()
        with transaction():
            school = db.session.get_one(Institution, college.id)
            school.created_at = now - timedelta(days=SPAN + 5)
            number = db.session.execute(select(SenderNumber.id)).scalar_one()
            made = {"institution_id": college.id, "person_id": college.maya}
            threads = [
                Conversation(**made, staff_id=staff.staff_id, last_message_at=now)
                for staff in (college.dana, college.kim)
            ]
            db.session.add_all(threads)
            db.session.flush()
            mail = emails.add(college.id, "fallback", "a@b.example", "Dana", "", "", now)
            for _ in range(600):
                at = now - timedelta(seconds=dice.randrange(SPAN * 86_400))
                thread = dice.choice(threads)
                db.session.add(_message(dice, thread, number, mail.id, at))
            for _ in range(20):
                at = now - timedelta(seconds=dice.randrange(SPAN * 86_400))
                emails.add(college.id, "notice", "c@d.example", "Dana", "", "", at)
    return college


def _message(dice, thread, number_id, email_id, at):
    made = {"institution_id": thread.institution_id, "conversation_id": thread.id, "decision": []}
    made |= {"created_at": at, "body": "Hello", "kind": Kind.CONVERSATION}
    way = dice.randrange(10)
    if way < 4 and thread.staff_id % 2 == 0:
        word = Keyword.STOP if way == 0 else Keyword.NONE
        status = Status.RECEIVED
        more = {"direction": Direction.INBOUND, "channel": Channel.SMS, "keyword": word}
        return Message(**made, **more, status=status, sender_number_id=number_id)
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
        made |= {"error_code": dice.choice(["30003", "30005"]), "reason": Reason.DELIVERY_FAILED}
        made |= {"email_id": email_id}
    return Message(**made, channel=Channel.SMS, status=status)


def days_until_today():
    today = clock.now().astimezone(HERE).date()
    return Days(today - timedelta(days=SPAN), today)


def recounted(college, days, of):
    """One plain question for each figure: the whole table, read once more."""
    begin = datetime.combine(days.first, datetime.min.time(), HERE).astimezone(UTC)
    where = [Message.institution_id == college.id, Message.created_at >= begin]
    if of.number_id:
        where.append(Message.sender_number_id == of.number_id)
    if of.staff_id:
        where.append(Message.conversation_id == Conversation.id)
        where.append(Conversation.staff_id == of.staff_id)
    went = [*where, Message.direction == Direction.OUTBOUND]
    went.append(Message.status.not_in([Status.HELD, Status.CANCELED]))
    texts = [*went, Message.channel == Channel.SMS]

    def count(*conditions, what=None):
        asked = select(func.count(Message.id) if what is None else what).where(*conditions)
        return db.session.execute(asked).scalar_one() or 0

    def by(column, *conditions):
        rows = select(column, func.count(Message.id)).where(*conditions).group_by(column)
        return dict(tuple(row) for row in db.session.execute(rows))

    return {
        Measure.VOLUME: {
            Volume.TEXT_OUT: count(*texts),
            Volume.TEXT_IN: count(*where, Message.direction == Direction.INBOUND),
            Volume.EMAIL: count(*went, Message.channel == Channel.EMAIL),
            Volume.UNSENT: count(*went, Message.channel == Channel.NONE),
        },
        Measure.STATUS: {s.word: n for s, n in by(Message.status, *texts).items()},
        Measure.CODE: by(Message.error_code, *went, Message.error_code.is_not(None)),
        Measure.INSTEAD: Counter(
            by(
                Message.reason,
                *went,
                Message.channel == Channel.EMAIL,
                Message.reason.is_not(None),
            )
        )
        + Counter(by(Message.reason, *texts, Message.email_id.is_not(None))),
        Measure.UNSENT: by(Message.reason, *went, Message.channel == Channel.NONE),
        Measure.SEGMENTS: {
            "": count(*texts, Message.provider_sid.is_not(None), what=func.sum(Message.segments))
        },
        Measure.DELIVERY: delivery_times(texts),
        Measure.REPLY: reply_times(where),
    }


def delivery_times(texts):
    rows = select(Message.created_at, Message.delivered_at).where(
        *texts, Message.delivered_at.is_not(None)
    )
    return Counter(str(_waited(a, b)) for a, b in db.session.execute(rows))


def reply_times(where):
    """One message after the other, as somebody would who reads the threads."""
    found, waiting = Counter(), {}
    answers = (Status.HELD, Status.CANCELED, Status.NOT_SENT)
    rows = db.session.execute(select(Message).where(*where).order_by(Message.created_at))
    for message in rows.scalars():
        thread = message.conversation_id
        if message.direction is Direction.INBOUND:
            if message.keyword is Keyword.NONE:
                waiting.setdefault(thread, message.created_at)
        elif message.status not in answers and (since := waiting.pop(thread, None)):
            found[str(_waited(since, message.created_at))] += 1
    return found


def _waited(first, last):
    return two_digits(int(last.timestamp()) - int(first.timestamp()))


def figures(college, of=Of()):  # noqa: B008 (a value)
    days = days_until_today()
    before = days.first - timedelta(days=1)
    return analytics.figures(college.id, of, days, Days(before, before))


def _without_nothing(counts):
    return {str(key): n for key, n in counts.items() if n}


def test_the_figures_are_those_of_a_plain_recount(written):
    """Must show 5: before a day is closed, after it, and of one member of staff or one number."""
    with written.inside():
        number = db.session.execute(select(SenderNumber.id)).scalar_one()
        days = days_until_today()
        for closing in (False, True):
            if closing:
                assert facts.close_days(60)
            for of in (Of(), Of(written.dana.staff_id), Of(written.kim.staff_id), Of(0, number)):
                found = figures(written, of).totals
                plain = recounted(written, days, of)
                if of.number_id:  # an answer by email has no number
                    plain.pop(Measure.REPLY)
                for measure, counts in plain.items():
                    assert _without_nothing(found[measure]) == _without_nothing(counts), measure
        kept = db.session.execute(select(func.count()).select_from(DailyFact)).scalar_one()
        open_ = facts.open_days(db.session.get_one(Institution, written.id), days.each())
        assert kept > 100
        assert open_ == days.each()[-len(open_) :]
        assert 4 <= len(open_) <= 6  # whose texts may still change


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


def test_a_day_is_closed_once_by_two_at_the_same_time(written):
    def close():
        with written.inside():
            return facts.close_days(60)

    assert at_once(close, close) == [True, True]
    with written.inside():
        found, plain = figures(written).totals, recounted(written, days_until_today(), Of())
        assert _without_nothing(found[Measure.VOLUME]) == _without_nothing(plain[Measure.VOLUME])
