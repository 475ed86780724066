"""Sockets: what an open one weighs, and how long an event takes from its commit to the browsers.

    .venv/bin/python -m bench.sockets [--sockets 1000] [--database postgresql+psycopg://...]

Starts a web process and a Redis of its own, on loopback, and ends both; without `--database`, an
empty one, it is SQLite. The floor is flask-sock with nothing in it (`bench.bare_sockets`), fed by
Redis alone, in the same run on the same server. A socket weighs what the resident size of the
process gained; what the kernel holds for it is not in that.
"""

import argparse
import asyncio
import os
import secrets
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from statistics import quantiles

from cryptography.fernet import Fernet
from redis import Redis

from app import clock, config, create_app, embedded, events, migrations
from app.cli import WEB_CONNECTIONS
from app.database import after_commit, db, transaction
from app.models import ApiToken, Staff
from app.processes import Process, start
from app.rules.access import EVERYBODY, staff_audience
from app.services import staff
from app.vault import hash_token
from bench import bare_sockets

EACH = 10  # sockets of one person
AT_ONCE = 50  # sockets being opened
TO_ONE, TO_ALL = 400, 20  # events
RATE = 200  # events a second, each to one person
PATIENCE = 120.0  # seconds

# Tell event n, to one person or (None) to all; the moment of its commit.
Tell = Callable[[int, int | None], float]


@dataclass
class Figures:
    """Of one server: kilobytes; seconds; milliseconds from a commit to each of the sockets."""

    empty: int = 0
    idle: int = 0
    told: int = 0
    opening: float = 0.0
    to_one: list[float] = field(default_factory=list)
    to_all: list[float] = field(default_factory=list)


# The other end


class Line(asyncio.Protocol):
    """One socket: notes what came when, and answers pings."""

    def __init__(self, path: str, token: str, heard: list[tuple[float, int]]) -> None:
        self.is_open: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._path, self._token, self._heard, self._rest = path, token, heard, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        self._transport = transport
        lines = [f"GET {self._path} HTTP/1.1", "Host: 127.0.0.1", "Connection: Upgrade"]
        lines += ["Upgrade: websocket", "Sec-WebSocket-Version: 13"]
        lines += ["Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="]
        lines += [f"Authorization: Bearer {self._token}", "", ""]
        transport.write("\r\n".join(lines).encode())

    def data_received(self, data: bytes) -> None:
        now = time.monotonic()
        self._rest += data
        if not self.is_open.done():
            head, end, rest = self._rest.partition(b"\r\n\r\n")
            if not end:
                return
            assert b" 101 " in head, head
            self._rest = rest
            self.is_open.set_result(None)
        while len(self._rest) >= 2:
            kind, size, begin = self._rest[0], self._rest[1], 2
            if size == 126:
                size, begin = int.from_bytes(self._rest[2:4], "big"), 4
            if len(self._rest) < begin + size:
                return
            self._hear(now, kind, self._rest[begin : begin + size])
            self._rest = self._rest[begin + size :]

    def _hear(self, now: float, kind: int, payload: bytes) -> None:
        if kind == 0x89:
            self._transport.write(bytes([0x8A, 0x80 | len(payload)]) + bytes(4) + payload)
        elif b'"n":' in payload:
            self._heard.append((now, int(payload.split(b'"n":')[1].split(b"}")[0])))


class Crowd:
    """Many sockets, and which event came when to one of them."""

    def __init__(self) -> None:
        self._heard: list[tuple[float, int]] = []
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, daemon=True).start()

    def open(self, port: int, places: list[tuple[str, str]]) -> float:
        """`places`: path and token of each; how many seconds it took."""
        began = time.monotonic()
        asyncio.run_coroutine_threadsafe(self._open(port, places), self._loop).result()
        return time.monotonic() - began

    async def _open(self, port: int, places: list[tuple[str, str]]) -> None:
        for first in range(0, len(places), AT_ONCE):
            some = [partial(Line, *place, self._heard) for place in places[first : first + AT_ONCE]]
            made = [self._loop.create_connection(line, "127.0.0.1", port) for line in some]
            await asyncio.gather(*(line.is_open for _, line in await asyncio.gather(*made)))

    def heard(self, count: int) -> list[tuple[float, int]]:
        """So many, once they are there; they are taken."""
        deadline = time.monotonic() + PATIENCE
        while len(self._heard) < count:
            assert time.monotonic() < deadline, f"{len(self._heard)} of {count} came"
            time.sleep(0.05)
        found = self._heard[:]
        self._heard.clear()
        return found


# Measuring


def measured(server: "Server", places: list[tuple[str, str]], tell: Tell) -> Figures:
    """`places`: of each person's EACH sockets, one person after the other."""
    figures, crowd = Figures(), Crowd()
    crowd.open(server.port, places[:1])
    time.sleep(1)
    figures.empty = server.kilobytes()
    figures.opening = crowd.open(server.port, places[1:])
    time.sleep(2)
    figures.idle = server.kilobytes()
    tell(0, None)
    crowd.heard(len(places))
    time.sleep(1)
    figures.told = server.kilobytes()
    people = len(places) // EACH
    figures.to_one = _waits(crowd, tell, [n % people for n in range(TO_ONE)], EACH, 1 / RATE)
    figures.to_all = _waits(crowd, tell, [None] * TO_ALL, len(places), 0.5)
    return figures


def _waits(
    crowd: Crowd, tell: Tell, whom: list[int] | list[None], sockets: int, pause: float
) -> list[float]:
    at = []
    for n, person in enumerate(whom):
        at.append(tell(n, person))
        time.sleep(pause)
    return [(when - at[n]) * 1000 for when, n in crowd.heard(len(whom) * sockets)]


# The two servers


@dataclass
class Server:
    port: int
    pid: int  # of the process that holds the sockets

    def kilobytes(self) -> int:
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0])


@contextmanager
def served(*argv: str) -> Iterator[Server]:
    """gunicorn with one gevent worker, as `replyline web` starts it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    arguments = ["--worker-class", "gevent", "--worker-connections", str(WEB_CONNECTIONS)]
    arguments += ["--bind", f"127.0.0.1:{port}", "--graceful-timeout", "1", *argv]
    environment = {**os.environ, "PORT": str(port)}
    log = Path(os.environ["VAR_DIR"]) / "web.log"
    argv = (sys.executable, "-m", "gunicorn", *arguments)
    web = start(Process("web", argv, environment, log=log))
    try:
        deadline = time.monotonic() + PATIENCE
        while not _listens(port):
            assert time.monotonic() < deadline and web.poll() is None, log.read_text()
            time.sleep(0.1)
        children = Path(f"/proc/{web.pid}/task/{web.pid}/children").read_text().split()
        yield Server(port, int(children[0]))
    finally:
        web.terminate()
        web.wait(PATIENCE)


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def bare(sockets: int) -> Figures:
    redis = Redis.from_url(os.environ["REDIS_URL"])

    def tell(n: int, person: int | None) -> float:
        room = "*" if person is None else person
        at = time.monotonic()
        redis.publish(bare_sockets.CHANNEL, f'{room} {{"seq":1,"name":"told","ids":{{"n":{n}}}}}')
        return at

    places = [(f"/live/{n // EACH}", "") for n in range(sockets)]
    with served("bench.bare_sockets:create()") as server:
        return measured(server, places, tell)


def ours(sockets: int) -> Figures:
    app = create_app(config.load(), web=False)
    with app.app_context():
        migrations.upgrade()
        school, people = _people(sockets // EACH)
        db.session.remove()

    def tell(n: int, person: int | None) -> float:
        at: list[float] = []
        audience = EVERYBODY if person is None else staff_audience(people[person][0])
        with app.app_context():
            with transaction():
                after_commit(lambda: at.append(time.monotonic()))
                events.publish(school, events.Event("told", {"n": n}, (audience,)))
            db.session.remove()
        return at[0]

    places = [("/api/v1/live?since=0", token) for _, token in people for _ in range(EACH)]
    with served("wsgi:app") as server:
        return measured(server, places, tell)


def _people(count: int) -> tuple[int, list[tuple[int, str]]]:
    """A school with so many staff: its id; the id and the token of each."""
    school = staff.create_institution("Northfield College", "America/Chicago", "US")
    dana = staff.create(school, "dana@northfield.example", "Dana", ["Advisor"], "a" * 12)
    with transaction():
        first, now = db.session.get_one(Staff, dana), clock.now()
        same = {"institution_id": school, "person_id": first.person_id, "created_at": now}
        same |= {"name": "Dana", "password_hash": first.password_hash}
        names = [f"{n}@northfield.example" for n in range(count)]
        rows = [Staff(**same, email=name, roles=list(first.roles)) for name in names]
        db.session.add_all(rows)
        db.session.flush()
        people = [(row.id, secrets.token_urlsafe(16)) for row in rows]
        token = {"institution_id": school, "name": "bench", "created_at": now}
        db.session.add_all(
            ApiToken(**token, staff_id=id_, token_hash=hash_token(secret)) for id_, secret in people
        )
    return school, people


# The report


@contextmanager
def ground(database: str) -> Iterator[None]:
    """A folder, settings and a Redis of our own."""
    with tempfile.TemporaryDirectory(prefix="replyline-bench-") as folder:
        path = Path(folder) / "redis.sock"
        os.environ |= {
            "VAR_DIR": folder,
            "REDIS_URL": f"unix://{path}",
            "DATABASE_URL": database,
            "SECRET_KEY": secrets.token_urlsafe(48),
            "ENCRYPTION_KEYS": Fernet.generate_key().decode(),
            "LOG_FORMAT": "json",
            "PYTHONPATH": str(config.ROOT),
        }
        log = Path(folder) / "redis.log"
        redis = start(Process("redis", embedded.command(path), os.environ, log=log))
        try:
            while not embedded.answers(os.environ["REDIS_URL"]):
                time.sleep(0.05)
            yield
        finally:
            redis.terminate()
            redis.wait(PATIENCE)


def report(found: Figures, floor: Figures, sockets: int) -> None:
    def line(what: str, value: Callable[[Figures], float]) -> None:
        mine, least = value(found), value(floor)
        print(f"{what:<48}{mine:>10.1f}{least:>10.1f}{mine / least:>8.2f}")

    def late(times: list[float], percent: int) -> float:
        return quantiles(times, n=100)[percent - 1]

    print(f"{f'{sockets} sockets, one process':<48}{'value':>10}{'floor':>10}{'ratio':>8}")
    line("resident MB without sockets", lambda f: f.empty / 1024)
    line("resident MB with idle sockets", lambda f: f.idle / 1024)
    line("KB a socket, idle", lambda f: (f.idle - f.empty) / sockets)
    line("KB a socket, after the first event", lambda f: (f.told - f.empty) / sockets)
    line("sockets opened in a second", lambda f: sockets / f.opening)
    for percent in (50, 99):
        line(f"ms from commit to one person, p{percent}", lambda f: late(f.to_one, percent))  # noqa: B023
    for percent in (50, 99):
        line(f"ms from commit to all, p{percent}", lambda f: late(f.to_all, percent))  # noqa: B023


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sockets", type=int, default=1000)
    parser.add_argument("--database", default="")
    given = parser.parse_args()
    with ground(given.database):
        floor = bare(given.sockets)
        report(ours(given.sockets), floor, given.sockets)


if __name__ == "__main__":
    main()
