"""What a network is made of whose memory is tried."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ..recurrent import RecurrentSettings, in_range


@dataclass(frozen=True, kw_only=True)
class MemorySettings(RecurrentSettings):
    """Everything about the memory task that a recipe keeps.

    Attributes:
        steps: how long something must be kept; of adding the length of a sequence, of copy the blanks in between.
        chrono: let a forget gate begin so that memory lasts for up to so many steps (Tallec & Ollivier, 2018).
        by: what of an image of a digit is a step: a row of it, or a pixel of it at half the size.

    Raises:
        InputError: a number is out of range, or there is no such cell.
    """

    hidden: int = 64
    dropout: float = 0.0
    batch: int = 64
    steps: int = 100
    chrono: int = 0
    by: Literal["rows", "pixels"] = "rows"

    def __post_init__(self) -> None:
        super().__post_init__()
        in_range(self, 2, 1_000_000, "steps")
        in_range(self, 0, 1_000_000, "chrono")
