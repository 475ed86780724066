"""Two things at once, with the moment between them held open. No process works on this database."""

import threading
from concurrent.futures import ThreadPoolExecutor, wait

import pytest
from sqlalchemy import func, select, text, update

from app import clock
from app.database import database_now, db, transaction
from app.errors import Conflict, ProviderDenied
from app.events import Event, publish
from app.models import Attempt, Conversation, Email, EventRow, Message, ProviderAccount
from app.rules.lifecycle import Status
from app.services import (
    accounts,
    claiming,
    consent,
    delivery,
    emails,
    handling,
    merging,
    staff,
    tracking,
)
from tests.college import SID
from tests.school import at_once


def test_the_events_of_a_transaction_that_failed_do_not_silence_the_next(college):
    """I4, I19: a retried use case announces what it did."""
    happened = Event("settings.changed", {}, ("everybody",))
    with college.inside():
        try:
            with transaction():
                publish(college.id, happened)
                raise Conflict("somebody was faster")
        except Conflict:
            pass
        before = db.session.execute(select(func.max(EventRow.seq))).scalar_one()
        with transaction():
            publish(college.id, happened)
        names = select(EventRow.name).where(EventRow.seq > before)
        assert db.session.execute(names).scalars().all() == ["settings.changed"]


def test_a_worker_that_overslept_its_lease_calls_nobody(college):
    """I6, F6: its text belongs to the next one."""
    with college.inside():
        college.text()
        (first,) = claiming.claim(college.account, 10)
        with transaction():
            db.session.execute(update(Message).values(lease_until=database_now(-1)))
        claiming.free_dead_claims()
        (second,) = claiming.claim(college.account, 10)
        assert second.message_id == first.message_id
        assert not claiming.begin_call(first)
        delivery.record([delivery.Outcome(first, None, called=False)])
        assert claiming.begin_call(second), "the late one took the text from the other"
        assert claiming.claim(college.account, 10) == []


def test_a_claimed_text_whose_worker_died_is_unknown_only_once_it_was_stamped(college):
    """F6: before its call it is provably unsent; after it nobody knows, and nobody tries again."""
    with college.inside():
        college.text()
        (call,) = claiming.claim(college.account, 10)
        assert claiming.begin_call(call)
        with transaction():
            db.session.execute(update(Message).values(lease_until=database_now(-1)))
        claiming.free_dead_claims()
        assert db.session.execute(select(Message.status)).scalar_one() is Status.UNCONFIRMED
        assert claiming.claim(college.account, 10) == []


def test_no_call_begins_while_a_stop_is_being_committed(college):
    """D14, I9: the stamp waits for the STOP, and then sees it."""
    with college.inside():
        college.text()
        (call,) = claiming.claim(college.account, 10)
    in_the_middle, done, began = threading.Event(), threading.Event(), []

    def worker():
        with college.inside():
            in_the_middle.wait(5)
            began.append(claiming.begin_call(call))
        done.set()

    thread = threading.Thread(target=worker)
    thread.start()
    with college.inside(), transaction():
        number = db.session.execute(select(Attempt.contact_number_id)).scalar_one()
        consent.opt_out(college.id, number, None, words="STOP", now=clock.now(), marker="STOP")
        db.session.flush()
        in_the_middle.set()
        assert not done.wait(0.5), "the call did not wait for the STOP"
    thread.join(10)
    assert began == [False]


def test_a_stop_that_comes_twice_waits_twice(college):
    """D14: the copy of a webhook is not answered while the calls of the first are on the wire."""
    with college.inside():
        college.text()
        (call,) = claiming.claim(college.account, 10)
        assert claiming.begin_call(call)
        silenced = college.receive("STOP")
        assert silenced
        assert college.receive("STOP") == silenced


def test_an_email_that_went_out_does_not_bring_back_what_its_text_was(college):
    """I16, D35: no browser hears “undelivered” after “delivered”."""
    with college.inside():
        college.text(to=college.person("Ana", "+15125550177", email="ana@students.example"))
        (call,) = claiming.claim(college.account, 10)
        assert claiming.begin_call(call)
        college.report(call, Status.UNDELIVERED, error="30008")
        email = db.session.execute(select(Email.id)).scalar_one()
    done = threading.Event()

    def mailed():
        with college.inside():
            emails.record_sent(email)
        done.set()

    thread = threading.Thread(target=mailed)
    with college.inside(), transaction():
        attempt, message = tracking.locked(call.text.report_url.rpartition("/")[2])
        tracking.advance(attempt, message, Status.DELIVERED, clock.now())
        thread.start()
        assert not done.wait(0.5), "the email did not wait for the report"
    thread.join(30)
    with college.inside():
        told = select(EventRow.status).where(EventRow.name == "message.status_changed")
        words = db.session.execute(told.order_by(EventRow.seq)).scalars().all()
    assert words == ["undelivered", "delivered", "delivered"]


def test_a_text_that_arrives_while_its_thread_changes_hands_is_not_lost(college):
    """D25, I1, I4: two unread texts are two unread texts, wherever the thread is."""
    with college.inside():
        college.text()
        thread = db.session.execute(select(Conversation.id)).scalar_one()
        college.receive("one", "1")

    def hand_over():
        with college.inside():
            return handling.hand_over(college.dana, thread, college.kim.staff_id)

    def arrive():
        with college.inside():
            return college.receive("two", "2")

    at_once(hand_over, arrive)
    with college.inside():
        rows = db.session.execute(select(Conversation.staff_id, Conversation.unread)).all()
        assert sum(unread for _, unread in rows) == 2
        assert db.session.execute(select(func.count()).select_from(Message)).scalar_one() == 3


def test_two_of_nobodys_conversations_that_one_takes_at_once_become_one(college):
    """D5, D25: what waits in two org units is locked apart."""
    with college.inside():
        college.receive("one", "1")
        with transaction():
            db.session.execute(update(Conversation).values(org_unit_id=1))
        college.receive("two", "2")
        first, second = db.session.execute(select(Conversation.id)).scalars()
    kim, in_the_middle = college.kim.staff_id, threading.Event()

    def take_second():
        with college.inside():
            in_the_middle.wait(5)
            return handling.hand_over(college.dana, second, kim)

    with ThreadPoolExecutor(1) as other:
        taken = other.submit(take_second)
        with college.inside(), transaction():
            merging.merge_threads(college.id, [first], kim)
            in_the_middle.set()
            assert wait([taken], 0.5).not_done, "it did not look for the first one"
        assert taken.result(10) == first
    with college.inside():
        rows = db.session.execute(select(Conversation.staff_id, Conversation.unread)).all()
        assert [tuple(row) for row in rows] == [(kim, 2)]


def test_two_administrators_cannot_remove_each_other(college):
    """M2: one of them remains."""
    with college.inside():
        both = [college.viewer(name, "Administrator") for name in ("Priya", "Sam")]

    def demote(by, whom):
        with college.inside():
            try:
                staff.change(by, whom.staff_id, roles=["Advisor"])
            except Conflict as error:
                return error.code
            return "done"

    ends = at_once(lambda: demote(*both), lambda: demote(*reversed(both)))
    assert sorted(ends) == ["done", "last_admin"]


def test_an_answer_to_old_credentials_does_not_stop_the_new_ones(college):
    """D35: the call began before the account was saved again."""
    with college.inside():
        college.text()
        (call,) = claiming.claim(college.account, 10)
        assert claiming.begin_call(call)
        accounts.add(college.id, SID, "another token", check=False)
        delivery.record([delivery.Outcome(call, ProviderDenied("wrong token", "20003"))])
        assert db.session.execute(select(ProviderAccount.stopped_reason)).scalar_one() is None
        college.nothing_was_missed()
        (again,) = claiming.claim(college.account, 10)
        delivery.record([delivery.Outcome(again, ProviderDenied("wrong token", "20003"))])
        assert db.session.execute(select(ProviderAccount.stopped_reason)).scalar_one()
        assert claiming.claim(college.account, 10) == []


@pytest.mark.parametrize("quiet_database_url", ["postgresql"], indirect=True)
def test_a_connection_that_is_cut_after_the_work_spoils_nothing(college):
    """F18: what was answered stays answered, and who comes next has a connection."""
    with college.inside():
        pid = db.session.execute(text("SELECT pg_backend_pid()")).scalar_one()
        with db.engine.connect() as other:
            other.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": pid})
    with college.inside():
        assert db.session.execute(text("SELECT 1")).scalar_one() == 1
