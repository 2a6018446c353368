"""Running a recipe: its data, the commands that have no result yet, and the minutes that they take."""

from __future__ import annotations

import hashlib
import json
import math
import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console

from .recipe import Recipe, without_seeds


@dataclass(frozen=True)
class Outcome:
    """What a recipe gave: its figure, and the minutes that it took, by the clock and of the processor."""

    figure: float
    minutes: float
    busy: float


@dataclass(frozen=True)
class Place:
    """Where recipes run.

    Attributes:
        data: the folder of the published data, one folder each.
        runs: the folder of the runs, and of the data in the formats of the command line.
        options: more for each command.
        console: where commands and tables are shown.
    """

    data: Path
    runs: Path
    options: str = ""
    console: Console = field(default_factory=lambda: Console(highlight=False, soft_wrap=True))

    def prepared(self, name: str, recipe: Recipe) -> Path:
        """The folder of a recipe's data in the formats of the command line; they are written once."""
        folder = self.runs / "data" / name
        if not folder.exists():
            making = folder.with_name(f".{name}")
            shutil.rmtree(making, ignore_errors=True)
            making.mkdir(parents=True)
            recipe.prepare(self.data / recipe.source, making)
            making.rename(folder)
        return folder

    def outcome(self, name: str, recipe: Recipe, more: str = "") -> Outcome:
        """Run the commands that have no result yet, with more options, and read the figures of all."""
        folder, options = self.prepared(name, recipe), f"{self.options} {more}".split()
        commands, figures, minutes, busy = recipe.commands_for(folder), [], 0.0, 0.0
        if "--seed" in options:
            commands = without_seeds(commands)
        for number, command in enumerate(commands):
            # Another command is another run.
            kind = hashlib.sha256(command.arguments.encode()).hexdigest()[:6]
            run = (self.runs / "-".join([name, str(number), kind, *options])).resolve()
            if not (run / "result.json").exists():
                arguments = ["train", *shlex.split(command.arguments), *options]
                self.console.print(f"$ cellwright {' '.join(arguments)}")
                again = ["train", arguments[1], "--resume", str(run)]
                with noted(run):
                    train(again if run.exists() else [*arguments, "--run", str(run)], folder)
            figures.append(json.loads((run / "result.json").read_text())[recipe.figure])
            by_clock, of_processor = json.loads((run / "minutes.json").read_text())
            minutes, busy = minutes + by_clock, busy + of_processor
        return Outcome(recipe.of_all(figures, [command.weight for command in commands]), minutes, busy)


def train(arguments: Sequence[str], folder: Path) -> None:
    """Run a command of Cellwright in a folder."""
    subprocess.run([sys.executable, "-m", "cellwright", *arguments], cwd=folder, check=True)


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
