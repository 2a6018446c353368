"""What a network is made of that reads lines of text."""

from __future__ import annotations

from dataclasses import dataclass

from ...errors import InputError
from ..recurrent import in_range
from ..transcripts import TranscriptSettings


@dataclass(frozen=True, kw_only=True)
class LineSettings(TranscriptSettings):
    """Everything about the lines task that a recipe keeps.

    Attributes:
        height: pixels to which the height of every line is scaled; a multiple of 8.
        channels: of the first convolution; the second has twice, the third three times as many.
        distort: how far lines are slanted, squeezed, shifted and blotted while learning; 0 is not at all.

    Raises:
        InputError: a number is out of range, or there is no such cell.
    """

    layers: int = 2
    batch: int = 8
    dropout: float = 0.5
    height: int = 48
    channels: int = 16
    distort: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        in_range(self, 8, 512, "height")
        in_range(self, 1, 1024, "channels")
        in_range(self, 0, 3, "distort")
        if self.height % 8:
            raise InputError(f"--height must be a multiple of 8, not {self.height}; 48 is usual")
