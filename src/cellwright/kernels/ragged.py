"""Sequences of different lengths in the order of the kernel: the longest first, step by step, without gaps."""

from __future__ import annotations

from itertools import accumulate
from typing import NamedTuple

import torch
from torch import Tensor

from ..errors import InputError


class Ragged(NamedTuple):
    """Where the rows of a batch stand when those that have ended take no place.

    The rows of a step are the first ones of the step before. That is the order of PyTorch's PackedSequence.

    Attributes:
        lengths: 64-bit integers `[B]`, the longest first.
        begins: 64-bit integers `[T + 1]`: the first place of each step, and behind the last.
        order: 64-bit integers `[B]`: the row of the batch that each row is; None if the batch is packed already.
        places: 64-bit integers `[N]`: the step and row `t * B + b` that each place comes from; or None.
    """

    lengths: Tensor
    begins: Tensor
    order: Tensor | None = None
    places: Tensor | None = None

    @classmethod
    def of(cls, lengths: Tensor, steps: int) -> Ragged:
        """The places of a batch with the lengths `[B]`, each at most `steps`.

        Raises:
            InputError: a length is out of 0 to `steps`.
        """
        check_range(lengths, steps)
        lengths, order = lengths.sort(descending=True, stable=True)
        time = torch.arange(steps, device=lengths.device)[:, None]
        within = time < lengths
        return cls(lengths, starts(within.sum(1)), order, (time * len(lengths) + order)[within])

    @classmethod
    def of_packed(cls, lengths: Tensor, places: int) -> Ragged:
        """The places of a batch that is packed, with its lengths `[B]`, the longest first.

        Raises:
            InputError: the lengths are not in that order, or do not add up to the number of places.
        """
        check_packed(lengths, places)
        time = torch.arange(int(lengths[0]) if len(lengths) else 0, device=lengths.device)
        return cls(lengths, starts((time[:, None] < lengths).sum(1)))

    @property
    def steps(self) -> int:
        """T."""
        return len(self.begins) - 1

    def packed(self, tensor: Tensor) -> Tensor:
        """`[T, B, ...]` to `[N, ...]`."""
        if self.places is None:
            return tensor
        return tensor.flatten(0, 1).index_select(0, self.places.to(tensor.device))

    def unpacked(self, tensor: Tensor) -> Tensor:
        """`[N, ...]` to `[T, B, ...]`, with zeros where a row has ended."""
        if self.places is None:
            return tensor
        rows = len(self.lengths)
        whole = tensor.new_zeros(self.steps * rows, *tensor.shape[1:])
        return whole.index_copy(0, self.places.to(tensor.device), tensor).unflatten(0, (self.steps, rows))

    def shares(self, threads: int) -> Tensor:
        """The first row of each thread, and behind the last, such that all have about the same number of steps."""
        done = list(accumulate(self.lengths.tolist()))
        goals = [int(self.begins[-1]) * n // threads for n in range(1, threads)]
        inner = [sum(total <= goal for total in done) for goal in goals]
        return self.lengths.new_tensor([0, *inner, len(done)])


def check_range(lengths: Tensor, steps: int) -> None:
    """Lengths lie in 0 to the number of steps."""
    if len(lengths) and not 0 <= int(lengths.min()) <= int(lengths.max()) <= steps:
        raise InputError(
            f"lengths must lie in 0 to {steps}, the number of steps, but reach from {int(lengths.min())} to "
            f"{int(lengths.max())}"
        )


def check_packed(lengths: Tensor, places: int) -> None:
    """The longest comes first, and together they are the places of a packed batch."""
    falling = bool((lengths.diff() <= 0).all()) and (not len(lengths) or int(lengths[-1]) >= 0)
    if not falling or int(lengths.sum()) != places:
        raise InputError(
            f"the lengths of a packed x must have the longest first and be together {places}, the rows of x, but "
            f"are {lengths.tolist()}"
        )


def starts(counts: Tensor) -> Tensor:
    """Where each of some groups begins if they stand one behind the other, and where the last ends."""
    return torch.cat([counts.new_zeros(1), counts.cumsum(0)])
