"""Pages: the inbox, a thread, a search and the overview among a million messages, beside the same
among ten thousand.

    .venv/bin/python -m bench.pages [--small 10000] [--large 1000000] [--plans]
        [--database postgresql+psycopg://...]

Makes a school of each size in an empty database of its own (SQLite without `--database`; the one
that is named is left with two schools in it) and asks for the pages in process, as one who is
signed in. The floor is the small school: the goal is 1.5 times its p95. `--plans` also prints how
the database reads the messages of the overview in the large one.
"""

import argparse
import random
import secrets
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from statistics import quantiles
from typing import Any

import structlog
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event, insert, select, text

from app import clock, config, create_app, migrations
from app.database import db, transaction
from app.models import (
    ContactNumber,
    Conversation,
    Direction,
    Kind,
    Login,
    Message,
    Person,
    PersonKind,
    PersonPhone,
)
from app.rules.dispatch import Channel
from app.rules.keywords import Keyword
from app.rules.lifecycle import Status
from app.rules.phones import PhoneType
from app.rules.search import folded
from app.services import staff
from app.vault import hash_token

IN_A_THREAD, OF_ONE = 20, 250  # messages, conversations
SAMPLES, WARM_UP = 80, 10
BATCH = 5000  # rows
LOST = {40: Status.UNDELIVERED, 90: Status.UNDELIVERED, 140: Status.FAILED, 190: Status.REJECTED}
NAMES = ["Maya", "Tomás", "Thuy", "Jaylen", "Aiyana", "Liam", "Priya", "Noor", "Grace", "Devon"]


@dataclass(frozen=True)
class Made:
    """A school of some size. `threads`: the conversations of the one who looks; `people`: how many
    there are; `base`: their first number, without +1."""

    id: int
    cookie: str
    threads: list[int]
    people: int
    base: int


def _given(n: int) -> str:
    return NAMES[n % 10]


class Words:
    """A language of two thousand words, some of which are said much more often than others."""

    def __init__(self) -> None:
        dice = random.Random(7)
        letters = "abcdefghijklmnoprstuvw"
        self.all = ["".join(dice.choices(letters, k=dice.randint(3, 9))) for _ in range(2000)]
        self._families = ["".join(dice.choices(letters, k=8)) for _ in range(2000)]
        self._weights = [1 / (n + 3) for n in range(len(self.all))]

    def family(self, n: int) -> str:
        """Of the n-th person: a pair of names is hardly ever had twice, in either school."""
        return self._families[n // 10 % 2000]

    def said(self) -> str:
        return " ".join(random.choices(self.all, self._weights, k=9))


def school(size: int, words: Words, minutes: int = 40_000) -> Made:
    """So many messages in threads of twenty, each member of staff with some hundreds of them.
    `minutes`: over how many they are spread, up to now."""
    name = f"School of {size}"
    school_id = staff.create_institution(name, "America/Chicago", "US")
    count = size // IN_A_THREAD
    emails = (f"{secrets.token_hex(6)}@bench.example" for _ in range(min(20, count // OF_ONE) or 1))
    members = [staff.create(school_id, each, name, ["Administrator"], "p" * 12) for each in emails]
    first = {table: _next_id(table) for table in (Person, ContactNumber, Conversation, Message)}
    now, made = clock.now(), {"institution_id": school_id}
    people, base = range(count), 2_000_000_000 + school_id * 10**8
    at, of = first[Conversation], first[Person]

    def holder(n: int) -> int | None:
        """The first ones have their share; what is left belongs to the last."""
        return members[min(n // OF_ONE, len(members) - 1)] if n < OF_ONE * 19 else members[-1]

    def last_of(n: int) -> int:
        return first[Message] + (n + 1) * IN_A_THREAD - 1

    _fill(Person, (
        {**made, "id": first[Person] + n, "kind": PersonKind.STUDENT, "given_name": _given(n),
         "family_name": words.family(n).title(), "created_at": now,
         "words": folded(f"{_given(n)} {words.family(n)}")}
        for n in people
    ))  # fmt: skip
    _fill(ContactNumber, (
        {**made, "id": first[ContactNumber] + n, "e164": f"+1{base + n}"}
        for n in people
    ))  # fmt: skip
    _fill(PersonPhone, (
        {**made, "person_id": first[Person] + n, "contact_number_id": first[ContactNumber] + n,
         "type": PhoneType.MOBILE}
        for n in people
    ))  # fmt: skip
    _fill(Conversation, (
        {**made, "id": at + n, "staff_id": holder(n), "person_id": of + n,
         "last_message_at": now - timedelta(minutes=count - n), "last_message_id": last_of(n),
         "last_direction": Direction.INBOUND if n % 3 else Direction.OUTBOUND,
         "snippet": "Can you come on Tuesday?", "unread": int(n % 9 == 0)}
        for n in people
    ))  # fmt: skip
    _fill(Message, (
        {**made, "id": first[Message] + n, "conversation_id": at + n // IN_A_THREAD,
         "staff_id": None if n % 2 else holder(n // IN_A_THREAD),
         "holder_id": holder(n // IN_A_THREAD) if n % 2 else None,
         "person_id": first[Person] + n // IN_A_THREAD,
         "contact_number_id": first[ContactNumber] + n // IN_A_THREAD,
         "from_address" if n % 2 else "to_address": f"+1{base + n // IN_A_THREAD}",
         "to_address" if n % 2 else "from_address": "+15125550100",
         "direction": Direction.INBOUND if n % 2 else Direction.OUTBOUND, "kind": Kind.CONVERSATION,
         "channel": Channel.SMS, "status": Status.RECEIVED if n % 2 else _came_to(n),
         "body": words.said(), "decision": [], "segments": 1 + n % 3,
         "created_at": now - timedelta(minutes=n % minutes),
         "delivered_at": None if n % 2 else now - timedelta(minutes=n % minutes, seconds=-(n % 50)),
         "keyword": Keyword.NONE if n % 2 else None}
        for n in range(size)
    ))  # fmt: skip
    own = range(first[Conversation], first[Conversation] + min(count, OF_ONE))
    return Made(school_id, _cookie_of(members[0], school_id), list(own), count, base)


def _cookie_of(staff_id: int, school_id: int) -> str:
    """A session of theirs."""
    cookie, now = secrets.token_urlsafe(), clock.now()
    whose = {"institution_id": school_id, "staff_id": staff_id, "token_hash": hash_token(cookie)}
    with transaction():
        db.session.execute(insert(Login).values(**whose, created_at=now, last_used_at=now))
    return cookie


def _came_to(n: int) -> Status:
    """Of a text that went out: one in fifty did not arrive."""
    return LOST.get(n % 200, Status.DELIVERED)


def _next_id(table: Any) -> int:
    return (
        db.session.execute(select(table.id).order_by(table.id.desc()).limit(1)).scalar() or 0
    ) + 1


def _fill(table: Any, rows: Iterator[dict[str, Any]]) -> None:
    batch: list[dict[str, Any]] = []
    for row in rows:
        batch.append(row)
        if len(batch) == BATCH:
            _insert(table, batch)
            batch = []
    if batch:
        _insert(table, batch)
    if db.engine.dialect.name == "postgresql":  # it does not notice ids that are given
        name = table.__tablename__
        with transaction():
            db.session.execute(
                text(f"SELECT setval(pg_get_serial_sequence('{name}', 'id'), max(id)) FROM {name}")
            )


def _insert(table: Any, rows: list[dict[str, Any]]) -> None:
    with transaction():
        db.session.execute(insert(table), rows)


def ways(made: Made, words: Words) -> dict[str, Callable[[], str]]:
    """What is asked for; each time for something else, that is there in both schools."""
    pick = random.choice

    def anybody(of: int) -> int:
        return random.randrange(min(of, made.people))

    def name(n: int) -> str:
        return f"{_given(n)}+{words.family(n)[:5]}"

    def days() -> str:
        first = clock.now().date() - timedelta(days=random.randrange(8, 25))
        return f"since={first}&until={first + timedelta(days=6)}"

    lost = "status=undelivered&status=failed&status=rejected"

    return {
        "inbox": lambda: "/inbox",
        "list, scrolled": lambda: "/inbox/list?limit=200",
        "thread": lambda: f"/inbox/{pick(made.threads)}",
        "search mine, a word": lambda: f"/inbox/list?q={pick(words.all)}",
        "search mine, a name": lambda: f"/inbox/list?q={name(anybody(OF_ONE))}",
        "search all, a word": lambda: f"/inbox/list?view=all&q={pick(words.all)}",
        "search all, often said": lambda: f"/inbox/list?view=all&q={pick(words.all[:20])}",
        "search all, a name": lambda: f"/inbox/list?view=all&q={name(anybody(made.people))}",
        "search all, a number": lambda: (
            f"/inbox/list?view=all&q={made.base + anybody(made.people)}"
        ),
        "overview": lambda: "/messages",
        "overview, a word": lambda: f"/messages?text={pick(words.all)}",
        "overview, often said": lambda: f"/messages?text={pick(words.all[:20])}",
        "overview, a number": lambda: f"/messages?phone={made.base + anybody(made.people)}",
        "overview, a name": lambda: f"/messages?phone={name(anybody(made.people))}",
        "overview, 3 statuses": lambda: f"/messages?{lost}&{days()}",
        "overview, by status": lambda: "/messages?sort=status",
    }


def measured(client: FlaskClient, path: Callable[[], str]) -> tuple[float, float]:
    """p50 and p95 in milliseconds."""
    took = []
    for n in range(SAMPLES + WARM_UP):
        asked = path()
        began = time.perf_counter()
        answer = client.get(asked)
        if n >= WARM_UP:
            took.append((time.perf_counter() - began) * 1000)
        assert answer.status_code == 200, (asked, answer.status_code)
    cuts = quantiles(took, n=20)
    return cuts[9], cuts[18]


def plan(app: Flask, client: FlaskClient, path: str) -> Iterator[str]:
    """How the rows of an overview are read: the plan of each statement that reads them."""
    seen: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, values: Any, *_: Any) -> None:
        if "FROM message" in statement:
            seen.append((statement, values))

    with app.app_context():
        event.listen(db.engine, "before_cursor_execute", note)
        client.get(path)
        event.remove(db.engine, "before_cursor_execute", note)
        with db.engine.connect() as connection:
            sqlite = connection.dialect.name == "sqlite"
            how = "EXPLAIN QUERY PLAN" if sqlite else "EXPLAIN (ANALYZE, BUFFERS)"
            for statement, values in seen:
                yield f"-- {path}"
                rows = connection.exec_driver_sql(f"{how} {statement}", values)
                yield from (str(row[-1]) for row in rows)


def signed_in(app: Flask, made: Made) -> FlaskClient:
    client = app.test_client()
    with client.session_transaction() as session:
        session["login"] = made.cookie
    return client


@contextmanager
def empty_app(database: str | None) -> Iterator[Flask]:
    """An app that says nothing, with all tables in that database, or in a SQLite of its own."""
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    with tempfile.TemporaryDirectory() as folder:
        var_dir = Path(folder)
        config.loopback_secrets(var_dir)
        url = database or f"sqlite:///{var_dir}/bench.sqlite3"
        settings = config.load(var_dir=var_dir, database_url=url, redis_url="unix:///no.sock")
        app = create_app(settings)
        with app.app_context():
            migrations.upgrade()
        yield app


def analyze() -> None:
    """The database looks at what is in it, as it does by itself where it has time."""
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as server:
        sqlite = server.dialect.name == "sqlite"
        server.execute(text("ANALYZE" if sqlite else "VACUUM ANALYZE"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", type=int, default=10_000)
    parser.add_argument("--large", type=int, default=1_000_000)
    parser.add_argument("--database")
    parser.add_argument("--plans", action="store_true")
    asked = parser.parse_args()
    words, figures = Words(), []
    with empty_app(asked.database) as app:
        for size in (asked.small, asked.large):
            with app.app_context():
                began = time.monotonic()
                made = school(size, words)
                analyze()
                db.session.remove()
            print(f"{size:,} messages made in {time.monotonic() - began:.0f} s", flush=True)
            client = signed_in(app, made)
            asked_for = ways(made, words)
            figures.append({name: measured(client, way) for name, way in asked_for.items()})
        print(f"{'ms':24} {asked.small:>9,} p50    p95 {asked.large:>11,} p50    p95   p95 ratio")
        for name, (p50, p95) in figures[0].items():
            large = figures[1][name]
            few = f"{name:24} {p50:>13.1f} {p95:>6.1f}"
            print(f"{few} {large[0]:>15.1f} {large[1]:>6.1f} {large[1] / p95:>8.2f}")
        for name, way in asked_for.items() if asked.plans else ():
            if name.startswith("overview"):
                print(*plan(app, client, way()), sep="\n")


if __name__ == "__main__":
    main()
