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

    def parts(kept: Tensor, shape: tuple[int, ...]) -> Tensor:
        return kept.flatten()[: math.prod(shape)].view(shape)

    blocks, slots, block = z.shape[-3:]
    gates = parts(z, (directions, places, blocks, slots, block))
    states = parts(history, (directions, history.shape[1], places, blocks, block))
    found = dict(zip(kernel.program.watched, gates.unbind(3), strict=False))
    found |= dict(zip(kernel.program.states[1:], states.unbind(1), strict=True))
    signals = {layer.cell.states[0]: y.unflatten(-1, (directions, layer.outputs))}
    for name, value in found.items():
        rows = value.flatten(2)[..., :units].transpose(0, 1)
        signals[name] = ragged.unpacked(rows) if ragged is not None else rows.unflatten(0, layer.x.shape[:-1])
    return {name: signals[name] for name in layer.cell.signals}
