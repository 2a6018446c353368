"""What a tagger is made of."""

from __future__ import annotations

from dataclasses import dataclass

from ..recurrent import RecurrentSettings, in_range


@dataclass(frozen=True, kw_only=True)
class TagSettings(RecurrentSettings):
    """Everything about the tags task that a recipe keeps.

    Attributes:
        words: numbers per word.
        characters: numbers per character.
        spelling: units per direction of the LSTM that reads the characters of a word.
        rare: how readily a word is taken for an unknown one while learning: with the probability rare / (rare + count).

    Raises:
        InputError: a number is out of range, or there is no such cell.
    """

    hidden: int = 200
    dropout: float = 0.5
    words: int = 100
    characters: int = 32
    spelling: int = 64
    rare: float = 0.25

    def __post_init__(self) -> None:
        super().__post_init__()
        in_range(self, 1, 65_536, "words", "characters", "spelling")
        in_range(self, 0, 1_000_000, "rare")
