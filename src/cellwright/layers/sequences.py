"""Sequences of different lengths, and marks where a new piece begins: checked and brought into one form."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from ..errors import InputError


def checked_lengths(lengths: Tensor | None, steps: int, rows: int) -> Tensor | None:
    """Lengths as 64-bit integers `[B]` on the CPU.

    Raises:
        InputError: not integers `[B]`, or out of 0 to T.
    """
    if lengths is None:
        return None
    lengths = torch.as_tensor(lengths)
    if lengths.is_floating_point() or lengths.dtype == torch.bool or lengths.shape != (rows,):
        raise InputError(
            f"lengths must be integers of shape [{rows}], one for each sequence of the batch, but are "
            f"{list(lengths.shape)} of {lengths.dtype}"
        )
    lengths = lengths.to("cpu", torch.int64).contiguous()
    if rows and (int(lengths.min()) < 0 or int(lengths.max()) > steps):
        raise InputError(
            f"lengths must lie in 0 to {steps}, the number of steps, but reach from {int(lengths.min())} to "
            f"{int(lengths.max())}"
        )
    return lengths


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


def cleared(x: Tensor, lengths: Tensor | None) -> Tensor:
    """The input `[T, B, I]` with zeros behind the end of each sequence, whatever stood there."""
    if lengths is None:
        return x
    steps = torch.arange(x.shape[0], device=x.device)
    inside = steps[:, None] < lengths.to(x.device)
    return torch.where(inside[..., None], x, 0)


def padded(packed: PackedSequence) -> tuple[Tensor, Tensor]:
    """A packed sequence as `[T, B, I]` and lengths, in the order in which it is packed."""
    return pad_packed_sequence(PackedSequence(packed.data, packed.batch_sizes))


def packed_like(packed: PackedSequence, outputs: Tensor, lengths: Tensor) -> PackedSequence:
    """Outputs `[T, B, H]` packed in the same way."""
    data = pack_padded_sequence(outputs, lengths).data
    return PackedSequence(data, packed.batch_sizes, packed.sorted_indices, packed.unsorted_indices)
