"""A program cut where it needs the whole row of units: before a sum over the row is known, nothing can use it.

Each phase runs over all units of a row. What a later phase needs of an earlier one is kept for every unit; sums, and
what follows from sums alone, are one number for the row.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from .program import Argument, Node


class Store(NamedTuple):
    """A value that a program writes, the line that does it, and whether it may do so as soon as the value is known."""

    value: Argument
    line: str
    early: bool = False


@dataclass(frozen=True)
class Phases:
    """The phases of a program.

    Attributes:
        count: how many there are.
        made: the operators by their names.
        levels: the phase in which each runs; a sum is known in the phase behind it.
        sums: the operators that add up a row, in order.
        kept: the values that later phases load.
    """

    count: int
    made: Mapping[str, Node]
    levels: Mapping[str, int]
    sums: tuple[str, ...]
    kept: tuple[str, ...]

    def nodes(self, number: int, results: Iterable[Argument]) -> list[Node]:
        """The operators of a phase without its sums, and again those of other phases that are not kept."""
        own = {name for name, level in self.levels.items() if level == number and not self.made[name].reduces}
        wanted = [each for name in own for each in self.made[name].arguments]
        wanted += [self.made[name].arguments[0] for name in self.sums if self.levels[name] == number]
        wanted += results
        while wanted:
            name = wanted.pop()
            if isinstance(name, str) and name in self.made and name not in own and is_again(self.made[name]):
                own.add(name)
                wanted += self.made[name].arguments
        return [node for name, node in self.made.items() if name in own]

    def written(self, store: Store) -> int:
        """The phase in which a value is written."""
        known = isinstance(store.value, str) and store.value in self.levels and not self.made[store.value].row
        return self.levels[str(store.value)] if store.early and known else self.count - 1


def is_again(node: Node) -> bool:
    """Whether a value is computed again where it is needed: truth values, and numbers for the row but sums."""
    return node.mask or (node.row and not node.reduces)


def phases_of(nodes: Sequence[Node], stores: Sequence[Store]) -> Phases:
    """Cut a program behind its sums."""
    made = {node.name: node for node in nodes}
    levels: dict[str, int] = {}

    def ready(argument: Argument) -> int:
        """The first phase in which a value is known."""
        if not isinstance(argument, str) or argument not in levels:
            return 0
        return levels[argument] + made[argument].reduces

    for node in nodes:
        levels[node.name] = max(map(ready, node.arguments), default=0)
    count = 1 + max([0, *map(ready, made)])
    uses = [(each, levels[node.name]) for node in nodes for each in node.arguments]
    uses += [(each.value, count - 1) for each in stores if not each.early]
    later = set()
    while uses:
        name, level = uses.pop()
        if isinstance(name, str) and name in made and level > levels[name]:
            later.add(name)
            uses += [(each, level) for each in made[name].arguments] if is_again(made[name]) else []
    kept = tuple(name for name in made if name in later and not made[name].row and not made[name].mask)
    return Phases(count, made, levels, tuple(name for name in made if made[name].reduces), kept)
