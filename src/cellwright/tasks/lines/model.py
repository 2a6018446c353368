"""What comes before the recurrent layers of a network that reads lines: convolutions."""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..batches import inside
from .settings import LineSettings

SLANT, SHIFT, SQUEEZE, SPECKLE = 0.3, 0.06, 0.12, 0.08
"""The largest distortions: columns by row, share of the height, share of the height, deviation of the ink."""
BLOT = 0.2
"""How often strokes are made thicker, and how often thinner."""
STEPS = (2, 2, 1)
"""Columns that each convolution puts together; of rows it is always two."""
COLUMNS = math.prod(STEPS)
"""Columns of the image that become one step."""


class Eye(nn.Module):
    """Three convolutions, after which a step is four columns of the image.

    Args:
        settings: see `LineSettings`.

    >>> eye = Eye(LineSettings(height=48, channels=16))
    >>> features, lengths = eye(torch.zeros(1, 9, 48, dtype=torch.uint8), torch.tensor([9]))
    >>> features.shape, lengths
    (torch.Size([1, 3, 288]), tensor([3]))
    """

    def __init__(self, settings: LineSettings) -> None:
        super().__init__()
        self.distort = settings.distort
        sizes = [1, settings.channels, 2 * settings.channels, 3 * settings.channels]
        self.convolutions = nn.ModuleList(
            nn.Sequential(nn.Conv2d(one, other, 3, padding=1, bias=False), nn.BatchNorm2d(other), nn.ReLU())
            for one, other in pairwise(sizes)
        )
        self.pools = nn.ModuleList(nn.MaxPool2d((step, 2)) for step in STEPS)
        self.width = sizes[-1] * settings.height // 8

    def forward(self, signals: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Features `[B, ceil(T / 4), width]` and their lengths, of columns of ink `[B, T, height]`."""
        ink = signals.float() / 255
        if self.training and self.distort:
            ink = distorted(ink, self.distort)
        ink = functional.pad(ink, (0, 0, 0, -ink.shape[1] % COLUMNS))[:, None]
        for convolution, pool, step in zip(self.convolutions, self.pools, STEPS, strict=True):
            # What a convolution makes of the padding must not come back into the line.
            ink = pool(convolution(ink) * inside(lengths, ink.shape[2])[:, None, :, None])
            lengths = -(-lengths // step)
        return ink.transpose(1, 2).flatten(2), lengths

    def steps(self, length: int) -> int:
        """How many steps there are of so many columns."""
        return -(-length // COLUMNS)


def distorted(ink: Tensor, strength: float) -> Tensor:
    """Lines slanted, shifted, squeezed, their strokes thicker or thinner, with noise; each line otherwise.

    Args:
        ink: `[B, T, height]`, from 0 to 1.
        strength: 1 is usual.
    """
    rows, width, height = ink.shape

    def chance(most: float) -> Tensor:
        return (2 * torch.rand(rows, device=ink.device) - 1) * most * strength

    place = torch.zeros(rows, 2, 3, device=ink.device)  # from the distorted image to the given one, both from -1 to 1
    place[:, 0, 0] = 1 + chance(SQUEEZE)
    place[:, 0, 2] = chance(2 * SHIFT)
    place[:, 1, 0] = chance(SLANT) * height / width
    place[:, 1, 1] = 1
    grid = functional.affine_grid(place, [rows, 1, width, height], align_corners=False)
    moved = functional.grid_sample(ink[:, None], grid, align_corners=False)
    blot = torch.rand(rows, 1, 1, 1, device=ink.device)
    thicker, thinner = functional.max_pool2d(moved, 3, 1, 1), -functional.max_pool2d(-moved, 3, 1, 1)
    moved = torch.where(blot < BLOT * strength, thicker, torch.where(blot > 1 - BLOT * strength, thinner, moved))
    return (moved + SPECKLE * strength * torch.rand(rows, 1, 1, 1, device=ink.device) * torch.randn_like(moved))[:, 0]
