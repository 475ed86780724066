"""Database: the session, `transaction()`, and the few places where PostgreSQL and SQLite must
differ.

One use case is one `transaction()`. It says at its start that it will write (BEGIN IMMEDIATE on
SQLite), writes the buffered events last, commits, and only then runs what was left for
`after_commit`.
"""

import random
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from functools import partial, wraps
from typing import Any, ParamSpec, TypeVar

from flask_sqlalchemy import SQLAlchemy
from flask_sqlalchemy.session import Session
from sqlalchemy import (
    ColumnElement,
    DateTime,
    Dialect,
    Double,
    Engine,
    Integer,
    MetaData,
    Select,
    String,
    TableClause,
    UnaryExpression,
    bindparam,
    cast,
    column,
    event,
    func,
    literal,
    select,
)
from sqlalchemy import (
    table as sql_table,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.pool import QueuePool
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.sql.operators import custom_op
from sqlalchemy.types import TypeDecorator

from app.errors import Unavailable

P = ParamSpec("P")
T = TypeVar("T")

BUSY_WAIT = 5.0  # seconds a writer waits for its turn, then 503
RETRIES = 3  # of a use case after a deadlock
_EFFECTS, _LAST = "after_commit", "before_commit"
_WRITE = "sqlite_begin_immediate"


class Base(DeclarativeBase):
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


class _Session(Session):
    def close(self) -> None:
        """At the end of a request or a job. A connection that was lost has nothing left to undo:
        what was answered stays answered."""
        try:
            super().close()
        except DBAPIError as error:
            if not error.connection_invalidated:
                raise


db = SQLAlchemy(model_class=Base, disable_autonaming=True, session_options={"class_": _Session})


class UtcDateTime(TypeDecorator[datetime]):
    """Aware UTC in, aware UTC out, on both databases. A naive time is a mistake and raises
    ValueError."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a stored time must be aware")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


# FOR NO KEY UPDATE on PostgreSQL: two writers of one row wait for each other, but a new row
# that only refers to it does not. (SQLite has no row locks and needs none.)
LOCK: dict[str, Any] = {"key_share": True}


class database_now(FunctionElement[datetime]):  # noqa: N801 (reads as the SQL function it is)
    """The database's clock, `plus` seconds: the only clock that rules leases."""

    type = UtcDateTime()
    inherit_cache = True

    def __init__(self, plus: float = 0) -> None:
        super().__init__(literal(float(plus), Double()))


@compiles(database_now, "postgresql")
def _now_on_postgresql(element: database_now, compiler: Any, **kw: Any) -> str:
    plus = compiler.process(element.clauses, **kw)
    return f"(clock_timestamp() + {plus} * interval '1 second')"


@compiles(database_now, "sqlite")
def _now_on_sqlite(element: database_now, compiler: Any, **kw: Any) -> str:
    plus = compiler.process(element.clauses, **kw)
    # As SQLAlchemy stores it: "2026-11-20 13:17:48.123000"
    shift = f"printf('%+.6f seconds', {plus})"
    return f"(strftime('%Y-%m-%d %H:%M:%f', 'now', {shift}) || '000')"


class seconds_between(FunctionElement[int]):  # noqa: N801 (as above)
    """From one time to a later one, in whole seconds of the clock."""

    type = Integer()
    inherit_cache = True

    def __init__(self, first: Any, last: Any) -> None:
        super().__init__(first, last)


@compiles(seconds_between, "postgresql")
def _between_on_postgresql(element: seconds_between, compiler: Any, **kw: Any) -> str:
    times = (compiler.process(time, **kw) for time in element.clauses)
    first, last = (f"floor(extract(epoch from {time}))" for time in times)
    return f"CAST({last} - {first} AS INTEGER)"


@compiles(seconds_between, "sqlite")
def _between_on_sqlite(element: seconds_between, compiler: Any, **kw: Any) -> str:
    times = (compiler.process(time, **kw) for time in element.clauses)
    first, last = (f"CAST(strftime('%s', {time}) AS INTEGER)" for time in times)
    return f"({last} - {first})"


def engine_options(url: str) -> dict[str, Any]:
    """What `create_engine` needs beyond the address."""
    if url.startswith("sqlite"):
        # isolation_level None: the driver starts no transactions of its own, `_begin` does.
        connect = {"isolation_level": None, "check_same_thread": False, "timeout": 0}
        return {
            "poolclass": QueuePool,
            "pool_size": 10,
            "max_overflow": 60,
            "connect_args": connect,
        }
    # A server that has vanished is noticed in seconds, not after TCP's quarter of an hour.
    connect = {"connect_timeout": 5, "tcp_user_timeout": 5000}  # seconds, milliseconds
    pool = {"pool_size": 10, "max_overflow": 20, "pool_pre_ping": True, "pool_recycle": 1800}
    return {**pool, "connect_args": connect}


@event.listens_for(Engine, "connect")
def _prepare_sqlite(connection: Any, _record: Any) -> None:
    if not isinstance(connection, sqlite3.Connection):
        return
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=0"):
        _patiently(partial(connection.execute, f"PRAGMA {pragma}"))


@event.listens_for(Engine, "begin")
def _begin(connection: Any) -> None:
    if connection.dialect.name == "sqlite":
        writes = connection.get_execution_options().get(_WRITE)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _patiently(action: Callable[[], T], deadline: float | None = None) -> T:
    """Wait for another process's write by trying again with a sleep that yields: SQLite's own busy
    wait would stop every socket of a gevent process."""
    deadline = deadline or time.monotonic() + BUSY_WAIT
    while True:
        try:
            return action()
        except (OperationalError, sqlite3.OperationalError) as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(random.uniform(0.001, 0.01))  # noqa: S311 (jitter)


# The writing transactions of one process take turns on SQLite, so that only other processes are
# waited for.
_turn = threading.Lock()


# What `prolonged` asks of the transaction inside it: its first statement, and where to leave it.
_wider: ContextVar[tuple[Callable[[], object], ExitStack] | None] = ContextVar(
    "wider", default=None
)


@contextmanager
def transaction() -> Iterator[None]:
    """One use case, one transaction: commits at the end, rolls back on any exception.

    Ends a read that was left open first. Nesting is a mistake and raises RuntimeError. Raises
    Unavailable when the database has no turn for a writer within BUSY_WAIT seconds.
    """
    if (wider := _wider.get()) is None:
        with _transaction():
            yield
        return
    first, stack = wider
    with ExitStack() as own:
        own.enter_context(_transaction())
        first()
        yield
        db.session.flush()
        db.session.expire_all()  # as a commit does: whoever reads now reads what was written
        stack.push(own.pop_all())


@contextmanager
def prolonged(first: Callable[[], object]) -> Iterator[None]:
    """The one transaction of this block begins with `first`, and commits when the block ends.

    For what belongs to a use case but is known only after it: the answer kept under a key. What
    comes before the transaction is outside of it, as ever; after it nothing slow may follow.
    """
    with ExitStack() as stack, _set_wider((first, stack)):
        yield


@contextmanager
def apart() -> Iterator[None]:
    """A use case that comes before the one of a `prolonged` block, and commits by itself."""
    with _set_wider(None):
        yield


@contextmanager
def _set_wider(wider: tuple[Callable[[], object], ExitStack] | None) -> Iterator[None]:
    before = _wider.set(wider)
    try:
        yield
    finally:
        _wider.reset(before)


@contextmanager
def _transaction() -> Iterator[None]:
    session = db.session()
    if _EFFECTS in session.info:
        raise RuntimeError("transaction() inside transaction(): commit once, at the top")
    session.rollback()
    deadline = time.monotonic() + BUSY_WAIT
    takes_turns = db.engine.dialect.name == "sqlite"
    if takes_turns and not _turn.acquire(timeout=BUSY_WAIT):
        raise Unavailable("The database is busy. Try again in a moment.")
    effects: list[Callable[[], object]] = []
    session.info[_EFFECTS], session.info[_LAST] = effects, []
    try:
        _begin_write(session, deadline)
        yield
        session.flush()
        for last in session.info[_LAST]:
            last()
        session.commit()
    except BaseException:
        session.rollback()
        raise
    finally:
        session.info.clear()  # whatever this transaction kept, also the events it did not write
        if takes_turns:
            _turn.release()
    for effect in effects:
        effect()


def _begin_write(session: Any, deadline: float) -> None:
    def begin() -> None:
        try:
            session.connection(execution_options={_WRITE: True})
        except OperationalError:
            session.rollback()
            raise

    try:
        _patiently(begin, deadline)
    except OperationalError as error:
        raise Unavailable("The database is away or busy. Try again in a moment.") from error


def upsert(table: Any) -> Any:
    """An INSERT that knows ON CONFLICT, which the two databases spell alike but SQLAlchemy does
    not."""
    dialect = postgresql if db.engine.dialect.name == "postgresql" else sqlite
    return dialect.insert(table)


def has_word(table: Any, word: str) -> ColumnElement[bool]:
    """Whether a word of a row of `table` (its `words`, see `rules.search`) begins with this folded
    one. PostgreSQL asks its index of lexemes, SQLite the FTS5 table beside it."""
    found: ColumnElement[bool]
    if db.engine.dialect.name == "postgresql":
        # Planned for this word: a plan for any word takes a hundred times as long for most of them.
        asked = bindparam("asked", f"'{word}':*", String, unique=True, literal_execute=True)
        found = func.lexemes(table.words).bool_op("@@")(cast(asked, postgresql.TSQUERY))
    else:
        rows, matches = _matching(table, word)
        found = table.id.in_(select(rows.c.rowid).where(matches))
    return found


def newest_with_word(found: Select[Any], table: Any, word: str) -> Select[Any]:
    """Of `found`, a select from `table`, the rows as of `has_word`, the newest first."""
    if db.engine.dialect.name == "postgresql":
        return found.where(has_word(table, word)).order_by(table.id.desc())
    rows, matches = _matching(table, word)  # comes in the order of ids, as far as it is read
    joined = found.select_from(rows).join(table, table.id == rows.c.rowid)
    return joined.where(matches).order_by(rows.c.rowid.desc())


def few_with_words(table: Any, words: Sequence[str], most: int) -> list[int] | None:
    """The ids of the rows that have all of these, as of `has_word`; None where they are more than
    `most`. Always None on PostgreSQL, whose planner knows by itself which words are rare."""
    if db.engine.dialect.name == "postgresql":
        return None
    rows, _ = _matching(table, "")
    every = " AND ".join(f'"{word}"*' for word in words)
    asked = select(rows.c.rowid).where(
        rows.c[f"{table.__tablename__}_words"].bool_op("MATCH")(every)
    )
    found = list(db.session.execute(asked.limit(most + 1)).scalars())
    return found if len(found) <= most else None


def _matching(table: Any, word: str) -> tuple[TableClause, ColumnElement[bool]]:
    name = f"{table.__tablename__}_words"
    rows = sql_table(name, column("rowid"), column(name))
    return rows, rows.c[name].bool_op("MATCH")(f'"{word}"*')


def only_checked(key: Any) -> Any:
    """A column to look at in rows that were found by something else. SQLite would rather find them
    by its index, which brings everything that an institution has."""
    sqlite = db.engine.dialect.name == "sqlite"
    return UnaryExpression(key, operator=custom_op("+"), type_=key.type) if sqlite else key


def after_commit(effect: Callable[[], object]) -> None:
    """Run `effect` when the open transaction has committed.

    A crash between the commit and the effect loses the effect, never the fact: the sweep finds what
    was left behind.
    """
    db.session().info[_EFFECTS].append(effect)


def before_commit(last: Callable[[], object]) -> None:
    """Run `last` as the last statements of the open transaction (its events)."""
    db.session().info[_LAST].append(last)


def retrying(use_case: Callable[P, T]) -> Callable[P, T]:
    """Repeat a use case, which opens its own transaction, after a deadlock or a serialization
    failure."""

    @wraps(use_case)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> T:
        for left in range(RETRIES, -1, -1):
            try:
                return use_case(*args, **kwargs)
            except OperationalError as error:
                if not left or getattr(error.orig, "sqlstate", "") not in {"40P01", "40001"}:
                    raise
                time.sleep(random.uniform(0.005, 0.05))  # noqa: S311 (jitter)
        raise AssertionError("unreachable")

    return wrapper
