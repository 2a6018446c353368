"""What a classifier is made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ...errors import InputError
from ..recurrent import RecurrentSettings, in_range


@dataclass(frozen=True, kw_only=True)
class LabelSettings(RecurrentSettings):
    """Everything about the labels task that a recipe keeps.

    Attributes:
        unit: what is read of a text one by one.
        embedding: numbers per word or character of a text.
        rare: how readily a word is taken for an unknown one while learning: with the probability rare / (rare + count).
        noise: deviation of what is added to scaled measurements while learning.
        hide: share of the measured features that is hidden while learning, the same for all steps of a sequence.
        smoothing: share of certainty that is spread over all classes (Szegedy et al., 2016).
        balanced: every class weighs the same in the loss, however few examples it has.

    Raises:
        InputError: a number is out of range, or there is no such cell.
    """

    dropout: float = 0.5
    unit: Literal["words", "characters"] = "words"
    embedding: int = 100
    rare: float = 1.0
    noise: float = 0.1
    hide: float = 0.1
    smoothing: float = 0.0
    balanced: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        in_range(self, 1, 65_536, "embedding")
        in_range(self, 0, 1_000_000, "rare")
        in_range(self, 0, 100, "noise")
        in_range(self, 0, 0.99, "hide")
        if not 0 <= self.smoothing < 1:
            raise InputError(f"--smoothing must be from 0 to below 1, not {self.smoothing:g}; 0.1 is usual")
