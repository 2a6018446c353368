"""How long a step of learning takes with Cellwright's layer and with PyTorch's, by turns in one process."""

from __future__ import annotations

import shlex
import time
from collections.abc import Sequence
from contextlib import chdir
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import torch
import typer
from torch import nn

from cellwright.cli import app
from cellwright.cli.options import given
from cellwright.cli.runs import prepared, read
from cellwright.tasks import Carried, Task, families
from cellwright.training import TrainingSettings

UNTIMED = 3  # steps of each before the first that counts


class Pace(NamedTuple):
    """Median seconds of a step with both layers, and the median of their ratios, step by step."""

    ours: float
    theirs: float
    ratio: float


class Side:
    """A task that is learned with one of the layers."""

    def __init__(self, task: Task, training: TrainingSettings) -> None:
        torch.manual_seed(training.seed)
        self.task, self.clip = task, training.clip
        self.network = task.network().train()
        self.optimizer = torch.optim.AdamW(self.network.parameters(), lr=training.learning_rate)
        self.carried: Carried = None

    def step(self, batch: object, seed: int) -> float:
        """Learn from a batch; returns the seconds that it took."""
        torch.manual_seed(seed)
        began = time.perf_counter()
        step = self.task.step(self.network, batch, self.carried)
        self.optimizer.zero_grad()
        step.loss.backward()
        nn.utils.clip_grad_norm_(self.network.parameters(), self.clip)
        self.optimizer.step()
        taken = time.perf_counter() - began
        self.carried = step.carried
        return taken


def pace(arguments: str, folder: Path, steps: int) -> Pace:
    """The pace of a training command.

    Args:
        arguments: behind `cellwright train`; relative paths lie in the folder.
        folder: of the prepared data.
        steps: of each side that are timed.
    """
    task, *options = shlex.split(arguments)
    family = families[task]
    with chdir(folder):
        found = parsed(task, options)
        sources = {"learned": found["data"], "validation": found["valid"], "test": found["test"]}
        sources = {name: path for name, path in sources.items() if path is not None}
        parts = read(family, sources, False)
        settings, training = given(found, family.settings), given(found, TrainingSettings)
        sides = []
        for layer in (False, True):
            made, recipe = prepared(family, parts, sources, {**settings, "torch": layer}, training)
            sides.append(Side(made, recipe.training))
        batches = sides[0].task.training(0)
        times: list[tuple[float, float]] = []
        for n in range(UNTIMED + steps):
            batch = batches[n * len(batches) // (UNTIMED + steps)]
            # Who goes first finds the caches as the other has left them.
            taken = {side: side.step(batch, n) for side in (sides if n % 2 else reversed(sides))}
            times.append((taken[sides[0]], taken[sides[1]]))
    counted = times[UNTIMED:]
    return Pace(
        median(ours for ours, _ in counted),
        median(theirs for _, theirs in counted),
        median(ours / theirs for ours, theirs in counted),
    )


def parsed(task: str, options: Sequence[str]) -> dict[str, Any]:
    """The options of a training command, as the command line reads them."""
    command = typer.main.get_command(app)
    for name in ("train", task):
        command = command.commands[name]  # type: ignore[attr-defined]
    return dict(command.make_context(task, list(options)).params)
