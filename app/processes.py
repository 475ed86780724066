"""Processes: keeps a list of programs running, in order, and leaves none of them behind.

One loop looks at every program from the first to the last and does what is due for it: start it,
ask whether it is ready, notice its death. It stops at the first that is not ready, so a program
never runs without those before it. Between two looks the loop sleeps until a signal arrives.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

import structlog

log = structlog.get_logger()

STOP_SIGNALS = {signal.SIGINT, signal.SIGTERM}
STDERR = 2
# In seconds:
FIRST_WAIT = 0.2  # before the first restart; doubled for each quick failure after it
READY_WITHIN = 60.0
STOP_WITHIN = 5.0  # all of them together, then they are killed
HEAD_START = 1.5  # at a stop, how long the ones before wait for one to leave first
BETWEEN_READY_CHECKS = 0.05
TRIES = 5  # quick failures in a row


@dataclass(frozen=True, slots=True)
class Process:
    """One program to keep running. `env` is its whole environment."""

    name: str
    argv: Sequence[str]
    env: Mapping[str, str]
    ready: Callable[[], bool] = lambda: True  # asked again and again until it says yes
    log: Path | None = None  # where its output goes; None = our own stderr


def start(process: Process) -> subprocess.Popen[bytes]:
    """Start `process` so that it cannot outlive us. From the main thread only."""
    tied = str(Path(__file__).with_name("tied.py"))
    output = _open_log(process.log)
    try:
        return subprocess.Popen(  # noqa: S603 (who may choose a program here owns the machine)
            [sys.executable, "-I", "-S", tied, str(os.getpid()), *process.argv],
            env=dict(process.env),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,  # a Ctrl-C reaches us alone, and we stop them in order
        )
    finally:
        if output != STDERR:
            os.close(output)


class GaveUp(Exception):
    """A program failed again and again; str() says which and where to look."""


class Supervisor:
    """Runs `processes`; calls `on_ready` once, when the last of them has become ready."""

    def __init__(
        self,
        processes: Sequence[Process],
        *,
        on_ready: Callable[[], None] = lambda: None,
        first_wait: float = FIRST_WAIT,
        quick: float = 5.0,
    ) -> None:
        """`quick`: seconds; a program that was ready for less failed quickly, and TRIES of that in
        a row end it all."""
        self._children = [_Child(process, first_wait, quick) for process in processes]
        self._on_ready = on_ready

    def run(self) -> None:
        """Until Ctrl-C or SIGTERM; all are gone when it returns. From the main thread only.

        Raises GaveUp.
        """
        watched = STOP_SIGNALS | {signal.SIGCHLD}
        before = signal.pthread_sigmask(signal.SIG_BLOCK, watched)
        try:
            self._tend_until_told_to_stop(watched)
        finally:
            self._stop()
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def _tend_until_told_to_stop(self, watched: set[signal.Signals]) -> None:
        announced = False
        while True:
            ready = all(child.tend() for child in self._children)  # not past one that is not ready
            if ready and not announced:
                announced = True
                self._on_ready()
            got = signal.sigtimedwait(watched, 60.0 if ready else BETWEEN_READY_CHECKS)
            if got and got.si_signo in STOP_SIGNALS:
                return

    def _stop(self) -> None:
        deadline = monotonic() + STOP_WITHIN
        for child in reversed(self._children):
            child.terminate()
            child.wait_until(min(deadline, monotonic() + HEAD_START))
        for child in self._children:
            child.wait_until(deadline)
            child.kill()


class _Child:
    """A process and what has become of it."""

    def __init__(self, process: Process, first_wait: float, quick: float) -> None:
        self._process = process
        self._quick = quick
        self._first_wait = first_wait
        self._running: subprocess.Popen[bytes] | None = None
        self._start_at = self._started_at = monotonic()
        self._ready_at: float | None = None
        self._quick_failures = 0

    def tend(self) -> bool:
        """Do what is due; True when the process is up and ready."""
        if self._running is None:
            if monotonic() < self._start_at:
                return False
            self._running = start(self._process)
            self._started_at, self._ready_at = monotonic(), None
        elif (code := self._running.poll()) is not None:
            self._bury(code)
            return False
        if self._ready_at is None:
            if self._process.ready():
                self._ready_at = monotonic()
            elif monotonic() - self._started_at > READY_WITHIN:
                self.kill()
        return self._ready_at is not None

    def terminate(self) -> None:
        if self._running:
            self._running.terminate()

    def wait_until(self, deadline: float) -> None:
        if self._running:
            with suppress(subprocess.TimeoutExpired):
                self._running.wait(max(0.0, deadline - monotonic()))

    def kill(self) -> None:
        """Kill the process and whatever it started: each is the leader of its own group."""
        if self._running:
            with suppress(ProcessLookupError):
                os.killpg(self._running.pid, signal.SIGKILL)
            self._running.wait()

    def _bury(self, code: int) -> None:
        self.kill()  # what it started may still hold its port
        self._running = None
        lasted = self._ready_at is not None and monotonic() - self._ready_at >= self._quick
        self._quick_failures = 1 if lasted else self._quick_failures + 1
        if self._quick_failures >= TRIES:
            raise GaveUp(self._obituary(code))
        wait = self._first_wait * 2 ** (self._quick_failures - 1)
        self._start_at = monotonic() + wait
        log.warning("process_ended", program=self._process.name, code=code, restart_in=wait)

    def _obituary(self, code: int) -> str:
        how = f"exit code {code}" if code >= 0 else signal.Signals(-code).name
        where = f"; see {self._process.log}" if self._process.log else ""
        return f"{self._process.name} failed {TRIES} times in a row ({how}){where}"


def _open_log(path: Path | None) -> int:
    if path is None:
        return STDERR
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
