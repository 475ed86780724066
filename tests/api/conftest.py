"""The API is asked on the running stack, by the members of a school and by their programs."""

from collections.abc import Callable, Iterator

import httpx
import pytest

from app.database import db
from app.services import staff
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
            token = staff.create_token(member.email, "narrow", list(scopes))
            db.session.remove()
        headers = {"Authorization": f"Bearer {token}"}
        api = httpx.Client(base_url=f"{stack.url}/api/v1", headers=headers, trust_env=False)
        made.append(api)
        return api

    yield speak
    for api in made:
        api.close()
