"""What comes before the recurrent layers of a network that listens, and the one that tells whole words apart."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..batches import inside
from ..recurrent import Encoder, pooled
from .settings import SpeechSettings

MASKED_FRAMES, MASKED_SHARE = 10, 0.2
"""The widest masks: in frames, and as a share of the bands."""


class Ear(nn.Module):
    """Scales the features, hides some of them while learning, and puts a few frames together as one step.

    Args:
        means: of the features in each band.
        deviations: of the same.
        settings: see `SpeechSettings`.

    >>> ear = Ear(torch.zeros(40), torch.ones(40), SpeechSettings(stack=2))
    >>> features, lengths = ear(torch.zeros(1, 5, 40), torch.tensor([5]))
    >>> features.shape, lengths
    (torch.Size([1, 3, 80]), tensor([3]))
    """

    means: Tensor
    deviations: Tensor

    def __init__(self, means: Tensor, deviations: Tensor, settings: SpeechSettings) -> None:
        super().__init__()
        self.stack, self.masks = settings.stack, settings.masks
        self.width = settings.stack * len(deviations)
        self.register_buffer("means", means, persistent=False)
        self.register_buffer("deviations", deviations, persistent=False)

    def forward(self, signals: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Features `[B, ceil(T / stack), stack * bands]` and their lengths, of log-mel features `[B, T, bands]`."""
        features = (signals - self.means) / self.deviations
        if self.training:
            frames, bands = features.shape[1:]
            hidden = spans(len(features), frames, min(MASKED_FRAMES, frames), self.masks, features.device)[..., None]
            hidden = (
                hidden | spans(len(features), bands, round(MASKED_SHARE * bands), self.masks, features.device)[:, None]
            )
            features = features.masked_fill(hidden, 0.0)
        features = features * inside(lengths, features.shape[1])[..., None]
        features = functional.pad(features, (0, 0, 0, -features.shape[1] % self.stack))
        return features.unflatten(1, (-1, self.stack)).flatten(2), (lengths + self.stack - 1) // self.stack

    def steps(self, length: int) -> int:
        """How many steps there are of so many frames."""
        return -(-length // self.stack)


def spans(rows: int, places: int, longest: int, count: int, device: torch.device) -> Tensor:
    """Where chance has put `count` spans of up to `longest` places, bool `[rows, places]`."""
    widths = torch.rand(rows, count, 1, device=device) * longest
    starts = torch.rand(rows, count, 1, device=device) * (places - widths)
    place = torch.arange(places, device=device) + 0.5
    return ((place >= starts) & (place < starts + widths)).any(1)


class WordClassifier(nn.Module):
    """Scores of classes for whole recordings.

    Args:
        ear: what comes before the recurrent layers.
        classes: how many there are.
        settings: see `SpeechSettings`.
    """

    def __init__(self, ear: Ear, classes: int, settings: SpeechSettings) -> None:
        super().__init__()
        self.ear = ear
        self.encoder = Encoder(ear.width, settings)
        self.dropout = nn.Dropout(settings.dropout)
        self.output = nn.Linear(2 * self.encoder.width, classes)

    def forward(self, signals: Tensor, lengths: Tensor) -> Tensor:
        """Scores `[B, classes]` for log-mel features `[B, T, bands]`."""
        features, lengths = self.ear(signals, lengths)
        scores: Tensor = self.output(self.dropout(pooled(self.encoder(features, lengths), lengths)))
        return scores
