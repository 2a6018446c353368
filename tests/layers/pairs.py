"""Pairs of layers, torch's and ours, with the same parameters, and everything that comes out of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

import cellwright as cw

KINDS: dict[str, tuple[type[nn.RNNBase], type[cw.Recurrent], dict[str, str]]] = {
    "lstm": (nn.LSTM, cw.LSTM, {}),
    "gru": (nn.GRU, cw.GRU, {}),
    "tanh": (nn.RNN, cw.RNN, {"nonlinearity": "tanh"}),
    "relu": (nn.RNN, cw.RNN, {"nonlinearity": "relu"}),
}
INPUTS, UNITS = 5, 7


def pair(kind: str, dtype: torch.dtype = torch.float64, **options: Any) -> tuple[nn.RNNBase, cw.Recurrent]:
    """One layer of torch and one of ours, with the same parameters."""
    torch.manual_seed(0)
    their_class, our_class, others = KINDS[kind]
    theirs = their_class(INPUTS, UNITS, dtype=dtype, **others, **options)
    ours = our_class(INPUTS, UNITS, dtype=dtype, **others, **options)
    ours.load_state_dict(theirs.state_dict())
    return theirs, ours


def drawn_state(layer: nn.RNNBase, rows: int | None) -> Any:
    """First states as both layers take them."""
    shape = [layer.num_layers * (2 if layer.bidirectional else 1), UNITS]
    if rows is not None:
        shape.insert(1, rows)
    drawn = [torch.randn(shape, dtype=layer.weight_ih_l0.dtype).requires_grad_() for _ in range(2)]
    return tuple(drawn) if isinstance(layer, nn.LSTM) else drawn[0]


def tensors(value: Any) -> list[Tensor]:
    """All numbers in what a layer takes or returns."""
    if isinstance(value, PackedSequence):
        return [value.data]
    if isinstance(value, Tensor):
        return [value]
    return [] if value is None else [tensor for each in value for tensor in tensors(each)]


def everything(layer: nn.Module, x: Tensor | PackedSequence, state: Any = None) -> dict[str, Tensor]:
    """Outputs, last states, and the gradients of the input, the first states and all parameters."""
    y, last = layer(x, state)
    results = tensors((y, last))
    generator = torch.Generator().manual_seed(1)
    cotangents = [torch.randn(each.shape, generator=generator, dtype=each.dtype) for each in results]
    given = {f"given {n}": each for n, each in enumerate(tensors((x, state))) if each.requires_grad}
    sources = given | dict(layer.named_parameters())
    found = torch.autograd.grad(results, list(sources.values()), cotangents)
    named = {f"result {n}": each.detach() for n, each in enumerate(results)}
    return named | {f"gradient of {name}": each for name, each in zip(sources, found, strict=True)}


def assert_structure(ours: Any, theirs: Any) -> None:
    """The same kinds and shapes of results."""
    assert type(ours) is type(theirs)
    if isinstance(theirs, Tensor):
        assert (ours.shape, ours.dtype) == (theirs.shape, theirs.dtype)
    elif isinstance(theirs, Sequence):
        assert len(ours) == len(theirs)
        for one, other in zip(ours, theirs, strict=True):
            assert_structure(one, other)
