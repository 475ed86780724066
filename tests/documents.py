"""Documents: the tables in docs/ whose rows name the tests that show them."""

import ast
import re
from functools import cache
from pathlib import Path

from app.config import ROOT


def rows(document: str, number: str) -> list[tuple[str, str]]:
    """Every row of its tables, in order: (number, the rest). `number`: what numbers look like, as a
    pattern."""
    page = (ROOT / "docs" / document).read_text()
    return re.findall(rf"^\| ({number}) \|(.*)$", page, re.MULTILINE)


def named_in(row: str) -> list[tuple[Path, str]]:
    """The tests that a row names: (file, function)."""
    named = re.findall(r"`([\w/.]+)::(\w+)`", row)
    return [(ROOT / "tests" / file, test) for file, test in named]


@cache
def written_in(file: Path) -> dict[str, str]:
    """The tests in a file by their name, each as it is written, with what it is run with."""
    text = file.read_text()
    lines = text.splitlines()
    return {
        node.name: "\n".join(lines[_begin(node) - 1 : node.end_lineno])
        for node in ast.parse(text).body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    }


def _begin(node: ast.FunctionDef) -> int:
    return min(each.lineno for each in (node, *node.decorator_list))
