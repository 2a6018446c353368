"""A small text to learn, and a run folder for it."""

import csv
import io
import random
import signal
from pathlib import Path

from rich.console import Console

from cellwright.tasks import Parts
from cellwright.tasks.text import TextSettings, TextTask
from cellwright.training import Recipe, RunFolder, TrainingSettings
from cellwright.training.train import Report, train

SETTINGS = TextSettings(hidden=12, embedding=6, layers=2, dropout=0.3, batch=4, chunk=16)


def sentences(count: int) -> str:
    """Sentences with something to learn in them."""
    chance = random.Random(0)
    words = ["gate", "cell", "state", "unit", "step", "layer", "input", "output"]
    return "".join(f"the {chance.choice(words)} of a {chance.choice(words)}.\n" for _ in range(count))


TEXT = sentences(90)


class Interrupted(TextTask):
    """A text task in which signals come at given steps of learning."""

    def __init__(self, *steps: int, number: int = signal.SIGINT) -> None:
        super().__init__(Parts(TEXT), SETTINGS)
        self.steps, self.number, self.learned_from = steps, number, 0

    def step(self, network, batch, carried):
        if network.training:
            self.learned_from += 1
            if self.learned_from in self.steps:
                signal.raise_signal(self.number)
        return super().step(network, batch, carried)


def new_folder(path: Path, training: TrainingSettings) -> RunFolder:
    """An empty run folder."""
    return RunFolder.create(path, Recipe("text", {"learned": "made"}, {"learned": ""}, {}, training), {})


def run(folder: RunFolder, training: TrainingSettings, task: TextTask | None = None) -> tuple[Report, str]:
    """Train; the report, and what was shown."""
    console = Console(file=io.StringIO(), width=200)
    report = train(task or TextTask(Parts(TEXT), SETTINGS), training, folder, "resume-it", console)
    return report, console.file.getvalue()


def rows(folder: RunFolder) -> list[dict[str, str]]:
    """The metrics of a run."""
    with (folder.path / "metrics.csv").open() as file:
        return list(csv.DictReader(file))
