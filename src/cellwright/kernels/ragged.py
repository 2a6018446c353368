"""Sequences of different lengths in the order of the kernel: the longest first, step by step, without gaps."""

from __future__ import annotations

from itertools import accumulate
from typing import NamedTuple

import torch
from torch import Tensor


class Ragged(NamedTuple):
    """Where the rows of a batch stand when those that have ended take no place.

    The rows of a step are the first ones of the step before. That is the order of PyTorch's PackedSequence.

    Attributes:
        lengths: 64-bit integers `[B]`, the longest first.
        order: 64-bit integers `[B]`: the row of the batch that stands at each place.
        begins: 64-bit integers `[T + 1]`: the first place of each step, and behind the last.
        places: 64-bit integers `[N]`: the step and row `t * B + b` that each place comes from.
    """

    lengths: Tensor
    order: Tensor
    begins: Tensor
    places: Tensor

    @classmethod
    def of(cls, lengths: Tensor, steps: int) -> Ragged:
        """The places of a batch with the lengths `[B]`, each at most `steps`."""
        lengths, order = lengths.sort(descending=True, stable=True)
        time = torch.arange(steps)[:, None]
        within = time < lengths
        begins = torch.zeros(steps + 1, dtype=torch.int64)
        torch.cumsum(within.sum(1), 0, out=begins[1:])
        return cls(lengths, order, begins, (time * len(lengths) + order)[within])

    def packed(self, tensor: Tensor) -> Tensor:
        """`[T, B, ...]` to `[N, ...]`."""
        return tensor.flatten(0, 1).index_select(0, self.places.to(tensor.device))

    def unpacked(self, tensor: Tensor) -> Tensor:
        """`[N, ...]` to `[T, B, ...]`, with zeros where a row has ended."""
        steps, rows = len(self.begins) - 1, len(self.lengths)
        whole = tensor.new_zeros(steps * rows, *tensor.shape[1:])
        return whole.index_copy(0, self.places.to(tensor.device), tensor).unflatten(0, (steps, rows))

    def shares(self, threads: int) -> Tensor:
        """The first row of each thread, and behind the last, such that all have about the same number of steps."""
        goals = [len(self.places) * n // threads for n in range(1, threads)]
        done = list(accumulate(self.lengths.tolist()))
        inner = [sum(total <= goal for total in done) for goal in goals]
        return torch.tensor([0, *inner, len(done)])
