"""The frames task: a label for every frame of a video, or for every step of any measured sequence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from ...errors import DataError
from ..batches import IGNORED, Batches, padded
from ..examples import ExampleProblem, ExampleTask
from ..recurrent import Encoder
from ..symbols import Symbols, from_json, to_json
from ..task import Carried, Files, Parts, Step
from .metric import FrameMetric
from .reading import Video
from .segments import segments
from .settings import FrameSettings

SCALES_FILE = "features.json"
TABLES = ("columns", "means", "deviations", "labels")
LEAST = 1e-6
"""A feature that varies less is not scaled up."""


class FrameBatch(NamedTuple):
    """B pieces of at most T frames.

    Attributes:
        features: scaled, `[B, T, features]`.
        lengths: int64 `[B]`.
        labels: int64 `[B, T]`; `IGNORED` where there is none.
    """

    features: Tensor
    lengths: Tensor
    labels: Tensor


class FrameNetwork(nn.Module):
    """Scores of labels for every frame.

    Args:
        features: how many a frame has.
        labels: how many there are.
        settings: see `FrameSettings`.
    """

    def __init__(self, features: int, labels: int, settings: FrameSettings) -> None:
        super().__init__()
        self.noise, self.hide = settings.noise, settings.hide
        self.encoder = Encoder(features, settings, bidirectional=not settings.causal)
        self.dropout = nn.Dropout(settings.dropout)
        self.output = nn.Linear(self.encoder.width, labels)

    def forward(self, features: Tensor, lengths: Tensor) -> Tensor:
        """Scores `[B, T, labels]` for features `[B, T, features]`."""
        if self.training:
            features = features + self.noise * torch.randn_like(features)
            features = features * (torch.rand_like(features[:, :1]) >= self.hide) / (1 - self.hide)
        scores: Tensor = self.output(self.dropout(self.encoder(features, lengths)))
        return scores


class Framing(ExampleProblem):
    """What a network is for that labels frames.

    Args:
        columns: the names of the features.
        means: of each feature.
        deviations: of each feature.
        labels: their names.
        settings: see `FrameSettings`.
    """

    unit = "frames"
    settings: FrameSettings

    def __init__(
        self, columns: Sequence[str], means: Tensor, deviations: Tensor, labels: Symbols, settings: FrameSettings
    ) -> None:
        self.columns, self.means, self.deviations, self.labels = tuple(columns), means, deviations, labels
        self.settings = settings

    @staticmethod
    def open(settings: FrameSettings, files: Files) -> Framing:
        """The problem of a run."""
        return Framing(*tables(files), settings)

    @property
    def files(self) -> Mapping[str, bytes]:
        """The features, how they are scaled, and the labels."""
        found = (self.columns, self.means.tolist(), self.deviations.tolist(), self.labels.names)
        return {SCALES_FILE: to_json(dict(zip(TABLES, found, strict=True)))}

    def network(self) -> FrameNetwork:
        """A new network."""
        return FrameNetwork(len(self.columns), len(self.labels), self.settings)

    def lengths(self, examples: Sequence[Video]) -> list[int]:
        """Frames of each video."""
        return [len(each.features) for each in examples]

    def scaled(self, video: Video) -> Tensor:
        """The features of a video, of about the same size all."""
        if self.settings.scaled == "each":
            return standardised(video.features, *moments(video.features))
        return standardised(video.features, self.means, self.deviations)

    def tensors(self, video: Video) -> tuple[Tensor, Tensor]:
        """Scaled features, and the numbers of the labels."""
        if video.columns != self.columns:
            raise DataError(
                f"the features must be those that were learned, {', '.join(self.columns)}, but {video.name!r} has "
                f"{', '.join(video.columns)}; name and order them alike"
            )
        return self.scaled(video), torch.tensor([self.labels.number(each, IGNORED) for each in video.labels])

    def batch(self, examples: Sequence[Video], group: Sequence[int]) -> FrameBatch:
        """Some videos as tensors."""
        return batch_of([self.tensors(examples[n]) for n in group])

    def check(self, examples: Sequence[Video]) -> None:
        """Some frames have labels, and all of those were learned."""
        if not any(label for each in examples for label in each.labels):
            raise DataError("to be measured, some frames must have a label, but none has; fill the column label")
        for each in examples:
            strange = {label for label in each.labels if label} - set(self.labels.names)
            if strange:
                raise DataError(
                    f"every label must be among those to learn from, but {min(strange)!r} of {each.name!r} is not; add "
                    "frames of it, or leave it empty"
                )

    def step(self, network: nn.Module, batch: FrameBatch, carried: Carried) -> Step:
        """Cross-entropy of the labels, in nats per labelled frame."""
        scores = network(batch.features, batch.lengths)
        known = batch.labels >= 0
        total = functional.cross_entropy(
            scores.flatten(0, 1), batch.labels.flatten(), ignore_index=IGNORED, reduction="sum"
        )
        count = int(known.sum())
        found = None
        if not network.training:
            best = scores.argmax(-1)
            rows = zip(batch.labels, best, known, strict=True)
            found = [(true[own].tolist(), guess[own].tolist()) for true, guess, own in rows if own.any()]
        return Step(total / max(1, count), count, found=found)

    def metric(self) -> FrameMetric:
        """Accuracy of frames, edit score and F1 of segments."""
        return FrameMetric()

    @torch.no_grad()
    def found(self, network: nn.Module, video: Video) -> tuple[list[str], list[float]]:
        """The likeliest label of every frame, and how probable it is."""
        features, lengths, _ = batch_of([self.tensors(video)])
        best = network(features, lengths)[0].softmax(-1).max(-1)
        return [self.labels.name(each) for each in best.indices.tolist()], best.values.tolist()

    def predict(self, network: nn.Module, data: Sequence[Video]) -> Iterator[str]:
        """A line for each frame: its video, its number from 0, its label, and how probable that is."""
        yield "video,frame,label,probability\n"
        for video in data:
            for n, (label, share) in enumerate(zip(*self.found(network, video), strict=True)):
                yield f"{video.name},{n},{label},{share:.3f}\n"


class FrameTask(ExampleTask, Framing):
    """Videos to learn from.

    Args:
        parts: videos; where none are given to watch, some of the first are kept for it.
        settings: see `FrameSettings`.
        files: those of an earlier run; None makes new ones from the videos to learn from.

    Raises:
        DataError: there are too few videos, or only one label.
    """

    def __init__(self, parts: Parts, settings: FrameSettings, files: Files | None = None) -> None:
        ExampleTask.__init__(self, parts, settings.validation)
        found = measured(self.learned) if files is None else tables(files)
        Framing.__init__(self, *found, settings)
        self.check([*self.watched, *self.tested])
        self.pieces = [self.tensors(each) for each in self.learned]

    @property
    def summary(self) -> str:
        """How many videos, frames and labels there are."""
        return (
            f"{len(self.learned):,} videos ({sum(self.lengths(self.learned)):,} frames of {len(self.columns)} "
            f"features, {len(self.labels)} labels), measuring on {len(self.tested):,}"
        )

    advice: Mapping[str, Any] = {"learning_rate": 3e-3, "epochs": 60}

    def training(self, epoch: int) -> Batches:
        """Pieces of the videos, as many as cover them, each cut out where chance has it; or the videos whole."""
        if not self.settings.crop:
            return super().training(epoch)
        crop, chance = self.settings.crop, torch.Generator().manual_seed(epoch)
        cuts = []
        for n, (features, _) in enumerate(self.pieces):
            spare = max(0, len(features) - crop)
            starts = torch.randint(spare + 1, (-(-len(features) // crop),), generator=chance)
            cuts += [(n, start) for start in starts.tolist()]
        order = torch.randperm(len(cuts), generator=chance).tolist()
        groups = [order[n : n + self.settings.batch] for n in range(0, len(order), self.settings.batch)]

        def piece(n: int, start: int) -> tuple[Tensor, Tensor]:
            features, labels = self.pieces[n]
            return features[start : start + crop], labels[start : start + crop]

        return Batches(groups, lambda group: batch_of([piece(*cuts[n]) for n in group]))

    def sample(self, network: nn.Module) -> str:
        """The segments of one video, as they are and as they are found."""
        video = self.watched[0]
        names, _ = self.found(network, video)
        return f"true   {in_runs(video.labels)}\nfound  {in_runs(names)}"


def batch_of(pieces: Sequence[tuple[Tensor, Tensor]]) -> FrameBatch:
    """Features and labels of some pieces as tensors."""
    lengths = torch.tensor([len(labels) for _, labels in pieces])
    return FrameBatch(
        padded([features for features, _ in pieces]), lengths, padded([labels for _, labels in pieces], IGNORED)
    )


def measured(videos: Sequence[Video]) -> tuple[Sequence[str], Tensor, Tensor, Symbols]:
    """Columns, means, deviations and labels of videos to learn from."""
    labels = sorted({label for each in videos for label in each.labels if label})
    if len(labels) < 2:
        raise DataError(f"there must be at least two labels to tell apart, but there are {len(labels)}")
    return videos[0].columns, *moments(torch.cat([each.features for each in videos])), Symbols(labels)


def tables(files: Files) -> tuple[Sequence[str], Tensor, Tensor, Symbols]:
    """The same, out of the files of a run."""
    columns, means, deviations, labels = from_json(files(SCALES_FILE), TABLES)
    numbers = (torch.tensor([float(each) for each in row]) for row in (means, deviations))
    return columns, *numbers, Symbols(labels)  # type: ignore[return-value]


def moments(features: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of each feature, over frames `[T, features]`."""
    return features.mean(0), features.std(0, correction=0)


def standardised(features: Tensor, means: Tensor, deviations: Tensor) -> Tensor:
    """Features with mean 0 and deviation 1; one that does not vary is 0."""
    return (features - means) / deviations.clamp(min=LEAST) * (deviations >= LEAST)


def in_runs(labels: Sequence[str]) -> str:
    """Labels in short.

    >>> in_runs(["rest", "rest", "move"])
    'rest x 2, move x 1'
    """
    names = Symbols(dict.fromkeys(labels))
    runs = segments([names.number(each) for each in labels])
    return ", ".join(f"{names.name(each.label)} x {each.end - each.first}" for each in runs)
