"""Sequences of different lengths, and marks where a new piece begins: checked and brought into one form."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence

from ..errors import InputError


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
    if reset is not None and (reset.dtype != torch.bool or tuple(reset.shape) != shape):
        raise InputError(
            f"reset must be truth values (torch.bool) of shape {list(shape)}, {layout} as the input, but is "
            f"{list(reset.shape)} of {reset.dtype}"
        )
    return reset


def packed_lengths(packed: PackedSequence) -> Tensor:
    """The lengths of packed sequences, the longest first."""
    rows = int(packed.batch_sizes[0])
    ended = torch.arange(rows)[:, None] >= packed.batch_sizes
    return len(packed.batch_sizes) - ended.sum(1)
