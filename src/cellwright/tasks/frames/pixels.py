"""Frames by their pixels: a small convolutional network sees each, a recurrent one remembers."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from torch import Tensor, nn

from ...errors import DataError
from ..batches import inside
from ..examples import ExampleTask
from ..kept import Kept
from ..symbols import Symbols, from_json, to_json
from ..task import Beside, Files, Parts
from .problem import FRAMES_FILE, FrameNetwork, FrameProblem, FrameTask, labels_of
from .reading import Filmed, Video
from .settings import FrameSettings
from .video import decoded

GROWTH = (1, 2, 4)
"""Channels of the convolutions, by those of the first."""
SIGHT = 128
"""Numbers that a frame becomes."""


class PixelNetwork(FrameNetwork):
    """A `FrameNetwork` that looks through three convolutions, each of which halves width and height.

    Args:
        labels: how many there are.
        settings: see `FrameSettings`.

    >>> import torch
    >>> network = PixelNetwork(4, FrameSettings(size=36)).eval()
    >>> network(torch.zeros(2, 5, 36, 36, dtype=torch.uint8), torch.tensor([5, 3])).shape
    torch.Size([2, 5, 4])
    """

    def __init__(self, labels: int, settings: FrameSettings) -> None:
        super().__init__(SIGHT, labels, settings)
        sizes = [1, *(settings.channels * each for each in GROWTH)]
        convolutions = [
            nn.Sequential(
                nn.Conv2d(one, other, kernel, stride=2, padding=kernel // 2, bias=False),
                nn.BatchNorm2d(other),
                nn.ReLU(),
            )
            for one, other, kernel in zip(sizes, sizes[1:], (5, 3, 3), strict=False)
        ]
        side = -(-settings.size // 2 ** len(GROWTH))
        # Flattened, not averaged: where a thing is must be seen, or it cannot be seen to move.
        self.eye = nn.Sequential(*convolutions, nn.Flatten(), nn.Linear(sizes[-1] * side**2, SIGHT), nn.ReLU())

    def before(self, frames: Tensor, lengths: Tensor) -> Tensor:
        """What is seen in brightness `[B, T, size, size]`, uint8: `[B, T, SIGHT]`."""
        there = inside(lengths, frames.shape[1])
        seen = self.eye(frames[there][:, None].float() / 255)
        found = seen.new_zeros(*frames.shape[:2], SIGHT)
        found[there] = seen
        dropped: Tensor = self.dropout(found)
        return dropped


class Watching(FrameProblem):
    """What a network is for that watches videos."""

    def __init__(self, labels: Symbols, settings: FrameSettings) -> None:
        super().__init__(labels, settings)
        self.kept = Kept(partial(decoded, size=settings.size))

    @staticmethod
    def open(settings: FrameSettings, files: Files) -> Watching:
        """The problem of a run."""
        return Watching(labels(files), settings)

    @property
    def files(self) -> Mapping[str, bytes]:
        """The labels."""
        return {FRAMES_FILE: to_json({"labels": self.labels.names})}

    def network(self) -> PixelNetwork:
        """A new network."""
        return PixelNetwork(len(self.labels), self.settings)

    def shown(self, video: Filmed) -> Beside:
        """The picture."""
        return {"frame": (self.seen(video).numpy(), ())}

    def unreadable(self, video: Video) -> str | None:
        """It is no film."""
        return None if isinstance(video, Filmed) else "has features, and no film"

    def seen(self, video: Filmed) -> Tensor:
        """The brightness of every pixel, uint8 `[T, size, size]`."""
        frames = self.kept[video.path]
        if len(frames) != len(video.labels):
            raise DataError(
                f"of the {len(video.labels):,} frames of {str(video.path)!r} {len(frames):,} can be decoded; mend it: "
                "ffmpeg -i IN OUT.mkv"
            )
        return frames


class WatchTask(FrameTask, Watching):
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
        Watching.__init__(self, labels_of(self.learned) if files is None else labels(files), settings)
        self.ready()

    @property
    def summary(self) -> str:
        """How many videos, frames and labels there are."""
        size = self.settings.size
        return (
            f"{len(self.learned):,} videos ({sum(self.lengths(self.learned)):,} frames of {size} x {size} pixels, "
            f"{len(self.labels)} labels), measuring on {len(self.tested):,}"
        )


def labels(files: Files) -> Symbols:
    """The labels, out of the files of a run."""
    [names] = from_json(files(FRAMES_FILE), ["labels"])
    return Symbols(names)
