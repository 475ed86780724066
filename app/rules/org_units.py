"""Org units: a tree of the parts of an institution. What is below and above what, what may be
moved where, and in which order they are shown.

A tree is given as `parents`: unit → the unit above it, None = at the top.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Protocol, TypeVar

from app.rules.search import folded

DEEPEST = 8  # levels

Parents = Mapping[int, int | None]


class Named(Protocol):
    id: int
    name: str
    parent_id: int | None


U = TypeVar("U", bound=Named)


def below(parents: Parents, top: int) -> frozenset[int]:
    """The unit itself and everything under it."""
    children = defaultdict(list)
    for unit, parent in parents.items():
        children[parent].append(unit)
    found, waiting = {top}, [top]
    while waiting:
        new = [unit for unit in children[waiting.pop()] if unit not in found]
        found.update(new)
        waiting += new
    return frozenset(found)


def above(parents: Parents, unit: int) -> list[int]:
    """The unit itself and what it is under, the top last."""
    path = [unit]
    while (parent := parents.get(path[-1])) is not None and parent not in path:
        path.append(parent)
    return path


def problem(parents: Parents, unit: int | None, parent: int | None) -> str | None:
    """Why a unit cannot be under that one; None where it can. `unit` None: a new one."""
    if parent is None:
        return None
    if unit is not None and parent in below(parents, unit):
        return "A unit cannot be under itself, nor under what is below it."
    levels = len(above(parents, parent)) + (_height(parents, unit) if unit is not None else 1)
    return f"Units go at most {DEEPEST} levels deep." if levels > DEEPEST else None


def _height(parents: Parents, unit: int) -> int:
    base = len(above(parents, unit))
    return max(len(above(parents, each)) for each in below(parents, unit)) - base + 1


def in_order(units: Iterable[U]) -> list[tuple[U, int]]:
    """Each after the one that it is under, by name among its siblings, with how deep it is: 0 = at
    the top. One whose parent is not among them is at the top."""
    units = list(units)
    here = {unit.id for unit in units}
    children: dict[int | None, list[U]] = defaultdict(list)
    for unit in sorted(units, key=lambda unit: (folded(unit.name), unit.id)):
        children[unit.parent_id if unit.parent_id in here else None].append(unit)
    found: list[tuple[U, int]] = []
    waiting = [(unit, 0) for unit in reversed(children[None])]
    while waiting:
        unit, depth = waiting.pop()
        found.append((unit, depth))
        waiting += [(child, depth + 1) for child in reversed(children[unit.id])]
    return found
