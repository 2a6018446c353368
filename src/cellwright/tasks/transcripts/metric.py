"""How well transcripts are read."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

from ..mean import MeanLoss
from ..task import Step

Read = Sequence[tuple[str, str]]
"""True transcripts, and those that were read."""


class TranscriptMetric:
    """Errors by the length of the true transcripts: deletions, insertions and changes (Levenshtein, 1966).

    Args:
        first: the figure to make small, of characters or words.

    Attributes:
        confusions: how often a piece was read as another; "" is nothing. Pieces are characters, or words.

    >>> import torch
    >>> metric = TranscriptMetric("characters")
    >>> metric.update(Step(torch.tensor(0.5), count=2, found=[("one two", "one too"), ("six", "six")]))
    >>> {name: round(value, 3) for name, value in metric.compute().items()}
    {'character_error': 0.1, 'word_error': 0.333, 'wrong': 0.5, 'loss': 0.5}
    >>> metric.confusions
    Counter({('w', 'o'): 1})
    """

    def __init__(self, first: str) -> None:
        self.first = first
        self.loss = MeanLoss()
        self.read, self.wrong = 0, 0
        self.errors = {"characters": 0, "words": 0}
        self.lengths = {"characters": 0, "words": 0}
        self.confusions: Counter[tuple[str, str]] = Counter()

    def update(self, step: Step) -> None:
        """Count a batch."""
        from rapidfuzz.distance import Levenshtein

        self.loss.update(step)
        pairs: Read = step.found
        for true, found in pairs:
            self.read += 1
            self.wrong += true != found
            for unit, one, other in (("characters", true, found), ("words", true.split(), found.split())):
                self.lengths[unit] += len(one)
                self.errors[unit] += Levenshtein.distance(one, other)
                if unit == self.first:
                    self.confusions.update(confused(one, other))

    def compute(self) -> dict[str, float]:
        """The share of errors in characters and words, and of transcripts with any; which is first, was chosen."""
        first = f"{self.first[:-1]}_error"
        if not self.read:
            return {first: math.nan, "loss": math.nan}
        errors = {f"{unit[:-1]}_error": self.errors[unit] / max(1, self.lengths[unit]) for unit in self.errors}
        return {first: errors[first], **errors, "wrong": self.wrong / self.read, "loss": self.loss.value}


def confused(true: Sequence[str], found: Sequence[str]) -> list[tuple[str, str]]:
    """What was read as what, of all that was read wrongly.

    >>> confused("three", "tree")
    [('h', '')]
    """
    from rapidfuzz.distance import Levenshtein

    return [
        (true[edit.src_pos] if edit.tag != "insert" else "", found[edit.dest_pos] if edit.tag != "delete" else "")
        for edit in Levenshtein.editops(true, found)
    ]
