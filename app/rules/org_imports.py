"""Org imports: where the orgs of a file stand in the tree of org units, and which are there.

A unit has no id of the school's system: it is known again by its name under the same parent.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from app.rules.importing import Refused
from app.rules.oneroster import Org
from app.rules.org_units import DEEPEST, Named
from app.rules.search import folded


@dataclass(slots=True)
class Placed:
    """One line of orgs.csv. `unit`: the one that it is; None = there is none yet. `above`: None =
    at the top. `same`: an earlier line is the same unit. `problem`: why it is none; `skipped`:
    nothing is wrong with it."""

    line: int
    id: str
    name: str
    unit: int | None = None
    above: "Placed | None" = None
    same: "Placed | None" = None
    problem: str = ""
    skipped: bool = False
    depth: int = 1

    @property
    def is_new(self) -> bool:
        return not (self.problem or self.same or self.unit)


def placed(
    rows: Sequence[tuple[int, Org | Refused]], units: Iterable[Named], most: int
) -> list[Placed]:
    """Each line, whatever is above before what is below. `units`: those that are there; of them
    and the new ones there are at most `most`."""
    units = list(units)
    found, orgs = [], dict[str, tuple[int, Org]]()
    for line, org in rows:
        if isinstance(org, Refused):
            found.append(Placed(line, org.key, org.name, problem=org.reason))
        elif org.id in orgs:
            first = f"Line {orgs[org.id][0]:,} is about the same org. The first one counts."
            found.append(Placed(line, org.id, org.name, problem=first))
        else:
            orgs[org.id] = (line, org)
    return [*found, *_Tree(orgs, units, most).placed()]


class _Tree:
    def __init__(
        self, orgs: Mapping[str, tuple[int, Org]], units: Sequence[Named], most: int
    ) -> None:
        self._orgs, self._left = orgs, most - len(units)
        self._there = {(unit.parent_id, folded(unit.name)): unit.id for unit in units}
        self._found: dict[str, Placed] = {}
        self._beside: dict[tuple[int, str], Placed] = {}  # by what is above, and the name

    def placed(self) -> list[Placed]:
        for org_id in self._orgs:
            self._place(org_id)
        return list(self._found.values())

    def _place(self, org_id: str) -> None:
        """With all that is above it."""
        path: list[str] = []
        while org_id in self._orgs and org_id not in self._found and org_id not in path:
            path.append(org_id)
            org_id = self._orgs[org_id][1].parent
        if org_id in path:
            path, circle = path[: path.index(org_id)], path[path.index(org_id) :]
            names = ", ".join(self._orgs[each][1].name for each in circle)[:200]
            for each in circle:
                self._add(each, f"It is below itself: {names}.")
        for each in reversed(path):
            self._add(each, "")

    def _add(self, org_id: str, problem: str) -> None:
        line, org = self._orgs[org_id]
        new = self._found[org_id] = Placed(line, org.id, org.name, problem=problem)
        if problem:
            return
        if org.gone:
            new.problem = "To be deleted in the school’s system. No import removes an org unit."
            new.skipped = True
            return
        above = self._found.get(org.parent)
        if org.parent and (wrong := self._wrong_above(org, above)):
            new.problem = wrong
            return
        new.above = above = above and (above.same or above)
        new.depth = above.depth + 1 if above else 1
        if new.depth > DEEPEST:
            new.problem = f"Units go at most {DEEPEST} levels deep."
            return
        self._settle(new)

    def _wrong_above(self, org: Org, above: Placed | None) -> str:
        if above is None:
            return f"There is no org {org.parent[:60]} in orgs.csv."
        return f"{above.name}, which is above it, is no org unit." if above.problem else ""

    def _settle(self, new: Placed) -> None:
        """Whether it is there already, in the tree or in the file."""
        name = folded(new.name)
        beside = (id(new.above), name)
        new.same = self._beside.setdefault(beside, new)
        if new.same is not new:
            new.problem = new.same.problem
            return
        new.same = None
        if new.above is None or new.above.unit:
            new.unit = self._there.get((new.above.unit if new.above else None, name))
        if new.unit is None:
            self._left -= 1
            if self._left < 0:
                new.problem = "There are as many org units as there may be."
