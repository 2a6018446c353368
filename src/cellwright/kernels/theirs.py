"""PyTorch's own layers, which on a GPU are those of cuDNN: for a cell that they have, with nothing around it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from itertools import chain

import torch
from torch import Tensor

from ..cells import Cell
from . import reference
from .layer import Layer, Weights, weights_of

FUNCTIONS: dict[str, Callable[..., tuple[Tensor, ...]]] = {
    "lstm": torch._VF.lstm,
    "gru": torch._VF.gru,
    "rnn": torch._VF.rnn_tanh,
    "rnn_relu": torch._VF.rnn_relu,
}
MODES = {"lstm": "LSTM", "gru": "GRU", "rnn": "RNN_TANH", "rnn_relu": "RNN_RELU"}  # their names in cuDNN
MEASURED = 1 << 16  # numbers of h, up to which the GPU kernel was measured to be the faster one in bfloat16


def is_plain(layer: Layer) -> bool:
    """Whether PyTorch has the layer: its cell, without lengths, resets, noise, masks and a projection."""
    around = (layer.lengths, layer.reset, layer.noise, layer.mask, layer.weights[0].p)
    return layer.cell.key in FUNCTIONS and all(each is None for each in around)


def is_quicker(dtype: torch.dtype, rows: int, units: int) -> bool:
    """Whether cuDNN runs a plain layer faster than the GPU kernel: in bfloat16 each of its steps is two launches."""
    return dtype != torch.bfloat16 or rows * units > MEASURED


def run(layer: Layer) -> tuple[Tensor, list[Tensor]]:
    """Outputs and last states of a plain layer, all in the dtype of x."""
    return run_stack(layer.cell, layer.x, layer.state, [layer.weights])


def run_stack(
    cell: Cell, x: Tensor, state: Sequence[Tensor], layers: Sequence[Sequence[Weights]], batch_first: bool = False
) -> tuple[Tensor, list[Tensor]]:
    """Outputs and last states `[layers * D, B, H]` of plain layers on top of each other, all in the dtype of x."""
    flat = [each.to(x.dtype) for weights in chain(*layers) for each in weights.tensors()]
    if x.numel() == 0:
        return by_reference(cell, x, state, layers, batch_first)
    first, rows = layers[0], x.shape[0 if batch_first else 1]
    given = [each.to(x.dtype).contiguous() for each in state]
    if not given:
        zeros = x.new_zeros(len(layers) * len(first), rows, first[0].r.shape[-1])
        given = [zeros] * len(cell.state)
    bias, both = first[0].b_w is not None, len(first) == 2
    training = torch.is_grad_enabled() and any(each.requires_grad for each in (x, *flat, *given))
    y, *last = FUNCTIONS[cell.key](
        x, given if len(given) > 1 else given[0], flat, bias, len(layers), 0.0, training, both, batch_first
    )
    node = y.grad_fn
    if node is not None and node.name().startswith("Cudnn"):
        node.register_hook(partial(again, cell, batch_first, bias, len(first), x, flat, given))
    return y, last


def again(
    cell: Cell, batch_first: bool, bias: bool, directions: int, x: Tensor, flat: Sequence[Tensor],
    state: Sequence[Tensor], found: tuple[Tensor | None, ...], cotangents: tuple[Tensor | None, ...],
) -> tuple[Tensor | None, ...] | None:  # fmt: skip
    """The gradients that cuDNN has found, by the reference, where gradients of them will be asked for."""
    if not torch.is_grad_enabled():
        return None
    # Views, so that a tensor that stands in two places has a gradient for each.
    own = [each.view_as(each) for each in (x, *flat, *state)]
    count = 4 if bias else 2
    learned = [weights_of(own[n : n + count], bias) for n in range(1, 1 + len(flat), count)]
    layers = [learned[n : n + directions] for n in range(0, len(learned), directions)]
    with torch.autocast(x.device.type, enabled=False):
        y, last = by_reference(cell, own[0], own[1 + len(flat) :], layers, batch_first)
    reached = [(one, d) for one, d in zip([y, *last], cotangents, strict=False) if d is not None]
    wanted = [n for n, one in enumerate(found) if one is not None and own[n].requires_grad]
    slopes = torch.autograd.grad(
        [one for one, _ in reached], [own[n] for n in wanted], [d for _, d in reached],
        create_graph=True, allow_unused=True,
    )  # fmt: skip
    exact = dict(zip(wanted, slopes, strict=True))
    return tuple(exact.get(n) for n in range(len(found)))


def by_reference(
    cell: Cell, x: Tensor, state: Sequence[Tensor], layers: Sequence[Sequence[Weights]], batch_first: bool
) -> tuple[Tensor, list[Tensor]]:
    """What `run_stack` gives, by the reference."""
    x, last = x.transpose(0, 1) if batch_first else x, []
    for number, weights in enumerate(layers):
        low, high = number * len(weights), (number + 1) * len(weights)
        x, states = reference.run(Layer(cell, x, [each[low:high] for each in state], weights))
        last.append(states)
    return x.transpose(0, 1) if batch_first else x, [torch.cat(group) for group in zip(*last, strict=True)]


def lay_side_by_side(key: str, parameters: Sequence[Sequence[Tensor]], inputs: int, units: int, both: bool) -> None:
    """Let the parameters of layers on a CUDA device lie in one piece, as cuDNN reads them; nothing is done elsewhere.

    Args:
        key: of the cell.
        parameters: of every layer and direction.
        inputs: I.
        units: H.
        both: whether there are two directions.
    """
    flat = [*chain(*parameters)]
    one = flat[0]
    alike = all(each.is_cuda and each.dtype == one.dtype for each in flat)
    plain = key in MODES and len(parameters[0]) in (2, 4)  # without a projection
    if not plain or not alike or len({each.data_ptr() for each in flat}) < len(flat):
        return
    if not torch.backends.cudnn.is_acceptable(one):
        return
    mode = torch.backends.cudnn.rnn.get_cudnn_mode(MODES[key])
    layers = len(parameters) // (1 + both)
    with torch.no_grad(), torch.cuda.device_of(one):
        torch._cudnn_rnn_flatten_weight(flat, len(parameters[0]), inputs, mode, units, 0, layers, False, both)
