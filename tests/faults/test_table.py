"""The table of faults in docs/faults.md: every row has its test, and every test it names exists."""

import re

from app.config import ROOT

ROWS = (
    *(1, 2, 3, 4, 6, 9, 10, 12, 13, 15, 16, 17, 18, 19, 21, 23, 24, 25, 26, 27, 28, 32, 34, 35),
    *(36, 37, 38, 39, 40, 41, 43, 45, 46, 49, 58, 60, 61),
)


def test_every_fault_has_a_test_that_exists():
    page = (ROOT / "docs" / "faults.md").read_text()
    rows = {int(n): row for n, row in re.findall(r"^\| F(\d+) \|(.*)$", page, re.MULTILINE)}
    assert tuple(rows) == ROWS
    for number, row in rows.items():
        named = re.findall(r"`([\w/.]+)::(\w+)`", row)
        assert named or re.search(rf"as F(?!{number}\b)\d+|not yet", row), number
        for file, test in named:
            assert f"def {test}(" in (ROOT / "tests" / file).read_text(), (number, test)
