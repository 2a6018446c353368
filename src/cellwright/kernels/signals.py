"""Every signal of a call, by name: views of what the kernel keeps for backward."""

from __future__ import annotations

import math

from torch import Tensor

from .engines import engine_for
from .layer import Layer
from .operator import ragged_of


def signals_of(layer: Layer, y: Tensor, z: Tensor, history: Tensor) -> dict[str, Tensor]:
    """Every signal, laid out as x: `[T, B, D, H]` or packed `[N, D, H]`; views of what is kept for backward."""
    engine, projected = engine_for(layer.x.device.type), layer.weights[0].p is not None
    kernel = engine.kernel_of(layer.cell, layer.x.dtype, True, True, projected)
    directions, _, units = layer.shape_of_state()
    ragged = ragged_of(layer.x, layer.lengths)
    places = math.prod(layer.x.shape[:-1]) if ragged is None else int(ragged.begins[-1])

    def parts(kept: Tensor, shape: tuple[int, ...], *order: int) -> Tensor:
        """What is kept in a shape, laid out in an order: as parts, places, directions and blocks of units."""
        return kept.flatten()[: math.prod(shape)].view(shape).permute(order)

    blocks, slots, block = z.shape[-3:]
    gates = parts(z, (directions, places, blocks, slots, block), 3, 1, 0, 2, 4)
    states = parts(history, (directions, history.shape[1], places, blocks, block), 1, 2, 0, 3, 4)
    signals = {layer.cell.states[0]: y.unflatten(-1, (directions, layer.outputs)).to(z.dtype)}
    for names, kept in ((kernel.program.watched, gates), (kernel.program.states[1:], states)):
        for number, name in enumerate(names):
            rows = kept[number].flatten(2)[..., :units]
            signals[name] = ragged.unpacked(rows) if ragged is not None else rows.unflatten(0, layer.x.shape[:-1])
    return {name: signals[name] for name in layer.cell.signals}
