"""Hook faults: a worker that dies with an event in its hands, and Redis that loses everything."""

import json
import re

import pytest
from sqlalchemy import select, update

from app import clock
from app.database import database_now, db, transaction
from app.models import Hook
from tests.helpers import until
from tests.receiver import Receiver
from tests.school import School
from tests.stack import Stack


def listens(school: School, receiver: Receiver) -> None:
    """The one webhook of the stack: what happens to the next call happens to one of its own."""
    others = Hook.institution_id != school.id
    busy = select(Hook.id).where(others, Hook.lease_until > database_now())
    with school.app.app_context():
        with transaction():
            db.session.execute(update(Hook).where(others).values(paused_at=clock.now()))
        until(lambda: (db.session.rollback(), db.session.execute(busy).first())[1] is None)
        db.session.remove()
    with school.browser(school.admin()) as browser:
        form = {"url": receiver.url, "event": ["message.created", "message.status_changed"]}
        assert browser.post("/settings/webhooks", data=form).status_code == 200


def chosen(school: School) -> set[str]:
    """The ids under which the chosen events go, of the feed."""
    feed = school.admin().events()
    return {f"evt_{school.id}_{e['seq']}" for e in feed if re.match("message", e["name"])}


@pytest.mark.parametrize(("point", "again"), [("hooks.claimed", 0), ("hooks.told", 1)])
def test_an_event_is_not_lost_with_its_worker(stack: Stack, school: School, point, again):
    """It is told once more where nobody can know that it was taken, and under the same id."""
    with Receiver.listening() as receiver:
        listens(school, receiver)
        stack.kill_at(point)
        school.holder()
        until(lambda: stack.was_killed_at(point))
        with school.app.app_context():
            with transaction():  # a minute later
                mine = update(Hook).where(Hook.institution_id == school.id)
                db.session.execute(mine.values(lease_until=database_now(-1)))
            db.session.remove()
        until(lambda: {heard.id for heard in receiver.took} == chosen(school) != set())
        assert len(receiver.took) == len(chosen(school)) + again


def test_nothing_is_lost_with_redis_or_with_the_worker(stack: Stack, school: School):
    """Redis is emptied and the worker killed while events happen: all are told all the same."""
    with Receiver.listening() as receiver:
        listens(school, receiver)
        with stack.without(stack.pid("worker", "--queue", "hooks")):
            dana, _ = school.holder()
            stack.app.extensions["redis"].flushall()
            maya = school.person("mobile")
            dana.settled(dana.send(maya)["id"], "delivered")
        until(lambda: {heard.id for heard in receiver.took} == chosen(school))
        numbers = [json.loads(heard.body)["seq"] for heard in receiver.took]
        assert numbers == sorted(numbers)
