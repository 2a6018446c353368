"""Frames by features: what sensors or another network have measured in each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from ...errors import DataError
from ..examples import ExampleTask
from ..symbols import Symbols, from_json, to_json
from ..task import Beside, Files, Parts
from .problem import FRAMES_FILE, FrameNetwork, FrameProblem, FrameTask, labels_of
from .reading import Measured
from .settings import FrameSettings

TABLES = ("columns", "means", "deviations", "labels")
SHOWN = 6
"""Features that a person can follow side by side."""
LEAST = 1e-6
"""A feature that varies less is not scaled up."""


class FeatureNetwork(FrameNetwork):
    """A `FrameNetwork` whose recurrent layers read the features, while learning with noise, and some of them hidden."""

    def __init__(self, features: int, labels: int, settings: FrameSettings) -> None:
        super().__init__(features, labels, settings)
        self.noise, self.hide = settings.noise, settings.hide

    def before(self, frames: Tensor, lengths: Tensor) -> Tensor:
        """The features, `[B, T, features]`."""
        if self.training:
            frames = frames + self.noise * torch.randn_like(frames)
            frames = frames * (torch.rand_like(frames[:, :1]) >= self.hide) / (1 - self.hide)
        return frames


class Framing(FrameProblem):
    """What a network is for that labels frames by their features.

    Args:
        columns: the names of the features.
        means: of each feature.
        deviations: of each feature.
        labels: their names.
        settings: see `FrameSettings`.
    """

    def __init__(
        self, columns: Sequence[str], means: Tensor, deviations: Tensor, labels: Symbols, settings: FrameSettings
    ) -> None:
        super().__init__(labels, settings)
        self.columns, self.means, self.deviations = tuple(columns), means, deviations

    @staticmethod
    def open(settings: FrameSettings, files: Files) -> Framing:
        """The problem of a run."""
        return Framing(*tables(files), settings)

    @property
    def files(self) -> Mapping[str, bytes]:
        """The features, how they are scaled, and the labels."""
        found = (self.columns, self.means.tolist(), self.deviations.tolist(), self.labels.names)
        return {FRAMES_FILE: to_json(dict(zip(TABLES, found, strict=True)))}

    def network(self) -> FeatureNetwork:
        """A new network."""
        return FeatureNetwork(len(self.columns), len(self.labels), self.settings)

    def shown(self, video: Measured) -> Beside:
        """The first features."""
        return {"features": (video.features[:, :SHOWN].numpy(), self.columns[:SHOWN])}

    def seen(self, video: Measured) -> Tensor:
        """The features of a video, of about the same size all."""
        if not isinstance(video, Measured) or video.columns != self.columns:
            has = ", ".join(video.columns) if isinstance(video, Measured) else "frames alone"
            raise DataError(
                f"the features must be those that were learned, {', '.join(self.columns)}, but {video.name!r} has "
                f"{has}; name and order them alike"
            )
        if self.settings.scaled == "each":
            return standardised(video.features, *moments(video.features))
        return standardised(video.features, self.means, self.deviations)


class FeatureTask(FrameTask, Framing):
    """Videos with features to learn from.

    Args:
        parts: videos; where none are given to watch, some of the first are kept for it.
        settings: see `FrameSettings`.
        files: those of an earlier run; None makes new ones from the videos to learn from.

    Raises:
        DataError: there are too few videos, or only one label.
    """

    def __init__(self, parts: Parts, settings: FrameSettings, files: Files | None = None) -> None:
        ExampleTask.__init__(self, parts, settings.validation)
        Framing.__init__(self, *(measured(self.learned) if files is None else tables(files)), settings)
        self.ready()

    @property
    def summary(self) -> str:
        """How many videos, frames and labels there are."""
        return (
            f"{len(self.learned):,} videos ({sum(self.lengths(self.learned)):,} frames of {len(self.columns)} "
            f"features, {len(self.labels)} labels), measuring on {len(self.tested):,}"
        )


def measured(videos: Sequence[Measured]) -> tuple[Sequence[str], Tensor, Tensor, Symbols]:
    """Columns, means, deviations and labels of videos to learn from."""
    return videos[0].columns, *moments(torch.cat([each.features for each in videos])), labels_of(videos)


def tables(files: Files) -> tuple[Sequence[str], Tensor, Tensor, Symbols]:
    """The same, out of the files of a run."""
    columns, means, deviations, labels = from_json(files(FRAMES_FILE), TABLES)
    numbers = (torch.tensor([float(each) for each in row]) for row in (means, deviations))
    return columns, *numbers, Symbols(labels)  # type: ignore[return-value]


def moments(features: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of each feature, over frames `[T, features]`."""
    return features.mean(0), features.std(0, correction=0)


def standardised(features: Tensor, means: Tensor, deviations: Tensor) -> Tensor:
    """Features with mean 0 and deviation 1; one that does not vary is 0."""
    return (features - means) / deviations.clamp(min=LEAST) * (deviations >= LEAST)
