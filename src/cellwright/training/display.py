"""What a person sees of a run: a line that moves, a row per validation, samples."""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import Any

from lightning import Callback, LightningModule, Trainer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from .learner import Learner

LONGEST_LINE = 300
FIGURES = 6
"""Figures that a row shows; the file of metrics has all."""


class Display(Callback):
    """Shows a run on a console; where that is no terminal, only the rows and the samples.

    Enter it before training and leave it afterwards, so that the moving line is taken away.
    """

    def __init__(self, learner: Learner, console: Console) -> None:
        self.learner = learner
        self.console = console
        self.bar = Progress(
            TextColumn("{task.percentage:>3.0f} %"),
            BarColumn(bar_width=12),
            TextColumn("{task.description}"),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self.line = self.bar.add_task("", total=1.0)

    def __enter__(self) -> Display:
        self.bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.bar.stop()

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Move the line."""
        self.bar.update(self.line, completed=self.learner.done, description=self.description())

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Print a row and a sample."""
        progress = self.learner.progress
        row = progress.rows[-1]
        names = [name for name in row if name.startswith("valid_")][:FIGURES]
        figures = {name.removeprefix("valid_"): row[name] for name in names}
        unit = self.learner.task.unit
        self.print(
            f"{self.learner.done:4.0%}  step {progress.step:,}  train loss {row['train_loss']:.3f}  "
            f"valid {written(figures)}  {row[f'{unit}_per_second']:,.0f} {unit}/s  {clock(self.left)} left"
        )
        self.print("\n".join(f"      | {shortened(line)}" for line in printable(progress.samples[-1]).split("\n")))

    def print(self, text: str) -> None:
        """Print as it stands: a sample may hold anything, brackets included."""
        self.console.print(text, markup=False, highlight=False, soft_wrap=True)

    @property
    def left(self) -> float:
        """Seconds until the budget is used up, if all goes on as it does."""
        done = self.learner.done
        return self.learner.clock.seconds * (1 / done - 1) if done else 0.0

    def description(self) -> str:
        """What stands beside the moving line."""
        speed = f"{self.learner.speed:,.0f} {self.learner.task.unit}/s"
        return f"loss {self.learner.progress.loss:.3f}  {speed}  {clock(self.left)} left"


def written(figures: Mapping[str, float]) -> str:
    """Figures on one line.

    >>> written({"loss": 1.5, "perplexity": 4.4816})
    'loss 1.500  perplexity 4.482'
    """
    return "  ".join(f"{name} {value:.3f}" for name, value in figures.items())


def clock(seconds: float) -> str:
    """Seconds as minutes and seconds.

    >>> clock(125.3), clock(3725)
    ('2:05', '1:02:05')
    """
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def shortened(line: str) -> str:
    """The beginning of a line that is very long; the file of the samples has all of it.

    >>> shortened("short"), len(shortened("long " * 100))
    ('short', 300)
    """
    return line if len(line) <= LONGEST_LINE else f"{line[: LONGEST_LINE - 4]} ..."


def printable(text: str) -> str:
    r"""The same text with nothing in it that a terminal would obey.

    >>> printable("red\x1b[31m")
    'red\ufffd[31m'
    """
    return "".join(each if each.isprintable() or each in "\n\t" else "\ufffd" for each in text)
