"""Stack: Replyline as it runs, all processes of `replyline up --demo`, on each kind of database.

Started once per test process and database. Every test makes a school of its own in it, so that
nothing has to be cleaned up and tests may run side by side.
"""

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from flask import Flask
from redis import RedisError

from app import config, create_app
from app.carrier.client import CarrierClient, MailboxClient
from tests.helpers import children, until
from tests.school import School

# Short waits, so that no test has to be patient. The defaults are pinned by tests/test_config.py.
TIMING = {
    "call_deadline": 2.0,
    "stop_wait": 3.0,
    "lease": 4.0,
    "release_every": 1.0,
    "sweep_every": 1.0,
    "pace": 0.02,
    "busy_retry": 0.2,
    "breaker_first": 1.0,
    "breaker_longest": 2.0,
    "settle_looks": [0.5, 1.0, 2.0],
    "unreachable_retries": [0.5],
    "beat_every": 1.0,
    "import_lease": 4.0,
    "mail_first_wait": 0.2,
    "mail_longest_wait": 0.4,
    "hook_every": 1.0,
    "hook_deadline": 1.0,
    "hook_first_wait": 0.2,
    "hook_longest_wait": 0.4,
    "unseen_before_notice": 2.5,
    "live_poll": 0.5,
    "live_ping": 2.0,
    "api_per_minute": 1_000_000,
    "quick_failure": 0.1,
    "password_memory": 64,
}

METRICS_TOKEN = "whoever watches"
DELIVERY = ("worker", "--queue", "delivery")  # for `Stack.pid`
KILLER = Path(__file__).with_name("faults") / "site"  # a sitecustomize that dies where asked


@dataclass(frozen=True, slots=True)
class Stack:
    """The running processes. `app` is one of our own on the same database, to set things up and
    look."""

    process: subprocess.Popen[bytes]
    url: str
    port: int
    var_dir: Path
    app: Flask
    carrier: CarrierClient
    mailbox: MailboxClient
    database: str  # sqlite | postgresql

    def pid(self, *words: str) -> int:
        """Of the process whose command line ends with these words: "worker", "--queue", "delivery".

        Waits until there is one."""
        started = self.process.pid
        return until(lambda: next((p for p in children(started) if _said(p, words)), 0))

    def kill_at(self, point: str) -> None:
        """The next process that reaches this point (`app.points`) dies there."""
        (self.var_dir / "kill" / point).touch()

    def was_killed_at(self, point: str) -> bool:
        return not (self.var_dir / "kill" / point).exists()

    @contextmanager
    def asleep(self, pid: int) -> Iterator[None]:
        """A process that is there and does nothing, as long as the block lasts."""
        os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(pid, signal.SIGCONT)

    @contextmanager
    def without(self, pid: int) -> Iterator[None]:
        """A process killed by -9, which comes back only after the block, as all that die
        meanwhile."""
        with self.asleep(self.process.pid):
            os.kill(pid, signal.SIGKILL)
            yield

    def redis_pid(self) -> int:
        """Waits until there is one that answers."""
        redis = self.app.extensions["redis"]

        def asked() -> int:
            try:
                return int(redis.info("server")["process_id"])
            except RedisError:
                return 0

        return until(asked)

    def school(self) -> AbstractContextManager[School]:
        """A new one, with nothing in it."""
        return School.founded(self.app, self.url, self.carrier, self.mailbox)


def start(database_url: str, var_dir: Path, **waits: Any) -> Stack:
    """All processes on `database_url`, ready. Their logs are in `var_dir`/log. `waits`: of TIMING,
    others."""
    timing = {**TIMING, **waits}
    port = _free_ports()
    (var_dir / "kill").mkdir(exist_ok=True)
    environment = {
        **os.environ,
        "VAR_DIR": str(var_dir),
        "PORT": str(port),
        "DATABASE_URL": database_url,
        "REDIS_URL": "",  # one of its own: the tests kill it
        "TIMING": json.dumps(timing),
        "LOG_FORMAT": "json",
        "METRICS_TOKEN": METRICS_TOKEN,
        "PYTHONPATH": os.pathsep.join(map(str, (config.ROOT, KILLER))),
        "KILL_AT": str(var_dir / "kill"),
    }
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "app.cli", "up", "--demo"],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=(var_dir / "up.log").open("w"),
    )
    url = f"http://127.0.0.1:{port}"
    try:
        until(lambda: _is_up(url, process), timeout=300)
    except BaseException:
        process.terminate()
        raise
    settings = config.load(
        var_dir=var_dir,
        port=port,
        database_url=database_url,
        mail_url=f"smtp://127.0.0.1:{port + 3}",
        mail_from="no-reply@replyline.example",
        timing=config.Timing(**timing),
    )
    return Stack(
        process,
        url,
        port,
        var_dir,
        create_app(settings, web=False),
        CarrierClient(f"http://127.0.0.1:{port + 1}"),
        MailboxClient(f"http://127.0.0.1:{port + 2}"),
        "sqlite" if database_url.startswith("sqlite") else "postgresql",
    )


@contextmanager
def running(database_url: str, var_dir: Path, **waits: Any) -> Iterator[Stack]:
    """All processes until the end of the block."""
    stack = start(database_url, var_dir, **waits)
    try:
        yield stack
    finally:
        stack.process.send_signal(signal.SIGTERM)
        stack.process.wait(20)


def _said(pid: int, words: tuple[str, ...]) -> bool:
    try:
        said = Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")
    except FileNotFoundError:
        return False
    return said[-1 - len(words) : -1] == list(words)


def _is_up(url: str, process: subprocess.Popen[bytes]) -> bool:
    assert process.poll() is None, "replyline up has ended; see its logs"
    try:
        ready = httpx.get(f"{url}/readyz", timeout=2, trust_env=False, verify=False)
    except httpx.HTTPError:
        return False
    return ready.status_code == 200 and ready.json() == {"degraded": []}


def _free_ports() -> int:
    """The first of four free ports in a row."""
    while True:
        first = 20_000 + secrets.randbelow(20_000)
        probes = [socket.socket() for _ in range(4)]
        try:
            for n, probe in enumerate(probes):
                probe.bind(("127.0.0.1", first + n))
            return first
        except OSError:
            continue
        finally:
            for probe in probes:
                probe.close()
