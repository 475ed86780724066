"""Tables: from the bytes of a CSV file, of whatever program and country, to its rows.

Read in pieces, so that a file of any size takes the memory of one piece. What is no such file, or
cannot be cut into rows, raises Unreadable with a sentence that names the line.
"""

import codecs
import csv
import io
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

MOST_COLUMNS = 200
MOST_ROWS = 250_000
LONGEST_LINE = 1_000_000  # characters
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
    in western countries."""
    decoders = {name: codecs.getincrementaldecoder(name)() for name in ("utf-8", "cp1252")}
    marked, first = "", True
    for chunk in chunks:
        if first:
            first = False
            marked = next((name for mark, name in _BOMS.items() if chunk.startswith(mark)), "")
        if not marked.startswith("utf-16") and b"\0" in chunk:
            raise Unreadable(NO_TEXT)
        for name, decoder in [*decoders.items()]:
            try:
                decoder.decode(chunk)
            except UnicodeDecodeError:
                del decoders[name]
    for name, decoder in [*decoders.items()]:
        try:
            decoder.decode(b"", True)
        except UnicodeDecodeError:
            del decoders[name]
    if marked == "utf-16" or (marked and "utf-8" in decoders):
        return marked
    found = next(iter(decoders), None)
    if found is None:
        raise Unreadable(NO_TEXT)
    return found


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


def delimiter_of(line: str) -> str:
    """What stands between the cells of the first line, outside of quotes."""
    counts = Counter(_QUOTED.sub("", line))
    return max(_DELIMITERS, key=lambda each: counts[each])


def rows(lines: Iterable[str], delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Each row that is not blank, as (line where it begins, cells)."""
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    begins = 1
    while True:
        try:
            cells = next(reader, None)
        except csv.Error as error:
            raise Unreadable(f"Line {begins:,}: {_told(str(error))}") from None
        if cells is None:
            return
        if any(cell and not cell.isspace() for cell in cells):
            yield begins, cells
        begins = reader.line_num + 1


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
