"""Workbooks: rows as an .xlsx file, which is made row by row and only sent once it is whole."""

import time
from collections.abc import Iterable, Sequence
from tempfile import TemporaryFile

from flask import Response, send_file

from app import clock
from app.errors import Invalid
from app.routes.csvs import CHUNK, Cell
from app.threads import in_thread

MOST_ROWS = 1_048_575  # of a sheet, below its head
_LONGEST = 32_767  # characters of a cell
_OPTIONS = {  # what people wrote is text, whatever it looks like
    "constant_memory": True,
    "strings_to_formulas": False,
    "strings_to_numbers": False,
    "strings_to_urls": False,
}


def sent(name: str, head: Sequence[str], rows: Iterable[Sequence[Cell]]) -> Response:
    """The file `name`-DAY.xlsx. Raises Invalid for more rows than a sheet holds."""
    from xlsxwriter import Workbook  # only who asks for one waits until it is loaded

    file = TemporaryFile()  # noqa: SIM115 (closed with the response)
    book = Workbook(file, _OPTIONS)
    sheet = book.add_worksheet()
    sheet.freeze_panes(1, 0)
    sheet.write_row(0, 0, head, book.add_format({"bold": True}))
    for number, row in enumerate(rows, 1):
        if number > MOST_ROWS:
            raise Invalid("format", f"A workbook holds {MOST_ROWS:,} rows. Take CSV, or fewer.")
        sheet.write_row(number, 0, [_fitting(cell) for cell in row])
        if number % CHUNK == 0:
            time.sleep(0)  # the sockets of this process have their turn
    in_thread(book.close)
    file.seek(0)
    return send_file(
        file,
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        as_attachment=True,
        download_name=f"{name}-{clock.now():%Y-%m-%d}.xlsx",
    )


def _fitting(cell: Cell) -> Cell:
    return cell.replace("\x00", "")[:_LONGEST] if isinstance(cell, str) else cell
