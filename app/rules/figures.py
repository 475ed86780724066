"""Figures: counts, times and days in words, the same on pages and in emails."""

from collections import Counter
from datetime import date, datetime

from app.rules.facts import CHOSEN
from app.rules.limits import MonthUsage
from app.rules.month import Month, expected, reached_on
from app.rules.periods import Days
from app.rules.reasons import Reason
from app.rules.words import REASON_IN_SHORT


def percent(part: int, whole: int) -> str:
    """96.4%; never 100 where one is missing, never 0 where there is one."""
    if not whole:
        return "–"
    found = min(max(round(1000 * part / whole), 1 if part else 0), 1000 if part >= whole else 999)
    return f"{found / 10:.1f}%".replace(".0%", "%")


def lasting(seconds: int | None) -> str:
    if seconds is None:
        return "–"
    if seconds < 120:
        return f"{seconds} s"
    if seconds < 120 * 60:
        return f"{round(seconds / 60)} min"
    if seconds < 48 * 3600:
        return f"{seconds / 3600:.1f} h".replace(".0 h", " h")
    return f"{round(seconds / 86400)} days"


def in_short(key: str) -> str:
    """A reason in a word or two."""
    return "Email was asked for" if key == CHOSEN else REASON_IN_SHORT[Reason(key)]


def days_words(days: Days) -> str:
    """November 1 to 20, 2026"""
    first, last = days.first, days.last
    if first == last:
        return f"{first:%B} {first.day}, {first.year}"
    if first.year != last.year:
        return f"{first:%b} {first.day}, {first.year} to {last:%b} {last.day}, {last.year}"
    end = last.day if first.month == last.month else f"{last:%B} {last.day}"
    return f"{first:%B} {first.day} to {end}, {last.year}"


def most_reasons(instead: Counter[str]) -> str:
    said = [f"{c:,} {in_short(key).lower()}" for key, c in instead.most_common(2)]
    return ", ".join(said) or "every text could go"


def short(day: date) -> str:
    """Nov 3"""
    return f"{day:%b} {day.day}"


def told(usage: MonthUsage, month: Month, now: datetime) -> tuple[str, str, str]:
    """What becomes of the month, in three parts; the middle one is the date that counts."""
    used, limit, open_ = usage.used, usage.limit, usage.open
    until = f"{month.next_first:%B} {month.next_first.day}"
    if limit is None or open_ is None:
        ends = f"{expected(used, month, now):,}"
        return f"There is no limit. At this pace the month ends at about {ends}.", "", ""
    if limit == 0:
        return "The limit is 0, so every text goes by email.", "", ""
    if used >= limit:
        return "The limit is reached. Every text goes by email until ", until, "."
    if used >= open_:
        return "Only answers still go as texts, until ", until, "."
    on = reached_on(used, open_, month, now)
    if on is None:
        ends = f"{expected(used, month, now):,}"
        return f"At this pace the month ends at about {ends}, below the limit.", "", ""
    date_words = f"{on:%B} {on.day}"
    if open_ < limit:
        after = f" on, until {until}."
        return "At this pace only answers go as texts from ", date_words, after
    after = f". After that every text goes by email until {until}."
    return "At this pace the limit is reached on ", date_words, after
