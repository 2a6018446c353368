"""What a recipe is: data, commands, and the figure to reach."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple


class Command(NamedTuple):
    """A training command.

    Attributes:
        arguments: behind `cellwright train`; relative paths lie in the folder of the prepared data.
        weight: how much its figure counts among those of several commands.
    """

    arguments: str
    weight: float = 1.0


@dataclass(frozen=True)
class Recipe:
    """A row of the table.

    Attributes:
        title: what is learned.
        source: the folder of the published data.
        prepare: writes them in the formats of the command line: from the source to a folder.
        commands: what to run; the figure is the mean of theirs.
        figure: its name in the result of a run.
        reach: what it should be.
        good: what would be good.
        minutes: wall minutes on two cores, for all commands together.
        lower: whether less is better.
        worst: whether the worst of the commands counts, and not their mean.
    """

    title: str
    source: str
    prepare: Callable[[Path, Path], None]
    commands: Sequence[Command] | Callable[[Path], Sequence[Command]]
    figure: str
    reach: float
    good: float
    minutes: float
    lower: bool = False
    worst: bool = False

    def commands_for(self, data: Path) -> Sequence[Command]:
        """The commands for the prepared data."""
        return self.commands(data) if callable(self.commands) else self.commands

    def of_all(self, figures: Sequence[float], weights: Sequence[float]) -> float:
        """The figure of all commands together."""
        if self.worst:
            return max(figures) if self.lower else min(figures)
        return float(sum(map(operator.mul, figures, weights)) / sum(weights))

    def reached(self, figure: float, goal: float) -> bool:
        """Whether a figure is as good as a goal."""
        return figure <= goal if self.lower else figure >= goal


def without_seeds(commands: Sequence[Command]) -> list[Command]:
    """The commands without a seed of their own; those that differed in nothing else are one."""
    bare = [command._replace(arguments=re.sub(r"\s*--seed \d+", "", command.arguments)) for command in commands]
    return list(dict.fromkeys(bare))


def nothing(source: Path, target: Path) -> None:
    """Data that are made on the fly."""


def link(source: Path, target: Path) -> None:
    """Data that need no preparation."""
    for each in source.iterdir():
        (target / each.name).symlink_to(each.resolve())
