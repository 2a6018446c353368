"""Events: which of several things happen at the next step, several at once perhaps, such as the keys of a piano."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from ...errors import DataError
from ..batches import inside, padded
from ..examples import ExampleProblem, ExampleTask
from ..exhibit import Exhibit, new_figure
from ..mean import MeanLoss
from ..recurrent import Encoder
from ..symbols import from_json, to_json
from ..tables import table_line, unlike
from ..task import Beside, Carried, Files, Parts, Step
from .reading import Piece, Series
from .settings import COLUMNS_FILE, SeriesSettings

TABLES = ("columns", "counts")


class EventBatch(NamedTuple):
    """B sequences of at most T steps.

    Attributes:
        events: 0 or 1, `[B, T, columns]`; all steps but the last.
        lengths: int64 `[B]`.
        targets: the same, one step later.
    """

    events: Tensor
    lengths: Tensor
    targets: Tensor


class EventNetwork(nn.Module):
    """Scores of the events of the next step, for every step.

    Args:
        shares: how often each event happens, where the network begins.
        settings: see `SeriesSettings`.
    """

    def __init__(self, shares: Tensor, settings: SeriesSettings) -> None:
        super().__init__()
        self.dropout = nn.Dropout(settings.dropout)
        self.encoder = Encoder(len(shares), settings, bidirectional=False)
        self.output = nn.Linear(self.encoder.width, len(shares))
        self.output.bias.data.copy_(torch.logit(shares.clamp(1e-4, 1 - 1e-4)))

    def forward(self, events: Tensor, lengths: Tensor) -> Tensor:
        """Scores `[B, T, columns]`."""
        scores: Tensor = self.output(self.dropout(self.encoder(events, lengths)))
        return scores


class EventMetric:
    """Nats per step: the cross-entropy of all events of a step, averaged over the steps."""

    def __init__(self) -> None:
        self.loss = MeanLoss()

    def update(self, step: Step) -> None:
        """Count a batch."""
        self.loss.update(step)

    def compute(self) -> dict[str, float]:
        """The nats, under two names: as figure and as loss."""
        return {"nats": self.loss.value, "loss": self.loss.value}


class Events(ExampleProblem):
    """What a network is for that says which events come next.

    Args:
        columns: their names.
        shares: how often each happens.
        settings: see `SeriesSettings`.
    """

    unit = "steps"
    settings: SeriesSettings
    remedy = "bring sequences of at least 2 steps, with the columns of those that are learned"

    def __init__(self, columns: Sequence[str], shares: Tensor, settings: SeriesSettings) -> None:
        self.columns, self.shares, self.settings = tuple(columns), shares, settings

    @staticmethod
    def of_files(settings: SeriesSettings, files: Files) -> Events:
        """The problem of a run."""
        return Events(*tables(files), settings)

    @property
    def files(self) -> Mapping[str, bytes]:
        """The columns, and how often each event happens."""
        return {COLUMNS_FILE: to_json(dict(zip(TABLES, (self.columns, self.shares.tolist()), strict=True)))}

    @property
    def scored(self) -> Sequence[str]:
        """The events."""
        return self.columns

    def network(self) -> EventNetwork:
        """A new network."""
        return EventNetwork(self.shares, self.settings)

    def unreadable(self, example: Piece) -> str | None:
        """It has other events."""
        return unlike(example.columns, self.columns)

    def unmeasurable(self, example: Piece) -> str | None:
        """It cannot be read, or nothing follows on its first step."""
        return self.unreadable(example) or ("has 1 step" if len(example.events) < 2 else None)

    def sound(self, examples: Sequence[Piece] | Series, fault: Callable[[Piece], str | None]) -> list[Piece]:
        """The sequences without a fault.

        Raises:
            DataError: see `ExampleProblem.sound`; or it is a series.
        """
        if isinstance(examples, Series):
            raise DataError(
                f"there must be sequences of events, as learned, but {examples.name!r} is a series with dates"
            )
        return super().sound(examples, fault)

    def lengths(self, examples: Sequence[Piece]) -> list[int]:
        """Steps of each sequence that have a next one."""
        return [len(each.events) - 1 for each in examples]

    def batch(self, examples: Sequence[Piece], group: Sequence[int]) -> EventBatch:
        """Some sequences as tensors."""
        chosen = [examples[n] for n in group]
        return EventBatch(
            padded([each.events[:-1] for each in chosen]),
            torch.tensor(self.lengths(chosen)),
            padded([each.events[1:] for each in chosen]),
        )

    def step(self, network: nn.Module, batch: EventBatch, carried: Carried) -> Step:
        """The cross-entropy of all events of the next step, in nats; while learning, of shifted events."""
        events, lengths, targets = batch
        if network.training and self.settings.shift:
            by = int(torch.randint(-self.settings.shift, self.settings.shift + 1, ()))
            events, targets = shifted(events, by), shifted(targets, by)
        scores = network(events, lengths)
        losses = functional.binary_cross_entropy_with_logits(scores, targets, reduction="none").sum(-1)
        count = int(lengths.sum())
        return Step((losses * inside(lengths, events.shape[1])).sum() / max(1, count), count)

    def read_one(self, network: nn.Module, example: Piece) -> Beside:
        """The events of each step, and how surprising those of the next one are, in nats."""
        events, lengths, targets = self.batch([example], [0])
        losses = functional.binary_cross_entropy_with_logits(network(events, lengths), targets, reduction="none")
        happened = [
            " ".join(name for name, value in zip(self.columns, row, strict=True) if value) for row in events[0].tolist()
        ]
        return {"events": (happened, ()), "surprise": (losses[0].sum(-1).numpy(), ())}

    def metric(self) -> EventMetric:
        """Nats per step."""
        return EventMetric()

    @torch.no_grad()
    def predict(self, network: nn.Module, data: Sequence[Piece]) -> Iterator[str]:
        """For each sequence how probable each event is at the step behind its end."""
        data = self.readable(data)
        yield table_line(["sequence", *self.columns])
        for piece in data:
            scores = network(piece.events[None], torch.tensor([len(piece.events)]))[0, -1]
            yield table_line([piece.name, *(f"{value:.3g}" for value in scores.sigmoid().tolist())])


class EventTask(ExampleTask, Events):
    """Sequences of events to learn from.

    Args:
        parts: sequences; where none are given to watch, some of the first are kept for it.
        settings: see `SeriesSettings`.
        files: those of an earlier run; None makes new ones from the sequences to learn from.
    """

    def __init__(self, parts: Parts, settings: SeriesSettings, files: Files | None = None) -> None:
        ExampleTask.__init__(self, parts, settings.validation)
        whole = torch.cat([each.events for each in self.learned])
        columns, shares = (self.learned[0].columns, whole.mean(0)) if files is None else tables(files)
        Events.__init__(self, columns, shares, settings)
        self.settle()

    @property
    def summary(self) -> str:
        """How many sequences, steps and events there are."""
        steps = sum(self.lengths(self.learned))
        return (
            f"{len(self.learned):,} sequences ({steps:,} steps of {len(self.columns)} events), measuring on "
            f"{len(self.tested):,}"
        )

    advice: Mapping[str, Any] = {"learning_rate": 3e-3, "epochs": 60}

    @torch.no_grad()
    def sample(self, network: nn.Module) -> str:
        """What happens at the end of one sequence, and what was held likeliest."""
        piece = self.watched[0]
        scores = network(piece.events[None, :-1], torch.tensor([len(piece.events) - 1]))[0, -1]
        came = [name for name, value in zip(self.columns, piece.events[-1].tolist(), strict=True) if value]
        likely = [self.columns[n] for n in scores.topk(min(len(self.columns), max(1, len(came)))).indices.tolist()]
        return f"came {' '.join(came) or 'nothing'}, likeliest {' '.join(likely)}"

    @torch.no_grad()
    def exhibits(self, network: nn.Module, metric: EventMetric) -> Iterator[Exhibit]:
        """One sequence: what came, and how probable it was held the step before."""
        piece = self.tested[0]
        shares = network(piece.events[None, :-1], torch.tensor([len(piece.events) - 1]))[0].sigmoid()
        figure = new_figure(9, 6)
        for axes, values, title in zip(
            figure.subplots(2, 1), (piece.events[1:], shares), ("came", "held"), strict=True
        ):
            axes.imshow(
                values.T.numpy(), aspect="auto", origin="lower", interpolation="nearest", cmap="Blues", vmin=0, vmax=1
            )
            axes.set(title=title, xlabel="step", ylabel="event")
        yield Exhibit("Events", f"The sequence {piece.name!r}: what came, and how probable it was held.", figure=figure)


def tables(files: Files) -> tuple[Sequence[str], Tensor]:
    """Columns, and how often each event happens, out of the files of a run."""
    columns, shares = from_json(files(COLUMNS_FILE), TABLES)
    return columns, torch.tensor([float(each) for each in shares])


def shifted(events: Tensor, by: int) -> Tensor:
    """Events moved to later columns, or to earlier ones; what falls out at one side is lost.

    >>> shifted(torch.tensor([[1.0, 2.0, 3.0]]), 1).tolist(), shifted(torch.tensor([[1.0, 2.0, 3.0]]), -1).tolist()
    ([[0.0, 1.0, 2.0]], [[2.0, 3.0, 0.0]])
    """
    return functional.pad(events, (max(0, by), max(0, -by)))[..., max(0, -by) : events.shape[-1] + max(0, -by)]
