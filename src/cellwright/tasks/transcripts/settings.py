"""What everything is made of that transcribes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ..recurrent import RecurrentSettings, in_range


@dataclass(frozen=True, kw_only=True)
class TranscriptSettings(RecurrentSettings):
    """Settings of speech and lines of text.

    Attributes:
        unit: what a transcript is made of.
        beam: transcripts that are followed side by side in reading; 1 takes the likeliest symbol of each step.

    Raises:
        InputError: a number is out of range, or there is no such cell.
    """

    batch: int = 16
    unit: Literal["characters", "words"] = "characters"
    beam: int = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        in_range(self, 1, 1_000, "beam")

    def pieces(self, transcript: str) -> list[str]:
        """The characters or words of a transcript."""
        return transcript.split() if self.unit == "words" else list(transcript)

    def joined(self, pieces: list[str]) -> str:
        """A transcript of its pieces."""
        return " ".join(pieces) if self.unit == "words" else "".join(pieces)
