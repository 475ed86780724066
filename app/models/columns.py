"""Columns: the column kinds, and the kind of index, that several tables share."""

from datetime import datetime
from enum import Enum
from typing import Annotated, Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    String,
    TextClause,
)
from sqlalchemy.orm import mapped_column
from sqlalchemy.types import JSON, TypeDecorator

from app.database import UtcDateTime

Id = BigInteger().with_variant(Integer, "sqlite")

pk = Annotated[int, mapped_column(Id, primary_key=True)]
when = Annotated[datetime, mapped_column(UtcDateTime)]
when_or_never = Annotated[datetime | None, mapped_column(UtcDateTime)]
institution_fk = Annotated[int, mapped_column(Id, ForeignKey("institution.id"))]
json_list = Annotated[list[Any], mapped_column(JSON, default=list)]
json_map = Annotated[dict[str, Any], mapped_column(JSON, default=dict)]


def ref(target: str) -> ForeignKey:
    return ForeignKey(f"{target}.id")


def partial_index(
    name: str, *columns: Any, where: ColumnElement[bool] | TextClause, unique: bool = False
) -> Index:
    """An index of those rows alone for which `where` holds, on either database."""
    return Index(name, *columns, unique=unique, sqlite_where=where, postgresql_where=where)


class ByValue(TypeDecorator[Any]):
    """An enum stored as its value: an int for an IntEnum, a short text for a StrEnum."""

    impl = String
    cache_ok = True

    def __init__(self, enum: type[Enum]) -> None:
        super().__init__()
        self.enum = enum

    def load_dialect_impl(self, dialect: Dialect) -> Any:
        kind = Integer() if issubclass(self.enum, int) else String(32)
        return dialect.type_descriptor(kind)

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:
        return None if value is None else self.enum(value).value

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        return None if value is None else self.enum(value)
