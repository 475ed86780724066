"""Demon: kills our processes, at random moments and between two effects, and empties Redis."""

import os
import signal
import time
from contextlib import suppress
from pathlib import Path

import httpx
from redis import RedisError
from sqlalchemy import text

from app.database import db
from tests.soak.actor import Actor, Run

PROCESSES = {  # by the end of their command lines
    "web": ("wsgi:app",),
    "worker-delivery": ("worker", "--queue", "delivery"),
    "worker-asking": ("worker", "--queue", "asking"),
    "worker-files": ("worker", "--queue", "files"),
    "worker-hooks": ("worker", "--queue", "hooks"),
    "worker-default": ("worker", "--queue", "default"),
    "scheduler": ("scheduler",),
}
POINTS = (  # of `app.points`
    "sending.written",
    "sending.committed",
    "sending.rung",
    "receiving.written",
    "receiving.committed",
    "delivery.claimed",
    "delivery.stamped",
    "delivery.called",
    "delivery.recorded",
    "email.claimed",
    "email.handed_over",
)
SOAK = "soak"  # how our own connections call themselves, PGAPPNAME
_HIT_WITHIN = 8.0  # seconds
_UP_WITHIN = 60.0


class Demon(Actor):
    pause = (3.0, 12.0)

    def step(self) -> None:
        self.choose(
            (3, self._kill_a_process),
            (1, self._kill_redis),
            (1, self._empty_redis),
            (4, self._kill_at_a_point),
            (1, self._cut_the_database),
        )
        self._wait_for_web()

    def _kill_a_process(self) -> None:
        name = self.dice.choice(list(PROCESSES))
        pid = self.of.stack.pid(*PROCESSES[name])
        if name == "web" and self.dice.random() < 0.5:  # the one that serves, not its master
            name, pid = "web-child", next(iter(_children(pid)), pid)
        self._kill(name, pid)

    def _kill_redis(self) -> None:
        with suppress(RedisError):
            redis = self.of.stack.app.extensions["redis"]
            self._kill("redis", int(redis.info("server")["process_id"]))

    def _kill(self, name: str, pid: int) -> None:
        with suppress(ProcessLookupError):  # somebody was faster
            os.kill(pid, signal.SIGKILL)
            self._note("killed", name)

    def _empty_redis(self) -> None:
        with suppress(RedisError):
            self.of.stack.app.extensions["redis"].flushall()
            self._note("redis emptied", "")

    def _kill_at_a_point(self) -> None:
        point, stack = self.dice.choice(POINTS), self.of.stack
        stack.kill_at(point)
        ends = time.monotonic() + _HIT_WITHIN
        while time.monotonic() < ends and not self.of.over.is_set():
            if stack.was_killed_at(point):
                self._note("killed", point)
                return
            time.sleep(0.05)
        (stack.var_dir / "kill" / point).unlink(missing_ok=True)

    def _cut_the_database(self) -> None:
        """Every connection but the soak's own; SQLite has none to cut."""
        if self.of.stack.database != "postgresql":
            return
        with self.of.stack.app.app_context():
            cut = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
            others = "datname = current_database() AND application_name <> :soak"
            count = db.session.execute(text(f"{cut} WHERE {others}"), {"soak": SOAK}).scalar_one()
            db.session.remove()
        self._note("database cut", count)

    def _wait_for_web(self) -> None:
        """A process that dies again before it is up would end `replyline up`."""
        ends = time.monotonic() + _UP_WITHIN
        while time.monotonic() < ends:
            assert self.of.stack.process.poll() is None, "replyline up has ended; see its log"
            with suppress(httpx.TransportError):
                if httpx.get(f"{self.of.stack.url}/readyz", timeout=2, trust_env=False).is_success:
                    return
            time.sleep(0.2)
        raise AssertionError("the web process does not come back; see its log")

    def _note(self, what: str, detail: object) -> None:
        self.of.evidence.note("troubles", what=what, detail=detail, at=time.time())


def disarm(run: Run) -> None:
    """Nothing dies at a point any more."""
    for point in POINTS:
        (run.stack.var_dir / "kill" / point).unlink(missing_ok=True)


def _children(pid: int) -> list[int]:
    with suppress(FileNotFoundError):
        return [int(p) for p in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []
