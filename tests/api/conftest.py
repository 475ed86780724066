"""The API is asked on the running stack, by the members of a school and by their programs."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from sqlalchemy import update

from app.database import db, transaction
from app.models import SenderNumber
from app.services import tokens
from tests.school import Member, School
from tests.stack import Stack


@pytest.fixture(scope="session")
def quiet(stack: Stack) -> Iterator[School]:
    """A school for requests that change nothing, shared by them all."""
    with stack.school() as made:
        yield made


@pytest.fixture
def elsewhere(stack: Stack) -> Iterator[School]:
    """Another institution on the same deployment."""
    with stack.school() as made:
        yield made


@pytest.fixture
def narrowed(stack: Stack) -> Iterator[Callable[..., httpx.Client]]:
    """Makes a program that speaks for a member with a token of these scopes."""
    made: list[httpx.Client] = []

    def speak(member: Member, *scopes: str) -> httpx.Client:
        with stack.app.app_context():
            token = tokens.issue(member.email, "narrow", list(scopes))
            db.session.remove()
        headers = {"Authorization": f"Bearer {token}"}
        api = httpx.Client(
            base_url=f"{stack.url}/api/v1",
            headers=headers,
            timeout=30,
            trust_env=False,
            verify=False,
        )
        made.append(api)
        return api

    yield speak
    for api in made:
        api.close()


@contextmanager
def held_back(school: School, back: bool = True) -> Iterator[None]:
    """Texts of this school's numbers stay queued meanwhile: each is paced until tomorrow."""
    _pace(school, back)
    yield
    _pace(school, not back)


def _pace(school: School, back: bool) -> None:
    until = datetime.now(UTC) + timedelta(days=1) if back else None
    with school.app.app_context(), transaction():
        db.session.execute(
            update(SenderNumber)
            .where(SenderNumber.institution_id == school.id)
            .values(next_call_at=until)
        )
