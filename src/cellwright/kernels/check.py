"""What must hold before a kernel touches memory: the shapes, dtypes and devices of a layer fit one another."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from ..errors import InputError
from .layer import Layer, states_of


def check(layer: Layer) -> None:
    """All parts of a layer fit one another.

    Raises:
        InputError: one does not; the message states the rule and the value.
    """
    cell, x, weights = layer.cell, layer.x, layer.weights
    units, inputs, gates = weights[0].r.shape[-1], weights[0].w.shape[-1], len(cell.gates)
    packed = layer.lengths if x.dim() == 2 else None
    if (packed is None and x.dim() != 3) or x.shape[-1] != inputs:
        raise InputError(
            f"x must be [T, B, {inputs}] as the weights have it, or with lengths= packed [N, {inputs}], but is "
            f"{list(x.shape)}"
        )
    expected = (len(weights), x.shape[1] if packed is None else len(packed), units)
    if len(layer.state) != len(cell.state) or any(tuple(each.shape) != expected for each in layer.state):
        raise InputError(
            f"the state of {cell.name} is {', '.join(states_of(cell))}, each of shape {list(expected)}, but has "
            f"{listed(layer.state) or 'none'}"
        )
    biases = [(gates * units,)] * 2 if weights[0].b_w is not None else []
    shapes = [(gates * units, inputs), (gates * units, units), *biases, *[(units,)] * len(cell.vectors)]
    for each in weights:
        if [tuple(tensor.shape) for tensor in each.tensors()] != shapes:
            raise InputError(
                f"the weights of {cell.name} must have the shapes {', '.join(str(list(shape)) for shape in shapes)}, "
                f"but have {listed(each.tensors())}"
            )
    check_kinds(layer)
    if packed is None:
        check_marks(layer)
    else:
        check_packed_marks(layer, packed)


def listed(tensors: Sequence[Tensor]) -> str:
    """Shapes in words."""
    return ", ".join(str(list(tensor.shape)) for tensor in tensors)


def check_kinds(layer: Layer) -> None:
    """One floating-point dtype and one device; autocast may bring several dtypes."""
    x = layer.x
    if not x.is_floating_point():
        raise InputError(
            f"x must be of a floating-point dtype (the kernel computes in float32 and float64), not {x.dtype}"
        )
    for tensor in layer.tensors:
        if tensor.device != x.device:
            raise InputError(f"x, state and weights must be on one device, but are on {x.device} and {tensor.device}")
        if tensor.dtype != x.dtype and not torch.is_autocast_enabled(x.device.type):
            raise InputError(f"x, state and weights must have one dtype, but have {x.dtype} and {tensor.dtype}")


def check_marks(layer: Layer) -> None:
    """Lengths and resets belong to the batch."""
    lengths, reset = layer.lengths, layer.reset
    steps, rows = layer.x.shape[:2]
    if lengths is not None and (lengths.dtype != torch.int64 or tuple(lengths.shape) != (rows,)):
        raise InputError(f"lengths must be torch.int64 of shape [{rows}], not {lengths.dtype} of {list(lengths.shape)}")
    if lengths is not None and rows and not 0 <= int(lengths.min()) <= int(lengths.max()) <= steps:
        raise InputError(f"lengths must lie in 0 to {steps}, not {int(lengths.min())} to {int(lengths.max())}")
    if reset is not None and (reset.dtype != torch.bool or tuple(reset.shape) != (steps, rows)):
        raise InputError(
            f"reset must be torch.bool of shape [{steps}, {rows}], not {reset.dtype} of {list(reset.shape)}"
        )


def check_packed_marks(layer: Layer, lengths: Tensor) -> None:
    """Lengths and resets belong to the packed batch."""
    reset, places = layer.reset, layer.x.shape[0]
    sorted_down = bool((lengths.diff() <= 0).all()) and (not len(lengths) or int(lengths[-1]) >= 0)
    if lengths.dtype != torch.int64 or lengths.dim() != 1 or not sorted_down or int(lengths.sum()) != places:
        raise InputError(
            f"the lengths of a packed x must be torch.int64, the longest first, and together {places}, the rows of "
            f"x, but are {lengths.tolist()}"
        )
    if reset is not None and (reset.dtype != torch.bool or tuple(reset.shape) != (places,)):
        raise InputError(
            f"reset must be torch.bool of shape [{places}] as the packed x, not {reset.dtype} of {list(reset.shape)}"
        )
