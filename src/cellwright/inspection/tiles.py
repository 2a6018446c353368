"""Signals as pictures: bytes, in tiles of 1,024 columns, at every scale, so that no single step is ever hidden."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from .passes import Pass

COLUMNS = 1024
"""Columns of a tile."""
FACTOR = 4
"""A column of one level is so many of the level below."""
KEPT_FROM = 3
"""The first level that is kept in memory; those below are made when asked for."""
NONE, LOWEST, HIGHEST = 0, 1, 255
"""The byte of what is no finite number, and those of the ends of the scale."""
USUAL, SAMPLE = 0.995, 1024
"""The share of the numbers that lies within the scale of a signal without natural ends; of so many steps."""
BLOCK = 1 << 19
"""Numbers that are looked at at once."""
MAKER = ThreadPoolExecutor(1)
"""Makes tiles one after the other: several at once would only hinder each other, and hold memory for each thread."""


@dataclass(frozen=True)
class Scale:
    """What the bytes mean.

    Attributes:
        low: the value of the byte 1; 0 is what is no finite number.
        high: the value of the byte 255.
    """

    low: float
    high: float

    def bytes_of(self, values: Tensor) -> Tensor:
        """Values as bytes; what lies beyond an end is at the end.

        >>> Scale(-1.0, 1.0).bytes_of(torch.tensor([-1.0, 0.0, 1.0, torch.nan]))
        tensor([  1, 128, 255,   0], dtype=torch.uint8)
        """
        share = (values - self.low) / (self.high - self.low)
        levels = share.clamp(0, 1) * (HIGHEST - LOWEST) + LOWEST
        return torch.where(values.isfinite(), levels.round(), NONE).to(torch.uint8)


class Pyramid:
    """One signal of a pass at all scales.

    Args:
        made: the pass.
        name: of the signal.
    """

    def __init__(self, made: Pass, name: str) -> None:
        self.made, self.name = made, name
        self.width = made.states[name].shape[1] if name in made.states else made.units

    @cached_property
    def levels(self) -> int:
        """How many there are: the last one fits into one tile."""
        columns, found = self.made.steps, 1
        while columns > COLUMNS:
            columns, found = -(-columns // FACTOR), found + 1
        return found

    @cached_property
    def scale(self) -> Scale:
        """0 to 1 for a sigmoid, -1 to 1 for a tanh; for other signals alike below and above zero, as far as usual."""
        function = self.made.functions.get(self.name)
        if function == "sigmoid":
            return Scale(0.0, 1.0)
        if function == "tanh":
            return Scale(-1.0, 1.0)
        steps = np.unique(np.linspace(0, self.made.steps - 1, SAMPLE).astype(int))
        sizes = np.abs(np.concatenate([self.made.signal(self.name, slice(step, step + 1)) for step in steps]))
        sizes = sizes[np.isfinite(sizes)]
        usual = float(np.quantile(sizes, USUAL)) if sizes.size else 0.0
        return Scale(-(usual or 1.0), usual or 1.0)

    def columns(self, level: int, first: int, end: int) -> Tensor:
        """Some columns of a level, from the numbers themselves: smallest, mean and largest, uint8 `[3, columns, H]`."""
        stride = FACTOR**level
        rows = max(BLOCK // self.width // stride, 1) * stride
        steps = range(first * stride, min(end * stride, self.made.steps), rows)
        blocks = (self.made.signal(self.name, slice(start, min(start + rows, end * stride))) for start in steps)
        # Bytes block by block: so little is held even for files of gigabytes.
        return torch.cat([self.scale.bytes_of(summary(torch.from_numpy(each), stride)) for each in blocks], 1)

    @cached_property
    def kept(self) -> list[Tensor]:
        """The levels from the first kept one on: smallest, mean and largest, uint8 `[3, H, columns]` each."""
        level, found = self.columns(KEPT_FROM, 0, self.made.steps), []
        for number in range(KEPT_FROM, self.levels):
            level = level if number == KEPT_FROM else coarser(level)
            found.append(level.transpose(1, 2).contiguous())
        return found

    def tile(self, level: int, number: int) -> bytes:
        """A tile: of level 0 the values `[H, columns]`, of others smallest, mean and largest `[3, H, columns]`."""
        return MAKER.submit(self.made_tile, level, number * COLUMNS, (number + 1) * COLUMNS).result()

    def made_tile(self, level: int, first: int, end: int) -> bytes:
        """The same, in the thread of the caller."""
        if level >= KEPT_FROM:
            found = self.kept[level - KEPT_FROM][:, :, first:end]
        elif level:
            found = self.columns(level, first, end).transpose(1, 2)
        else:
            values = torch.from_numpy(self.made.signal(self.name, slice(first, end)))
            found = self.scale.bytes_of(values).T
        return found.contiguous().numpy().tobytes()


def summary(values: Tensor, factor: int) -> Tensor:
    """Smallest, mean and largest of every `factor` steps of `[T, H]`: `[3, T / factor, H]`.

    What is no number makes all three none.
    """
    rest = -len(values) % factor
    values = torch.cat([values, values[-1:].expand(rest, -1)]) if rest else values
    grouped = values.unflatten(0, (-1, factor))
    return torch.stack([grouped.amin(1), grouped.mean(1), grouped.amax(1)])


def coarser(level: Tensor) -> Tensor:
    """The next level of bytes `[3, columns, H]`; a column with something that is no number is none."""
    rest = -level.shape[1] % FACTOR
    level = torch.cat([level, level[:, -1:].expand(-1, rest, -1)], 1) if rest else level
    low, middle, high = level.unflatten(1, (-1, FACTOR))
    mean = middle.float().mean(1).round().to(torch.uint8)
    found = torch.stack([low.amin(1), mean, high.amax(1)])
    return torch.where(low.amin(1) == NONE, NONE, found)
