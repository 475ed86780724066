"""Org units: the tree. What is below and above what, what goes where, and the order of the list."""

from dataclasses import dataclass

import pytest

from app.rules.org_units import DEEPEST, above, below, in_order, problem

#   1 College          4 Library
#   ├ 2 Nursing
#   │ └ 5 Year 1
#   └ 3 law
TREE = {1: None, 2: 1, 3: 1, 4: None, 5: 2}


@dataclass
class Unit:
    id: int
    name: str
    parent_id: int | None


@pytest.mark.parametrize(
    ("unit", "expected"),
    [(1, {1, 2, 3, 5}), (2, {2, 5}), (3, {3}), (4, {4}), (5, {5}), (9, {9})],
)
def test_s4_23_a_unit_holds_itself_and_all_that_is_below(unit, expected):
    assert below(TREE, unit) == expected


@pytest.mark.parametrize(
    ("unit", "expected"), [(5, [5, 2, 1]), (3, [3, 1]), (1, [1]), (4, [4]), (9, [9])]
)
def test_what_a_unit_is_under_the_top_last(unit, expected):
    assert above(TREE, unit) == expected


def test_a_circle_in_the_table_ends_all_the_same():
    """It cannot be made; were it there, no page would hang."""
    circle = {1: 2, 2: 1}
    assert below(circle, 1) == {1, 2}
    assert above(circle, 1) == [1, 2]


@pytest.mark.parametrize(
    ("unit", "parent", "why"),
    [
        (None, None, None),
        (None, 5, None),
        (2, None, None),
        (2, 4, None),
        (5, 1, None),
        (2, 2, "under itself"),
        (1, 5, "below it"),  # no circles
        (1, 2, "below it"),
    ],
)
def test_a_unit_is_never_under_itself(unit, parent, why):
    found = problem(TREE, unit, parent)
    assert (found is None) if why is None else (why in str(found))


def test_a_tree_is_only_so_deep():
    chain = {n: n - 1 or None for n in range(1, DEEPEST + 1)}
    assert problem(chain, None, DEEPEST - 1) is None
    assert str(DEEPEST) in str(problem(chain, None, DEEPEST))
    pair = {**chain, 50: None, 51: 50}
    assert problem(pair, 50, DEEPEST - 2) is None
    assert str(DEEPEST) in str(problem(pair, 50, DEEPEST - 1))  # with what is below it


def test_siblings_are_in_the_order_of_their_names_each_below_its_parent():
    names = {1: "College", 2: "Nursing", 3: "law", 4: "Ängelholm", 5: "Year 1"}
    units = [Unit(id_, names[id_], parent) for id_, parent in TREE.items()]
    found = [(unit.name, depth) for unit, depth in in_order(reversed(units))]
    assert found == [("Ängelholm", 0), ("College", 0), ("law", 1), ("Nursing", 1), ("Year 1", 2)]


def test_a_part_of_the_tree_stands_at_the_top():
    """Whoever looks after Nursing sees Nursing and what is below, as a tree of its own."""
    found = in_order([Unit(5, "Year 1", 2), Unit(2, "Nursing", 1)])
    assert [(unit.id, depth) for unit, depth in found] == [(2, 0), (5, 1)]
