"""The supervisor, with real processes: what dies comes back, and nothing is left behind."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app import embedded, supervisor
from app.config import DEMO_SENDER, ROOT, Settings, load_for_up
from app.processes import STOP_WITHIN, TRIES
from tests.helpers import until

# A child writes its pid as one more line of its file, then does what its name says.
BIRTH = "import os, sys, time, signal; print(os.getpid(), file=open(sys.argv[1], 'a'), flush=True);"
LIVES = BIRTH + "time.sleep(60)"
DIES = BIRTH + "sys.exit(3)"
CLINGS = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN);" + LIVES
HAS_A_CHILD = BIRTH + "os.fork() or print(os.getpid(), file=open(sys.argv[1], 'a')); time.sleep(60)"

PARENT = """
import json, os, pathlib, sys
from app.processes import GaveUp, Process, Supervisor
children = json.loads(sys.argv[1])
def process(name, code, file, needs):
    argv = [sys.executable, "-c", code, file]
    return Process(name, argv, os.environ, lambda: not needs or os.path.exists(needs))
try:
    Supervisor(
        [process(*child) for child in children],
        on_ready=lambda: print("all ready", flush=True),
        first_wait=0.01,
    ).run()
except GaveUp as error:
    sys.exit(str(error))
"""


class Family:
    """A supervisor in a process of its own, and the pids that its children wrote down."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.parent: subprocess.Popen[str]

    def start(self, *children: tuple[str, str, str]) -> "Family":
        """Each child is (name, code, the file that makes it ready)."""
        table = [(name, code, str(self.folder / name), needs) for name, code, needs in children]
        self.parent = subprocess.Popen(
            [sys.executable, "-c", PARENT, json.dumps(table)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        return self

    def pids(self, name: str) -> list[int]:
        file = self.folder / name
        return [int(line) for line in file.read_text().split()] if file.exists() else []

    def born(self, name: str, count: int = 1) -> list[int]:
        return until(lambda: pids if len(pids := self.pids(name)) >= count else None)

    def end(self, sign: signal.Signals) -> tuple[int, str, str]:
        """Send `sign` to the supervisor; its exit code and what it said."""
        self.parent.send_signal(sign)
        out, err = self.parent.communicate(timeout=20)
        return self.parent.returncode, out, err


@pytest.fixture
def family(tmp_path: Path) -> Iterator[Family]:
    family = Family(tmp_path)
    yield family
    family.parent.terminate()  # not kill: then it takes grandchildren along
    family.parent.communicate(timeout=60)


def is_gone(pid: int) -> bool:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return True
    return "State:\tZ" in status  # dead; whoever adopted it has not looked yet


def all_gone(pids: list[int]) -> Callable[[], bool]:
    return lambda: all(is_gone(pid) for pid in pids)


def test_a_dead_process_comes_back_and_the_others_stay(family):
    family.start(("first", LIVES, ""), ("second", LIVES, ""))
    [first], [second] = family.born("first"), family.born("second")

    os.kill(second, signal.SIGKILL)

    assert family.born("second", 2)[1] != second
    assert family.pids("first") == [first]


def test_what_a_dead_process_had_started_dies_with_it(family):
    family.start(("web", HAS_A_CHILD, ""))
    arbiter, worker = family.born("web", 2)[:2]

    os.kill(arbiter, signal.SIGKILL)

    until(all_gone([worker]))
    assert family.born("web", 4)


def test_a_process_starts_only_when_those_before_it_are_ready(family, tmp_path):
    up = str(tmp_path / "up")
    slow = BIRTH + f"time.sleep(0.3); open({up!r}, 'w'); time.sleep(60)"
    looks = (
        f"import os, sys, time; print(int(os.path.exists({up!r})), file=open(sys.argv[1], 'a'));"
    )
    family.start(("redis", slow, up), ("web", looks + "time.sleep(60)", ""))

    assert family.born("web") == [1]
    assert family.parent.stdout.readline() == "all ready\n"


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_ends_everything_in_reverse_order_and_is_no_failure(family, sign):
    leaves = "signal.signal(signal.SIGTERM, lambda *_: (print(time.monotonic_ns(), file=open("
    leaves += "sys.argv[1] + '.end', 'w'), flush=True), sys.exit()));"
    dated = BIRTH.replace("print(", leaves + "print(", 1) + "time.sleep(60)"
    family.start(("redis", dated, ""), ("web", dated, ""), ("worker", dated, ""))
    pids = [family.born(name)[0] for name in ("redis", "web", "worker")]

    code, _, _ = family.end(sign)

    assert code == 0
    assert all_gone(pids)()
    redis, web, worker = (
        int((family.folder / f"{n}.end").read_text())
        for n in (
            "redis",
            "web",
            "worker",
        )
    )
    assert worker < web < redis


def test_a_process_that_ignores_the_stop_is_killed(family):
    family.start(("redis", LIVES, ""), ("worker", CLINGS, ""))
    pids = family.born("redis") + family.born("worker")
    began = time.monotonic()

    code, _, _ = family.end(signal.SIGTERM)

    assert code == 0
    assert all_gone(pids)()
    assert time.monotonic() - began < STOP_WITHIN + 2


def test_a_killed_supervisor_leaves_nothing(family):
    family.start(("redis", LIVES, ""), ("worker", CLINGS, ""))
    pids = family.born("redis") + family.born("worker")

    family.end(signal.SIGKILL)

    until(all_gone(pids))


def test_a_process_that_keeps_failing_ends_it_with_a_clear_message(family):
    family.start(("redis", LIVES, ""), ("web", DIES, ""))
    [redis] = family.born("redis")

    _, err = family.parent.communicate(timeout=20)

    assert family.parent.returncode == 1
    assert "web failed 5 times in a row (exit code 3)" in err
    assert len(family.pids("web")) == TRIES
    assert is_gone(redis)


# `run` itself, up to the moment where it would start the first process of ours


class Prepared(Exception):
    """The supervisor came as far as the migration."""


def prepare(settings: Settings) -> None:
    raise Prepared


@pytest.fixture
def port() -> int:
    """The first of four free ports in a row; tests that run beside us look elsewhere."""
    for port in range(20000 + os.getpid() % 4000 * 8, 60000, 4):
        if all(supervisor._is_free(each) for each in range(port, port + 4)):
            return port
    pytest.fail("no four free ports in a row")


@pytest.fixture
def settings(tmp_path, port, monkeypatch) -> Settings:
    for name in ("DATABASE_URL", "REDIS_URL", "PUBLIC_URL", "MAIL_URL", "MAIL_FROM"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("VAR_DIR", str(tmp_path / "var"))
    return load_for_up(port=port, demo=True)


def test_a_second_up_in_the_same_folder_is_refused_in_one_line(settings, capsys):
    with supervisor._alone_in(settings.var_dir):
        assert supervisor.run(settings, demo=True, prepare=prepare) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert f"already running in {settings.var_dir}" in said
    with pytest.raises(Prepared):  # and the folder is free again
        supervisor.run(settings, demo=True, prepare=prepare)


@pytest.mark.parametrize("offset", [0, 3])
def test_a_taken_port_is_refused_in_one_line(settings, capsys, offset):
    with socket.create_server(("127.0.0.1", settings.port + offset)):
        assert supervisor.run(settings, demo=True, prepare=prepare) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert f"port {settings.port + offset} is taken" in said


def test_the_table_of_a_demo(settings):
    table = list(supervisor._ours(settings, demo=True))
    assert [process.name for process in table] == [
        "carrier",
        "web",
        "worker-delivery",
        "worker-asking",
        "worker-files",
        "worker-hooks",
        "worker-default",
        "scheduler",
    ]
    web = table[1]
    assert web.argv[-1] == "web"
    assert web.env["MAIL_URL"] == f"smtp://127.0.0.1:{settings.port + 3}"
    assert web.env["MAIL_FROM"] == DEMO_SENDER
    assert web.env["SECRET_KEY"] == settings.secret_key
    assert web.log == settings.var_dir / "log" / "web.log"


def test_without_a_demo_there_is_no_carrier_and_logs_go_to_stderr(settings):
    table = list(supervisor._ours(settings, demo=False))
    assert "carrier" not in [process.name for process in table]
    assert {process.log for process in table} == {None}


def test_the_redis_of_our_own_answers_and_is_ours_alone(redis_url):
    assert embedded.answers(redis_url)
    assert Path(redis_url.removeprefix("unix://")).stat().st_mode & 0o777 == 0o700


def test_a_redis_that_was_given_is_not_started(settings):
    given = settings.model_copy(update={"redis_url": "redis://elsewhere:6379"})
    with supervisor._redis(given) as (used, processes):
        assert used.redis_url == "redis://elsewhere:6379"
        assert processes == []


def test_in_a_deep_folder_the_socket_moves_where_the_kernel_takes_it(settings):
    deep = settings.model_copy(update={"var_dir": settings.var_dir / ("d" * 100)})
    with supervisor._redis(deep) as (used, [redis]):
        path = Path(used.redis_url.removeprefix("unix://"))
        assert len(str(path)) <= embedded.LONGEST_SOCKET_PATH
        assert str(path) in redis.argv
        assert path.parent.stat().st_mode & 0o777 == 0o700
    assert not path.parent.exists()
