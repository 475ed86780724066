"""Workbooks: every row as it was meant, and nothing in it is calculated."""

import io
import xml.etree.ElementTree as ET
import zipfile
from itertools import repeat

import pytest
from flask import Flask

from app.errors import Invalid
from app.routes import workbooks
from tests.test_csvs import DANGEROUS

SHEET = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"


def sent(rows):
    with Flask(__name__).test_request_context():
        answer = workbooks.sent("people", ("Name", "Count"), rows)
        answer.direct_passthrough = False
        return answer


def cells(data):
    """The rows of the first sheet: text as str, numbers as float."""
    with zipfile.ZipFile(io.BytesIO(data)) as book:
        sheet = ET.fromstring(book.read("xl/worksheets/sheet1.xml"))
    assert sheet.findall(f".//{SHEET}f") == []  # a formula
    return [[_value(cell) for cell in row] for row in sheet.iter(f"{SHEET}row")]


def _value(cell):
    if cell.get("t") == "inlineStr":
        return "".join(cell.itertext())
    return float(cell.findtext(f"{SHEET}v"))


def test_every_row_is_there_and_a_number_of_ours_stays_one():
    rows = [(f"Thủy {n}", n) for n in range(450)]
    answer = sent(iter(rows))
    assert answer.headers["Content-Disposition"].startswith("attachment; filename=people-20")
    assert answer.mimetype.endswith("spreadsheetml.sheet")
    assert cells(answer.get_data()) == [["Name", "Count"], *map(list, rows)]


@pytest.mark.parametrize("typed", [typed for typed, _ in DANGEROUS] + ["http://x.example", "007"])
def test_what_people_wrote_is_text(typed):
    [_, [found, _]] = cells(sent([(typed, 1)]).get_data())
    assert found.replace("_x000D_", "\r") == typed.replace("\x00", "")


def test_a_long_cell_is_cut_and_not_lost():
    [_, [found, _]] = cells(sent([("x" * 40_000, 1)]).get_data())
    assert len(found) == 32_767


def test_more_rows_than_a_sheet_holds_are_refused_in_words():
    with pytest.raises(Invalid, match="A workbook holds 1,048,575 rows"):
        sent(repeat((), workbooks.MOST_ROWS + 1))
