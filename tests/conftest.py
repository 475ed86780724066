"""The ground that tests stand on: a Redis, a database of each kind, a browser, and no internet.

The fixtures import what they start: the tables of rules need none of it, and run in a second.
"""

import os
import shutil
import sys
import uuid
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.helpers import missing, until

if TYPE_CHECKING:
    from tests.college import College
    from tests.school import School
    from tests.stack import Stack

KINDS = ["sqlite", "postgresql"]
SQLITE = "replyline.sqlite3"
FLOWS = (
    *("analytics", "consent", "facts", "finding", "limits"),
    *("overview", "overview_export", "pool", "receiving"),
)
ABOUT_DATABASES = (
    *("tests/faults/", "tests/workers/", "tests/test_", "tests/flows/test_sending"),
    *(f"tests/flows/test_{name}.py" for name in FLOWS),
)
CHROMIUM = ("chromium-headless-shell", "chromium")  # the first takes half the time
LOOPBACK = ("127.", "::1", "localhost")


def pytest_configure() -> None:
    sys.addaudithook(_refuse_the_outside)


@pytest.hookimpl(trylast=True)  # after whatever was chosen by -k
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Where there are both databases, what is about them or happens at once is told on both; all
    other stories and rows of a file are shared out between them, unless EVERY_STORY=1."""
    if not os.environ.get("TEST_POSTGRES_URL") or os.environ.get("EVERY_STORY") == "1":
        return
    files: dict[str, dict[str, list[pytest.Item]]] = defaultdict(lambda: defaultdict(list))
    for item in items:
        kind = _database_of(item.nodeid)
        if kind and not _on_both(item):
            files[item.nodeid.partition("::")[0]][item.nodeid.replace(kind, "")].append(item)
    spared = set()
    for stories in files.values():
        twins = [story for story in stories.values() if len(story) == len(KINDS)]
        spared |= {story[n % len(KINDS)] for n, story in enumerate(twins)}
    items[:] = [item for item in items if item not in spared]


def _on_both(item: pytest.Item) -> bool:
    assert isinstance(item, pytest.Function)
    at_once = "at_once" in item.function.__code__.co_names
    return at_once or item.nodeid.startswith(ABOUT_DATABASES)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """File by file. A process stays with its database while anything is left to do there: to change
    it is to start all of Replyline anew. What takes long comes first, so that all end together."""
    from xdist.scheduler import LoadScopeScheduling

    class ByDatabase(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return f"{_database_of(nodeid) or ''}:{super()._split_scope(nodeid)}"

        def _assign_work_unit(self, node: Any) -> None:
            at = Counter(map(self._kind_at, self.assigned_work))
            mine = self._kind_at(node)

            def cost(scope: str) -> tuple[bool, bool, int, bool]:
                kind, _, file = scope.partition(":")
                return kind != mine, not kind, at[kind], not file.startswith("tests/browser")

            self.workqueue.move_to_end(min(self.workqueue, key=cost), last=False)
            super()._assign_work_unit(node)

        def _kind_at(self, node: Any) -> str | None:
            """The database that this process is at."""
            kinds = (scope.partition(":")[0] for scope in reversed(self.assigned_work[node]))
            return next(filter(None, kinds), None)

    return ByDatabase(config, log)


def _database_of(nodeid: str) -> str | None:
    parameters = nodeid.partition("[")[2]
    return next((kind for kind in KINDS if kind in parameters), None)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """One line for each reason to skip, however many tests it holds."""
    skipped = terminalreporter.stats.get("skipped", [])
    for reason, count in Counter(report.longrepr[2] for report in skipped).items():
        terminalreporter.write_line(f"{count} skipped: {reason.removeprefix('Skipped: ')}")


def _refuse_the_outside(event: str, args: tuple[Any, ...]) -> None:
    """No test may reach a machine but this one, whichever library it tries it with."""
    if event == "socket.connect" and isinstance(args[1], tuple):
        host = args[1][0]
    elif event == "socket.getaddrinfo":
        host = args[0]
    else:
        return
    if isinstance(host, bytes):
        host = host.decode()
    if host and not host.startswith(LOOPBACK):
        raise PermissionError(f"a test tried to reach {host}")


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Redis for this test process, started as `replyline up` starts its own."""
    from app import embedded
    from app.processes import Process, start

    socket = embedded.socket_in(tmp_path_factory.mktemp("redis"))
    url = f"unix://{socket}"
    log = socket.with_name("redis.log")
    with start(Process("redis", embedded.command(socket), os.environ, log=log)) as redis:
        until(lambda: embedded.answers(url))
        yield url
        redis.terminate()
    shutil.rmtree(socket.parent)


@pytest.fixture(scope="session", params=KINDS)
def database_url(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """A database of each kind, for this test process alone; the stack runs on it."""
    with _empty_database(request.param, tmp_path_factory.mktemp("database")) as url:
        yield url


@pytest.fixture(params=KINDS)
def empty_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database of each kind, for one test, with nothing in it."""
    with _empty_database(request.param, tmp_path) as url:
        yield url


@pytest.fixture(params=KINDS)
def quiet_database_url(
    request: pytest.FixtureRequest, tmp_path: Path, migrated: Callable[[str], str]
) -> Iterator[str]:
    """A database of each kind, for one test, that no process works on: with all tables, and nothing
    in them. Making them takes longer than most tests: the file is copied, and the server's is
    swept."""
    made = migrated(request.param)
    if request.param == "sqlite":
        shutil.copy(made.removeprefix("sqlite:///"), tmp_path / SQLITE)
        yield f"sqlite:///{tmp_path / SQLITE}"
    else:
        yield made
        _sweep(made)


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], str]]:
    """A database of each kind with all tables, made when it is asked for."""
    from app import config, create_app, migrations
    from app.database import db

    def made(kind: str) -> str:
        folder = tmp_path_factory.mktemp("migrated")
        url = stack.enter_context(_empty_database(kind, folder))
        config.loopback_secrets(folder)
        app = create_app(config.load(var_dir=folder, database_url=url), web=False)
        with app.app_context():
            migrations.upgrade()
            db.engine.dispose()
        return url

    with ExitStack() as stack:
        yield cache(made)


@pytest.fixture(scope="session")
def stack(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator["Stack"]:
    """All of Replyline, running, for this test process and database."""
    from tests.stack import running

    with running(database_url, tmp_path_factory.mktemp("var")) as started:
        yield started


@pytest.fixture
def school(stack: "Stack") -> Iterator["School"]:
    """A new school: its own institution, provider account and roles; no staff, people or numbers
    yet."""
    with stack.school() as founded:
        yield founded


@pytest.fixture
def timing() -> dict[str, Any]:
    """What a test changes of the waits of its college."""
    return {}


@pytest.fixture
def college(quiet_database_url: str, tmp_path: Path, timing: dict[str, Any]) -> Iterator["College"]:
    """A college whose database is the test's alone."""
    from app import config, create_app, jobs
    from app.database import db
    from tests.college import College

    config.loopback_secrets(tmp_path)
    waits = config.Timing(**{"pace": 0, "outage": 3600, "password_memory": 64, **timing})
    settings = config.load(var_dir=tmp_path, database_url=quiet_database_url, timing=waits)
    app = create_app(settings, web=False)
    jobs.without_bells(app)
    yield College(app)
    with app.app_context():
        db.engine.dispose()


@contextmanager
def _empty_database(kind: str, folder: Path) -> Iterator[str]:
    if kind == "sqlite":
        yield f"sqlite:///{folder / SQLITE}"
        return
    server = os.environ.get("TEST_POSTGRES_URL")
    if not server:
        missing("POSTGRES", "no PostgreSQL: set TEST_POSTGRES_URL")
    from sqlalchemy import create_engine, make_url, text

    name = f"replyline_{uuid.uuid4().hex}"
    admin = create_engine(server, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
        yield make_url(server).set(database=name).render_as_string(hide_password=False)
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    admin.dispose()


def _sweep(url: str) -> None:
    """Leave nothing in the tables of a PostgreSQL, whoever still holds something there."""
    from sqlalchemy import create_engine, delete, text

    from app.database import Base

    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    others = "pid <> pg_backend_pid() AND datname = current_database()"
    with engine.connect() as connection:
        connection.execute(
            text(f"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE {others}")
        )
        for table in reversed(Base.metadata.sorted_tables):
            connection.execute(delete(table))
        connection.execute(
            text("SELECT setval(oid::regclass, 1, false) FROM pg_class WHERE relkind = 'S'")
        )
    engine.dispose()


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    """Debian's Chromium, or the one that CHROMIUM names; Playwright downloads nothing."""
    named = os.environ.get("CHROMIUM")
    chromium = next(filter(None, map(shutil.which, [named] if named else CHROMIUM)), None)
    if not chromium:
        missing("BROWSER", f"no Chromium: apt-get install {CHROMIUM[0]}, or set CHROMIUM")
    quiet = ["first-run", "default-browser-check", "sandbox"]
    off = ["background-networking", "component-update", "dev-shm-usage", "gpu", "quic", "sync"]
    args = [*(f"--no-{name}" for name in quiet), *(f"--disable-{name}" for name in off)]
    return {**browser_type_launch_args, "executable_path": chromium, "args": args}
