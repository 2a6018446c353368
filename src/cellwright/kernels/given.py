"""What a kernel is given: the same for all kernels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from .ragged import Ragged
from .sizes import Sizes

DTYPES = {torch.float32: "float32", torch.float64: "float64", torch.bfloat16: "bfloat16"}


def inner(dtype: torch.dtype) -> torch.dtype:
    """The dtype of states and sums where inputs, outputs and matrices have a dtype."""
    return torch.float32 if dtype == torch.bfloat16 else dtype


class Around(NamedTuple):
    """What stands around the cells of a call, contiguous, and in the order of the kernel's N places.

    Attributes:
        ragged: where the places are, if rows end early.
        reset: truth values `[N]`.
        noise: `[N, D, noise, H]`, or one place for all.
        mask: `[D, B, H]`, what h is multiplied by on its way to the recurrent weights.
        precision: of the recurrent products on a GPU; on a CPU they are taken of the numbers as they are.
    """

    ragged: Ragged | None
    reset: Tensor | None
    noise: Tensor | None
    mask: Tensor | None
    precision: str | None = None


class Given(NamedTuple):
    """What a call reads, forward and backward. All tensors are contiguous.

    In bfloat16 x and the matrices are so, and all the rest is in float32.

    Attributes:
        sizes: of the call.
        x: `[N, I]`, or `[T, B, I]` if no row ends early.
        state: per state, `h` first, `[D, B, H]`; empty for zeros.
        weights: per direction `W [G H, I]`, `R [G H, H]`, then the biases `[G H]`, the projection `[P, H]` and the
            vectors `[H]`.
        bias: whether the two biases are among the weights.
        reset_state: what a reset brings, as `state`.
        around: lengths, resets, noise.
    """

    sizes: Sizes
    x: Tensor
    state: Sequence[Tensor]
    weights: Sequence[Tensor]
    bias: bool
    reset_state: Sequence[Tensor]
    around: Around
