"""A class for every text."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from ..examples import ExampleTask
from ..symbols import Symbols, from_json, to_json
from ..task import Beside, Files, Parts
from .problem import LABELS_FILE, Classifier, LabelProblem, LabelTask, classes_of
from .reading import Example, Window
from .settings import LabelSettings

TABLES = ("units", "counts", "labels", "label_counts")
WORD = re.compile(r"\w+|[^\w\s]")
UNKNOWN = 0


class TextClassifier(Classifier):
    """A `Classifier` that reads words or characters; rare ones are taken for unknown ones, at times, while it learns.

    Args:
        counts: how often each word or character was met.
        classes: how many there are.
        settings: see `LabelSettings`.
    """

    rare: Tensor

    def __init__(self, counts: Sequence[int], classes: int, settings: LabelSettings) -> None:
        super().__init__(settings.embedding, classes, settings)
        self.embedding = nn.Embedding(1 + len(counts), settings.embedding)
        self.register_buffer("rare", settings.rare / (settings.rare + torch.tensor([0, *counts])), persistent=False)

    def before(self, steps: Tensor) -> Tensor:
        """The vectors of units `[B, T]`."""
        if self.training:
            steps = steps.masked_fill(torch.rand(steps.shape, device=steps.device) < self.rare[steps], UNKNOWN)
        vectors: Tensor = self.dropout(self.embedding(steps))
        return vectors


class TextLabelling(LabelProblem):
    """What a classifier of texts is for.

    Args:
        units: the words or characters that are known, from 1 on.
        counts: how often each was met.
        labels: the classes.
        label_counts: how many examples each has.
        settings: see `LabelSettings`.
    """

    unit = "texts"

    def __init__(
        self,
        units: Symbols,
        counts: Sequence[int],
        labels: Symbols,
        label_counts: Sequence[int],
        settings: LabelSettings,
    ) -> None:
        super().__init__(labels, label_counts, settings)
        self.units, self.counts = units, counts

    @staticmethod
    def open(settings: LabelSettings, files: Files) -> TextLabelling:
        """The problem of a run."""
        return TextLabelling(*tables(files), settings)

    @property
    def files(self) -> Mapping[str, bytes]:
        """The vocabulary as a file."""
        found = (self.units.names, self.counts, self.labels.names, self.label_counts)
        return {LABELS_FILE: to_json(dict(zip(TABLES, found, strict=True)))}

    def network(self) -> TextClassifier:
        """A new classifier."""
        return TextClassifier(self.counts, len(self.labels), self.settings)

    def numbers(self, text: str) -> list[int]:
        """The numbers of the words or characters of a text; at least one."""
        return [self.units.number(each, UNKNOWN) for each in pieces(text, self.settings)] or [UNKNOWN]

    def unreadable(self, example: Example | Window) -> str | None:
        """It is no text."""
        return None if isinstance(example, Example) else "is a measured sequence, not a text"

    def seen(self, example: Example) -> Tensor:
        """The numbers, int64 `[T]`."""
        return torch.tensor(self.numbers(example.text))

    def shown(self, example: Example) -> Beside:
        """Each word or character."""
        return {self.settings.unit: (pieces(example.text, self.settings) or [""], ())}

    def told(self, example: Example) -> str:
        """The text."""
        return " ".join(example.text.split())

    def lengths(self, examples: Sequence[Example]) -> list[int]:
        """Words or characters of each text."""
        return [len(self.numbers(each.text)) for each in examples]


class TextLabelTask(LabelTask, TextLabelling):
    """Texts to learn from.

    Args:
        parts: examples; where none are given to watch, some of the first are kept for it.
        settings: see `LabelSettings`.
        files: those of an earlier run; None makes new ones from the examples to learn from.

    Raises:
        DataError: there are too few examples, only one class, or some have no label.
    """

    def __init__(self, parts: Parts, settings: LabelSettings, files: Files | None = None) -> None:
        ExampleTask.__init__(self, parts, settings.validation)
        TextLabelling.__init__(self, *(counted(self.learned, settings) if files is None else tables(files)), settings)
        self.settle()

    @property
    def summary(self) -> str:
        """How many texts and classes there are."""
        return (
            f"{len(self.learned):,} texts ({len(self.labels)} classes, {len(self.units):,} different "
            f"{self.settings.unit}), measuring on {len(self.tested):,}"
        )


def pieces(text: str, settings: LabelSettings) -> list[str]:
    """The words of a text in lower case, or its characters."""
    return list(text) if settings.unit == "characters" else WORD.findall(text.lower())


def counted(
    examples: Sequence[Example], settings: LabelSettings
) -> tuple[Symbols, Sequence[int], Symbols, Sequence[int]]:
    """What there is to know in examples to learn from, and how often each was met."""
    classes = classes_of(examples)
    units = Counter(piece for each in examples for piece in pieces(each.text, settings))
    return Symbols(units, first=1), tuple(units.values()), *classes


def tables(files: Files) -> tuple[Symbols, Sequence[int], Symbols, Sequence[int]]:
    """The same, out of the files of a run."""
    units, counts, labels, label_counts = from_json(files(LABELS_FILE), TABLES)
    return Symbols(units, first=1), tuple(map(int, counts)), Symbols(labels), tuple(map(int, label_counts))
