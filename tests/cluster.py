"""Cluster: a PostgreSQL of one's own, for tests that kill it. Its commits survive that."""

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from tests.helpers import children, missing, until

CONNECTIONS = 60
SETTINGS = {  # fsync: it outlives its processes, not the machine
    "listen_addresses": "",
    "fsync": "off",
    "max_connections": CONNECTIONS,
    "superuser_reserved_connections": 0,
}
# initdb refuses to run as root.
POSTGRES: dict[str, Any] = (
    {"user": "postgres", "group": "postgres", "extra_groups": []} if os.getuid() == 0 else {}
)


@dataclass
class Cluster:
    programs: Path
    folder: Path
    server: subprocess.Popen[bytes]

    @classmethod
    @contextmanager
    def made(cls) -> Iterator["Cluster"]:
        """A new one, running; nothing of it is left after the block."""
        found = [*Path("/usr/lib/postgresql").glob("*/bin/initdb"), shutil.which("initdb")]
        initdb = next((Path(path) for path in found if path), None)
        if initdb is None:
            missing("POSTGRES", "no initdb: apt-get install postgresql")
        # Not in pytest's own folder: only its owner may enter that.
        with tempfile.TemporaryDirectory(dir="/tmp", prefix="cluster-") as name:
            folder, programs = Path(name), initdb.parent
            if POSTGRES:
                shutil.chown(folder, POSTGRES["user"], POSTGRES["group"])
            flags = ["-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"]
            with (folder / "log").open("wb") as log:
                initdb_ = [str(initdb), "-D", str(folder / "data"), *flags]
                subprocess.run(initdb_, cwd=folder, stdout=log, check=True, **POSTGRES)
            cluster = cls(programs, folder, _started(programs, folder))
            try:
                yield cluster
            finally:
                cluster.kill()

    @property
    def url(self) -> str:
        return f"postgresql+psycopg://postgres@/postgres?host={self.folder}"

    def kill(self) -> None:
        """All of it by -9, in the middle of whatever it does."""
        backends = children(self.server.pid)
        for pid in (self.server.pid, *backends):
            os.kill(pid, signal.SIGKILL)
        self.server.wait()

    def start(self) -> None:
        """Again, after it was killed; it has recovered when this returns."""
        self.server = _started(self.programs, self.folder)

    def session(self) -> psycopg.Connection:
        """One of the test's own: a transaction begins with its first statement."""
        return psycopg.connect(host=str(self.folder), user="postgres", dbname="postgres")

    def count(self, what: str, condition: str) -> int:
        """How many rows of what are so, now."""
        with self.session() as session:
            row = session.execute(f"SELECT count(*) FROM {what} WHERE {condition}").fetchone()
        assert row
        return int(row[0])

    @contextmanager
    def no_connection_left(self) -> Iterator[None]:
        """Whoever wants a new one is refused, as long as the block lasts."""
        with ExitStack() as taken:
            with suppress(psycopg.OperationalError):
                while True:
                    taken.enter_context(self.session())
            yield


def _started(programs: Path, folder: Path) -> subprocess.Popen[bytes]:
    settings = [arg for name, value in SETTINGS.items() for arg in ("-c", f"{name}={value}")]
    server = [str(programs / "postgres"), "-D", str(folder / "data"), "-k", str(folder), *settings]
    with (folder / "log").open("ab") as log:
        process = subprocess.Popen(server, cwd=folder, stdout=log, stderr=log, **POSTGRES)
    ready = [str(programs / "pg_isready"), "-q", "-h", str(folder)]
    until(lambda: subprocess.run(ready).returncode == 0)
    return process
