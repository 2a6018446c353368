"""What the commands of the text task share: starting, resuming and opening a run."""

from __future__ import annotations

import dataclasses
import hashlib
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from rich.console import Console

from ..errors import DataError, RunError
from ..tasks.text import (
    VOCABULARY_FILE,
    LanguageModel,
    TextSettings,
    TextTask,
    Vocabulary,
    load_vocabulary,
    read_text,
    settings_for,
    size_of,
)
from ..training import Recipe, RunFolder, TrainingSettings, checked, free_folder, train


def start_text(
    data: Path,
    run: Path | None,
    vocabulary: Literal["characters", "bpe"],
    settings: Mapping[str, Any],
    training: Mapping[str, Any],
) -> RunFolder:
    """A new run on a text: defaults by its size, changed by what was given; trained to its end."""
    text = read_text(data)
    chosen = dataclasses.replace(settings_for(len(text), vocabulary), **settings)
    size = size_of(len(text))
    budget = {} if "epochs" in training else {"minutes": size.minutes}
    how = TrainingSettings(**{"learning_rate": size.learning_rate, **budget, **training})
    task = TextTask(text, chosen)
    recipe = Recipe("text", str(data.resolve()), digest(text), dataclasses.asdict(chosen), how)
    folder = RunFolder.create(run or free_folder(Path("runs") / data.resolve().stem), recipe, task.files)
    run_text(task, recipe, folder)
    return folder


def resume_text(run: Path, data: Path | None, budget: Mapping[str, float]) -> None:
    """Go on with a run, on the same text; a new budget replaces the recipe's.

    Raises:
        RunError: the run has come to its end, and no new budget is given.
        DataError: the text is not the one that the run began with.
    """
    folder = RunFolder.open(run)
    recipe = folder.recipe()
    if folder.finished and not budget:
        raise RunError(
            f"a finished run can only go on with a larger budget, but {str(run)!r} got none; {longer(recipe)}"
        )
    if budget:
        how = dataclasses.replace(recipe.training, minutes=budget.get("minutes"), epochs=budget.get("epochs"))
        recipe = dataclasses.replace(recipe, training=how)
    text = read_text(data or Path(recipe.data))
    if digest(text) != recipe.digest:
        raise DataError(
            f"a run goes on with the text it began with, but {str(data or recipe.data)!r} has changed; bring "
            "that text back, or start a new run"
        )
    task = TextTask(text, settings_of(recipe), load_vocabulary(folder.read(VOCABULARY_FILE)))
    folder.write("recipe.json", recipe.to_json().encode())
    run_text(task, recipe, folder)


def run_text(task: TextTask, recipe: Recipe, folder: RunFolder) -> None:
    """Train, then print what came out and what can be done with it."""
    console = Console(highlight=False, markup=False, soft_wrap=True)
    settings, path = recipe.settings, shlex.quote(str(folder.path))
    weights = sum(each.numel() for each in task.network().parameters())
    console.print(
        f"Learning from {len(task.learned):,} {task.unit} ({task.vocabulary.size:,} different), measuring on "
        f"{len(task.held_out):,}: {settings['cell']}, {settings['layers']} x {settings['hidden']} units, "
        f"{weights:,} weights; run in {path}"
    )
    report = train(task, recipe.training, folder, f"cellwright train text --resume {path}", console)
    figures, unit = report.figures, task.unit.removesuffix("s")
    if report.early:
        console.print(f"Stopped early: nothing was gained in {recipe.training.patience} validations.")
    console.print(
        f"Done after {report.step:,} steps in {report.seconds:,.0f} s. On the whole held-out text, with the "
        f"weights of step {report.best_step:,}: {figures['loss']:.4f} nats per {unit}, "
        f"{figures['bits']:.4f} bits per character, perplexity {figures['perplexity']:.3f}."
    )
    console.print(f'Next: cellwright generate {path} --length 500 --prompt "..."')


def open_text(run: Path) -> tuple[LanguageModel, Vocabulary]:
    """The network of a run with its best weights, and its vocabulary."""
    folder = RunFolder.open(run)
    vocabulary = load_vocabulary(folder.read(VOCABULARY_FILE))
    network = LanguageModel(vocabulary.size, settings_of(folder.recipe()))
    folder.load_weights(network)
    return network, vocabulary


def settings_of(recipe: Recipe) -> TextSettings:
    """The text settings of a recipe, checked."""
    names = [each.name for each in dataclasses.fields(TextSettings)]
    return TextSettings(**checked(recipe.settings, names))


def digest(text: str) -> str:
    """What tells one text from another."""
    return hashlib.sha256(text.encode()).hexdigest()


def longer(recipe: Recipe) -> str:
    """How to train a finished run for twice as long."""
    if recipe.training.minutes is not None:
        return f"for example --minutes {2 * recipe.training.minutes:g}"
    return f"for example --epochs {2 * (recipe.training.epochs or 1):g}"
