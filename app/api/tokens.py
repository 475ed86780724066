"""Tokens: the keys of programs. Made for oneself; all of the institution can be ended (D3)."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

from pydantic import Field

from app.api.endpoints import delete, get, post
from app.api.paging import BY_ID, Page, Paging, page
from app.api.types import Input, Shape, Text
from app.models import ApiToken
from app.models import Staff as StaffRow
from app.rules.access import Can, Viewer
from app.services import tokens


class Token(Shape):
    """`staff_id`: whom it speaks for. `scopes`: null = everything that they may do."""

    id: int
    name: str
    staff_id: int
    scopes: list[str] | None
    created_at: datetime
    last_used_at: datetime | None


class MadeToken(Token):
    """`token`: the token itself; null when the request is repeated under its Idempotency-Key."""

    token: str | None


class NewToken(Input):
    """`scopes`: what of your rights it has; null = all of them, also those that are added later."""

    name: Annotated[
        Text,
        Field(min_length=1, max_length=tokens.LONGEST_NAME, pattern=r"\S", examples=["reports"]),
    ]
    scopes: Annotated[list[Can], Field(min_length=1, examples=[[Can.REPORTS_READ]])] | None = None


def _shown(rows: Sequence[tuple[ApiToken, StaffRow]]) -> list[Token]:
    return [Token.model_validate(token) for token, _ in rows]


@get("/tokens", Can.TOKENS_MANAGE)
def list_(viewer: Viewer, query: Paging) -> Page[Token]:
    """The institution's tokens that are in force, newest first."""
    return page(
        query,
        BY_ID,
        lambda limit, before: tokens.listed(viewer, limit, before),
        lambda row: row[0].id,
        _shown,
    )


@post("/tokens", Can.TOKENS_MANAGE, shown_once="token")
def create(viewer: Viewer, body: NewToken) -> MadeToken:
    """A token for a program of yours. It is in this answer, and never shown again."""
    token_id, token = tokens.create(viewer, body.name, body.scopes)
    [made] = _shown([tokens.one(viewer, token_id)])
    return MadeToken(**made.model_dump(), token=token)


@delete("/tokens/<id:token_id>", Can.TOKENS_MANAGE)
def revoke(viewer: Viewer, token_id: int) -> None:
    """End a token, your own or a colleague’s. Programs that use it are refused from now on."""
    tokens.revoke(viewer, token_id)
