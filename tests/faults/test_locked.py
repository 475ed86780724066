"""Locked: SQLite has one writer. Whoever does not get a turn is told so, and nothing is half
written."""

import secrets
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial

import httpx
import pytest
from sqlalchemy import make_url

from app.database import BUSY_WAIT
from tests.helpers import until
from tests.provider import Provider, row_counts
from tests.school import School, Someone, at_once
from tests.stack import Stack

WRITERS = 20


@contextmanager
def locked(stack: Stack) -> Iterator[None]:
    """Somebody else writes all the time."""
    path = make_url(stack.app.config["SETTINGS"].database).database
    assert path
    other = sqlite3.connect(path, isolation_level=None, timeout=60)
    other.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        other.rollback()
        other.close()


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_who_gets_no_turn_to_write_is_told_and_nothing_is_half_written(
    stack: Stack, school: School
):
    """F26, I8: they wait for their turn, then 503; reading goes on; again under the same key."""
    school.pool(1)
    dana, people = school.member(), [school.person("mobile") for _ in range(WRITERS)]
    keys = {person.id: secrets.token_hex(8) for person in people}

    def try_to(person: Someone) -> httpx.Response:
        asked = {"person_id": person.id, "body": "Hello"}
        key = {"Idempotency-Key": keys[person.id]}
        return dana.api.post("/messages", json=asked, headers=key)

    route = dana.route(people[0])
    before = row_counts(school)
    with locked(stack):
        began = time.monotonic()
        refused = at_once(*(partial(try_to, person) for person in people))
        waited = time.monotonic() - began
        assert dana.route(people[0]) == route
    assert {answer.status_code for answer in refused} == {503}
    assert {answer.json()["error"]["code"] for answer in refused} == {"unavailable"}
    assert waited >= BUSY_WAIT
    assert row_counts(school) == before
    insisting = (partial(dana.insists, p, key=keys[p.id]) for p in people)
    for message in at_once(*insisting):
        dana.settled(message, "delivered")
    assert school.accepted() == {1: WRITERS}
    assert school.usage()["messages"]["used"] == WRITERS


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_webhook_that_was_turned_away_is_asked_for_at_once(stack: Stack, school: School):
    """D42, I9: however short the outage was; the provider's list holds what nobody could store."""
    dana, ours = school.holder()
    maya = school.person("mobile")
    dana.settled(dana.send(maya)["id"], "delivered")
    school.carrier.fault(school.account_sid, "inbound_lost")
    provider = Provider(school)
    with locked(stack):
        school.texts(maya.numbers[0], ours, "STOP")
        answer = provider.post(provider.text(maya.numbers[0], ours, "Somebody else’s, as it were"))
        assert answer.status_code == 503
    until(lambda: school.phone_status(maya) == ["disabled"])
    sent = dana.send(maya, "Too late")
    assert (sent["channel"], sent["reason"]) == ("email", "opted_out")


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_text_for_later_that_gets_no_turn_goes_when_it_does(stack: Stack, school: School):
    """F26, D34: it is put off, not canceled."""
    dana, _ = school.holder()
    soon = datetime.now(UTC) + timedelta(seconds=2)
    sent = dana.send(school.person("mobile"), send_at=soon.isoformat())
    with locked(stack):
        until(lambda: datetime.now(UTC) > soon + timedelta(seconds=BUSY_WAIT + 2))
        assert dana.message(sent["id"])["status"] == "held"
    dana.settled(sent["id"], "delivered")
