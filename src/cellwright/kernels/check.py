"""What must hold before a kernel touches memory: the shapes, dtypes and devices of a layer fit one another."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from ..errors import InputError, nearest
from .autocast import cast_to
from .layer import PRECISIONS, Layer


def check(layer: Layer) -> None:
    """All parts of a layer fit one another.

    Raises:
        InputError: one does not; the message states the rule and the value.
    """
    x, weights = layer.x, layer.weights
    if len(weights) not in (1, 2):
        raise InputError(f"weights must be of one direction or of two, but are of {len(weights)}")
    inputs, packed = weights[0].w.shape[-1], layer.lengths if x.dim() == 2 else None
    if (packed is None and x.dim() != 3) or x.shape[-1] != inputs:
        raise InputError(
            f"x must be [T, B, {inputs}] as the weights have it, or with lengths= packed [N, {inputs}], but is "
            f"{list(x.shape)}"
        )
    check_weights(layer)
    check_state(layer)
    check_noise(layer)
    check_kinds(layer)
    check_precision(layer.precision)
    if packed is not None:
        check_packed_marks(layer, packed)
    elif layer.lengths is not None or layer.reset is not None:
        check_marks(layer)


def check_precision(precision: str | None) -> None:
    """There is such a precision, or none is asked for."""
    if precision is not None and precision not in PRECISIONS:
        hint = nearest(str(precision), PRECISIONS)
        raise InputError(f"precision is one of {', '.join(PRECISIONS)}, not {precision!r}; {hint}")


def check_state(layer: Layer) -> None:
    """There are all states, or none; and so it is with those that a reset brings."""
    cell = layer.cell
    if not layer.state and not layer.reset_state:
        return
    expected = layer.shapes_of_states()
    for name, state in (("state", layer.state), ("reset_state", layer.reset_state)):
        if state and [tuple(each.shape) for each in state] != expected:
            wanted = ", ".join(str(list(shape)) for shape in expected)
            raise InputError(
                f"the {name} of {cell.name} is {', '.join(cell.states)} of the shapes {wanted}, but has {listed(state)}"
            )


def check_noise(layer: Layer) -> None:
    """The cell is given what it takes beside its weights, and the mask fits the state."""
    noise, mask = layer.noise, layer.mask
    if noise is None and mask is None and not layer.cell.noise:
        return
    directions, _, units = layer.shape_of_state()
    wanted, places = (directions, len(layer.cell.noise), units), layer.x.shape[:-1]
    if (noise is None) != (not layer.cell.noise):
        raise InputError(
            f"the cell {layer.cell.name} takes {', '.join(layer.cell.noise) or 'nothing'} beside its weights, but "
            f"noise is {'missing' if noise is None else 'given'}"
        )
    if noise is not None and (
        noise.shape[-3:] != wanted or noise.shape[:-3] not in (places, torch.Size([1] * len(places)))
    ):
        raise InputError(
            f"noise must be {[*places, *wanted]}, or with ones in the first places, but is {list(noise.shape)}"
        )
    if any(each is not None and each.requires_grad for each in (noise, mask)):
        raise InputError("noise and mask have no gradient; pass them detached, or let the cell learn a vector")
    if mask is not None and mask.shape != layer.shape_of_output():
        raise InputError(f"mask must be {list(layer.shape_of_output())}, but is {list(mask.shape)}")


def check_weights(layer: Layer) -> None:
    """The weights of every direction have the shapes that belong to the cell."""
    cell = layer.cell
    shapes = shapes_of_weights(layer)
    if [tensor.shape for tensor in layer.learned] != shapes * len(layer.weights):
        found = next(each for each in layer.weights if [tensor.shape for tensor in each.tensors()] != shapes)
        raise InputError(
            f"the weights of {cell.name} must have the shapes {', '.join(str(list(shape)) for shape in shapes)}, "
            f"but have {listed(found.tensors())}"
        )


def shapes_of_weights(layer: Layer) -> list[tuple[int, ...]]:
    """The shapes of one direction's weights, in their order."""
    cell, first, units = layer.cell, layer.weights[0], layer.units
    gates, recurrent = len(cell.gates) * units, len(cell.recurrent)
    shapes: list[tuple[int, ...]] = [(gates, first.w.shape[-1]), (gates, recurrent * layer.outputs)]
    shapes += [(gates,)] * 2 * (first.b_w is not None)
    shapes += [(recurrent * layer.outputs, recurrent * units)] * (first.p is not None)
    return shapes + [(units,)] * len(cell.vectors)


def listed(tensors: Sequence[Tensor]) -> str:
    """Shapes in words."""
    return ", ".join(str(list(tensor.shape)) for tensor in tensors)


def check_kinds(layer: Layer) -> None:
    """One floating-point dtype and one device; where autocast brings all to one precision, several dtypes."""
    x = layer.x
    if not x.is_floating_point():
        raise InputError(
            f"x must be of a floating-point dtype (the kernel computes in float32 and float64), not {x.dtype}"
        )
    device, dtype = x.device, x.dtype
    mixed = cast_to(device.type, layer.weights[0].r.dtype) is not None
    for tensor in layer.tensors if layer.noise is layer.mask is None else (*layer.tensors, *layer.given):
        if tensor.device != device:
            raise InputError(f"x, state and weights must be on one device, but are on {device} and {tensor.device}")
        if tensor.dtype != dtype and not (mixed and tensor.is_floating_point()):
            raise InputError(f"x, state and weights must have one dtype, but have {dtype} and {tensor.dtype}")


def check_marks(layer: Layer) -> None:
    """Lengths and resets belong to the batch."""
    lengths, reset = layer.lengths, layer.reset
    steps, rows = layer.x.shape[:2]
    if lengths is not None and (lengths.dtype != torch.int64 or tuple(lengths.shape) != (rows,)):
        raise InputError(f"lengths must be torch.int64 of shape [{rows}], not {lengths.dtype} of {list(lengths.shape)}")
    if reset is not None and (reset.dtype != torch.bool or tuple(reset.shape) != (steps, rows)):
        raise InputError(
            f"reset must be torch.bool of shape [{steps}, {rows}], not {reset.dtype} of {list(reset.shape)}"
        )


def check_packed_marks(layer: Layer, lengths: Tensor) -> None:
    """Lengths and resets belong to the packed batch."""
    reset, places = layer.reset, layer.x.shape[0]
    if lengths.dtype != torch.int64 or lengths.dim() != 1:
        raise InputError(f"the lengths of a packed x must be torch.int64 of shape [B], not {lengths.dtype}")
    if reset is not None and (reset.dtype != torch.bool or tuple(reset.shape) != (places,)):
        raise InputError(
            f"reset must be torch.bool of shape [{places}] as the packed x, not {reset.dtype} of {list(reset.shape)}"
        )
