"""The gradients of weights for groups of rows, out of what a backward pass has left of every step."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from . import fields
from .ragged import Ragged
from .sizes import Sizes

if TYPE_CHECKING:
    from .cpu import Call, Kernel


def gradients(
    kernel: Kernel, call: Call, sizes: Sizes, x: Tensor, ragged: Ragged | None, bias: bool, groups: int
) -> list[Tensor]:
    """Per direction the gradients of W, R, the biases and the vectors, each `[groups, ...]`."""
    layout, (steps, rows, inputs, units, directions, _) = kernel.layout, sizes
    places, padded, recurrent = steps * rows, sizes.padded(layout), layout.recurrent
    blocks = (directions, places, sizes.blocks(layout), layout.gates, layout.block)

    def left(name: int, *shape: int) -> Tensor:
        """A part of the working memory."""
        start = call.values[name] - call.memory.data_ptr()
        return call.memory[start : start + math.prod(shape) * layout.size].view(x.dtype).view(shape)

    def of_gates(name: int) -> Tensor:
        return left(name, *blocks).transpose(2, 3).flatten(3)[..., :units].flatten(2)

    def by_groups(values: Tensor) -> Tensor:
        """`[N, K]` to `[groups, steps of all its rows, K]`."""
        n = places if ragged is None else int(ragged.begins[-1])
        whole = values[:n] if ragged is None else ragged.unpacked(values[:n])
        return whole.reshape(steps, groups, -1, values.shape[-1]).transpose(0, 1).flatten(1, 2)

    entered = by_groups(x.reshape(-1, inputs))
    dz_x, dz_r = of_gates(fields.DZX), of_gates(fields.DZR)
    h = left(fields.H_BEFORE, directions, recurrent, places, padded)[..., :units]
    d_vectors = left(fields.D_PACKED_VECTORS, directions, layout.vectors, rows, padded)[..., :units]
    order = torch.arange(rows) if ragged is None or ragged.order is None else ragged.order.argsort()
    found = []
    for direction in range(directions):
        d_x, d_r = by_groups(dz_x[direction]), by_groups(dz_r[direction])
        seen = by_groups(h[direction].transpose(0, 1).flatten(1))
        found += [d_x.mT @ entered, d_r.mT @ seen]
        found += [d_x.sum(1), d_r.sum(1)] * bias
        found += [each[order].unflatten(0, (groups, -1)).sum(1) for each in d_vectors[direction]]
    return found
