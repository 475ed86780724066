"""Journal: recent requests to and from Replyline, and what a page has not seen yet."""

import time
from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

_KEPT = 1000  # requests


@dataclass(frozen=True, slots=True)
class Entry:
    """One request. `about` says "{who}" for the person with `number`, who may be renamed later."""

    at: float
    to_app: bool  # False: Replyline asked the carrier
    what: str
    status: int | None  # None: no answer
    ms: float
    number: str
    about: str


class Journal:
    """Every change gets the next version; a page asks for what is newer than the one it shows."""

    def __init__(self) -> None:
        self._entries: deque[Entry] = deque(maxlen=_KEPT)
        self._touched: dict[str, int] = {}
        # Above every version of an earlier process, so that a page left open notices the restart.
        self.version = self._start = time.time_ns() // 1000

    def record(self, entry: Entry) -> None:
        self._entries.append(entry)
        self.version += 1

    def notice(self) -> None:
        """Something else changed that a page shows."""
        self.version += 1

    def touch(self, number: str) -> None:
        """The handset of `number` looks different now."""
        self.version += 1
        self._touched[number] = self.version

    def changed(self, number: str, since: int) -> bool:
        return self._touched.get(number, self._start) > since

    def recent(self, limit: int) -> list[Entry]:
        """Newest first."""
        return [entry for entry, _ in zip(reversed(self._entries), range(limit), strict=False)]


def as_json(entry: Entry, who: str) -> dict[str, Any]:
    return {
        "at": iso(entry.at),
        "direction": "to_app" if entry.to_app else "to_carrier",
        "what": entry.what,
        "status": entry.status,
        "ms": entry.ms,
        "about": entry.about.replace("{who}", who),
    }


def iso(at: float) -> str:
    """Seconds since 1970 as ISO 8601 UTC with microseconds."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="microseconds")[:-6] + "Z"
