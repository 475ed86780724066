"""CSV: what a spreadsheet reads is what was meant, and nothing in it is calculated."""

import csv
import io

import pytest
from flask import Flask

from app.routes import csvs

DANGEROUS = [
    ("=1+1", "'=1+1"),
    ("+15125550147", "'+15125550147"),
    ("-2+3", "'-2+3"),
    ("@SUM(A1)", "'@SUM(A1)"),
    ("\t=1+1", "'\t=1+1"),
    ("\r=1+1", "'\r=1+1"),
    ("\n=1+1", "'\n=1+1"),
    ("＝1+1", "'＝1+1"),
    ("＋1", "'＋1"),
    ("－1", "'－1"),
    ("＠A1", "'＠A1"),
    ("  =1+1", "'  =1+1"),
    ("\u00a0=1+1", "'\u00a0=1+1"),
    ("\x00=1+1", "'=1+1"),
    ('=HYPERLINK("http://x";"y")', '\'=HYPERLINK("http://x";"y")'),
    ("=cmd|' /C calc'!A0", "'=cmd|' /C calc'!A0"),
]
HARMLESS = ["", "Maya Torres", "1+1", "(512) 555-0147", "a=b", "it's", "'=quoted already", "–dash"]


@pytest.mark.parametrize(("typed", "kept"), DANGEROUS)
def test_a_cell_that_would_be_calculated_is_text(typed, kept):
    assert csvs.safe(typed) == kept


@pytest.mark.parametrize("typed", HARMLESS)
def test_an_ordinary_cell_is_left_alone(typed):
    assert csvs.safe(typed) == typed


@pytest.mark.parametrize("number", [-5, 0, 1.5, None])
def test_our_own_numbers_stay_numbers(number):
    assert csvs.safe(number) == number


def streamed(rows):
    with Flask(__name__).test_request_context():
        return csvs.streamed("people", ("Name", "Count"), rows)


@pytest.mark.parametrize("count", [0, 1, csvs.CHUNK, csvs.CHUNK + 1, 3 * csvs.CHUNK])
def test_every_row_arrives_once_and_in_order(count):
    rows = [(f'Thủy; "the {n}th", of\nmany', n) for n in range(count)]
    answer = streamed(iter(rows))
    assert answer.content_type == "text/csv; charset=utf-8"
    assert answer.headers["Content-Disposition"].startswith('attachment; filename="people-20')
    text = answer.get_data().decode("utf-8-sig")
    found = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    assert found == [["Name", "Count"], *([name, str(n)] for name, n in rows)]


def test_rows_are_read_as_they_are_asked_for():
    """Memory stays flat, however many there are."""
    read = []

    def endless():
        while True:
            read.append(1)
            yield ("Maya", 1)

    parts = streamed(endless()).iter_encoded()
    next(iter(parts))
    assert len(read) <= 2 * csvs.CHUNK


def test_what_goes_wrong_with_the_first_row_is_an_error_and_no_broken_file():
    def broken():
        raise LookupError
        yield

    with pytest.raises(LookupError):
        streamed(broken())


def test_a_list_separator_inside_a_cell_begins_no_new_one():
    """Where ";" separates, an unquoted "a;=1+1" would be two cells, the second a formula."""
    line = streamed([("a;=1+1", -1)]).get_data().decode("utf-8-sig").splitlines()[1]
    assert line == '"a;=1+1",-1'
