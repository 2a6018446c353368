"""The mean of a loss over many batches."""

from __future__ import annotations

import math

from .task import Step


class MeanLoss:
    """The mean loss of all items.

    >>> import torch
    >>> loss = MeanLoss()
    >>> loss.value
    nan
    >>> loss.update(Step(torch.tensor(1.0), count=30))
    >>> loss.update(Step(torch.tensor(3.0), count=10))
    >>> loss.value, loss.count
    (1.5, 40)
    """

    def __init__(self) -> None:
        self.total, self.count = 0.0, 0

    def update(self, step: Step) -> None:
        """Take in what one batch gave."""
        self.total += step.loss.item() * step.count
        self.count += step.count

    @property
    def value(self) -> float:
        """The mean so far; NaN of nothing."""
        return self.total / self.count if self.count else math.nan
