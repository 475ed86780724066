"""How many requests a token may make in a minute (A20)."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app import create_app
from tests.api.test_shapes import has_the_shape_of_an_error
from tests.school import Member
from tests.stack import Stack

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True, scope="session")

MOST = 3
NOON = datetime(2030, 1, 1, 12, 0, 20, tzinfo=UTC)


def web(stack: Stack, **changes: str) -> FlaskClient:
    """A web process with a small limit, on the same database and Redis."""
    settings = stack.app.config["SETTINGS"]
    timing = replace(settings.timing, api_per_minute=MOST)
    return create_app(settings.model_copy(update={"timing": timing, **changes})).test_client()


def ask(client: FlaskClient, member: Member) -> TestResponse:
    headers = {"Authorization": member.api.headers["Authorization"]}
    return client.get("/api/v1/usage", headers=headers)


def test_a_token_over_its_rate_is_told_when_to_come_back(stack, school):
    dana, sam = school.member(), school.member(name="Sam Lee")
    one, other = web(stack), web(stack)  # counted together, whichever process answers
    with time_machine.travel(NOON, tick=False):
        found = [ask(client, dana).status_code for client in (one, other, one, other, one)]
        assert found == [200] * MOST + [429] * 2
        refused = ask(other, dana)
        assert refused.headers["Retry-After"] == "40"
        has_the_shape_of_an_error(refused.json, "too_many_requests")
        assert ask(one, sam).status_code == 200
        assert one.get("/api/v1/openapi.json").status_code == 200
    with time_machine.travel(NOON + timedelta(seconds=40), tick=False):
        assert ask(other, dana).status_code == 200


def test_without_redis_nobody_is_limited(stack, school):
    dana, client = school.member(), web(stack, redis_url="unix:///nowhere.sock")
    assert {ask(client, dana).status_code for _ in range(MOST * 2)} == {200}
