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
    """The institution's texts of one month. `limit` None = unlimited; 0 = all goes by email.
    `kept`: of the limit, for answers; a text that is none may not take them."""

    used: int
    limit: int | None
    unit: LimitUnit = LimitUnit.MESSAGES
    kept: int = 0

    @property
    def open(self) -> int | None:
        """The part of the limit that this text may take a place of."""
        return None if self.limit is None else max(self.limit - self.kept, 0)


def cost(unit: LimitUnit, segments: int) -> int:
    """How many places one text takes."""
    return segments if unit is LimitUnit.SEGMENTS else 1


def has_room(usage: MonthUsage, segments: int) -> bool:
    return usage.open is None or usage.used + cost(usage.unit, segments) <= usage.open


ONLY_ANSWERS = 99  # beside the percents: what is left is kept for answers
LEVELS = (50, 80, 95, ONLY_ANSWERS, 100)  # percent of the limit that are told about


def level(usage: MonthUsage) -> int:
    """The highest of LEVELS that is reached; 0 where none is, or where there is no limit to
    reach."""
    if not usage.limit or usage.open is None:
        return 0
    if usage.open <= usage.used < usage.limit:
        return ONLY_ANSWERS
    percents = (each for each in LEVELS if each != ONLY_ANSWERS)
    return max((each for each in percents if usage.used * 100 >= usage.limit * each), default=0)


def month_of(at: datetime, timezone: str) -> str:
    """The institution's local calendar month, "2026-11". `at`: aware."""
    return at.astimezone(ZoneInfo(timezone)).strftime("%Y-%m")
