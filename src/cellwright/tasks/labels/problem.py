"""A class for every sequence: what is the same for texts and for measurements."""

from __future__ import annotations

from abc import abstractmethod
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
from ..symbols import Symbols
from ..task import Beside, Carried, Step
from .reading import Example, Window
from .settings import LabelSettings

LABELS_FILE = "labels.json"
SHOWN = 5


class LabelBatch(NamedTuple):
    """B sequences of at most T steps.

    Attributes:
        steps: `[B, T, ...]`, zero behind the lengths.
        lengths: int64 `[B]`.
        labels: the classes, int64 `[B]`; `IGNORED` where none is known.
    """

    steps: Tensor
    lengths: Tensor
    labels: Tensor


class Classifier(nn.Module):
    """Scores of classes for sequences: read from both ends, then the largest and the mean output of each unit.

    Args:
        width: numbers that the recurrent layers read of a step.
        classes: how many there are.
        settings: see `LabelSettings`.
    """

    def __init__(self, width: int, classes: int, settings: LabelSettings) -> None:
        super().__init__()
        self.encoder = Encoder(width, settings)
        self.dropout = nn.Dropout(settings.dropout)
        self.output = nn.Linear(2 * self.encoder.width, classes)

    @abstractmethod
    def before(self, steps: Tensor) -> Tensor:
        """What the recurrent layers read of steps `[B, T, ...]`: `[B, T, width]`."""

    def forward(self, steps: Tensor, lengths: Tensor) -> Tensor:
        """Scores `[B, classes]` for steps `[B, T, ...]`."""
        read = self.encoder(self.before(steps), lengths)
        scores: Tensor = self.output(self.dropout(pooled(read, lengths)))
        return scores


class LabelProblem(ExampleProblem):
    """What a classifier is for.

    Args:
        labels: the classes.
        counts: how many examples each has.
        settings: see `LabelSettings`.
    """

    settings: LabelSettings
    remedy = "bring what is like that which is learned, with its label, and examples to learn from for each label"

    def __init__(self, labels: Symbols, counts: Sequence[int], settings: LabelSettings) -> None:
        self.labels, self.label_counts, self.settings = labels, counts, settings
        shares = torch.tensor(counts, dtype=torch.float32)
        self.weights = shares.sum() / len(shares) / shares if settings.balanced else torch.ones_like(shares)

    @property
    @abstractmethod
    def unit(self) -> str:
        """What has a class, in the plural."""

    @abstractmethod
    def seen(self, example: Any) -> Tensor:
        """What the network sees of an example, `[T, ...]`, of at least one step."""

    @abstractmethod
    def shown(self, example: Any) -> Beside:
        """What a person sees of each step."""

    def batch(self, examples: Sequence[Any], group: Sequence[int]) -> LabelBatch:
        """Some examples as tensors."""
        chosen = [examples[n] for n in group]
        rows = [self.seen(each) for each in chosen]
        labels = [self.labels.number(each.label or "", IGNORED) for each in chosen]
        return LabelBatch(padded(rows), torch.tensor([len(row) for row in rows]), torch.tensor(labels))

    def read_one(self, network: nn.Module, example: Any) -> Beside:
        """What is seen of each step, the class, and the class that is found."""
        batch = self.batch([example], [0])
        best = int(network(batch.steps, batch.lengths).argmax())
        count = int(batch.lengths)
        return {
            **self.shown(example),
            "class": ([example.label or ""] * count, ()),
            "found": ([self.labels.name(best)] * count, ()),
        }

    def unmeasurable(self, example: Example | Window) -> str | None:
        """It cannot be read, or has no label, or one that was never learned."""
        if example.label is None:
            return self.unreadable(example) or "has no label"
        unlearned = None if example.label in self.labels.numbers else f"the label {example.label!r} was never learned"
        return self.unreadable(example) or unlearned

    def step(self, network: nn.Module, batch: LabelBatch, carried: Carried) -> Step:
        """Cross-entropy of the classes, in nats per sequence."""
        scores = network(batch.steps, batch.lengths)
        known = batch.labels >= 0
        smoothing = self.settings.smoothing if network.training else 0.0
        weights = self.weights.to(scores.device) if network.training else None
        loss = functional.cross_entropy(scores[known], batch.labels[known], weights, label_smoothing=smoothing)
        found = None if network.training else Classified(batch.labels[known], scores[known].argmax(-1))
        return Step(loss, int(known.sum()), found=found)

    def metric(self) -> Confusion:
        """Accuracy, and the mean F1 of the classes."""
        return Confusion(self.labels.names)

    @abstractmethod
    def told(self, example: Any) -> str:
        """An example on one line."""

    @torch.no_grad()
    def predict(self, network: nn.Module, data: Sequence[Any]) -> Iterator[str]:
        """A line for each example: its class, how probable that is, and what it is."""
        data = self.readable(data)
        for start in range(0, len(data), self.settings.batch):
            group = range(start, min(start + self.settings.batch, len(data)))
            steps, lengths, _ = self.batch(data, group)
            best = network(steps, lengths).softmax(-1).max(-1)
            for n, share, label in zip(group, best.values.tolist(), best.indices.tolist(), strict=True):
                yield f"{self.labels.name(label)}\t{share:.3f}\t{self.told(data[n])}\n"


class LabelTask(ExampleTask, LabelProblem):
    """Examples to learn from."""

    advice: Mapping[str, Any] = {"learning_rate": 2e-3, "epochs": 10}

    def sample(self, network: nn.Module) -> str:
        """The classes of a few examples."""
        return "".join(self.predict(network, self.watched[:SHOWN])).strip("\n")

    def exhibits(self, network: nn.Module, metric: Confusion) -> Iterator[Exhibit]:
        """What is taken for what."""
        return metric.exhibits(self.unit)


def classes_of(examples: Sequence[Example] | Sequence[Window]) -> tuple[Symbols, Sequence[int]]:
    """The classes of examples to learn from, and how many each has.

    Raises:
        DataError: there are less than two.
    """
    labels = Counter(sorted(each.label for each in examples if each.label is not None))
    if len(labels) < 2:
        raise DataError(f"there must be at least two classes to tell apart, but there are {len(labels)}")
    return Symbols(labels), tuple(labels.values())
