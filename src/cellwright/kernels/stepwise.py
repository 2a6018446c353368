"""The gradients of weights for groups of rows, out of what a backward pass has left of every step."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from . import fields
from .given import Given

if TYPE_CHECKING:
    from .cpu import Call, Kernel


def gradients(kernel: Kernel, call: Call, given: Given, groups: int) -> list[Tensor]:
    """Per direction the gradients of W, R, the biases and the vectors, each `[groups, ...]`."""
    layout, sizes, ragged = kernel.layout, given.sizes, given.around.ragged
    (steps, rows, inputs, units, directions, _) = sizes
    places, padded, recurrent = steps * rows, sizes.padded(layout), layout.recurrent
    inner = torch.float64 if layout.size == 8 else torch.float32
    blocks = (directions, places, sizes.blocks(layout), layout.gates, layout.block)

    def left(name: int, *shape: int) -> Tensor:
        """A part of the working memory."""
        start = call.values[name] - call.memory.data_ptr()
        return call.memory[start : start + math.prod(shape) * layout.size].view(inner).view(shape)

    def by_groups(values: Tensor) -> Tensor:
        """`[N, ...]` to `[groups, T, B / groups, ...]`, without a copy if no row ends early."""
        whole = values if ragged is None else ragged.unpacked(values[: int(ragged.begins[-1])])
        return whole.view(steps, groups, -1, *values.shape[1:]).transpose(0, 1)

    def of_gates(values: Tensor) -> Tensor:
        """`[N, blocks, G, BLOCK]` to `[groups, steps of all its rows, G * H]`."""
        apart = by_groups(values).transpose(-3, -2).reshape(groups, steps * rows // groups, layout.gates, padded)
        return apart[..., :units].flatten(2)

    entered = by_groups(given.x.reshape(-1, inputs)).flatten(1, 2).to(inner)
    dz_x, dz_r = left(fields.DZX, *blocks), left(fields.DZR, *blocks)
    h = left(fields.H_BEFORE, directions, recurrent, places, padded)[..., :units]
    d_vectors = left(fields.D_PACKED_VECTORS, directions, layout.vectors, rows, padded)[..., :units]
    order = torch.arange(rows, device="cpu") if ragged is None or ragged.order is None else ragged.order.argsort()
    found = []
    for direction in range(directions):
        d_x = of_gates(dz_x[direction])
        d_r = of_gates(dz_r[direction]) if layout.apart else d_x
        seen = by_groups(h[direction].transpose(0, 1).flatten(1)).flatten(1, 2)
        found += [d_x.mT @ entered, d_r.mT @ seen]
        if given.bias:
            total = d_x.sum(1)
            found += [total, d_r.sum(1) if layout.apart else total.clone()]
        found += [each[order].unflatten(0, (groups, -1)).sum(1) for each in d_vectors[direction]]
    return found
