"""Frames by features: what sensors or another network have measured in each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from ..examples import ExampleTask
from ..measurements import SHOWN, Scale, disturbed
from ..symbols import Symbols, from_json, to_json
from ..tables import unlike
from ..task import Beside, Files, Parts
from .problem import FRAMES_FILE, FrameNetwork, FrameProblem, FrameTask, labels_of
from .reading import Measured, Video, features_of
from .settings import FrameSettings


class FeatureNetwork(FrameNetwork):
    """A `FrameNetwork` whose recurrent layers read the features, while learning with noise, and some of them hidden."""

    def __init__(self, features: int, labels: int, settings: FrameSettings) -> None:
        super().__init__(features, labels, settings)
        self.noise, self.hide = settings.noise, settings.hide

    def before(self, frames: Tensor, lengths: Tensor) -> Tensor:
        """The features, `[B, T, features]`."""
        return disturbed(frames, self.noise, self.hide) if self.training else frames


class Framing(FrameProblem):
    """What a network is for that labels frames by their features.

    Args:
        scale: the features.
        labels: their names.
        settings: see `FrameSettings`.
    """

    def __init__(self, scale: Scale, labels: Symbols, settings: FrameSettings) -> None:
        super().__init__(labels, settings)
        self.scale = scale

    @staticmethod
    def open(settings: FrameSettings, files: Files) -> Framing:
        """The problem of a run."""
        return Framing(*tables(files), settings)

    @property
    def files(self) -> Mapping[str, bytes]:
        """The features, how they are scaled, and the labels."""
        return {FRAMES_FILE: to_json({**self.scale.tables, "labels": self.labels.names})}

    def network(self) -> FeatureNetwork:
        """A new network."""
        return FeatureNetwork(len(self.scale.columns), len(self.labels), self.settings)

    def shown(self, video: Measured) -> Beside:
        """The first features."""
        return {"features": (video.features[:, :SHOWN].numpy(), video.columns[:SHOWN])}

    def unreadable(self, video: Video) -> str | None:
        """It has other features."""
        return unlike(features_of(video), self.scale.columns)

    def seen(self, video: Measured) -> Tensor:
        """The features of a video, of about the same size all."""
        scale = Scale.of(video.columns, video.features) if self.settings.scaled == "each" else self.scale
        return scale(video.features)


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
            f"{len(self.learned):,} videos ({sum(self.lengths(self.learned)):,} frames of {len(self.scale.columns)} "
            f"features, {len(self.labels)} labels), measuring on {len(self.tested):,}"
        )


def measured(videos: Sequence[Measured]) -> tuple[Scale, Symbols]:
    """The scale and the labels of videos to learn from."""
    labels = labels_of(videos)
    return Scale.learned(videos[0].columns, torch.cat([each.features for each in videos])), labels


def tables(files: Files) -> tuple[Scale, Symbols]:
    """The same, out of the files of a run."""
    content = files(FRAMES_FILE)
    (labels,) = from_json(content, ("labels",))
    return Scale.of_json(content), Symbols(labels)
