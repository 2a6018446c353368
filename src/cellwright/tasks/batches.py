"""Examples of different lengths as batches in which little is padded."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import overload

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from .task import Batch, Divisible

IGNORED = -100
"""The target that `torch.nn.functional.cross_entropy` leaves out."""

POOL = 50
"""Batches among which examples are sorted while learning: enough to pad a twentieth, few enough for chance."""


class Batches(Divisible):
    """Groups of examples, each made a batch when it is asked for.

    >>> batches = Batches([[0, 2], [1]], lambda group: [f"example {n}" for n in group])
    >>> len(batches), batches[1]
    (2, ['example 1'])
    """

    def __init__(self, groups: Sequence[Sequence[int]], made: Callable[[Sequence[int]], Batch]) -> None:
        self.groups = groups
        self.made = made

    def __len__(self) -> int:
        return len(self.groups)

    def part(self, number: int, count: int) -> Batches:
        """Every `count`-th example of each group; a group in which there is not one for each number is left out.

        >>> [group for group in Batches([[0, 2, 4], [1]], list).part(number=1, count=2)]
        [[2]]
        """
        return Batches([group[number::count] for group in self.groups if len(group) >= count], self.made)

    @overload
    def __getitem__(self, index: int) -> Batch: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Batch]: ...
    def __getitem__(self, index: int | slice) -> Batch | Sequence[Batch]:
        if isinstance(index, slice):
            return Batches(self.groups[index], self.made)
        return self.made(self.groups[index])


def shuffled(lengths: Sequence[int], size: int, epoch: int) -> list[list[int]]:
    """Groups to learn from, of similar lengths, in an order that the number of the epoch gives.

    >>> groups = shuffled([5, 1, 1, 5, 5], size=2, epoch=0)
    >>> sorted(n for group in groups for n in group), len(groups)
    ([0, 1, 2, 3, 4], 3)
    """
    chance = torch.Generator().manual_seed(epoch)
    order = torch.randperm(len(lengths), generator=chance).tolist()
    groups: list[list[int]] = []
    for start in range(0, len(order), POOL * size):
        pool = sorted(order[start : start + POOL * size], key=lengths.__getitem__)
        groups += [pool[n : n + size] for n in range(0, len(pool), size)]
    return [groups[n] for n in torch.randperm(len(groups), generator=chance)]


def in_order_of_length(lengths: Sequence[int], size: int) -> list[list[int]]:
    """Groups to measure on: all examples, the longest first.

    >>> in_order_of_length([1, 3, 2], size=2)
    [[1, 2], [0]]
    """
    order = sorted(range(len(lengths)), key=lengths.__getitem__, reverse=True)
    return [order[n : n + size] for n in range(0, len(order), size)]


def padded(rows: Sequence[Tensor], value: float = 0) -> Tensor:
    """Rows `[T, ...]` of different lengths as one tensor `[B, T, ...]`.

    >>> padded([torch.tensor([1]), torch.tensor([2, 3])]).tolist()
    [[1, 0], [2, 3]]
    """
    return pad_sequence(list(rows), batch_first=True, padding_value=value)


def inside(lengths: Tensor, steps: int) -> Tensor:
    """Which of so many steps lie within lengths `[B]`: truth values `[B, steps]`.

    >>> inside(torch.tensor([1, 2]), 2).tolist()
    [[True, False], [True, True]]
    """
    return torch.arange(steps, device=lengths.device) < lengths[:, None]


def held_out(count: int, share: float) -> tuple[list[int], list[int]]:
    """The numbers of examples to learn from, and of a share that is kept apart, spread evenly; of several at least one.

    >>> held_out(10, 0.2)
    ([0, 1, 2, 3, 5, 6, 7, 8], [4, 9])
    """
    share = max(share, 1 / count) if count > 1 else 0.0
    kept = [n for n in range(count) if int((n + 1) * share + 1e-9) > int(n * share + 1e-9)]
    apart = set(kept)
    return [n for n in range(count) if n not in apart], kept
