"""Half precision: inputs, matrices and outputs are stored in it; states and all sums are in float32."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from typing import Any, TypeVar

import torch
from torch import Tensor

from . import host
from .autocast import autocast_dtype, cast_to
from .derivative import is_transformed
from .engines import name_for
from .layer import Layer, Weights

Found = TypeVar("Found", bound=tuple[Any, ...])
HALF = (torch.bfloat16, torch.float16)


def half_of(layer: Layer) -> torch.dtype | None:
    """The half precision in which a layer is to be stored: its own, or that of autocast; None for neither."""
    given = cast_to(layer.x.device.type, layer.weights[0].r.dtype)
    if given is not None:
        return given
    return layer.x.dtype if layer.x.dtype in HALF else None


def obstacle_to_products(layer: Layer, half: torch.dtype) -> str | None:
    """Why the kernel cannot take products of numbers in half precision; None if it can."""
    on_gpu = name_for(layer.x.device.type) == "gpu"
    if half != torch.bfloat16 or not (on_gpu or host.MULTIPLIES_BFLOAT16):
        return f"this processor multiplies no {half} in vectors"
    if layer.weights[0].p is not None and not on_gpu:
        return "there is a projection"
    if (layer.x.shape[-1] % 2 or layer.units % 2) and not on_gpu:
        return f"products take pairs of numbers, but there are {layer.x.shape[-1]} inputs and {layer.units} units"
    if is_transformed():
        return "a transform is under way"
    return None


def converted(layer: Layer, half: torch.dtype, widen: bool) -> Layer:
    """The layer with inputs and matrices in half precision, or in float32 rounded to it; all else in float32.

    The GPU kernel reads biases and vectors as they are.
    """
    as_they_are = not widen and name_for(layer.x.device.type) == "gpu"

    def stored(tensor: Tensor) -> Tensor:
        return tensor.to(half).float() if widen else tensor.to(half)

    def of_weights(weights: Weights) -> Weights:
        w, r, p = stored(weights.w), stored(weights.r), None if weights.p is None else stored(weights.p)
        if as_they_are:
            return weights._replace(w=w, r=r, p=p)
        b_w, b_r = (None if each is None else each.float() for each in (weights.b_w, weights.b_r))
        return Weights(w, r, b_w, b_r, tuple(each.float() for each in weights.vectors), p)

    return replace(
        layer,
        x=stored(layer.x),
        state=[each.float() for each in layer.state],
        weights=[of_weights(each) for each in layer.weights],
        reset_state=[each.float() for each in layer.reset_state],
        noise=None if layer.noise is None else layer.noise.float(),
        mask=None if layer.mask is None else layer.mask.float(),
        precision="bf16" if half == torch.bfloat16 else layer.precision,
    )


def in_half(run: Callable[[Layer], Found], layer: Layer, half: torch.dtype, widen: bool) -> Found:
    """Run a layer with `converted` numbers: the outputs come in half precision, the states as the weights are kept."""
    kept, device = layer.weights[0].r.dtype, layer.x.device.type
    with nullcontext() if autocast_dtype(device) is None else torch.autocast(device, enabled=False):
        y, last, *signals = run(converted(layer, half, widen))
    return (y.to(half), [each.to(kept) for each in last], *signals)  # type: ignore[return-value]
