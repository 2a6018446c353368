"""How many words, spans and labels are found."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from ..mean import MeanLoss
from ..task import Step
from .spans import spans


@dataclass(frozen=True)
class Tagged:
    """What a batch was, and what was found: tags of each sentence, and the labels of those that have one."""

    tags: Sequence[Sequence[str]]
    found: Sequence[Sequence[str]]
    labels: Sequence[str] = ()
    found_labels: Sequence[str] = ()


class TagMetric:
    """Accuracy over words; with spans their F1, over exact spans of all sentences together; accuracy over labels.

    >>> import torch
    >>> metric = TagMetric(of_spans=True)
    >>> found = Tagged([["O", "B-a", "I-a", "O", "B-b"]], [["O", "B-a", "I-a", "I-c", "I-b"]])
    >>> metric.update(Step(torch.tensor(0.5), count=5, found=found))
    >>> {name: round(value, 3) for name, value in metric.compute().items()}
    {'error': 0.2, 'f1': 0.8, 'accuracy': 0.6, 'loss': 0.5}
    """

    def __init__(self, of_spans: bool) -> None:
        self.of_spans = of_spans
        self.loss, self.right = MeanLoss(), 0
        self.true, self.found, self.both = 0, 0, 0
        self.labels, self.right_labels = 0, 0
        self.confusions: Counter[tuple[str, str]] = Counter()

    def update(self, step: Step) -> None:
        """Count a batch."""
        self.loss.update(step)
        tagged: Tagged = step.found
        for tags, found in zip(tagged.tags, tagged.found, strict=True):
            self.right += sum(map(str.__eq__, tags, found))
            self.confusions.update((tag, guess) for tag, guess in zip(tags, found, strict=True) if tag != guess)
            if self.of_spans:
                true, guessed = set(spans(tags)), set(spans(found))
                self.true, self.found = self.true + len(true), self.found + len(guessed)
                self.both += len(true & guessed)
        self.labels += len(tagged.labels)
        self.right_labels += sum(map(str.__eq__, tagged.labels, tagged.found_labels))

    def compute(self) -> dict[str, float]:
        """What is missed as `error`, averaged over tags and labels, and each by itself."""
        accuracy = share(self.right, self.loss.count)
        figures = {"f1": share(2 * self.both, self.true + self.found)} if self.of_spans else {}
        figures["accuracy"] = accuracy
        if self.labels:
            figures["labels"] = share(self.right_labels, self.labels)
        main = [figures["f1" if self.of_spans else "accuracy"], *([figures["labels"]] if self.labels else [])]
        return {"error": 1 - sum(main) / len(main), **figures, "loss": self.loss.value}


def share(part: float, whole: float) -> float:
    """A part of a whole; of nothing, no number."""
    return part / whole if whole else math.nan
