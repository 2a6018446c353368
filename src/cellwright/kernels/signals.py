"""Every signal of a call, by name: views of what the kernel keeps for backward."""

from __future__ import annotations

import math

from torch import Tensor

from .engines import engine_for
from .layer import Layer
from .operator import ragged_of


def signals_of(layer: Layer, y: Tensor, saved: Tensor, history: Tensor) -> dict[str, Tensor]:
    """Every signal, laid out as x: `[T, B, D, H]` or packed `[N, D, H]`; views of what is kept for backward.

    Args:
        layer: what was called.
        y: its outputs.
        saved: `[D, N, slots, H]`, the watched signals first; units up to whole blocks of the kernel.
        history: `[D, S - 1, N, H]`.
    """
    engine, projected = engine_for(layer.x.device.type), layer.weights[0].p is not None
    kernel = engine.kernel_of(layer.cell, layer.x.dtype, True, True, projected)
    directions, _, units = layer.shape_of_state()
    ragged = ragged_of(layer.x, layer.lengths)
    places = math.prod(layer.x.shape[:-1]) if ragged is None else int(ragged.begins[-1])

    def parts(kept: Tensor, shape: tuple[int, ...], *order: int) -> Tensor:
        """What is kept in a shape, laid out in an order: as parts, places, directions and units."""
        return kept.flatten()[: math.prod(shape)].view(shape).permute(order)

    slots, padded = saved.shape[-2:]
    values = parts(saved, (directions, places, slots, padded), 2, 1, 0, 3)
    states = parts(history, (directions, history.shape[1], places, padded), 1, 2, 0, 3)
    signals = {layer.cell.states[0]: y.unflatten(-1, (directions, layer.outputs)).to(saved.dtype)}
    for names, kept in ((kernel.program.watched, values), (kernel.program.states[1:], states)):
        for number, name in enumerate(names):
            rows = kept[number][..., :units]
            signals[name] = ragged.unpacked(rows) if ragged is not None else rows.unflatten(0, layer.x.shape[:-1])
    return {name: signals[name] for name in layer.cell.signals}
