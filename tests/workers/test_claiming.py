"""Claiming: who may call when. Each worker's step by hand, on a database of its own."""

import pytest
import time_machine
from sqlalchemy import select, update

from app import clock
from app.database import database_now, db, transaction
from app.errors import ProviderBusy, ProviderDenied, ProviderRefused, ProviderUnknown
from app.models import (
    Attempt,
    ContactNumber,
    Email,
    Message,
    OptOutReplies,
    ProviderAccount,
    SenderNumber,
)
from app.providers import Accepted, Found
from app.rules.breaker import PATIENCE
from app.rules.consent import SmsStatus
from app.rules.dispatch import Channel
from app.rules.lifecycle import Status
from app.services import adding, claiming, consent, delivery, settling
from app.services.claiming import KEPT_FOR_PEOPLE
from app.services.delivery import Outcome

HOUR = 3600


def crowd(college, count, by=None):
    """As many people with a phone each, and a text to each of them."""
    people = [
        college.person(f"Ana{n}", f"+1512556{n:04d}", email=f"ana{n}@x.example")
        for n in range(count)
    ]
    return [college.text(by=by, to=person) for person in people]


def ended(call, result):
    """A worker made this call, and it ended so."""
    assert claiming.begin_call(call)
    delivery.record([Outcome(call, result)])


def statuses(*messages):
    rows = db.session.execute(select(Message.id, Message.status)).all()
    found = dict(rows)
    db.session.rollback()
    return [found[m] for m in messages]


def resume(college):
    """The pause of the account is over."""
    with transaction():
        db.session.execute(update(ProviderAccount).values(paused_until=database_now(-1)))


@pytest.mark.parametrize("timing", [{"pace": 60}])
def test_a_number_of_ours_sends_one_text_at_a_time_at_its_pace(college):
    """Design 4: and another number is not held up by it."""
    with college.inside():
        first, second = crowd(college, 2)
        adding.add(college.id, ["+15125550191"], "http://127.0.0.1", check=False)
        of_kim = college.text(by=college.kim)
        assert college.claimed() == [first, of_kim]
        assert college.claimed() == []
        assert claiming.accounts_with_work() == [college.account], "somebody waits for its pace"
        with transaction():
            db.session.execute(update(SenderNumber).values(next_call_at=database_now(-1)))
        assert college.claimed() == [second]


@pytest.mark.parametrize("timing", [{"pace": 0}])
def test_bulk_never_takes_the_last_places_and_never_goes_first(college):
    """Priority lanes: a person's text is called at once, whatever bulk waits."""
    with college.inside():
        college.many_numbers(12)
        texts = [college.text(by=college.viewer(f"Staff{n}"), to=college.maya) for n in range(12)]
        with transaction():
            db.session.execute(
                update(Message).where(Message.id.in_(texts[:10])).values(priority=10)
            )
        assert college.claimed(11) == [*texts[10:], texts[0]]
        assert college.claimed(KEPT_FOR_PEOPLE) == []
        assert college.claimed(KEPT_FOR_PEOPLE + 2) == texts[1:3]


def test_answers_to_keywords_leave_in_their_order_and_wait_for_no_unknown(college):
    """D21, I15: whoever said STOP and then START reads the answers so."""
    with college.inside():
        college.text()
        (lost,) = claiming.claim(college.account, 1)
        ended(lost, ProviderUnknown("no clear answer"))
        with transaction():
            db.session.execute(update(ProviderAccount).values(opt_out_replies=OptOutReplies.OURS))
        college.receive("STOP", "1")
        college.receive("START", "2")
        (stopped,) = claiming.claim(college.account, 10)
        assert "opted out" in stopped.text.body
        assert college.claimed() == []
        ended(stopped, Accepted("SM" + "a" * 32, Status.ACCEPTED))
        (started,) = claiming.claim(college.account, 10)
        assert "get texts again" in started.text.body


def test_the_confirmation_of_a_stop_waits_for_an_account_that_rests(college):
    """D21: it is the one text that goes to who said STOP; a pause puts it off, and no more."""
    with college.inside():
        with transaction():
            db.session.execute(update(ProviderAccount).values(opt_out_replies=OptOutReplies.OURS))
        college.receive("STOP")
        (call,) = claiming.claim(college.account, 1)
        with transaction():
            db.session.execute(update(ProviderAccount).values(paused_until=database_now(HOUR)))
        assert not claiming.begin_call(call)
        delivery.record([Outcome(call, None, called=False)])
        assert statuses(call.message_id) == [Status.QUEUED]
        resume(college)
        assert college.claimed() == [call.message_id]


def test_nothing_is_called_before_the_time_the_provider_asked_for(college):
    """F32: no call for so long, also none that was claimed already; then each once."""
    with college.inside():
        one, other = crowd(college, 2)
        (first,) = claiming.claim(college.account, 1)
        (second,) = claiming.claim(college.account, 1)
        ended(first, ProviderBusy("slow down", "20429", retry_after=HOUR))
        assert not claiming.begin_call(second)
        delivery.record([Outcome(second, None, called=False)])
        assert statuses(one, other) == [Status.QUEUED, Status.QUEUED]
        assert claiming.accounts_with_work() == []
        assert college.claimed() == []
        resume(college)
        with time_machine.travel(clock.now().timestamp() + HOUR, tick=False):
            assert college.claimed() == [one]


def test_an_account_without_answers_rests_and_is_tried_with_one_call(college):
    """F34: the first clear answer brings all of them back."""
    with college.inside():
        texts = crowd(college, PATIENCE + 3)
        for _ in range(PATIENCE):
            (call,) = claiming.claim(college.account, 1)
            ended(call, ProviderUnknown("no clear answer"))
        assert statuses(*texts[:PATIENCE]) == [Status.UNCONFIRMED] * PATIENCE
        assert college.claimed() == []
        resume(college)
        (probe,) = claiming.claim(college.account, 10)
        assert college.claimed() == [], "one at a time"
        ended(probe, Accepted("SM" + "a" * 32, Status.ACCEPTED))
        assert college.claimed(1) == [texts[PATIENCE + 1]]


def test_a_refusal_is_a_clear_answer(college):
    """F34: an account whose texts are refused one by one does not rest."""
    with college.inside():
        crowd(college, PATIENCE + 1)
        for _ in range(PATIENCE):
            (call,) = claiming.claim(college.account, 1)
            ended(call, ProviderRefused("no route", "21612"))
        assert len(college.claimed()) == 1


def look(found):
    """The next look at what is due, with what the provider answers."""
    with transaction():
        db.session.execute(
            update(Attempt).where(Attempt.look_at.is_not(None)).values(look_at=database_now(-1))
        )
    (due,) = settling.claim_looks(10)
    settling.record(due, found)


def listed(body, sid="b", status=Status.SENT):
    return Found("SM" + sid * 32, body, status, status.word, clock.now())


def test_a_lost_answer_is_settled_by_finding_the_text(college):
    """F27: the list holds it. Never one of another attempt, and never other words."""
    with college.inside():
        college.text("Hello")
        (call,) = claiming.claim(college.account, 1)
        ended(call, Accepted("SM" + "a" * 32, Status.ACCEPTED))
        text = college.text("Hello")
        (call,) = claiming.claim(college.account, 1)
        ended(call, ProviderUnknown("no clear answer"))
        with transaction():  # only the lost one is looked at
            of_first = Attempt.provider_sid.is_not(None)
            db.session.execute(update(Attempt).where(of_first).values(look_at=None))
        look([listed("Hello", "a"), listed("Good evening", "c")])
        assert statuses(text) == [Status.UNCONFIRMED]
        look([listed("Hello", "a"), listed("Hello", "b")])
        assert statuses(text) == [Status.SENT]
        assert college.claimed() == []


def test_only_empty_looks_prove_that_a_text_was_never_taken(college):
    """F28: a look that failed is none. Then it goes once more, as a new attempt."""
    with college.inside():
        text, later = college.text("one"), college.text("two")
        (call,) = claiming.claim(college.account, 10)
        ended(call, ProviderUnknown("no clear answer"))
        for _ in range(3):
            look([])
        with transaction():
            db.session.execute(update(Attempt).values(look_at=database_now(-1)))
        (due,) = settling.claim_looks(10)
        settling.postpone(due)
        assert statuses(text) == [Status.UNCONFIRMED]
        assert college.claimed() == [], "the next one of the pair waits for it (I15)"
        look([])
        assert statuses(text, later) == [Status.QUEUED, Status.QUEUED]
        assert college.claimed() == [text]


def test_a_text_found_after_it_was_held_for_lost_is_not_sent_again(college):
    """D31: a report of any attempt cancels those that were not called yet."""
    with college.inside():
        text = college.text()
        (call,) = claiming.claim(college.account, 1)
        ended(call, ProviderUnknown("no clear answer"))
        for _ in range(4):
            look([])
        (again,) = claiming.claim(college.account, 1)
        college.report(call, Status.SENT)
        assert not claiming.begin_call(again)
        delivery.record([Outcome(again, None, called=False)])
        assert statuses(text) == [Status.SENT]
        assert college.claimed() == []


def lease_runs_out(college):
    with transaction():
        db.session.execute(update(Message).values(lease_until=database_now(-1)))
    assert claiming.free_dead_claims() == 1


@pytest.mark.parametrize("answer", [ProviderBusy("429"), ProviderDenied("401", "20003")])
def test_an_answer_that_is_recorded_after_the_lease_still_counts(college, answer):
    """F32, D31: it was held for lost, and is known now not to have been taken."""
    with college.inside():
        text = college.text()
        (call,) = claiming.claim(college.account, 1)
        assert claiming.begin_call(call)
        lease_runs_out(college)
        assert statuses(text) == [Status.UNCONFIRMED]
        delivery.record([Outcome(call, answer)])
        assert statuses(text) == [Status.QUEUED]
        assert settling.claim_looks(10) == []


@pytest.mark.parametrize("answer", [ProviderBusy("429"), ProviderDenied("401", "20003")])
def test_an_answer_to_an_earlier_attempt_does_not_touch_the_next(college, answer):
    """I6: or the text would be sent a third time while the second is on the wire."""
    with college.inside():
        text = college.text()
        (call,) = claiming.claim(college.account, 1)
        assert claiming.begin_call(call)
        lease_runs_out(college)
        for _ in range(4):
            look([])
        (second,) = claiming.claim(college.account, 1)
        assert claiming.begin_call(second)
        delivery.record([Outcome(call, answer)])
        assert statuses(text) == [Status.SENDING]
        lease_runs_out(college)
        assert statuses(text) == [Status.UNCONFIRMED]


@pytest.mark.parametrize("late", [Status.DELIVERED, Status.UNDELIVERED])
def test_a_text_without_any_report_times_out_and_a_late_one_counts(college, late):
    """S1-31, F45, F43, D31."""
    with college.inside():
        text = college.text()
        (call,) = claiming.claim(college.account, 1)
        ended(call, Accepted("SM" + "a" * 32, Status.ACCEPTED))
        look([])
        look([listed("Hello", "a", Status.SENT)])
        assert statuses(text) == [Status.SENT]
        for _ in range(2):
            assert statuses(text) == [Status.SENT]
            look([])
        assert statuses(text) == [Status.TIMED_OUT]
        college.report(call, late, "a")
        assert statuses(text) == [late]


def test_what_a_stop_catches_of_one_thread_becomes_one_email(college):
    """D34, F46: the claimed one and those that waited behind it, in their order."""
    with college.inside():
        person = college.person("Ana", "+15125550177", email="ana@students.example")
        texts = [college.text(f"part {n}", to=person) for n in range(3)]
        (call,) = claiming.claim(college.account, 1)
        of_ana = select(ContactNumber.id).where(ContactNumber.e164 == "+15125550177")
        number = db.session.execute(of_ana).scalar_one()
        with transaction():
            consent.opt_out(college.id, number, person, words="STOP", now=clock.now(), marker="")
        assert not claiming.begin_call(call)
        delivery.record([Outcome(call, None, called=False)])
        (email,) = db.session.execute(select(Email)).scalars().all()
        assert "part 0\n\npart 1\n\npart 2" in email.text_body
        rows = db.session.execute(select(Message.channel, Message.email_id)).all()
        assert set(rows) == {(Channel.EMAIL, email.id)}
        assert len(rows) == len(texts)


def test_a_text_that_waits_for_a_person_who_said_stop_does_not_wait_for_its_turn(college):
    """D34: the sweep finds it while its account rests; without an address its writer is told."""
    with college.inside():
        text = college.text()
        with transaction():
            db.session.execute(update(ProviderAccount).values(paused_until=database_now(HOUR)))
            db.session.execute(update(ContactNumber).values(status=SmsStatus.DISABLED))
        assert delivery.catch_forbidden() == 1
        assert statuses(text) == [Status.NOT_SENT]
        assert delivery.catch_forbidden() == 0


@pytest.mark.parametrize("minutes", [-10, 10])
def test_leases_follow_the_clock_of_the_database(college, minutes):
    """F49: a server whose own clock is wrong neither takes a text twice nor loses one."""
    with college.inside():
        text = college.text()
        with time_machine.travel(clock.now().timestamp() + 11 * 60):  # due for every clock
            (call,) = claiming.claim(college.account, 1)
        with time_machine.travel(clock.now().timestamp() + minutes * 60):
            assert claiming.free_dead_claims() == 0
            assert claiming.begin_call(call)
            delivery.record([Outcome(call, Accepted("SM" + "a" * 32, Status.ACCEPTED))])
        assert statuses(text) == [Status.ACCEPTED]
