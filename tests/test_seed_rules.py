"""The table of seed rules in docs/seed-rules.md: every rule is in it once, with tests that say that
they show it, or with the reason why there is none."""

import re

from tests.documents import named_in, rows, written_in

LAST = {0: 46, 1: 32, 2: 46, 3: 87, 4: 52}  # of each chapter
RULES = [f"S{chapter}-{n}" for chapter, last in LAST.items() for n in range(1, last + 1)]
WHY_NOT = re.compile(r"(not built yet|not ours|nothing to test): \w")
ROWS = rows("seed-rules.md", r"S\d-\d+")


def cited(test: str, written: str) -> set[str]:
    """The rules that a test says it shows: S3-12, S3-12..S3-15, and s3_12 in its name."""
    found = {f"S{chapter}-{n}" for chapter, n in re.findall(r"(?<=_)s(\d)_(\d+)(?=_)", test)}
    for chapter, first, last in re.findall(r"\bS(\d)-(\d+)(?:\.\.S\1-(\d+))?", written):
        found |= {f"S{chapter}-{n}" for n in range(int(first), int(last or first) + 1)}
    return found


def test_every_rule_is_there_once_and_in_order():
    assert [rule for rule, _ in ROWS] == RULES


def test_every_rule_has_a_test_that_says_so_or_the_reason_why_not():
    for rule, row in ROWS:
        meaning, here, shown = (cell.strip() for cell in row.removesuffix("|").split("|"))
        assert meaning, rule
        named = named_in(shown)
        assert named or WHY_NOT.match(here), rule
        for file, test in named:
            assert test in written_in(file), (rule, test)
            assert rule in cited(test, written_in(file)[test]), (rule, test)
