"""Half precision: inputs, matrices and outputs are stored in it; states and all sums are in float32."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar

import torch
from torch import Tensor

from .layer import Layer, Weights

Found = TypeVar("Found", bound=tuple[Any, ...])
HALF = (torch.bfloat16, torch.float16)


def half_of(layer: Layer) -> torch.dtype | None:
    """The half precision in which a layer is to be stored: its own, or that of autocast; None for neither."""
    device, learned = layer.x.device.type, layer.weights[0].r.dtype
    if torch.is_autocast_enabled(device) and learned != torch.float64:
        return torch.get_autocast_dtype(device)
    return layer.x.dtype if layer.x.dtype in HALF else None


def rounded(tensor: Tensor, half: torch.dtype) -> Tensor:
    """The numbers that half precision can hold, in float32."""
    return tensor.to(half).float()


def widened(layer: Layer, half: torch.dtype) -> Layer:
    """The layer in float32, with the numbers that half precision leaves of inputs and matrices."""

    def of_weights(weights: Weights) -> Weights:
        biases = [None if each is None else each.float() for each in (weights.b_w, weights.b_r)]
        p = None if weights.p is None else rounded(weights.p, half)
        vectors = tuple(each.float() for each in weights.vectors)
        return Weights(rounded(weights.w, half), rounded(weights.r, half), *biases, vectors, p)

    return replace(
        layer,
        x=rounded(layer.x, half),
        state=[each.float() for each in layer.state],
        weights=[of_weights(each) for each in layer.weights],
        reset_state=[each.float() for each in layer.reset_state],
        noise=None if layer.noise is None else layer.noise.float(),
        mask=None if layer.mask is None else layer.mask.float(),
    )


def in_float32(run: Callable[[Layer], Found], layer: Layer, half: torch.dtype) -> Found:
    """Run a layer in float32: the outputs come in half precision, the states as the weights are kept."""
    kept = layer.weights[0].r.dtype
    with torch.autocast(layer.x.device.type, enabled=False):
        y, last, *signals = run(widened(layer, half))
    return (y.to(half), [each.to(kept) for each in last], *signals)  # type: ignore[return-value]
