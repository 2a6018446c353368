"""The labels task: a class for every text."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from ...errors import DataError
from ..batches import IGNORED, padded
from ..confusion import Classified, Confusion
from ..examples import ExampleProblem, ExampleTask
from ..exhibit import Exhibit
from ..recurrent import Encoder, pooled
from ..symbols import Symbols, from_json, to_json
from ..task import Beside, Carried, Files, Parts, Step
from .reading import Example
from .settings import LabelSettings

VOCABULARY_FILE = "vocabulary.json"
TABLES = ("units", "counts", "labels", "label_counts")
WORD = re.compile(r"\w+|[^\w\s]")
UNKNOWN = 0
SHOWN = 5


class LabelBatch(NamedTuple):
    """B texts of at most T words or characters.

    Attributes:
        units: their numbers, int64 `[B, T]`.
        lengths: int64 `[B]`.
        labels: the classes, int64 `[B]`; `IGNORED` where none is known.
    """

    units: Tensor
    lengths: Tensor
    labels: Tensor


class Classifier(nn.Module):
    """Scores of classes for texts: read from both ends, then the largest and the mean output of each unit.

    Args:
        counts: how often each word or character was met.
        classes: how many there are.
        settings: see `LabelSettings`.
    """

    rare: Tensor

    def __init__(self, counts: Sequence[int], classes: int, settings: LabelSettings) -> None:
        super().__init__()
        self.embedding = nn.Embedding(1 + len(counts), settings.embedding)
        self.encoder = Encoder(settings.embedding, settings)
        self.dropout = nn.Dropout(settings.dropout)
        self.output = nn.Linear(2 * self.encoder.width, classes)
        self.register_buffer("rare", settings.rare / (settings.rare + torch.tensor([0, *counts])), persistent=False)

    def forward(self, units: Tensor, lengths: Tensor) -> Tensor:
        """Scores `[B, classes]` for units `[B, T]`."""
        if self.training:
            units = units.masked_fill(torch.rand(units.shape, device=units.device) < self.rare[units], UNKNOWN)
        read = self.encoder(self.dropout(self.embedding(units)), lengths)
        scores: Tensor = self.output(self.dropout(pooled(read, lengths)))
        return scores


class Labelling(ExampleProblem):
    """What a classifier is for: classes of texts.

    Args:
        units: the words or characters that are known, from 1 on.
        counts: how often each was met.
        labels: the classes.
        label_counts: how many examples each has.
        settings: see `LabelSettings`.
    """

    unit = "texts"
    settings: LabelSettings

    def __init__(
        self,
        units: Symbols,
        counts: Sequence[int],
        labels: Symbols,
        label_counts: Sequence[int],
        settings: LabelSettings,
    ) -> None:
        self.units, self.counts, self.labels, self.label_counts = units, counts, labels, label_counts
        self.settings = settings
        shares = torch.tensor(label_counts, dtype=torch.float32)
        self.weights = shares.sum() / len(shares) / shares if settings.balanced else torch.ones_like(shares)

    @staticmethod
    def open(settings: LabelSettings, files: Files) -> Labelling:
        """The problem of a run."""
        return Labelling(*tables(files), settings)

    @property
    def files(self) -> Mapping[str, bytes]:
        """The vocabulary as a file."""
        found = (self.units.names, self.counts, self.labels.names, self.label_counts)
        return {VOCABULARY_FILE: to_json(dict(zip(TABLES, found, strict=True)))}

    def network(self) -> Classifier:
        """A new classifier."""
        return Classifier(self.counts, len(self.labels), self.settings)

    def numbers(self, text: str) -> list[int]:
        """The numbers of the words or characters of a text; at least one."""
        return [self.units.number(each, UNKNOWN) for each in pieces(text, self.settings)] or [UNKNOWN]

    def batch(self, examples: Sequence[Example], group: Sequence[int]) -> LabelBatch:
        """Some examples as tensors."""
        chosen = [examples[n] for n in group]
        rows = [torch.tensor(self.numbers(each.text)) for each in chosen]
        labels = [self.labels.number(each.label or "", IGNORED) for each in chosen]
        return LabelBatch(padded(rows), torch.tensor([len(row) for row in rows]), torch.tensor(labels))

    def lengths(self, examples: Sequence[Example]) -> list[int]:
        """Words or characters of each text."""
        return [len(self.numbers(each.text)) for each in examples]

    def read_one(self, network: nn.Module, example: Example) -> Beside:
        """Each word or character, the class of the text, and the class that is found."""
        batch = self.batch([example], [0])
        best = int(network(batch.units, batch.lengths).argmax())
        count = int(batch.lengths)
        return {
            self.settings.unit: (pieces(example.text, self.settings) or [""], ()),
            "class": ([example.label or ""] * count, ()),
            "found": ([self.labels.name(best)] * count, ()),
        }

    def check(self, examples: Sequence[Example]) -> None:
        """Every label was learned."""
        for each in examples:
            if each.label not in self.labels.numbers:
                raise DataError(
                    f"every label must be among those to learn from, but {each.label!r} of {each.text[:50]!r} is not; "
                    "add examples of it, or take it out"
                )

    def step(self, network: nn.Module, batch: LabelBatch, carried: Carried) -> Step:
        """Cross-entropy of the classes, in nats per text."""
        scores = network(batch.units, batch.lengths)
        known = batch.labels >= 0
        smoothing = self.settings.smoothing if network.training else 0.0
        weights = self.weights.to(scores.device) if network.training else None
        loss = functional.cross_entropy(scores[known], batch.labels[known], weights, label_smoothing=smoothing)
        found = None if network.training else Classified(batch.labels[known], scores[known].argmax(-1))
        return Step(loss, int(known.sum()), found=found)

    def metric(self) -> Confusion:
        """Accuracy, and the mean F1 of the classes."""
        return Confusion(self.labels.names)

    @torch.no_grad()
    def predict(self, network: nn.Module, data: Sequence[Example]) -> Iterator[str]:
        """A line for each text: its class, how probable that is, and the text."""
        for start in range(0, len(data), self.settings.batch):
            group = range(start, min(start + self.settings.batch, len(data)))
            units, lengths, _ = self.batch(data, group)
            best = network(units, lengths).softmax(-1).max(-1)
            for n, share, label in zip(group, best.values.tolist(), best.indices.tolist(), strict=True):
                yield f"{self.labels.name(label)}\t{share:.3f}\t{' '.join(data[n].text.split())}\n"


class LabelTask(ExampleTask, Labelling):
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
        Labelling.__init__(self, *(counted(self.learned, settings) if files is None else tables(files)), settings)
        self.check([*self.watched, *self.tested])

    @property
    def summary(self) -> str:
        """How many texts and classes there are."""
        return (
            f"{len(self.learned):,} texts ({len(self.labels)} classes, {len(self.units):,} different "
            f"{self.settings.unit}), measuring on {len(self.tested):,}"
        )

    advice: Mapping[str, Any] = {"learning_rate": 2e-3, "epochs": 10}

    def sample(self, network: nn.Module) -> str:
        """The classes of a few texts."""
        return "".join(self.predict(network, self.watched[:SHOWN])).strip("\n")

    def exhibits(self, network: nn.Module, metric: Confusion) -> Iterator[Exhibit]:
        """What is taken for what."""
        return metric.exhibits("texts")


def pieces(text: str, settings: LabelSettings) -> list[str]:
    """The words of a text in lower case, or its characters."""
    return list(text) if settings.unit == "characters" else WORD.findall(text.lower())


def counted(
    examples: Sequence[Example], settings: LabelSettings
) -> tuple[Symbols, Sequence[int], Symbols, Sequence[int]]:
    """What there is to know in examples to learn from, and how often each was met."""
    missing = next((each for each in examples if each.label is None), None)
    if missing is not None:
        raise DataError(f"every text to learn from must have a label, but {missing.text[:50]!r} has none; add it")
    units = Counter(piece for each in examples for piece in pieces(each.text, settings))
    labels = Counter(sorted(each.label for each in examples if each.label is not None))
    if len(labels) < 2:
        raise DataError(f"there must be at least two classes to tell apart, but all are {next(iter(labels))!r}")
    return Symbols(units, first=1), tuple(units.values()), Symbols(labels), tuple(labels.values())


def tables(files: Files) -> tuple[Symbols, Sequence[int], Symbols, Sequence[int]]:
    """The same, out of the files of a run."""
    units, counts, labels, label_counts = from_json(files(VOCABULARY_FILE), TABLES)
    return Symbols(units, first=1), tuple(map(int, counts)), Symbols(labels), tuple(map(int, label_counts))
