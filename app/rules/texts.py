"""Texts: what may be sent as the body of a message, and what is added to it."""

import re

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
# Nothing to see: spaces of every width, joiners and marks of direction.
_BLANK = re.compile(r"[\s\u00ad\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]*")


def tidy(body: str) -> str:
    """Line ends as a phone has them; no space at the ends."""
    return body.replace("\r\n", "\n").replace("\r", "\n").strip()


def problem(body: str, max_length: int) -> str | None:
    """Why `body` (tidied) cannot be sent, as a sentence; None where it can.

    `max_length`: characters.
    """
    if _BLANK.fullmatch(body):
        return "Write a message first."
    if _CONTROL.search(body):
        return "The message holds control characters that a phone cannot show."
    if any("\ud800" <= c <= "\udfff" for c in body):
        return "The message holds half a character that cannot be sent."
    if len(body) > max_length:
        return f"The message has {len(body):,} characters; {max_length:,} is the most."
    return None


def with_first_contact(body: str, line: str | None) -> str:
    """The first text to a person carries who writes and how to stop, where a line is set (D43)."""
    return f"{body}\n{line}" if line else body


def snippet(body: str, length: int = 120) -> str:
    """One line for a list: inner space single, cut at `length` characters with an ellipsis."""
    line = " ".join(body.split())
    return line if len(line) <= length else line[: length - 1].rstrip() + "…"


def fill(template: str, fields: dict[str, str]) -> str:
    """`{name}` and the like replaced in one pass; an unknown field stays as it is typed."""
    return re.sub(r"\{(\w+)\}", lambda m: fields.get(m[1], m[0]), template)
