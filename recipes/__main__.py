"""`python -m recipes DATA`: prepare data, train by every recipe, and print reached against expected."""

from __future__ import annotations

import argparse
import importlib
import json
import math
import os
import pkgutil
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

import recipes

from .recipe import Recipe, without_seeds

if TYPE_CHECKING:
    from .pace import Pace

NO_RECIPES = {"__main__", "pace", "recipe", "tables"}


@dataclass(frozen=True)
class Outcome:
    """What a recipe gave: its figure, and the minutes that it took, by the clock and of the processor."""

    figure: float
    minutes: float
    busy: float


def main(arguments: Sequence[str] | None = None) -> int:
    """Run recipes; the exit code is 1 if a figure was not reached."""
    parser = argparse.ArgumentParser(prog="python -m recipes", description=__doc__)
    parser.add_argument("data", type=Path, help="the folder of the published data, one folder each")
    parser.add_argument("names", nargs="*", choices=[[], *found()], help="which recipes; all by default")
    parser.add_argument("--runs", type=Path, default=Path("runs/recipes"), help="where runs and prepared data go")
    parser.add_argument("--options", default="", help='more for each command, such as "--average 0.1"')
    parser.add_argument("--against-torch", type=int, metavar="SEEDS", help="beside PyTorch's layer, with so many seeds")
    parser.add_argument("--pace", type=int, metavar="STEPS", help="only time so many steps with each of both layers")
    given = parser.parse_intermixed_args(arguments)
    console = Console(highlight=False, soft_wrap=True)
    outcomes: dict[str, tuple[Recipe, Outcome]] = {}
    pairs: dict[str, tuple[Recipe, Sequence[Outcome], Sequence[Outcome]]] = {}
    paces: dict[str, Sequence[Pace]] = {}
    for name in given.names or found():
        recipe: Recipe = importlib.import_module(f"recipes.{name}").RECIPE

        def result(options: str, name: str = name, recipe: Recipe = recipe) -> Outcome:
            return outcome(name, recipe, given.data, given.runs, f"{given.options} {options}".strip(), console)

        if given.pace:
            from .pace import pace  # it needs all of Cellwright

            data = prepared(name, recipe, given.data, given.runs)
            commands = without_seeds(recipe.commands_for(data))
            paces[name] = [pace(f"{each.arguments} {given.options}", data, given.pace) for each in commands]
            console.print(side_by_side(paces))
        elif given.against_torch:
            seeds = [f"--seed {seed}" for seed in range(1, 1 + given.against_torch)]
            # By turns, so that a slow hour of the machine falls on both.
            ours, theirs = zip(*((result(seed), result(f"{seed} --torch")) for seed in seeds), strict=True)
            pairs[name] = (recipe, ours, theirs)
            console.print(beside(pairs))
        else:
            outcomes[name] = (recipe, result(""))
            console.print(shown(outcomes))
    return int(any(not recipe.reached(result.figure, recipe.reach) for recipe, result in outcomes.values()))


def found() -> list[str]:
    """The names of all recipes."""
    return sorted(each.name for each in pkgutil.iter_modules(recipes.__path__) if each.name not in NO_RECIPES)


def outcome(name: str, recipe: Recipe, data: Path, runs: Path, options: str, console: Console) -> Outcome:
    """Prepare the data, run the commands that have no result yet, and read their figures."""
    place = prepared(name, recipe, data, runs)
    commands, figures, minutes, busy = recipe.commands_for(place), [], 0.0, 0.0
    if "--seed" in options.split():
        commands = without_seeds(commands)
    for number, command in enumerate(commands):
        run = (runs / "-".join([name, str(number), *options.split()])).resolve()
        if not (run / "result.json").exists():
            arguments = shlex.split(f"train {command.arguments} {options}")
            console.print(f"$ cellwright {' '.join(arguments)}")
            again = ["train", arguments[1], "--resume", str(run)] if run.exists() else [*arguments, "--run", str(run)]
            with noted(run):
                subprocess.run([sys.executable, "-m", "cellwright", *again], cwd=place, check=True)
        figures.append(json.loads((run / "result.json").read_text())[recipe.figure])
        by_clock, of_processor = json.loads((run / "minutes.json").read_text())
        minutes, busy = minutes + by_clock, busy + of_processor
    return Outcome(recipe.of_all(figures, [command.weight for command in commands]), minutes, busy)


def prepared(name: str, recipe: Recipe, data: Path, runs: Path) -> Path:
    """The folder of a recipe's data in the formats of the command line; they are written once."""
    place = runs / "data" / name
    if not place.exists():
        making = place.with_name(f".{name}")
        making.mkdir(parents=True)
        recipe.prepare(data / recipe.source, making)
        making.rename(place)
    return place


@contextmanager
def noted(run: Path) -> Iterator[None]:
    """Add the minutes of a block, by the clock and of the processor, to those of its run, also if it is broken off.

    What an earlier piece of the run took, and could not note, is not a number.
    """
    file = run / "minutes.json"
    before = json.loads(file.read_text()) if file.exists() else [math.nan if run.exists() else 0.0] * 2
    began, worked = time.monotonic(), worked_for()
    try:
        yield
    finally:
        taken = (time.monotonic() - began) / 60, (worked_for() - worked) / 60
        if run.exists():
            file.write_text(json.dumps([round(one + more, 2) for one, more in zip(before, taken, strict=True)]))


def worked_for() -> float:
    """Seconds that processors have worked for the commands so far: unlike those of the clock, not for anyone else."""
    times = os.times()
    return times.children_user + times.children_system


def shown(outcomes: dict[str, tuple[Recipe, Outcome]]) -> Table:
    """Reached against expected."""
    table = Table("recipe", "figure", "got", "reach", "good", "minutes", "of", "", box=None)
    for name, (recipe, result) in outcomes.items():
        verdict = "good" if recipe.reached(result.figure, recipe.good) else "reached"
        verdict = verdict if recipe.reached(result.figure, recipe.reach) else "MISSED"
        table.add_row(
            name, recipe.figure, f"{result.figure:.4f}", f"{recipe.reach:g}", f"{recipe.good:g}",
            f"{result.minutes:.1f}", f"{recipe.minutes:g}", verdict,
        )  # fmt: skip
    return table


def beside(pairs: dict[str, tuple[Recipe, Sequence[Outcome], Sequence[Outcome]]]) -> Table:
    """What each recipe gave with Cellwright's layer and with PyTorch's: the mean and the spread of several seeds."""
    table = Table("recipe", "figure", "Cellwright", "PyTorch", "processor time of PyTorch's", box=None)
    for name, (recipe, ours, theirs) in pairs.items():
        figures = ([each.figure for each in outcomes] for outcomes in (ours, theirs))
        written = [f"{fmean(found):.4f} ({min(found):.4f} to {max(found):.4f})" for found in figures]
        share = sum(each.busy for each in ours) / max(sum(each.busy for each in theirs), 1e-9)
        table.add_row(name, recipe.figure, *written, f"{share:.2f}")
    return table


def side_by_side(paces: dict[str, Sequence[Pace]]) -> Table:
    """How long a step of each command takes with Cellwright's layer and with PyTorch's."""
    table = Table("recipe", "Cellwright", "PyTorch", "share of PyTorch's time", box=None)
    for name, found in paces.items():
        for each in found:
            table.add_row(name, f"{1e3 * each.ours:.1f} ms", f"{1e3 * each.theirs:.1f} ms", f"{each.ratio:.2f}")
    return table


if __name__ == "__main__":
    sys.exit(main())
