"""Sequences of different lengths, and marks where a new piece begins: checked and brought into one form."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence

from ..errors import InputError
from .masks import Draw, Masks


class Sequences(NamedTuple):
    """A batch of sequences with what belongs to it, time first.

    Attributes:
        x: `[T, B, I]`, or packed `[N, I]`.
        first: the first states `[layers * D, B, H]` in the order of the cell's `states`; empty for zeros.
        lengths: `[B]`, the longest first if x is packed; None if all have T steps.
        reset: truth values `[T, B]`: where new pieces begin.
        brought: the states that new pieces begin with, as `first`.
    """

    x: Tensor
    first: Sequence[Tensor]
    lengths: Tensor | None = None
    reset: Tensor | None = None
    brought: Sequence[Tensor] = ()

    @property
    def rows(self) -> int:
        """B."""
        return self.x.shape[1] if self.lengths is None else len(self.lengths)

    def dropped(self, masks: Masks, probability: float, locked: bool) -> Sequences:
        """The same with dropout on x; locked: the same units at all steps of a sequence."""
        x = self.x
        if not locked:
            return self._replace(x=x * masks.one(x.shape, Draw.dropped(probability), x.dtype))
        kept = masks.one((self.rows, x.shape[-1]), Draw.dropped(probability), x.dtype)
        if x.dim() == 3 or self.lengths is None:
            return self._replace(x=x * kept)
        steps = torch.arange(int(self.lengths[0]) if len(self.lengths) else 0, device="cpu")
        row = torch.arange(self.rows, device="cpu").expand(len(steps), -1)[steps[:, None] < self.lengths]
        return self._replace(x=x * kept[row.to(x.device)])


def checked_lengths(lengths: Tensor | None, rows: int) -> Tensor | None:
    """Lengths as 64-bit integers `[B]` on the CPU.

    Raises:
        InputError: not integers `[B]`.
    """
    if lengths is None:
        return None
    lengths = torch.as_tensor(lengths)
    if lengths.is_floating_point() or lengths.dtype == torch.bool or lengths.shape != (rows,):
        raise InputError(
            f"lengths must be integers of shape [{rows}], one for each sequence of the batch, but are "
            f"{list(lengths.shape)} of {lengths.dtype}"
        )
    return lengths.to("cpu", torch.int64).contiguous()


def checked_reset(reset: Tensor | None, shape: tuple[int, ...], layout: str) -> Tensor | None:
    """Resets, checked against the shape of the input without its features.

    Raises:
        InputError: not truth values, or of another shape.
    """
    if reset is None:
        return None
    reset = torch.as_tensor(reset)
    if reset.dtype != torch.bool or tuple(reset.shape) != shape:
        raise InputError(
            f"reset must be truth values (torch.bool) of shape {list(shape)}, {layout} as the input, but is "
            f"{list(reset.shape)} of {reset.dtype}"
        )
    return reset


def packed_lengths(packed: PackedSequence) -> Tensor:
    """The lengths of packed sequences, the longest first."""
    rows = int(packed.batch_sizes[0])
    ended = torch.arange(rows, device="cpu")[:, None] >= packed.batch_sizes
    return len(packed.batch_sizes) - ended.sum(1)
