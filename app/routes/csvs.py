"""CSV: rows as a file that is written while it is read, safe to open in a spreadsheet."""

import csv
import time
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import TypeVar

from flask import Response, stream_with_context

from app import clock

Cell = str | int | float | None
T = TypeVar("T")

CHUNK = 200  # rows that are written at once
_BOM = "\ufeff"  # else a spreadsheet does not take it for UTF-8
# What a spreadsheet takes for the beginning of a formula, also in the wide forms of East Asia.
_DANGEROUS = tuple("=+-@\t\r\n＝＋－＠")


def safe(cell: Cell) -> Cell:
    """A cell that no spreadsheet calculates: one that would begin a formula begins with an
    apostrophe, whatever space is before it. A number that is ours stays a number."""
    if not isinstance(cell, str):
        return cell
    text = cell.replace("\x00", "")
    return (
        f"'{text}" if text.startswith(_DANGEROUS) or text.lstrip().startswith(_DANGEROUS) else text
    )


def streamed(name: str, head: Sequence[str], rows: Iterable[Sequence[Cell]]) -> Response:
    """The file `name`-DAY.csv. `rows` may read the database as they are asked for; the first ones
    are asked for here, so that what goes wrong with them is still an error."""
    parts = _parts(head, rows)
    first = next(parts)
    response = Response(
        stream_with_context(chain([first], parts)), content_type="text/csv; charset=utf-8"
    )
    day = f"{clock.now():%Y-%m-%d}"
    response.headers["Content-Disposition"] = f'attachment; filename="{name}-{day}.csv"'
    return response


class _Lines(list[str]):
    """Where `csv` writes to."""

    write = list.append


def _parts(head: Sequence[str], rows: Iterable[Sequence[Cell]]) -> Iterator[bytes]:
    lines = _Lines([_BOM])
    # Everything is quoted: an unquoted ";" would end a cell where the list separator is one.
    writer = csv.writer(lines, quoting=csv.QUOTE_NONNUMERIC)
    writer.writerow(head)
    for some in _chunks(rows):
        writer.writerows([safe(cell) for cell in row] for row in some)
        yield "".join(lines).encode()
        lines.clear()
        time.sleep(0)  # the sockets of this process have their turn
    if lines:
        yield "".join(lines).encode()


def _chunks(rows: Iterable[T]) -> Iterator[list[T]]:
    some: list[T] = []
    for row in rows:
        some.append(row)
        if len(some) == CHUNK:
            yield some
            some = []
    if some:
        yield some
