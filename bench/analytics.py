"""Analytics over a year of many messages: how long its days take to be kept, that what is kept is
what a plain count says, and how long the page of a year takes.

    .venv/bin/python -m bench.analytics [--size 1000000] [--database URL]
"""

import argparse
import time
from datetime import timedelta

from sqlalchemy import func, select, text, update

from app import clock
from app.database import db, transaction
from app.models import DailyFact, Institution, Staff
from app.rules.days import day_in
from app.rules.periods import Days, Period, before, days_of
from app.services import analytics, facts
from app.services.analytics import Of
from bench.pages import Words, analyze, empty_app, measured, school, signed_in
from bench.recount import recounted

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
    """Every measure of the page beside a recount, message by message."""
    institution = db.session.get_one(Institution, school_id)
    days = days_of(Period.YEAR, day_in(clock.now(), institution.timezone))
    more = Days(days.first - timedelta(days=3), days.last)  # all that was written
    first = db.session.execute(select(func.min(Staff.id))).scalar_one()
    for name, of in (("all", Of()), ("one member of staff", Of(first))):
        totals = analytics.figures(school_id, of, more, before(Period.DAYS, more)).totals
        ours = {measure: +counts for measure, counts in totals.items() if +counts}
        plain = recounted(school_id, of)
        told = ", ".join(f"{measure} {plain[measure].total():,}" for measure in plain)
        print(f"{name}: {told}; by a recount the same: {ours == plain}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=1_000_000)
    parser.add_argument("--database")
    asked = parser.parse_args()
    with empty_app(asked.database) as app:
        with app.app_context():
            began = time.monotonic()
            made = school(asked.size, Words(), A_YEAR)
            print(f"{asked.size:,} messages made in {time.monotonic() - began:.0f} s", flush=True)
            kept(made.id)
            analyze()
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
