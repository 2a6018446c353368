"""`python -m recipes DATA`: prepare data, train by every recipe, and print reached against expected."""

from __future__ import annotations

import argparse
import importlib
import pkgutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING

from rich.table import Table

import recipes

from .recipe import Recipe, without_seeds
from .runs import Outcome, Place

if TYPE_CHECKING:
    from .pace import Pace

NO_RECIPES = {"__main__", "pace", "recipe", "runs", "tables"}
Recipes = Mapping[str, Recipe]


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
    chosen = {name: importlib.import_module(f"recipes.{name}").RECIPE for name in given.names or found()}
    place = Place(given.data, given.runs, given.options)
    if given.pace:
        timed(chosen, place, given.pace)
    elif given.against_torch:
        compared(chosen, place, given.against_torch)
    elif not run(chosen, place):
        return 1
    return 0


def found() -> list[str]:
    """The names of all recipes."""
    return sorted(each.name for each in pkgutil.iter_modules(recipes.__path__) if each.name not in NO_RECIPES)


def run(chosen: Recipes, place: Place) -> bool:
    """Run recipes, with a table after each; returns whether all figures were reached."""
    outcomes: dict[str, tuple[Recipe, Outcome]] = {}
    for name, recipe in chosen.items():
        outcomes[name] = (recipe, place.outcome(name, recipe))
        place.console.print(shown(outcomes))
    return all(recipe.reached(outcome.figure, recipe.reach) for recipe, outcome in outcomes.values())


def compared(chosen: Recipes, place: Place, seeds: int) -> None:
    """Run recipes with both layers, with a table after each."""
    pairs: dict[str, tuple[Recipe, Sequence[Outcome], Sequence[Outcome]]] = {}
    for name, recipe in chosen.items():
        # By turns, so that a slow hour of the machine falls on both.
        layers = [
            [place.outcome(name, recipe, f"--seed {seed}{layer}") for layer in ("", " --torch")]
            for seed in range(1, 1 + seeds)
        ]
        ours, theirs = zip(*layers, strict=True)
        pairs[name] = (recipe, ours, theirs)
        place.console.print(beside(pairs))


def timed(chosen: Recipes, place: Place, steps: int) -> None:
    """Time steps of recipes with both layers, with a table after each."""
    from .pace import pace  # it needs all of Cellwright

    paces: dict[str, Sequence[Pace]] = {}
    for name, recipe in chosen.items():
        folder = place.prepared(name, recipe)
        commands = without_seeds(recipe.commands_for(folder))
        paces[name] = [pace(f"{each.arguments} {place.options}", folder, steps) for each in commands]
        place.console.print(side_by_side(paces))


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
