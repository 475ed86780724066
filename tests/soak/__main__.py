"""Soak: all of Replyline under everything that goes wrong, for minutes, and six counts at the end.

    make soak [MINUTES=10] [SEED=…] [DATABASE=sqlite|postgresql]

How to read what it prints: docs/soak.md.
"""

import os
import random
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import click
from sqlalchemy import create_engine, make_url, text

from tests import stack
from tests.soak import demon, gather, report, scene
from tests.soak.actor import Actor, Run
from tests.soak.browsers import Browser, browsers_of
from tests.soak.evidence import Evidence
from tests.soak.people import Phones, Writer
from tests.soak.scene import Campus
from tests.soak.weather import Weather

PLACES = 40  # texts a minute of the run in the school with a limit: it is reached before the end
PATIENCE = 180.0  # seconds for everything to come to rest
# Long enough that a loaded machine proves nothing absent that is only late.
WAITS = {
    "stop_wait": 6.0,
    "lease": 8.0,
    "settle_looks": [1.0, 2.0, 4.0, 8.0],
    # Asked every minute: a phone may be off for long, and the report of its return be lost.
    "report_looks": [1.0, 5.0, 20.0, *map(float, range(60, 7200, 60))],
    "unreachable_retries": [1.0, 3.0],
    "import_every": 5.0,
    "outage": 5.0,
}


def main() -> int:
    minutes, kind = float(os.environ.get("MINUTES") or 10), os.environ.get("DATABASE") or "sqlite"
    seed = int(os.environ.get("SEED") or random.randrange(1_000_000))
    folder = Path(tempfile.mkdtemp(prefix="replyline-soak-"))
    click.echo(f"Soaking for {minutes:g} minutes on {kind}, SEED={seed}. Evidence: {folder}")
    evidence, began = Evidence(folder), time.monotonic()
    with database(kind, folder) as url, stack.running(url, folder, **WAITS) as started:
        os.environ["PGAPPNAME"] = demon.SOAK
        run = Run(started, evidence, seed)
        soak(run, minutes)
    evidence.close()
    return report.told(run, time.monotonic() - began)


def soak(run: Run, minutes: float) -> None:
    limit = max(10, int(PLACES * minutes))
    with ExitStack() as held:
        campuses = held.enter_context(
            scene.built(run.stack, run.evidence, run.dice("scene"), limit)
        )
        weather = Weather(run, campuses)
        browsers = [browser for campus in campuses for browser in _browsers(run, campus, held)]
        people = [actor for campus in campuses for actor in _people(run, campus)]
        actors: list[Actor] = [*browsers, *people, weather, demon.Demon(run, "demon")]
        for actor in actors:
            actor.start()
        run.over.wait(minutes * 60)
        run.over.set()
        for actor in actors:
            actor.join()
        demon.disarm(run)
        weather.clear_up()
        run.rested = gather.settle(run, campuses, PATIENCE)
        for browser in browsers:
            browser.catch_up(patience=30)
        gather.gather(run, campuses)


def _browsers(run: Run, campus: Campus, held: ExitStack) -> list[Browser]:
    signed_in = held.enter_context(campus.school.browser(campus.writers[0]))
    return browsers_of(run, campus, signed_in)


def _people(run: Run, campus: Campus) -> list[Actor]:
    """Staff, and two hands for all the phones."""
    writers = [Writer(run, campus, member) for member in campus.writers]
    return [*writers, *(Phones(run, campus, campus.people[n::2]) for n in range(2))]


@contextmanager
def database(kind: str, folder: Path) -> Iterator[str]:
    """An empty one of this kind, for this run alone."""
    if kind == "sqlite":
        yield f"sqlite:///{folder / 'replyline.sqlite3'}"
        return
    name = f"soak_{folder.name.rpartition('-')[2].lower()}"
    server = make_url(os.environ["TEST_POSTGRES_URL"])
    engine = create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f'CREATE DATABASE "{name}"'))
        yield server.set(database=name).render_as_string(hide_password=False)
        connection.execute(text(f'DROP DATABASE "{name}" WITH (FORCE)'))
    engine.dispose()


if __name__ == "__main__":
    sys.exit(main())
