"""The ground itself: on a broken one no test proves anything."""

import socket
from itertools import count

import pytest
from sqlalchemy import create_engine, text

from tests.helpers import until


def test_no_test_reaches_another_machine():
    with pytest.raises(PermissionError, match=r"tried to reach 192\.0\.2\.1"):
        socket.create_connection(("192.0.2.1", 80), timeout=1)
    with pytest.raises(PermissionError, match=r"tried to reach api\.example\.com"):
        socket.getaddrinfo("api.example.com", 443)


def test_this_machine_may_be_reached():
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(("localhost", server.getsockname()[1]), timeout=1).close()


def test_until_returns_what_it_waited_for_or_says_what_it_saw():
    numbers = count()
    assert until(lambda: number if (number := next(numbers)) == 3 else None) == 3
    with pytest.raises(pytest.fail.Exception, match="last seen: ''"):
        until(lambda: "", timeout=0.05)


def test_each_database_answers(database_url):
    engine = create_engine(database_url)
    with engine.connect() as connection:
        assert connection.execute(text("SELECT 1")).scalar_one() == 1
    engine.dispose()
