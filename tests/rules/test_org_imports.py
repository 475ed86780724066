"""Orgs of a file as org units: one line per case."""

from dataclasses import dataclass

import pytest

from app.rules.importing import Refused
from app.rules.oneroster import Columns, Org, orgs_of, read_org
from app.rules.org_imports import placed

NO_UNIT = "which is above it, is no org unit."


@dataclass(frozen=True)
class Unit:
    id: int
    name: str
    parent_id: int | None


HEALTH, NURSING = Unit(1, "Health", None), Unit(2, "Nursing", 1)

# orgs as (id, name, parent): what becomes of each, by its id: a unit that is there, NEW under what,
# the line that it is the same as, or a part of what is wrong
NEW = "new"
CASES = [
    ("a tree, from below", [("n", "Math", "h"), ("h", "Arts", "")], {"h": NEW, "n": NEW}),
    ("what is there", [("h", "health", ""), ("n", "NURSING", "h")], {"h": 1, "n": 2}),
    ("the same name elsewhere is another", [("n", "Nursing", "")], {"n": NEW}),
    ("under one that is there", [("h", "Health", ""), ("m", "Midwives", "h")], {"h": 1, "m": NEW}),
    ("twice in one place", [("a", "Law", ""), ("b", "law", "")], {"a": NEW, "b": "same as a"}),
    (
        "below what is there twice",
        [("a", "Law", ""), ("b", "law", ""), ("x", "Clinic", "a"), ("y", "Clinic", "b")],
        {"a": NEW, "b": "same as a", "x": NEW, "y": "same as x"},
    ),
    (
        "a parent whom nobody knows",
        [("a", "Law", "zzz"), ("b", "Clinic", "a"), ("c", "Arts", "")],
        {"a": "There is no org zzz in orgs.csv.", "b": f"Law, {NO_UNIT}", "c": NEW},
    ),
    ("under itself", [("a", "Law", "a")], {"a": "It is below itself: Law."}),
    (
        "a circle, and what is below it",
        [("a", "Law", "b"), ("b", "Arts", "a"), ("c", "Clinic", "a")],
        {
            "a": "It is below itself: Law, Arts.",
            "b": "It is below itself: Law, Arts.",
            "c": f"Law, {NO_UNIT}",
        },
    ),
    (
        "too deep",
        [(str(n), f"Level {n}", str(n - 1) if n > 1 else "") for n in range(1, 11)],
        {
            **{str(n): NEW for n in range(1, 9)},
            "9": "Units go at most 8 levels deep.",
            "10": f"Level 9, {NO_UNIT}",
        },
    ),
    (
        "too many",
        [(str(n), f"Office {n}", "") for n in range(10)],
        {
            **{str(n): NEW for n in range(8)},
            **{str(n): "There are as many org units as there may be." for n in (8, 9)},
        },
    ),
]


@pytest.mark.parametrize(
    ("rows", "expected"), [case[1:] for case in CASES], ids=[c[0] for c in CASES]
)
def test_each_org_is_placed_in_the_tree(rows, expected):
    read = [(line, Org(*row)) for line, row in enumerate(rows, 2)]
    found = placed(read, [HEALTH, NURSING], 10)
    assert {each.id: _told(each) for each in found} == expected
    seen = set()
    for each in found:  # whatever is above comes first
        assert each.above is None or each.above.id in seen
        seen.add(each.id)


def _told(each):
    if each.problem:
        return each.problem
    return f"same as {each.same.id}" if each.same else each.unit or NEW


def test_of_two_lines_about_one_org_the_first_counts_and_what_goes_is_left_out():
    rows = [
        (2, Org("a", "Law", "")),
        (3, Org("a", "Arts", "")),
        (4, Org("b", "Old", "", gone=True)),
    ]
    rows.append((5, Org("c", "Clinic", "b")))
    found = {each.line: each for each in placed(rows, [], 10)}
    assert found[2].is_new
    assert found[3].problem == "Line 2 is about the same org. The first one counts."
    assert found[4].skipped
    assert found[5].problem == f"Old, {NO_UNIT}"


COLUMNS = Columns.of(["sourcedId", "status", "name", "type", "parentSourcedId"])


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("o1,active,Law  School,school,o0", Org("o1", "Law School", "o0")),
        ("o1,tobedeleted,Law,department,", Org("o1", "Law", "", gone=True)),
        (",,Law,school,", Refused("There is no sourcedId.", "", "Law")),
        ("o1,,,school,", Refused("There is no name.", "o1", "")),
        (
            "o1,,Department of Law,school,",
            Refused("name: longer than 10 characters.", "o1", "Department"),
        ),
        ("o1,,Law", Refused("This line has 3 cells, the first line has 5.", "o1")),
    ],
)
def test_a_line_of_orgs(line, expected):
    longest = 10 if "Department of" in line else 80
    assert read_org(line.split(","), COLUMNS, longest) == expected


def test_which_orgs_somebody_is_in():
    columns = Columns.of(["sourcedId", "orgSourcedIds", "primaryOrgSourcedId"])
    assert orgs_of(["s1", "o1, o2", ""], columns) == ["o1", "o2"]
    assert orgs_of(["s1", "o1,o2", "o3"], columns) == ["o3", "o1", "o2"]
    assert orgs_of(["s1"], Columns.of(["sourcedId"])) == []
