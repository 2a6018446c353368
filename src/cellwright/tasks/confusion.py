"""How often each class is taken for each: the figures of everything that has classes."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from .exhibit import Exhibit, confusions, new_figure, plain
from .mean import MeanLoss
from .task import Step

if TYPE_CHECKING:
    from matplotlib.figure import Figure

READABLE = 30
"""Classes that fit into a matrix."""


@dataclass(frozen=True)
class Classified:
    """The classes of some items, and those that were found: int64 `[items]` each."""

    true: Tensor
    found: Tensor


class Confusion:
    """Accuracy over all items, and the mean F1 of the classes that occur.

    >>> confusion = Confusion(["yes", "no"])
    >>> found = Classified(torch.tensor([0, 0, 0, 1]), torch.tensor([0, 0, 1, 1]))
    >>> confusion.update(Step(torch.tensor(0.5), count=4, found=found))
    >>> {name: round(value, 3) for name, value in confusion.compute().items()}
    {'error': 0.25, 'accuracy': 0.75, 'macro_f1': 0.733, 'loss': 0.5}
    """

    def __init__(self, names: Sequence[str]) -> None:
        self.names = names
        self.counts = torch.zeros(len(names), len(names), dtype=torch.int64)
        self.loss = MeanLoss()

    def update(self, step: Step) -> None:
        """Count a batch."""
        self.loss.update(step)
        classified: Classified = step.found
        pairs = (classified.true * len(self.names) + classified.found).cpu()
        self.counts += torch.bincount(pairs, minlength=self.counts.numel()).view_as(self.counts)

    def compute(self) -> dict[str, float]:
        """The share of wrong items as `error`, accuracy, and the mean F1."""
        right, items = self.counts.diag(), int(self.counts.sum())
        if items == 0:
            return dict.fromkeys(("error", "accuracy", "macro_f1", "loss"), math.nan)
        accuracy = int(right.sum()) / items
        of_class = 2 * right / (self.counts.sum(0) + self.counts.sum(1)).clamp(min=1)
        f1 = float(of_class[self.counts.sum(1) > 0].mean())
        return {"error": 1 - accuracy, "accuracy": accuracy, "macro_f1": f1, "loss": self.loss.value}

    def exhibits(self, what: str) -> Iterator[Exhibit]:
        """What is taken for what, as a list, and as a matrix if it can be read."""
        wrong = Counter(
            {
                (self.names[true], self.names[found]): int(self.counts[true, found])
                for true, found in self.counts.clone().fill_diagonal_(0).nonzero().tolist()
            }
        )
        yield confusions(wrong, what)
        if len(self.names) <= READABLE:
            yield Exhibit("Classes", f"How many {what} of each class are found as which.", figure=self.figure())

    def figure(self) -> Figure:
        """The matrix: rows are true, columns are found; colours are shares of a row."""
        count = len(self.names)
        figure = new_figure(2 + 0.35 * count, 1.5 + 0.35 * count)
        axes = figure.subplots()
        shares = self.counts / self.counts.sum(1, keepdim=True).clamp(min=1)
        axes.imshow(shares.numpy(), cmap="Blues", vmin=0, vmax=1)
        for true, found in self.counts.nonzero().tolist():
            colour = "white" if shares[true, found] > 0.5 else "black"
            number = f"{int(self.counts[true, found])}"
            axes.text(found, true, number, ha="center", va="center", color=colour, fontsize=7)
        names = list(map(plain, self.names))
        axes.set_xticks(range(count), names, rotation=90, fontsize=8)
        axes.set_yticks(range(count), names, fontsize=8)
        axes.set(xlabel="found", ylabel="true")
        return figure
