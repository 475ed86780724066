"""Limits: how many texts a month, what one costs, and which month it is (D27)."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from zoneinfo import ZoneInfo


class LimitUnit(StrEnum):
    MESSAGES = "messages"
    SEGMENTS = "segments"


@dataclass(frozen=True, slots=True)
class MonthUsage:
    """The institution's texts of one month. `limit` None = unlimited; 0 = all goes by email."""

    used: int
    limit: int | None
    unit: LimitUnit = LimitUnit.MESSAGES


def cost(unit: LimitUnit, segments: int) -> int:
    """How many places one text takes."""
    return segments if unit is LimitUnit.SEGMENTS else 1


def has_room(usage: MonthUsage, segments: int) -> bool:
    return usage.limit is None or usage.used + cost(usage.unit, segments) <= usage.limit


def month_of(at: datetime, timezone: str) -> str:
    """The institution's local calendar month, "2026-11". `at`: aware."""
    return at.astimezone(ZoneInfo(timezone)).strftime("%Y-%m")
