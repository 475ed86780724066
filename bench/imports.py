"""Imports: a hundred thousand people from a file, beside ten thousand, and the same file again.

    .venv/bin/python -m bench.imports [--small 10000] [--large 100000] [--oneroster]
                                      [--database postgresql+psycopg://...]

Each run is a process of its own, so that its peak of memory is its own: flat memory is the same
peak for ten times the people. The floor is `csv` alone reading the large file.
"""

import argparse
import csv
import io
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import structlog

from app import config, create_app, migrations
from app.database import db
from app.services import import_claims, import_reports, import_runs, importing, staff
from app.services.import_runs import By, Choice

PLAIN = "ID,First name,Last name,Email,Mobile phone,Home phone\n"
USERS = (
    "sourcedId,enabledUser,orgSourcedIds,role,username,givenName,familyName,email,sms,phone,"
    "agentSourcedIds\n"
)


def written(path: Path, size: int, *, oneroster: bool) -> None:
    """So many people, each with an email and two phones."""
    with path.open("w") as file:
        file.write(USERS if oneroster else PLAIN)
        for n in range(size):
            name, mobile, home = f"Given{n % 977}", 2_122_000_000 + n, 3_122_000_000 + n
            mail = f"n{n}@students.example"
            if oneroster:
                role = "guardian" if n % 2 else "student"
                agent = "" if n % 2 else f"n{n + 1}"
                cells = f"n{n},true,o1,{role},u{n},{name},Torres,{mail},{mobile},{home},{agent}"
            else:
                cells = f"N{n},{name},Torres{n % 991},{mail},{mobile},{home}"
            file.write(cells + "\n")


def once(database: str, var_dir: Path, file: Path, school: int) -> None:
    """One import in this process; what it took, as JSON."""
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    app = _app(database, var_dir)
    with app.app_context():
        before = _peak()
        began = time.monotonic()
        by = By.command(school)
        with file.open("rb") as content:
            uploads = [(file.name, content)]
            run_id = import_runs.submit(by, uploads, file.name, Choice(), dry_run=False)
        uploaded = time.monotonic()
        import_claims.claim(run_id)
        importing.work(run_id, lambda: True)
        took = time.monotonic() - uploaded
        counts = import_reports.one(school, run_id).counts
    told = {"upload": uploaded - began, "took": took, "before": before, "peak": _peak()}
    print(json.dumps({**told, "counts": counts}))


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024  # MB


def _app(database: str, var_dir: Path) -> Any:
    config.loopback_secrets(var_dir)
    redis = "unix:///no.sock"
    return create_app(
        config.load(var_dir=var_dir, database_url=database, redis_url=redis), web=False
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", type=int, default=10_000)
    parser.add_argument("--large", type=int, default=100_000)
    parser.add_argument("--oneroster", action="store_true")
    parser.add_argument("--database")
    parser.add_argument("--once", nargs=4, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.once:
        database, var_dir, file, school = asked.once
        once(database, Path(var_dir), Path(file), int(school))
        return
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    with tempfile.TemporaryDirectory() as folder:
        measure(Path(folder), asked)


def measure(var_dir: Path, asked: argparse.Namespace) -> None:
    database = asked.database or f"sqlite:///{var_dir}/bench.sqlite3"
    app = _app(database, var_dir)
    with app.app_context():
        migrations.upgrade()
    print(f"{'':24} {'upload s':>9} {'import s':>9} {'rows/s':>8} {'peak MB':>8} {'idle MB':>8}")
    for size in (asked.small, asked.large):
        with app.app_context():
            school = staff.create_institution(f"School of {size}", "America/Chicago", "US")
            db.session.remove()
        file = var_dir / "people.csv"
        written(file, size, oneroster=asked.oneroster)
        for name in ("first", "again"):
            argv = [sys.executable, "-m", "bench.imports", "--once", database, str(var_dir)]
            argv += [str(file), str(school)]
            done = subprocess.run(argv, check=True, capture_output=True, text=True)
            found = json.loads(done.stdout.splitlines()[-1])
            told = f"{found['upload']:>9.1f} {found['took']:>9.1f} {size / found['took']:>8.0f}"
            memory = f"{found['peak']:>8.0f} {found['before']:>8.0f}"
            print(f"{size:>9,} {name:14} {told} {memory}  {found['counts']}", flush=True)
    began = time.monotonic()
    count = sum(1 for _ in csv.reader(io.StringIO(file.read_text())))
    print(f"floor: csv alone reads {count:,} lines in {time.monotonic() - began:.2f} s")


if __name__ == "__main__":
    main()
