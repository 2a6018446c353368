"""How well frames and segments are labelled."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ..mean import MeanLoss
from ..task import Step
from .segments import OVERLAPS, edit_score, hits

Labelled = Sequence[tuple[Sequence[int], Sequence[int]]]
"""For each video the true labels of its labelled frames, and those that were found."""


class FrameMetric:
    """Accuracy over all frames; over videos the mean edit score; over all segments F1 at overlaps of 10, 25, 50 %.

    >>> import torch
    >>> metric = FrameMetric()
    >>> metric.update(Step(torch.tensor(0.5), count=4, found=[([1, 1, 2, 2], [1, 2, 2, 2])]))
    >>> {name: round(value, 3) for name, value in metric.compute().items()}
    {'error': 0.25, 'accuracy': 0.75, 'edit': 1.0, 'f1_10': 1.0, 'f1_25': 1.0, 'f1_50': 1.0, 'loss': 0.5}
    """

    def __init__(self) -> None:
        self.loss, self.right = MeanLoss(), 0
        self.edits: list[float] = []
        self.hits = {overlap: [0, 0, 0] for overlap in OVERLAPS}

    def update(self, step: Step) -> None:
        """Count a batch."""
        self.loss.update(step)
        labelled: Labelled = step.found
        for true, found in labelled:
            self.right += sum(map(int.__eq__, true, found))
            self.edits.append(edit_score(true, found))
            for overlap, sums in self.hits.items():
                sums[:] = map(int.__add__, sums, hits(true, found, overlap))

    def compute(self) -> dict[str, float]:
        """The share of wrong frames as `error`, and the rest."""
        if not self.loss.count:
            return {"error": math.nan, "loss": math.nan}
        accuracy = self.right / self.loss.count
        f1 = {
            f"f1_{round(100 * overlap)}": 2 * right / (2 * right + wrong + missed)
            for overlap, (right, wrong, missed) in self.hits.items()
        }
        edit = sum(self.edits) / len(self.edits)
        return {"error": 1 - accuracy, "accuracy": accuracy, "edit": edit, **f1, "loss": self.loss.value}
