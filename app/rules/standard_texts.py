"""Standard texts: texts to use again, with fields that are filled for the one who is written to.

A field without a value stays as it is typed, so that it is seen; and no message leaves with one.
"""

import re
from collections.abc import Mapping

from app.rules import texts

# The fields, and what each stands for.
FIELDS: dict[str, str] = {
    "first_name": "First name",
    "last_name": "Last name",
    "student_id": "Student ID",
    "my_name": "My name",
    "institution": "Institution",
}

_FIELD = re.compile(r"\{(" + "|".join(FIELDS) + r")\}")


def fill(body: str, values: Mapping[str, str | None]) -> str:
    """`body` with its fields replaced, in one pass; one whose value is None or blank stays. An
    unknown {word} is ordinary text."""
    return texts.fill(body, {name: found for name in FIELDS if (found := _value(values, name))})


def _value(values: Mapping[str, str | None], name: str) -> str:
    return (values.get(name) or "").strip()


def unfilled(body: str) -> list[str]:
    """The fields still in a text, each once, in the order they are read."""
    return list(dict.fromkeys(_FIELD.findall(body)))


def problem(body: str) -> str | None:
    """Why a message with this body is not sent, as a sentence; None where no field is left."""
    left = unfilled(body)
    return f"Fill in {{{left[0]}}} first: nothing stands in its place yet." if left else None


def pieces(body: str) -> list[tuple[str, bool]]:
    """What a preview shows: the text in pieces, and whether each is a field (then its name)."""
    parts = enumerate(_FIELD.split(body))  # what stands at odd places is what was split at
    return [(part, n % 2 == 1) for n, part in parts if part]
