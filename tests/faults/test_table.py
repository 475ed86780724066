"""The table of faults in docs/faults.md: every row has its test, and every test it names exists."""

import re

from tests.documents import named_in, rows, written_in

ROWS = (
    *(1, 2, 3, 4, 6, 9, 10, 12, 13, 15, 16, 17, 18, 19, 21, 23, 24, 25, 26, 27, 28, 32, 34, 35),
    *(36, 37, 38, 39, 40, 41, 43, 45, 46, 49, 58, 60, 61),
)


def test_every_fault_has_a_test_that_exists():
    found = rows("faults.md", r"F\d+")
    assert [number for number, _ in found] == [f"F{n}" for n in ROWS]
    for number, row in found:
        named = named_in(row)
        assert named or re.search(rf"as (?!{number}\b)F\d+|not yet", row), number
        for file, test in named:
            assert test in written_in(file), (number, test)
