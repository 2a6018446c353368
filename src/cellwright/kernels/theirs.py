"""PyTorch's own layers, which on a GPU are those of cuDNN: for a cell that they have, with nothing around it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from . import reference
from .kind import Kind, flat_layer
from .layer import Layer
from .operator import ragged_of
from .ragged import Ragged

FUNCTIONS: dict[str, Callable[..., tuple[Tensor, ...]]] = {
    "lstm": torch._VF.lstm,
    "gru": torch._VF.gru,
    "rnn": torch._VF.rnn_tanh,
    "rnn_relu": torch._VF.rnn_relu,
}


def is_plain(layer: Layer) -> bool:
    """Whether PyTorch has the layer: its cell, without resets, noise and masks."""
    around = (layer.reset, layer.noise, layer.mask)
    return layer.cell.key in FUNCTIONS and all(each is None for each in around)


def run(layer: Layer) -> tuple[Tensor, list[Tensor]]:
    """Outputs and last states of a plain layer, all in the dtype of x."""
    kind, flat = flat_layer(layer, keep=True, watch=False)
    y, *last = Plain.apply(kind, *flat)  # type: ignore[no-untyped-call]
    return y, last


class Plain(torch.autograd.Function):
    """A layer of PyTorch with the second derivatives that cuDNN's lack: by the reference, once they are asked for."""

    @staticmethod
    def forward(ctx: Any, kind: Kind, *flat: Tensor | None) -> tuple[Tensor, ...]:
        with torch.enable_grad():
            own = [None if each is None else each.detach().requires_grad_(each.requires_grad) for each in flat]
            results = computed(kind.layer(own))
        ctx.kind, ctx.own, ctx.results = kind, own, results
        ctx.save_for_backward(*flat)
        return tuple(each.detach() for each in results)

    @staticmethod
    def backward(ctx: Any, *cotangents: Tensor) -> tuple[Tensor | None, ...]:
        own, results, again = ctx.own, ctx.results, torch.is_grad_enabled()
        if again:
            # Views, so that a tensor that stands in two places has a gradient for each.
            own = [None if each is None else each.view_as(each) for each in ctx.saved_tensors]
            y, last = reference.run(ctx.kind.layer(own))
            results = [y, *last]
        wanted = [n for n, needed in enumerate(ctx.needs_input_grad[1:]) if needed]
        reached = [(each, d) for each, d in zip(results, cotangents, strict=True) if each.requires_grad]
        found = torch.autograd.grad(
            [each for each, _ in reached], [own[n] for n in wanted], [d for _, d in reached],
            retain_graph=True, create_graph=again, allow_unused=True,
        )  # fmt: skip
        slopes = dict(zip(wanted, found, strict=True))
        return (None, *(slopes.get(n) for n in range(len(own))))


def computed(layer: Layer) -> list[Tensor]:
    """Outputs and last states by PyTorch's function."""
    x, ragged = layer.x, ragged_of(layer.x, layer.lengths)
    state = [each.to(x.dtype) for each in layer.state] or [x.new_zeros(shape) for shape in layer.shapes_of_states()]
    if ragged is not None:
        return computed_ragged(layer, ragged, state)
    if x.shape[0] == 0:
        return [x.new_zeros(0, layer.rows, len(layer.weights) * layer.outputs), *state]
    y, *last = FUNCTIONS[layer.cell.key](x, together(state), *options(layer), False)
    return [y, *last]


def computed_ragged(layer: Layer, ragged: Ragged, state: Sequence[Tensor]) -> list[Tensor]:
    """The same for rows that end early; those without a step keep their first state."""
    order = torch.arange(layer.rows) if ragged.order is None else ragged.order
    counts = ragged.begins.diff().cpu()
    counts = counts[counts > 0]
    if len(counts) == 0:
        return [layer.x.new_zeros(*layer.x.shape[:-1], len(layer.weights) * layer.outputs), *state]
    begun = int(counts[0])
    sorted_state = [each[:, order] for each in state]
    y, *last = FUNCTIONS[layer.cell.key](
        ragged.packed(layer.x), counts, together([each[:, :begun] for each in sorted_state]), *options(layer)
    )
    whole = [torch.cat([new, old[:, begun:]], 1) for new, old in zip(last, sorted_state, strict=True)]
    return [ragged.unpacked(y), *(each[:, order.argsort()] for each in whole)]


def together(state: Sequence[Tensor]) -> Any:
    """The states as PyTorch's functions take them."""
    return state[0] if len(state) == 1 else state


def options(layer: Layer) -> tuple[Any, ...]:
    """The weights, and what else PyTorch's functions are told: one layer, no dropout, backward to come."""
    weights = [each.to(layer.x.dtype) for each in layer.learned]
    return weights, layer.weights[0].b_w is not None, 1, 0.0, True, len(layer.weights) == 2
