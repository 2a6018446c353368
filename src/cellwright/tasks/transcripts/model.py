"""The network of everything that transcribes: a front of the signal's own kind, then recurrent layers."""

from __future__ import annotations

from typing import Protocol

from torch import Tensor, nn

from ..recurrent import Encoder
from .settings import TranscriptSettings


class Front(Protocol):
    """What comes before the recurrent layers.

    Attributes:
        width: features of a step that it gives.
    """

    width: int

    def __call__(self, signals: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Features `[B, T, width]` and their lengths `[B]`, of signals and theirs."""

    def steps(self, length: int) -> int:
        """How many steps it gives of so many."""


class Transcriber(nn.Module):
    """Scores of symbols in each step, blank first.

    Args:
        front: what comes before the recurrent layers; a module.
        symbols: how many there are without the blank.
        settings: see `TranscriptSettings`.
    """

    def __init__(self, front: nn.Module, symbols: int, settings: TranscriptSettings) -> None:
        super().__init__()
        self.front: Front = front  # type: ignore[assignment]
        self.encoder = Encoder(self.front.width, settings)
        self.dropout = nn.Dropout(settings.dropout)
        self.output = nn.Linear(self.encoder.width, 1 + symbols)

    def forward(self, signals: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Scores `[B, T, 1 + symbols]` and their lengths `[B]`."""
        features, lengths = self.front(signals, lengths)
        read = self.encoder(self.dropout(features), lengths)
        return self.output(self.dropout(read)), lengths
