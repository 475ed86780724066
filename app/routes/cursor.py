"""Cursor: where the next page of a list begins, as an address carries it."""

import base64
import json
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from app.routes.filters import row_id

Reader = Callable[[str], Any]

BY_NAME: tuple[Reader, ...] = (str, str, row_id)
BY_TIME: tuple[Reader, ...] = (datetime.fromisoformat, row_id)


def written(key: Sequence[Any]) -> str:
    plain = [part.isoformat() if isinstance(part, datetime) else str(part) for part in key]
    return base64.urlsafe_b64encode(json.dumps(plain).encode()).decode().rstrip("=")


def read(cursor: str, readers: Sequence[Reader]) -> tuple[Any, ...] | None:
    """None for what is no cursor of this list: then it begins at its beginning."""
    try:
        plain = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        parts = [reader(text) for reader, text in zip(readers, plain, strict=True)]
    except (ValueError, TypeError):
        return None
    whole = all("\x00" not in p for p in parts if isinstance(p, str))
    aware = all(p.tzinfo is not None for p in parts if isinstance(p, datetime))
    return tuple(parts) if whole and aware else None
