"""Hooks: each worker's step by hand, on a database of its own: what is made of events, in which
order it is told, and when it is given up (C-32)."""

from datetime import timedelta

import pytest
import time_machine
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, update

from app import clock
from app.database import database_now, db, transaction
from app.errors import Conflict, Forbidden
from app.events import Event, publish
from app.models import Email, EventRow, Hook, HookDelivery, HookState
from app.posting import Answer
from app.rules.access import Can
from app.services import hook_outbox, hooks
from app.services.hook_outbox import KEPT

URL = "http://127.0.0.1:9/told"
DAY = timedelta(hours=24)
TAKEN, DOWN, GONE = Answer(204), Answer(500), Answer(410)


@pytest.fixture
def hook(college):
    """The id of a webhook that is told of numbers."""
    with college.inside():
        made = hooks.create(college.dana, URL, ["number.assigned", "number.released"])
        yield made.hook_id


def happened(college, count=1, name="number.assigned"):
    """So many events, each in a transaction of its own."""
    for _ in range(count):
        with transaction():
            publish(college.id, Event(name, {"number": 1}))


def chosen(name="number.assigned"):
    """The numbers of all such events."""
    found = select(EventRow.seq).where(EventRow.name == name).order_by(EventRow.seq)
    got = list(db.session.execute(found).scalars())
    db.session.rollback()
    return got


def told(answer=TAKEN, at_most=100):
    """What a worker tells now, with what the other system answers: the numbers of the events."""
    hook_outbox.make_deliveries()
    found = []
    for claim in hook_outbox.claim(8):
        while len(found) < at_most and (post := hook_outbox.next_post(claim)):
            seq = int(post.id.rpartition("_")[2])
            found.append(seq)
            said = answer(seq) if callable(answer) else answer
            if not hook_outbox.record(claim, post.delivery_id, said):
                break
        hook_outbox.release(claim)
    return found


def rows(state=None):
    found = select(HookDelivery).order_by(HookDelivery.id)
    if state:
        found = found.where(HookDelivery.state == state)
    got = list(db.session.execute(found.execution_options(populate_existing=True)).scalars())
    db.session.rollback()
    return got


def row_of(hook_id):
    found = db.session.get(Hook, hook_id, populate_existing=True)
    db.session.rollback()
    return found


def test_what_happened_before_or_was_not_chosen_is_not_told(college):
    with college.inside():
        happened(college, 2)
        hooks.create(college.dana, URL, ["number.released"])
        happened(college, 2)
        happened(college, 1, "number.released")
        assert told() == chosen("number.released")
        assert told() == []


def test_events_are_told_in_the_order_in_which_they_happened(college, hook):
    happened(college, 3)
    hook_outbox.make_deliveries()
    happened(college, 2)
    assert told() == chosen()
    assert len(rows()) == 5
    assert {row.state for row in rows()} == {HookState.DELIVERED}


def test_each_address_is_told_by_itself(college, hook):
    other = hooks.create(college.dana, URL + "2", ["number.assigned"])
    happened(college)
    hook_outbox.make_deliveries()
    claims = hook_outbox.claim(8)
    assert [claim.hook_id for claim in claims] == [hook, other.hook_id]
    for claim, answer in zip(claims, (DOWN, TAKEN), strict=True):
        hook_outbox.record(claim, hook_outbox.next_post(claim).delivery_id, answer)
    assert [row.state for row in rows()] == [HookState.WAITING, HookState.DELIVERED]


def test_two_workers_never_tell_one_address_at_once(college, hook):
    happened(college, 2)
    hook_outbox.make_deliveries()
    [claim] = hook_outbox.claim(8)
    assert hook_outbox.claim(8) == []
    hook_outbox.release(claim)
    assert len(hook_outbox.claim(8)) == 1


def test_a_worker_that_died_leaves_a_lease_and_one_that_slept_stops(college, hook):
    """The event is told again, under the same id."""
    happened(college, 2)
    hook_outbox.make_deliveries()
    [slept] = hook_outbox.claim(8)
    post = hook_outbox.next_post(slept)
    with transaction():
        db.session.execute(update(Hook).values(lease_until=database_now(-1)))
    [other] = hook_outbox.claim(8)
    assert hook_outbox.next_post(other).id == post.id
    assert hook_outbox.record(slept, post.delivery_id, TAKEN) is False
    assert hook_outbox.next_post(slept) is None
    hook_outbox.release(slept)  # it is not its to let go
    assert hook_outbox.claim(8) == []


def test_while_one_event_is_never_taken_the_others_go_on(college, hook):
    """A poisoned event: it comes again, ever more rarely, and holds nobody up for long."""
    with time_machine.travel(clock.now(), tick=False) as now:
        happened(college, 4)
        first, *others = chosen()

        def answer(seq):
            return DOWN if seq == first else TAKEN

        assert told(answer) == [first]
        assert told(answer) == []
        now.shift(15)
        assert told(answer) == others
        now.shift(15)
        assert told(answer) == [first]
        [waiting] = rows(HookState.WAITING)
        assert (waiting.seq, waiting.tries, waiting.code) == (first, 2, 500)
        assert row_of(hook).failures == 1


@pytest.mark.parametrize("answer", [DOWN, Answer(None, "Nobody answers at its address")])
def test_what_is_not_taken_for_a_day_is_given_up_and_the_admins_are_told(college, hook, answer):
    admin = college.viewer("Priya", "Administrator")
    with time_machine.travel(clock.now(), tick=False) as now:
        happened(college, 2)
        tries = 0
        for _ in range(24 * 12):
            tries += len(told(answer))
            now.shift(300)
        assert row_of(hook).paused_at is None
        now.shift(3600)
        tries += len(told(answer))
        found = row_of(hook)
        assert found.paused_at == clock.now()
        assert 40 < tries < 200
        assert found.paused_why == rows()[0].error != ""
        given_up = rows(HookState.GIVEN_UP)
        assert len(given_up) == 1
        assert told() == []
        mails = list(db.session.execute(select(Email).where(Email.kind == "notice")).scalars())
        assert [mail.to_address for mail in mails] == [admin.email]
        assert "127.0.0.1 is told nothing any more" in mails[0].subject
        assert found.paused_why in mails[0].text_body


def test_one_that_answers_410_is_paused_at_once(college, hook):
    happened(college, 2)
    assert len(told(GONE)) == 1
    assert row_of(hook).paused_why == "Answered 410: it wants no more events"
    assert [row.state for row in rows()] == [HookState.GIVEN_UP, HookState.WAITING]


def test_one_that_is_resumed_goes_on_with_what_is_not_too_old(college, hook):
    now = clock.now()
    with time_machine.travel(now - 3 * DAY, tick=False):
        happened(college, 2)  # waits already when it is paused
        hook_outbox.make_deliveries()
        hooks.pause(college.dana, hook)
        happened(college, 2)
    with time_machine.travel(now, tick=False) as moment:
        happened(college, 2)
        assert told() == []
        moment.shift(60)
        hooks.resume(college.dana, hook)
        assert told() == chosen()[-2:]
    assert [row.state for row in rows()] == [HookState.GIVEN_UP] * 2 + [HookState.DELIVERED] * 2


def test_what_was_given_up_is_sent_again_under_its_id(college, hook):
    happened(college, 3)
    assert len(told(GONE)) == 1
    hooks.resume(college.dana, hook)
    assert len(told()) == 2
    ids = {row.id: hook_outbox.public_id(row) for row in rows()}
    assert hooks.send_again(college.dana, hook) == 1
    assert hooks.send_again(college.dana, hook, rows()[2].id) == 1
    assert len(told()) == 2
    assert {row.id: hook_outbox.public_id(row) for row in rows(HookState.DELIVERED)} == ids


def test_a_test_is_told_even_while_the_address_rests_but_not_while_it_is_paused(college, hook):
    happened(college)
    told(DOWN)
    hooks.test(college.dana, hook)
    [claim] = hook_outbox.claim(8)
    assert hook_outbox.next_post(claim).id.startswith("test_")
    hooks.pause(college.dana, hook)
    assert hook_outbox.next_post(claim) is None
    with pytest.raises(Conflict):
        hooks.test(college.dana, hook)


def test_one_that_is_deleted_or_moved_during_a_call_is_told_nothing_more(college, hook):
    happened(college, 2)
    hook_outbox.make_deliveries()
    [claim] = hook_outbox.claim(8)
    post = hook_outbox.next_post(claim)
    hooks.change(college.dana, hook, URL + "2", ["number.assigned"])
    assert hook_outbox.next_post(claim) is None  # the connection leads to the old address
    hooks.remove(college.dana, hook)
    assert hook_outbox.record(claim, post.delivery_id, TAKEN) is False
    assert rows() == []


def test_a_renewed_secret_signs_beside_the_old_one_for_a_day(college, hook):
    with time_machine.travel(clock.now(), tick=False) as now:
        new = hooks.renew_secret(college.dana, hook).secret
        both = list(hook_outbox.valid_secrets(row_of(hook)))
        assert (both[0], len(both)) == (new, 2)
        now.shift(DAY)
        assert list(hook_outbox.valid_secrets(row_of(hook))) == [new]
    assert new not in row_of(hook).secret


def test_what_is_done_is_forgotten_after_a_week(college, hook):
    with time_machine.travel(clock.now(), tick=False) as now:
        happened(college)
        told()
        happened(college)
        told(DOWN)
        now.shift(KEPT + timedelta(seconds=1))
        hook_outbox.forget_old()
        assert [row.state for row in rows()] == [HookState.WAITING]


def test_nobody_hands_on_what_they_may_not_see(college, hook):
    """D3: whoever manages tokens and nothing else."""
    other = college.viewer("Sam", rights=[Can.TOKENS_MANAGE, Can.PEOPLE_READ])
    assert hooks.may_choose(other) == ["consent.changed"]
    with pytest.raises(Forbidden, match=r"inbox\.all"):
        hooks.create(other, URL, ["message.created", "consent.changed"])
    with pytest.raises(Forbidden, match=r"numbers\.manage"):
        hooks.change(other, hook, "http://127.0.0.1:10/own", ["consent.changed"])
    with pytest.raises(Forbidden, match=r"numbers\.manage"):
        hooks.renew_secret(other, hook)
    assert row_of(hook).url == URL


@settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(weather=st.lists(st.sampled_from("eeTDNXR"), min_size=1, max_size=30))
def test_whatever_happens_every_chosen_event_is_told_and_each_has_one_id(college, hook, weather):
    """e: an event; the other system takes what it is told (T), does not (D), or takes it and the
    worker dies before it can write that down (X), or before it tells anything (N); R: pause and
    resume."""
    with time_machine.travel(clock.now(), tick=False) as now:
        before, heard = len(chosen()), []
        for what in weather:
            if what == "e":
                happened(college)
            elif what == "R":
                hooks.pause(college.dana, hook)
                hooks.resume(college.dana, hook)
            elif what in "XN":
                hook_outbox.make_deliveries()
                for claim in hook_outbox.claim(8):
                    post = hook_outbox.next_post(claim)
                    heard += [post.id] if what == "X" else []
                with transaction():
                    db.session.execute(update(Hook).values(lease_until=database_now(-1)))
            else:
                seen = told(TAKEN if what == "T" else DOWN)
                heard += [f"evt_{college.id}_{seq}" for seq in seen if what == "T"]
            now.shift(20)
        for _ in range(3):
            now.shift(1800)
            heard += [f"evt_{college.id}_{seq}" for seq in told()]
        assert weather.count("e") == len(chosen()[before:])
        assert set(heard) == {f"evt_{college.id}_{seq}" for seq in chosen()[before:]}
        assert rows(HookState.WAITING) == []
