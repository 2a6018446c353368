"""What a network is made of that listens."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ..recurrent import in_range
from ..transcripts import TranscriptSettings


@dataclass(frozen=True, kw_only=True)
class SpeechSettings(TranscriptSettings):
    """Everything about the speech task that a recipe keeps.

    Attributes:
        unit: what a transcript is made of; whole tells recordings apart by their whole transcripts.
        bands: mel bands of the spectrum.
        stack: frames of 10 ms that are read as one step.
        masks: how many spans of frames, and of bands, are hidden while learning (Park et al., 2019).

    Raises:
        InputError: a number is out of range, or there is no such cell.
    """

    unit: Literal["characters", "words", "whole"] = "characters"  # type: ignore[assignment]
    layers: int = 2
    bands: int = 40
    stack: int = 2
    masks: int = 2

    def __post_init__(self) -> None:
        super().__post_init__()
        in_range(self, 1, 512, "bands")
        in_range(self, 1, 100, "stack")
        in_range(self, 0, 100, "masks")

    def pieces(self, transcript: str) -> list[str]:
        """The characters or words of a transcript, or all of it as one."""
        return [transcript] if self.unit == "whole" else super().pieces(transcript)
