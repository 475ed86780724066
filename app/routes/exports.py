"""Exports: rows as a file, of the kind that is asked for."""

from collections.abc import Iterable, Sequence

from flask import Response, request

from app.routes import csvs, workbooks

Cell = csvs.Cell


def sent(name: str, head: Sequence[str], rows: Iterable[Sequence[Cell]]) -> Response:
    """`name`-DAY.csv, or .xlsx with `format=xlsx` in the address. `rows` may read the database as
    they are asked for. Raises what they raise at first; Invalid for what no sheet holds."""
    kind = workbooks.sent if request.args.get("format") == "xlsx" else csvs.streamed
    return kind(name, head, rows)
