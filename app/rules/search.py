"""Search: what a text or a name is found by, the same on both databases.

Everything is compared as folded words: without case and accents, and cut at whatever is no letter
or digit. A word that is looked for is the beginning of one of them; a number is its last digits.
"""

import re
import unicodedata
from dataclasses import dataclass

MOST_TERMS = 5
LONGEST_WORD = 60  # characters; a longer one is found by its beginning
FEWEST_DIGITS = 4  # of a number's end

_WORD = re.compile(r"[^\W_]+")
_NUMBER = re.compile(r"[\d\s()+./-]+")


def folded(text: str) -> str:
    """The words of `text`, each once and in order, with one space between them."""
    plain = unicodedata.normalize("NFKD", text).casefold()
    bare = "".join(c for c in plain if not unicodedata.combining(c))
    return " ".join(dict.fromkeys(word[:LONGEST_WORD] for word in _WORD.findall(bare)))


def tail(e164: str) -> str:
    """A number from its end, so that its last digits are a beginning."""
    return e164[::-1]


@dataclass(frozen=True, slots=True)
class Term:
    """One thing to be found. `word`: the beginning of a word; `digits`: the end of a number, ""
    where it cannot be one."""

    word: str
    digits: str = ""


def terms(typed: str) -> list[Term]:
    """What somebody looks for; all of it must be found."""
    if _NUMBER.fullmatch(typed) and len(found := digits(typed)) >= FEWEST_DIGITS:
        return [Term(folded(found), found)]
    words = folded(typed).split()[:MOST_TERMS]
    return [Term(w, w if w.isascii() and w.isdigit() and _long(w) else "") for w in words]


def digits(typed: str) -> str:
    """The digits in what is typed, whatever stands between them."""
    return "".join(c for c in typed if c in "0123456789")


def _long(word: str) -> bool:
    return len(word) >= FEWEST_DIGITS
