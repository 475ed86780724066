"""Tables: from the bytes of a CSV file, of whatever program and country, to its rows.

Read in pieces, so that a file of any size takes the memory of one piece. What is no such file, or
cannot be cut into rows, raises Unreadable with a sentence that names the line.
"""

import codecs
import csv
import io
import re
from codecs import IncrementalDecoder
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

MOST_COLUMNS = 200
MOST_CELLS = 5 * MOST_COLUMNS  # of one line; one with a few too many is only cut wrong
MOST_ROWS = 250_000
LONGEST_LINE = 1_000_000  # characters, also of a row of several lines
LONGEST_CELL = 131_072  # characters: the limit of `csv` itself
NO_TEXT = "This is no CSV file. Save the table as CSV, then import that."

_BOMS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
_DELIMITERS = ",;\t|"
_QUOTED = re.compile(r'"[^"]*"')
_ADDRESS = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_NUMBER = re.compile(r"\+?[\d\s().-]{7,}")


class Unreadable(Exception):
    """str() is for the person who chose the file."""


def encoding_of(chunks: Iterable[bytes]) -> str:
    """How the text is written, by its mark or else by what it can be: UTF-8, or what Excel writes
    in western countries. No text holds a NUL, in whatever encoding."""
    readers: dict[str, IncrementalDecoder] | None = None
    for chunk in chunks:
        if readers is None:
            readers = _readers(chunk)
        readers = {name: each for name, each in readers.items() if _reads(each, chunk)}
    if readers is None:  # an empty file
        readers = _readers(b"")
    found = [name for name, each in readers.items() if _reads(each, b"", True)]
    if not found:
        raise Unreadable(NO_TEXT)
    return found[0]


def _readers(first: bytes) -> dict[str, IncrementalDecoder]:
    """Of the encodings that a file which begins so may have."""
    marked = next((name for mark, name in _BOMS.items() if first.startswith(mark)), "utf-8")
    names = [marked] if marked == "utf-16" else [marked, "cp1252"]
    return {name: codecs.getincrementaldecoder(name)() for name in names}


def _reads(reader: IncrementalDecoder, chunk: bytes, final: bool = False) -> bool:
    try:
        return "\0" not in reader.decode(chunk, final)
    except UnicodeDecodeError:
        return False


def lines(chunks: Iterable[bytes], encoding: str) -> Iterator[str]:
    """The lines with their ends, which may be CR, LF or both."""
    decoder = codecs.getincrementaldecoder(encoding)()
    rest = ""
    try:
        for chunk in chunks:
            text = rest + decoder.decode(chunk)
            # A CR at the very end may be half of a CRLF.
            cut = max(text.rfind("\n"), text.rfind("\r", 0, len(text) - 1)) + 1
            yield from io.StringIO(text[:cut], newline="")
            rest = text[cut:]
            if len(rest) > LONGEST_LINE:
                raise Unreadable(f"A line is longer than {LONGEST_LINE:,} characters.")
        yield from io.StringIO(rest + decoder.decode(b"", True), newline="")
    except UnicodeDecodeError:
        raise Unreadable(NO_TEXT) from None


def delimiter_of(lines: Iterable[str]) -> str:
    """What stands between the cells of the first line that is not blank, outside of quotes."""
    first = next((line for line in lines if not line.isspace()), "")
    counts = Counter(_QUOTED.sub("", first))
    return max(_DELIMITERS, key=lambda each: counts[each])


def rows(lines: Iterable[str], delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Each row that is not blank, as (line where it begins, cells)."""
    bounded = _Bounded(lines)
    reader = csv.reader(bounded, delimiter=delimiter, strict=True)
    begins = 1
    while True:
        bounded.left = LONGEST_LINE
        try:
            cells = next(reader, None)
        except csv.Error as error:
            raise Unreadable(f"Line {begins:,}: {_told(str(error))}") from None
        if cells is None:
            return
        if any(cell and not cell.isspace() for cell in cells):
            yield begins, _without_tail(cells, begins)
        begins = reader.line_num + 1


class _Bounded:
    """The lines, `left` characters of them: quotes may make one row of a whole file."""

    def __init__(self, lines: Iterable[str]) -> None:
        self.left = LONGEST_LINE
        self._lines = iter(lines)

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = next(self._lines)
        self.left -= len(line)
        if self.left < 0:
            raise Unreadable(f"A line is longer than {LONGEST_LINE:,} characters.")
        return line


def _without_tail(cells: list[str], line: int) -> list[str]:
    """Some programs write thousands of empty cells behind the last one."""
    while len(cells) > MOST_COLUMNS and not cells[-1].strip():
        cells.pop()
    if len(cells) > MOST_CELLS:
        many = f"{len(cells):,} columns; {MOST_COLUMNS} can be read."
        raise Unreadable(f"Line {line:,}: it has {many}")
    return cells


def _told(error: str) -> str:
    if "unexpected end" in error or "field larger" in error:
        return (
            f"a quote is opened and never closed, or a cell is longer than {LONGEST_CELL:,} "
            "characters."
        )
    if "expected after" in error:
        return "a quote stands in the middle of a cell."
    return "it cannot be cut into cells."


def columns_of(cells: Sequence[str]) -> list[str]:
    """The names of the columns, from the first row. One without a name is called by its place."""
    names = [" ".join(cell.replace("\0", "").split())[:100] for cell in cells]
    while names and not names[-1]:
        names.pop()
    if len(names) > MOST_COLUMNS:
        raise Unreadable(f"The file has {len(names):,} columns; {MOST_COLUMNS} can be read.")
    if any(_ADDRESS.fullmatch(name) or _NUMBER.fullmatch(name) for name in names):
        raise Unreadable("The first line must hold the names of the columns, such as Email.")
    return [name or f"Column {place}" for place, name in enumerate(names, 1)]


def twice(names: Sequence[str]) -> list[str]:
    """The names that more than one column has."""
    counts = Counter(name.casefold() for name in names)
    return list(dict.fromkeys(name for name in names if counts[name.casefold()] > 1))
