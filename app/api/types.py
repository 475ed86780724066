"""Types: what the JSON of the API is made of. Whatever is read is checked by its type."""

from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
)

from app.services.shapes import Shape as Shape

BIGGEST_ID = 2**63 - 1


def _storable(text: str) -> str:
    if "\x00" in text:
        raise ValueError("This holds a character that cannot be stored.")
    return text


def _no_number(at: Any) -> Any:
    if not isinstance(at, str) or "-" not in at:
        raise ValueError("Write a time like 2026-11-20T13:17:48Z.")
    return at


def _in_utc(at: datetime) -> datetime:
    try:
        return at.astimezone(UTC)
    except OverflowError:
        raise ValueError("This time is out of range.") from None


Id = Annotated[int, Field(ge=1, le=BIGGEST_ID)]
Text = Annotated[str, AfterValidator(_storable)]
Name = Annotated[Text, Field(min_length=1, max_length=200, pattern=r"\S", examples=["Maya"])]
Typed = Annotated[  # a phone number as somebody types it
    Text, Field(max_length=100, examples=["+15125550147"])
]
# Not strict: behind a validator that looks first, a strict one would want a `datetime` of Python.
Time = Annotated[
    AwareDatetime, Field(strict=False), BeforeValidator(_no_number), AfterValidator(_in_utc)
]

# The default of a field of `Changes`: absent is not null. A factory stays out of OpenAPI.
ABSENT: Any = Field(default_factory=lambda: None)


class Input(BaseModel):
    """A JSON body. Unknown fields are refused by name, and "5" is no number."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Changes(Input):
    """The body of a PATCH: only what is given changes."""

    def given(self) -> dict[str, Any]:
        return self.model_dump(exclude_unset=True)


class Query(BaseModel):
    """The parameters of a GET."""

    model_config = ConfigDict(extra="forbid")
