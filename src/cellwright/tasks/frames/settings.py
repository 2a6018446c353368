"""What a network is made of that labels frames."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ..recurrent import RecurrentSettings, in_range


@dataclass(frozen=True, kw_only=True)
class FrameSettings(RecurrentSettings):
    """Everything about the frames task that a recipe keeps.

    Attributes:
        causal: read forwards only, so that a label needs no later frame.
        scaled: by which mean and deviation each feature is scaled: of all videos to learn from, or of each by itself.
        size: pixels to which width and height of the frames of video files are scaled.
        channels: of the first convolution over the pixels; the second has twice, the third four times as many.
        crop: frames of the pieces to learn from, cut out anew in each epoch; 0 for whole videos.
        noise: deviation of what is added to the scaled features while learning.
        hide: share of the features that is hidden while learning, the same for all frames of a piece.
        balanced: every label weighs the same in the loss, however few frames it has.

    Raises:
        InputError: a number is out of range, or there is no such cell.
    """

    hidden: int = 64
    batch: int = 16
    causal: bool = False
    scaled: Literal["all", "each"] = "all"
    size: int = 36
    channels: int = 16
    crop: int = 256
    noise: float = 0.1
    hide: float = 0.1
    balanced: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        in_range(self, 0, 1_000_000, "crop")
        in_range(self, 0, 100, "noise")
        in_range(self, 8, 1024, "size")
        in_range(self, 1, 1024, "channels")
        in_range(self, 0, 0.99, "hide")
