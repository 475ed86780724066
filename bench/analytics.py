"""Analytics over a year of many messages: how long its days take to be kept, that what is kept is
what a plain count says, and how long the page of a year takes.

    .venv/bin/python -m bench.analytics [--size 1000000] [--database URL]
"""

import argparse
import tempfile
import time
from datetime import timedelta
from pathlib import Path

import structlog
from sqlalchemy import func, select, text, update

from app import clock, config, create_app, migrations
from app.database import db, transaction
from app.models import DailyFact, Direction, Institution, Message
from app.rules.days import day_in
from app.rules.facts import Measure, Volume
from app.rules.periods import Days, Period, before, days_of
from app.services import analytics, facts
from app.services.analytics import Of
from bench.pages import Words, measured, school, signed_in

A_YEAR = 365 * 24 * 60  # minutes


def kept(school_id: int) -> None:
    """All days of the year that can be closed."""
    with transaction():
        founded = clock.now() - timedelta(minutes=A_YEAR + 24 * 60)
        db.session.execute(update(Institution).values(created_at=founded))
    began = time.monotonic()
    while not facts.close_days(60):
        pass
    took = time.monotonic() - began
    rows = db.session.execute(select(func.count()).select_from(DailyFact)).scalar_one()
    print(f"kept in {took:.0f} s: {rows:,} figures")


def compared(school_id: int) -> None:
    """The figures of the page beside a plain count of the messages."""
    institution = db.session.get_one(Institution, school_id)
    days = days_of(Period.YEAR, day_in(clock.now(), institution.timezone))
    more = Days(days.first - timedelta(days=3), days.last)  # all that was written
    found = analytics.figures(school_id, Of(), more, before(Period.DAYS, more)).totals
    ours = (
        found[Measure.VOLUME][Volume.TEXT_OUT],
        found[Measure.VOLUME][Volume.TEXT_IN],
        found[Measure.DELIVERY].total(),
    )
    here = (Message.institution_id == school_id,)
    plain = (
        _count(*here, Message.direction == Direction.OUTBOUND),
        _count(*here, Message.direction == Direction.INBOUND),
        _count(*here, Message.delivered_at.is_not(None)),
    )
    print(f"texts out, in, delivered: {ours}, by a plain count {plain}: {ours == plain}")


def _count(*conditions: object) -> int:
    asked = select(func.count(Message.id)).where(*conditions)  # type: ignore[arg-type]
    return db.session.execute(asked).scalar_one()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=1_000_000)
    parser.add_argument("--database")
    asked = parser.parse_args()
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())  # silent
    with tempfile.TemporaryDirectory() as folder:
        var_dir = Path(folder)
        config.loopback_secrets(var_dir)
        url = asked.database or f"sqlite:///{var_dir}/bench.sqlite3"
        settings = config.load(var_dir=var_dir, database_url=url, redis_url="unix:///no.sock")
        app = create_app(settings)
        with app.app_context():
            migrations.upgrade()
            began = time.monotonic()
            made = school(asked.size, Words(), A_YEAR)
            print(f"{asked.size:,} messages made in {time.monotonic() - began:.0f} s", flush=True)
            kept(made.id)
            with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as server:
                sqlite = server.dialect.name == "sqlite"
                server.execute(text("ANALYZE" if sqlite else "VACUUM ANALYZE"))
            compared(made.id)
            staff = db.session.execute(text("SELECT min(id) FROM staff")).scalar_one()
            db.session.remove()
        client = signed_in(app, made)
        for name, path in (
            ("this month", "/analytics"),
            ("a year", "/analytics?period=year"),
            ("a year, one member of staff", f"/analytics?period=year&who=staff-{staff}"),
        ):
            p50, p95 = measured(client, lambda path=path: path)  # type: ignore[misc]
            print(f"{name:30} p50 {p50:6.1f} ms   p95 {p95:6.1f} ms")


if __name__ == "__main__":
    main()
