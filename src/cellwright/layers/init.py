"""Starts for the parameters of a layer, in place, in the manner of `torch.nn.init`: `cellwright.init`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from ..errors import InputError
from ..kernels.layer import Weights

if TYPE_CHECKING:
    from .recurrent import Recurrent


def forget_bias_(module: Recurrent, value: float = 1.0) -> None:
    """Let the biases of the forget gate add up to a value, in every layer and direction: Gers et al. (2000).

    With a positive value a network keeps its cell state until it learns to forget. PyTorch's two biases both count:
    the feed-forward one takes the value and the recurrent one becomes 0.

    >>> import cellwright as cw
    >>> lstm = cw.LSTM(3, 2)
    >>> cw.init.forget_bias_(lstm, 1.0)
    >>> lstm.bias_ih_l0[2:4] + lstm.bias_hh_l0[2:4]
    tensor([1., 1.], grad_fn=<AddBackward0>)

    Raises:
        InputError: the cell has no gate f, or the layer no biases.
    """
    with torch.no_grad():
        for first, *others in biases_of(module, "f"):
            first.fill_(value)
            zero_(others)


def chrono_(module: Recurrent, longest: int) -> None:
    """Spread the time constants over 1 to about `longest` steps: Tallec & Ollivier (2018).

    The bias of the forget gate is log(u) with u drawn evenly from 1 to longest - 1, so that a unit keeps its state for
    about u steps; the bias of the input gate, if the cell has one, is its negative.

    >>> import torch, cellwright as cw
    >>> lstm = cw.LSTM(3, 100)
    >>> cw.init.chrono_(lstm, longest=50)
    >>> bool((lstm.bias_ih_l0[100:200].exp() <= 49.001).all())
    True

    Raises:
        InputError: longest is below 3, the cell has no gate f, or the layer no biases.
    """
    if longest < 3:
        raise InputError(f"longest must be at least 3 steps, but is {longest}")
    with torch.no_grad():
        forget = list(biases_of(module, "f"))
        write = list(biases_of(module, "i")) if "i" in module.cell.gates else []
        for n, (first, *others) in enumerate(forget):
            first.uniform_(1, longest - 1).log_()
            zero_(others)
            if write:
                write[n][0].copy_(-first)
                zero_(write[n][1:])


def orthogonal_(module: Recurrent) -> None:
    """Make the recurrent weights of each gate a random orthogonal matrix: Saxe, McClelland & Ganguli (2014).

    >>> import torch, cellwright as cw
    >>> lstm = cw.LSTM(3, 4)
    >>> cw.init.orthogonal_(lstm)
    >>> gate = lstm.weight_hh_l0[:4]
    >>> torch.allclose(gate @ gate.T, torch.eye(4), atol=1e-5)
    True
    """
    for weights in all_weights(module):
        for gate in weights.r.detach().split(module.hidden_size):
            nn.init.orthogonal_(gate)


def all_weights(module: Recurrent) -> Iterator[Weights]:
    """The parameters of every layer and direction.

    Raises:
        InputError: something else stands in the place of one, which a start could not be written into.
    """
    for layer in range(module.num_layers):
        made = next((name for name in chain(*module.parameter_names[layer]) if name not in module._parameters), None)
        if made is not None:
            raise InputError(f"{made} is made from other parameters, by a parametrization, say; start it before that")
        yield from module.weights(layer)


def biases_of(module: Recurrent, gate: str) -> Iterator[list[Tensor]]:
    """What adds up to the bias of a gate, in every layer and direction: two biases, or a learned vector `b_<gate>`."""
    cell, units = module.cell, module.hidden_size
    if gate not in cell.gates:
        raise InputError(f"the cell {cell.name} has the gates {' '.join(cell.gates)}, but no {gate}")
    vectors = list(cell.vectors)
    if not module.bias and f"b_{gate}" not in vectors:
        raise InputError("the layer has no biases; make it with bias=True")
    rows = slice(cell.gates.index(gate) * units, (cell.gates.index(gate) + 1) * units)
    for weights in all_weights(module):
        if f"b_{gate}" in vectors:
            yield [weights.vectors[vectors.index(f"b_{gate}")]]
        else:
            yield [each[rows] for each in (weights.b_w, weights.b_r) if each is not None]


def zero_(tensors: Iterable[Tensor]) -> None:
    """Fill tensors with zeros."""
    for each in tensors:
        each.zero_()
