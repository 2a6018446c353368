"""Starting, resuming and opening a run."""

from __future__ import annotations

import dataclasses
import hashlib
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from torch import nn

from ..errors import DataError, InputError, RunError, nearest
from ..tasks import Family, Parts, Problem, Task, families
from ..tasks.files import COMPRESSED, files_below
from ..training import (
    Machine,
    Recipe,
    RunFolder,
    TrainingSettings,
    built,
    done_by_first,
    free_folder,
    joined,
    processes,
)
from ..training.train import train
from .launch import launch, to_launch

ALONE = Machine()


def start(
    family: Family,
    sources: Mapping[str, Path],
    run: Path | None,
    settings: Mapping[str, Any],
    training: Mapping[str, Any],
    machine: Machine = ALONE,
) -> RunFolder:
    """A new run on the user's data: the task's own defaults, changed by what was given; trained to its end.

    Args:
        family: the kind of task.
        sources: where the data are: `learned`, and perhaps `validation` and `test`.
        run: the folder; None for a free one.
        settings: those of the task that were given.
        training: those of the training that were given.
        machine: what the run has to itself.
    """
    return begin(family, read(family, sources, settings.get("skip", False)), sources, run, settings, training, machine)


def begin(
    family: Family,
    parts: Parts,
    sources: Mapping[str, Path],
    run: Path | None,
    settings: Mapping[str, Any],
    training: Mapping[str, Any],
    machine: Machine = ALONE,
) -> RunFolder:
    """The same with data that are read already."""
    task, recipe = prepared(family, parts, sources, settings, training)
    check_share(recipe, machine)

    def made() -> str:
        place = run or free_folder(Path("runs") / stem(sources["learned"]))
        if any(place.resolve().is_relative_to(source.resolve()) for source in sources.values()):
            raise InputError(f"a run must not lie in its own data, but {str(place)!r} would; give another --run")
        return str(RunFolder.create(place, recipe, task.files).path)

    with joined():
        must_agree(recipe)
        folder = RunFolder(Path(done_by_first(made)))
        to_the_end(family, task, recipe, folder, machine)
    return folder


def prepared(
    family: Family,
    parts: Parts,
    sources: Mapping[str, Path],
    settings: Mapping[str, Any],
    training: Mapping[str, Any],
) -> tuple[Task, Recipe]:
    """A new task, and how it will be learned: as the task advises, where nothing was given."""
    task = family.begin(parts, settings)
    advice = {name: value for name, value in task.advice.items() if name not in ("minutes", "epochs")}
    budget = {} if training.keys() & {"minutes", "epochs"} else task.advice
    how = TrainingSettings(**{**advice, **budget, **training})
    digests = {name: digest(path) for name, path in sources.items()}
    return task, Recipe(family.name, places_of(sources), digests, dataclasses.asdict(task.settings), how)


def places_of(sources: Mapping[str, Path]) -> dict[str, str]:
    """Where data are, as a recipe keeps it."""
    return {name: str(path.resolve()) for name, path in sources.items()}


def read(family: Family, sources: Mapping[str, Path], skip: bool) -> Parts:
    """The data of all sources, perhaps without what is faulty."""
    return Parts(**{name: family.read(path, skip) for name, path in sources.items()})


def resume(run: Path, moved: Mapping[str, Path], budget: Mapping[str, float], machine: Machine) -> None:
    """Go on with a run, on the same data, wherever they are now; a new budget replaces the recipe's.

    Raises:
        InputError: data are named that the run never had.
        RunError: the run has come to its end, and no new budget is given.
        DataError: the data are not those that the run began with.
    """
    folder = RunFolder.open(run)
    recipe = folder.recipe()
    family = family_of(recipe)
    if folder.finished and not budget:
        raise RunError(
            f"a finished run can only go on with a larger budget, but {str(run)!r} got none; {longer(recipe)}"
        )
    if budget:
        how = dataclasses.replace(recipe.training, minutes=budget.get("minutes"), epochs=budget.get("epochs"))
        recipe = dataclasses.replace(recipe, training=how)
    strange = [name for name in moved if name not in recipe.data]
    if strange:
        raise InputError(f"the run has no data for {strange[0]}; leave out what it did not begin with")
    sources = {name: Path(place) for name, place in recipe.data.items()} | dict(moved)
    recipe = dataclasses.replace(recipe, data=places_of(sources))
    parts = read(family, sources, recipe.settings.get("skip", False))
    for name, path in sources.items():
        if digest(path) != recipe.digest[name]:
            raise DataError(
                f"a run goes on with the data it began with, but {str(path)!r} has changed; bring them back, or start "
                "a new run"
            )
    task = family.task(parts, settings_of(family, recipe), folder.read)
    check_share(recipe, machine)
    with joined():
        must_agree(recipe)
        if processes.number() == 0:
            folder.write("recipe.json", recipe.to_json().encode())
        to_the_end(family, task, recipe, folder, machine)


def must_agree(recipe: Recipe) -> None:
    """All processes learn the same in the same way.

    Raises:
        RunError: one has other data, settings or versions than the first; the same in all of them.
    """
    own = dataclasses.replace(recipe, data={}).to_json()
    (others,) = processes.summed(float(own != done_by_first(lambda: own)))
    if others:
        raise RunError(
            f"all processes must learn from the same data, with the same settings and versions, but {others:g} of "
            f"{processes.count()} have others than the first; see that every machine has the same files"
        )


def check_share(recipe: Recipe, machine: Machine) -> None:
    """Every process gets something of a batch.

    Raises:
        InputError: there are more processes than examples in it.
    """
    batch = recipe.settings["batch"]
    if batch < max(machine.devices * machine.nodes, processes.started()):
        raise InputError(f"--batch {batch} is shared by all processes; raise it, or lower --devices or --nodes")


def to_the_end(family: Family, task: Task, recipe: Recipe, folder: RunFolder, machine: Machine) -> None:
    """Train, then print what came out and what can be done with it; in several processes, if that is asked for."""
    settings, path = recipe.settings, shlex.quote(str(folder.path))
    remedy = f"cellwright train {family.name} --resume {path}"
    if to_launch(machine):
        folder.begin()
        arguments = ["train", family.name, "--resume", str(folder.path), "--workers", str(machine.workers)]
        launch(machine, arguments, f"{remedy} --devices {machine.devices}")
        return
    console = Console(highlight=False, markup=False, soft_wrap=True, quiet=processes.number() > 0)
    weights = sum(each.numel() for each in task.network().parameters())
    together = f", {processes.count()} processes" if processes.count() > 1 else ""
    console.print(
        f"Learning from {task.summary}: {settings['cell']}, {settings['layers']} x {settings['hidden']} units, "
        f"{weights:,} weights{together}; run in {path}"
    )
    report = train(task, recipe.training, folder, remedy, console, machine.workers)
    if report is None:
        return
    if report.early:
        console.print(f"Stopped early: nothing was gained in {recipe.training.patience:.0%} of the budget.")
    console.print(
        f"Done after {report.step:,} steps in {report.seconds:,.0f} s. With the weights of step "
        f"{report.best_step:,}: {written(report.figures)}."
    )
    console.print(f"Plots and figures: {shlex.quote(str(folder.path / 'report.html'))}")
    console.print(f"Next: cellwright {family.following.format(run=path, data=shlex.quote(recipe.data['learned']))}")


def open_run(run: Path, skip: bool = False) -> tuple[Family, Problem, nn.Module]:
    """What a run is for, perhaps without what is faulty in data, and its network with the best weights."""
    folder = RunFolder.open(run)
    recipe = folder.recipe()
    family = family_of(recipe)
    problem = family.open(dataclasses.replace(settings_of(family, recipe), skip=skip), folder.read)
    network = problem.network()
    folder.load_weights(network)
    return family, problem, network


def family_of(recipe: Recipe) -> Family:
    """The kind of task of a recipe.

    Raises:
        RunError: this version knows no such kind.
    """
    if recipe.task not in families:
        raise RunError(f"this version has no task {recipe.task!r}; {nearest(recipe.task, families)}")
    return families[recipe.task]


def settings_of(family: Family, recipe: Recipe) -> Any:
    """The task's settings of a recipe, checked."""
    return built(family.settings, recipe.settings, recipe.versions)


def written(figures: Mapping[str, float]) -> str:
    """Figures on one line.

    >>> written({"loss": 1.5, "perplexity": 4.4816})
    'loss 1.5000, perplexity 4.4816'
    """
    return ", ".join(f"{name} {value:.4f}" for name, value in figures.items())


def digest(path: Path) -> str:
    """What tells data from others: SHA-256 over the files, in the order of their paths, with their names."""
    total = hashlib.sha256()
    for each in files_below(path):
        if each.is_file():
            total.update(str(each.relative_to(path)).encode())
            with each.open("rb") as file:
                total.update(hashlib.file_digest(file, "sha256").digest())
    return total.hexdigest()


def stem(path: Path) -> str:
    """The name of a file without what tells its format.

    >>> stem(Path("data/train.conllu.xz"))
    'train'
    """
    name = path.resolve()
    return Path(name.stem).stem if name.suffix in COMPRESSED else name.stem


def longer(recipe: Recipe) -> str:
    """How to train a finished run for twice as long."""
    if recipe.training.minutes is not None:
        return f"for example --minutes {2 * recipe.training.minutes:g}"
    return f"for example --epochs {2 * (recipe.training.epochs or 1):g}"
