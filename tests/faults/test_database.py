"""Database faults: PostgreSQL killed, away, out of connections, or in a deadlock."""

import random
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import httpx
import pytest
from sqlalchemy import select

from app.database import db
from app.models import Direction, Message
from tests.cluster import Cluster
from tests.helpers import until
from tests.school import School, at_once, new_number
from tests.stack import DELIVERY, Stack, running

OUTAGE = 2.0  # seconds after which an outage is noticed
TEXTS = 40


@pytest.fixture(scope="module", params=["postgresql"])  # of SQLite there is nothing to kill
def cluster() -> Iterator[Cluster]:
    with Cluster.made() as made:
        yield made


@pytest.fixture(scope="module")
def stack(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack on a database that may be killed, in the place of the one that all tests share."""
    var_dir = tmp_path_factory.mktemp("var")
    waits = {"outage": OUTAGE, "import_every": OUTAGE, "beat_every": OUTAGE / 4}
    with running(cluster.url, var_dir, **waits, report_looks=[1.0, 5.0, 60.0]) as started:
        yield started


def stored(school: School) -> list[str]:
    """The texts that came in, as often as they stand in the database."""
    inbound = select(Message.body).where(
        Message.institution_id == school.id, Message.direction == Direction.INBOUND
    )
    with school.app.app_context():
        found = list(db.session.execute(inbound.order_by(Message.id)).scalars())
        db.session.remove()
    return found


def test_a_database_that_dies_in_the_middle_of_it_all_loses_and_doubles_nothing(
    cluster: Cluster, school: School
):
    """F18, I1, I2, I6: of webhooks, of sends, and of calls to the provider."""
    _, ours = school.holder()
    staff, people = school.crowd(4, 5)
    typed = [{"from": new_number(), "to": ours, "body": f"Text {n}"} for n in range(TEXTS)]
    some = random.randrange(TEXTS)

    def kill() -> None:
        until(lambda: len(stored(school)) >= some)
        cluster.kill()
        cluster.start()

    _, told, _ = at_once(
        kill,
        partial(school.carrier.texts, typed),
        partial(school.all_write_to_all, staff, people),
    )
    statuses = [text["webhook"]["status"] for text in told]
    assert set(statuses) <= {200, 503}
    answered = {text["body"] for text, status in zip(typed, statuses, strict=True) if status == 200}
    assert answered <= set(stored(school))
    until(lambda: len(stored(school)) >= TEXTS)
    assert sorted(stored(school)) == sorted(text["body"] for text in typed)
    sent = 1 + len(staff) * len(people)
    until(lambda: not school.under_way())
    assert school.accepted() == {1: sent}


def test_after_an_outage_nothing_leaves_before_what_was_missed_is_known(
    cluster: Cluster, stack: Stack, school: School
):
    """F19, F21, D42, I9: 503 for everybody meanwhile; what was typed comes in once and in order,
    and nothing is sent to the one who said STOP. The carrier obeys none, and its list is down."""
    dana, ours = school.holder()
    maya, ana, devon = (school.person("mobile") for _ in range(3))
    school.carrier.change_account(school.account_sid, opt_out_handling=False)
    down = school.carrier.fault(school.account_sid, "listing_down", count=None)
    with stack.without(stack.pid(*DELIVERY)):
        to_maya, to_ana = dana.send(maya, "Your hold is cleared"), dana.send(ana, "Yours too")
        cluster.kill()
        ended = time.monotonic()
        words = [*(f"Text {n}" for n in range(5)), "STOP"]
        for body in words:
            phone = (maya if body == "STOP" else devon).numbers[0]
            assert school.texts(phone, ours, body)["webhook"]["status"] == 503
        refused = dana.tries(ana, "While it is away")
        assert (refused.status_code, refused.json()["error"]["code"]) == (503, "unavailable")
        assert httpx.get(f"{school.url}/readyz", timeout=30).json()["missing"]
        until(lambda: time.monotonic() > ended + OUTAGE)
        cluster.start()
    until(lambda: school.carrier.faults(school.account_sid)[0]["hits"] >= 2)
    assert [dana.message(m["id"])["status"] for m in (to_maya, to_ana)] == ["queued", "queued"]
    assert [school.ledger(person.numbers[0]) for person in (maya, ana)] == [[], []]
    school.carrier.clear_fault(down)
    dana.settled(to_ana["id"], "delivered")
    (mail,) = until(lambda: school.mails(maya.email))
    assert "Your hold is cleared" in mail["text"]
    assert school.ledger(maya.numbers[0]) == []
    assert stored(school) == words


def test_a_slow_provider_costs_no_connections_and_the_web_needs_no_new_one(
    cluster: Cluster, stack: Stack, school: School
):
    """F24: nothing is held during a call; where the server has no connection left, texts are taken
    and leave once."""
    staff, people = school.crowd(5, 8)
    school.carrier.fault(school.account_sid, "slow", count=None, seconds=1.5)
    with stack.without(stack.pid(*DELIVERY)):
        school.all_write_to_all(staff, people)

    def calls_outnumber_connections() -> bool:
        calls = cluster.count("attempt", "calling_at IS NOT NULL AND answered_at IS NULL")
        held = cluster.count("pg_stat_activity", "state LIKE 'idle in transaction%'")
        return calls >= 5 and held < calls / 2  # one claim takes one text of each number

    until(calls_outnumber_connections)
    dana, late = staff[0], [school.person("mobile") for _ in range(3)]
    with cluster.no_connection_left():
        for person in late:
            dana.insists(person)
    sent = len(staff) * len(people) + len(late)
    until(lambda: not school.under_way())
    assert school.accepted() == {1: sent}


def test_a_deadlock_is_repeated_inside_the_request(cluster: Cluster, school: School):
    """F25: the database gives up the send, which is done again; nobody notices."""
    school.holder()
    school.pool(1)
    dana, maya = school.member(), school.person("mobile")
    thread = dana.send(maya, "By email", channel="email")["conversation_id"]
    asked = {"person_id": maya.id, "body": "Hello"}
    key = {"Idempotency-Key": "once"}

    def waiting() -> int:
        return cluster.count("pg_stat_activity", "wait_event_type = 'Lock'")

    with (
        cluster.session() as other,
        cluster.session() as third,
        ThreadPoolExecutor() as threads,
    ):
        other.execute("SET deadlock_timeout = '1h'")  # so that it is the send which is given up
        other.execute(f"SELECT FROM usage WHERE institution_id = {school.id} FOR UPDATE")
        third.execute(f"SELECT FROM seats WHERE institution_id = {school.id} FOR UPDATE")
        sending = threads.submit(dana.api.post, "/messages", json=asked, headers=key)
        until(lambda: waiting() == 1)  # it has the conversation, and waits for its seat
        blocked = f"SELECT FROM conversation WHERE id = {thread} FOR UPDATE"
        having = threads.submit(other.execute, blocked)
        until(lambda: waiting() == 2)
        third.rollback()  # now the send goes on to its usage, and neither can go on
        having.result()
        other.rollback()
        answer = sending.result()
    assert answer.status_code == 201, answer.text
    until(lambda: cluster.count("pg_stat_database", "deadlocks > 0"))
    dana.settled(answer.json()["id"], "delivered")
    assert [m["body"] for m in dana.said_to(maya)] == ["By email", "Hello"]
    assert school.usage()["messages"]["used"] == 2
