"""Supervisor: every process of Replyline on one machine, for `replyline up`."""

import fcntl
import http.client
import os
import shutil
import socket
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from time import monotonic, sleep

import click

from app import embedded, logs
from app.config import ROOT, ConfigError, Settings
from app.jobs import QUEUES
from app.processes import GaveUp, Process, Supervisor

HOST = "127.0.0.1"
PORT_GRACE = 2.0  # seconds; a killed web server's own children keep its port for about one


def run(
    settings: Settings,
    *,
    demo: bool,
    prepare: Callable[[Settings], None],
    logins: Iterable[str] = (),
) -> int:
    """Run everything until Ctrl-C or SIGTERM. The exit code: 0, 1 gave up, 2 could not begin.

    `prepare` migrates (and seeds); it runs once, before any process. `logins` are the lines that
    tell a visitor of the demo how to log in; they are read after `prepare`.
    """
    logs.configure(settings, "up")
    try:
        with _alone_in(settings.var_dir), _redis(settings) as (settings, redis):
            _refuse_taken_ports(settings, demo=demo)
            prepare(settings)
            Supervisor(
                [*redis, *_ours(settings, demo=demo)],
                on_ready=lambda: click.echo("\n".join(_welcome(settings, demo, logins))),
                quick=settings.timing.quick_failure,
            ).run()
    except ConfigError as error:
        click.echo(f"replyline up: {error}", err=True)
        return 2
    except GaveUp as error:
        click.echo(f"replyline up: {error}", err=True)
        return 1
    return 0


def _ours(settings: Settings, *, demo: bool) -> Iterator[Process]:
    """The table of processes, in the order of their start."""
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    env = {**os.environ, **settings.environment(), "PYTHONPATH": path}

    def replyline(name: str, *args: str, ready: Callable[[], bool] = lambda: True) -> Process:
        argv = (sys.executable, "-P", "-m", "app.cli", *args)
        return Process(name, argv, env, ready, _log(settings, name) if demo else None)

    if demo:
        listening = partial(_listens, settings.carrier_port)
        yield replyline("carrier", "carrier", ready=listening)
    yield replyline("web", "web", ready=partial(_is_healthy, settings.port))
    for queue in QUEUES:
        yield replyline(f"worker-{queue}", "worker", "--queue", queue)
    yield replyline("scheduler", "scheduler")


@contextmanager
def _redis(settings: Settings) -> Iterator[tuple[Settings, list[Process]]]:
    """The settings with the address of the Redis to use, and the process to run for it, if any."""
    if settings.redis_url:
        yield settings, []
        return
    path = embedded.socket_in(settings.var_dir)
    settings = settings.model_copy(update={"redis_url": f"unix://{path}"})
    ready = partial(embedded.answers, settings.redis_url)
    # Always to a file: its greeting and its advice about the kernel would only alarm.
    output = _log(settings, "redis")
    try:
        yield settings, [Process("redis", embedded.command(path), os.environ, ready, output)]
    finally:
        path.unlink(missing_ok=True)
        if path.parent != settings.var_dir:
            shutil.rmtree(path.parent)


@contextmanager
def _alone_in(var_dir: Path) -> Iterator[None]:
    """Hold the folder for us alone. The kernel lets go of it when we are gone, however that was."""
    var_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (var_dir / "up.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ConfigError(f"already running in {var_dir} (VAR_DIR chooses another)") from None
        yield


def _refuse_taken_ports(settings: Settings, *, demo: bool) -> None:
    ports = [settings.port]
    if demo:
        ports += [settings.carrier_port, settings.mailbox_port, settings.smtp_port]
    deadline = monotonic() + PORT_GRACE
    while taken := [port for port in ports if not _is_free(port)]:
        if monotonic() > deadline:
            raise ConfigError(f"port {taken[0]} is taken (--port or PORT chooses another)")
        sleep(0.1)


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except (OSError, OverflowError):
            return False
    return True


def _listens(port: int) -> bool:
    try:
        socket.create_connection((HOST, port), timeout=1).close()
    except OSError:
        return False
    return True


def _is_healthy(port: int) -> bool:
    connection = http.client.HTTPConnection(HOST, port, timeout=1)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _log(settings: Settings, name: str) -> Path:
    return settings.var_dir / "log" / f"{name}.log"


def _welcome(settings: Settings, demo: bool, logins: Iterable[str]) -> Iterator[str]:
    yield f"Replyline is running at {settings.public}"
    yield from (f"  {line}" for line in logins)
    if demo:
        yield f"Phones to text with: http://{HOST}:{settings.carrier_port}"
        yield f"Mailbox:             http://{HOST}:{settings.mailbox_port}"
        yield f"Logs:                {settings.var_dir / 'log'}"
    yield "Ctrl-C stops everything."
