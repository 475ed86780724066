"""Paging: lists by key, never by offset, so that what arrives meanwhile moves nothing."""

import base64
from binascii import Error as NotBase64
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Generic, TypeVar

from pydantic import Field, TypeAdapter, ValidationError

from app.api.types import Id, Query, Shape
from app.errors import Invalid

Row = TypeVar("Row")
Item = TypeVar("Item")

BY_ID: TypeAdapter[Any] = TypeAdapter(Id)


class Paging(Query):
    """`cursor`: the `next_cursor` of the page before."""

    limit: Annotated[int, Field(ge=1, le=200)] = 50
    cursor: Annotated[str, Field(max_length=2000)] | None = None


class Page(Shape, Generic[Item]):
    items: list[Item]
    next_cursor: str | None = None


def page(
    query: Paging,
    key: TypeAdapter[Any],
    fetch: Callable[[int, Any], Sequence[Row]],
    key_of: Callable[[Row], Any],
    show: Callable[[Sequence[Row]], list[Item]],
) -> Page[Item]:
    """One page: `fetch(limit, key of the last one shown or None)`, one more than asked for."""
    last = None if query.cursor is None else _decoded(query.cursor, key)
    rows = fetch(query.limit + 1, last)
    shown = rows[: query.limit]
    more = len(rows) > query.limit
    cursor = _encoded(key.dump_json(key_of(shown[-1]))) if more else None
    return Page(items=show(shown), next_cursor=cursor)


def _encoded(key: bytes) -> str:
    return base64.urlsafe_b64encode(key).decode().rstrip("=")


def _decoded(cursor: str, key: TypeAdapter[Any]) -> Any:
    try:
        text = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        return key.validate_json(text)
    except (NotBase64, ValueError, ValidationError):
        raise Invalid("cursor", "This is no cursor of this list.") from None
