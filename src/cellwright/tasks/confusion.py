"""How often each class is taken for each: the figures of everything that has classes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from .task import Step


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
        self.total, self.count = 0.0, 0

    def update(self, step: Step) -> None:
        """Count a batch."""
        self.total += step.loss.item() * step.count
        self.count += step.count
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
        return {"error": 1 - accuracy, "accuracy": accuracy, "macro_f1": f1, "loss": self.total / self.count}
