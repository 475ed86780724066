"""Cursor: where the next page of a list begins, as an address carries it."""

import base64
import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, NoReturn

from app.routes.filters import row_id

Reader = Callable[[str], Any]


def when(text: str) -> datetime:
    """A time as an address carries it; ValueError for what is none or beyond all calendars."""
    try:
        found = datetime.fromisoformat(text)
        return found.astimezone(UTC) if found.tzinfo else _no(text)
    except OverflowError:
        raise ValueError(text) from None


def words(text: str) -> str:
    """ValueError for what no database keeps."""
    return _no(text) if "\x00" in text.encode().decode() else text


def _no(text: str) -> NoReturn:
    raise ValueError(text)


BY_NAME: tuple[Reader, ...] = (words, words, row_id)
BY_TIME: tuple[Reader, ...] = (when, row_id)


def written(key: Sequence[Any]) -> str:
    plain = [part.isoformat() if isinstance(part, datetime) else str(part) for part in key]
    return base64.urlsafe_b64encode(json.dumps(plain).encode()).decode().rstrip("=")


def read(cursor: str, readers: Sequence[Reader]) -> tuple[Any, ...] | None:
    """None for what is no cursor of this list: then it begins at its beginning."""
    try:
        plain = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        parts = [reader(text) for reader, text in zip(readers, plain, strict=True)]
    except (ValueError, TypeError, AttributeError, OverflowError, RecursionError):
        return None
    return tuple(parts)
