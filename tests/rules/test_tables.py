"""Tables: files of every kind that schools send, cut into rows or refused in words (C1-C6)."""

import pytest

from app.rules.tables import (
    LONGEST_CELL,
    LONGEST_LINE,
    Unreadable,
    columns_of,
    delimiter_of,
    encoding_of,
    lines,
    rows,
    twice,
)


def read(data: bytes, piece: int = 7) -> list[tuple[int, list[str]]]:
    """In pieces so small that each border falls somewhere."""
    pieces = [data[n : n + piece] for n in range(0, len(data), piece)]
    encoding = encoding_of(pieces)
    delimiter = delimiter_of(lines(pieces, encoding))
    return list(rows(lines(pieces, encoding), delimiter))


PLAIN = [(1, ["ID", "Name"]), (2, ["1", "Maya"]), (3, ["2", "Tomás"])]

READ = [
    ("ID,Name\n1,Maya\n2,Tomás\n".encode(), PLAIN),
    ("ID,Name\n1,Maya\n2,Tomás".encode(), PLAIN),  # no end of the last line
    ("\ufeffID,Name\r\n1,Maya\r\n2,Tomás\r\n".encode(), PLAIN),
    ("ID,Name\r1,Maya\r2,Tomás\r".encode(), PLAIN),  # an old Mac
    ("ID;Name\n1;Maya\n2;Tomás\n".encode(), PLAIN),
    ("ID\tName\n1\tMaya\n2\tTomás\n".encode("utf-16"), PLAIN),  # "Unicode text" of Excel
    ("ID;Name\r\n1;Maya\r\n2;Tomás\r\n".encode("cp1252"), PLAIN),
    (b'"ID","Na,me"\n1,"a\n""b"""\n\n , \n2,c\n', [
        (1, ["ID", "Na,me"]), (2, ["1", 'a\n"b"']), (6, ["2", "c"])]),
    (b'"a,b";c\n1;2\n', [(1, ["a,b", "c"]), (2, ["1", "2"])]),
    ("ID,Name\n1,a\u2028b\x0bc\n".encode(), [(1, ["ID", "Name"]), (2, ["1", "a\u2028b\x0bc"])]),
    (b"\r\n \nID;Name\n1;Maya\n", [(3, ["ID", "Name"]), (4, ["1", "Maya"])]),
    (b"ID,Name" + b"," * 16_000 + b"\n1,Maya\n", [
        (1, ["ID", "Name", *[""] * 198]), (2, ["1", "Maya"])]),  # as some programs write
    (b"", []),
    (b"\r\n \r\n", []),
]  # fmt: skip


@pytest.mark.parametrize(("data", "found"), READ)
@pytest.mark.parametrize("piece", [4, 7, 4096])
def test_a_file_of_any_program_is_cut_into_rows(data, found, piece):
    """C3"""
    assert read(data, piece) == found


REFUSED = [
    (b"PK\x03\x04\x00\x00", "no CSV file"),  # C4
    (b"MZ\x90\x00\x03", "no CSV file"),
    (b"ID,Name\n1,\x00\n", "no CSV file"),
    ("ID,Name\n1,\0\n".encode("utf-16"), "no CSV file"),
    ("ID,Name\n1,Maya\n".encode("utf-32"), "no CSV file"),
    ("ID,Name\n1,Maya\n".encode("utf-16")[:-1], "no CSV file"),  # half a letter
    (b"ID,Name\n1,\x81\xff\n", "no CSV file"),  # neither UTF-8 nor what Excel writes
    (b'ID,Name\n1,Maya\n2,"Tom\n3,Noor\n', "Line 3: a quote is opened and never closed"),
    (b'ID,Name\n1,"Ma"ya\n', "Line 2: a quote stands in the middle"),
    (b'ID,Name\n1,"' + b"x" * (LONGEST_CELL + 9) + b'"\n', "Line 2: a quote is opened"),
    (b"ID,Name\n1,Maya" + b",x" * 2000 + b"\n", "Line 2: it has 2,002 columns"),
    (b"ID,Name\n" + b'1,"\n",' * 400_000, "longer than 1,000,000 characters"),  # one row
    (b"ID,Name\n" + b"x" * (LONGEST_LINE + 9000), "longer than 1,000,000 characters"),  # C5
]


@pytest.mark.parametrize(("data", "says"), REFUSED)
def test_what_is_no_table_is_refused_with_its_line(data, says):
    with pytest.raises(Unreadable, match=says):
        read(data, 4096)


def test_the_first_line_names_the_columns():
    assert columns_of(["ID ", "First\nname", "", "Email", "", " "]) == [
        *("ID", "First name", "Column 3", "Email"),
    ]
    assert twice(["ID", "Email", "Phone", "email"]) == ["Email", "email"]
    for cells in (["1", "Maya", "maya@students.example"], ["Maya", "(512) 555-0147"]):
        with pytest.raises(Unreadable, match="must hold the names"):
            columns_of(cells)
    with pytest.raises(Unreadable, match="5,000 columns"):
        columns_of([f"c{n}" for n in range(5000)])
