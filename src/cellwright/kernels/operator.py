"""The operators that PyTorch sees: `cellwright::scan` and its derivative, with their shapes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple, TypeVar

import torch
from torch import Tensor

from ..cells.cell import by_key
from . import cpu
from .engines import engine_for
from .given import Around, Given, inner
from .layer import Layer
from .ragged import Ragged
from .sizes import Sizes

library = torch.library.Library("cellwright", "DEF")
library.define(
    "scan(Tensor x, Tensor[] state, Tensor[] weights, Tensor[] reset_state, Tensor? lengths, Tensor? reset, "
    "Tensor? noise, Tensor? mask, str cell, bool bias, bool projected, str? precision, "
    "bool keep, bool watch) -> Tensor[]"
)
library.define(
    "scan_backward(Tensor dy, Tensor?[] d_last, Tensor y, Tensor[] saved, Tensor?[] d_saved, Tensor x, Tensor[] state, "
    "Tensor[] weights, Tensor[] reset_state, Tensor? lengths, Tensor? reset, Tensor? noise, Tensor? mask, str cell, "
    "bool bias, bool projected, str? precision, bool watch, bool with_dx, int groups) -> Tensor[]"
)


class Forward(NamedTuple):
    """The arguments of `scan`."""

    x: Tensor
    state: list[Tensor]
    weights: list[Tensor]
    reset_state: list[Tensor]
    lengths: Tensor | None
    reset: Tensor | None
    noise: Tensor | None
    mask: Tensor | None
    cell: str
    bias: bool
    projected: bool
    precision: str | None
    keep: bool
    watch: bool

    @classmethod
    def of(cls, layer: Layer, keep: bool, watch: bool) -> Forward:
        """The call for a layer."""
        return cls(
            layer.x, list(layer.state), layer.learned, list(layer.reset_state), layer.lengths, layer.reset, layer.noise,
            layer.mask, layer.cell.key, layer.weights[0].b_w is not None, layer.weights[0].p is not None,
            layer.precision, keep, watch,
        )  # fmt: skip


class Backward(NamedTuple):
    """The arguments of `scan_backward`."""

    dy: Tensor
    d_last: list[Tensor | None]
    y: Tensor
    saved: list[Tensor]
    d_saved: list[Tensor | None]
    x: Tensor
    state: list[Tensor]
    weights: list[Tensor]
    reset_state: list[Tensor]
    lengths: Tensor | None
    reset: Tensor | None
    noise: Tensor | None
    mask: Tensor | None
    cell: str
    bias: bool
    projected: bool
    precision: str | None
    watch: bool
    with_dx: bool
    groups: int  # 0: the gradients of weights are sums over all rows; else over as many groups of rows, each apart


T = TypeVar("T", Tensor, Tensor | None)


def scan(*arguments: Any) -> list[Tensor]:
    """Outputs, last states, and what backward needs."""
    call = Forward(*arguments)
    x, engine = call.x, engine_for(call.x.device.type)
    kernel = engine.kernel_of(by_key[call.cell], x.dtype, call.keep, call.watch, call.projected)
    given = given_of(call)
    directions, outputs = given.sizes.directions, given.sizes.outputs
    y = (x.new_empty if given.around.ragged is None else x.new_zeros)((*x.shape[:-1], directions * outputs))
    shapes = engine.saved_shapes(kernel, x.shape[:-1], given.sizes) if call.keep else ()
    saved = [cpu.fresh(x.new_empty(shape, dtype=inner(x.dtype))) for shape in shapes]
    last = engine.forward(kernel, given, cpu.fresh(y), saved)
    return [y, *last, *saved]


def given_of(call: Forward | Backward) -> Given:
    """What a kernel is given of a call: in its order of places, and without gaps in memory."""
    ragged, noise = ragged_of(call.x, call.lengths), call.noise
    if noise is not None:
        always = math.prod(noise.shape[:-3]) == 1
        noise = (noise if always else in_places(noise, ragged)).reshape(-1, *noise.shape[-3:])
        noise = as_read(noise)
    mask = None if call.mask is None else as_read(call.mask)
    around = Around(ragged, in_places(call.reset, ragged), noise, mask, call.precision)
    x, sizes = in_places(call.x, ragged), sizes_of(call, ragged)
    return Given(sizes, x, whole(call.state), whole(call.weights), call.bias, whole(call.reset_state), around)


def ragged_of(x: Tensor, lengths: Tensor | None) -> Ragged | None:
    """Where rows stand, if they end early, for x `[T, B, I]` or packed `[N, I]`."""
    if lengths is None:
        return None
    return Ragged.of(lengths, x.shape[0]) if x.dim() == 3 else Ragged.of_packed(lengths, x.shape[0])


def in_places(tensor: T, ragged: Ragged | None) -> T:
    """A tensor, if there is one, in the order of the kernel and without gaps in memory."""
    if tensor is None:
        return None
    return as_read(tensor if ragged is None else ragged.packed(tensor))


def sizes_of(call: Forward | Backward, ragged: Ragged | None = None) -> Sizes:
    """The sizes of a call with x `[T, B, I]`, or packed `[N, I]`; without `ragged`, T is x's first size."""
    x, lengths, cell = call.x, call.lengths, by_key[call.cell]
    each = 2 + 2 * call.bias + call.projected + len(cell.vectors)
    outputs = call.weights[1].shape[-1] // len(cell.recurrent)
    units = call.weights[2 + 2 * call.bias].shape[-1] if call.projected else outputs
    rows = x.shape[1] if lengths is None else lengths.shape[0]
    steps = x.shape[0] if ragged is None else ragged.steps
    return Sizes(steps, rows, x.shape[-1], units, len(call.weights) // each, outputs)


def scan_shapes(*arguments: Any) -> list[Tensor]:
    """What forward returns, without the numbers."""
    call = Forward(*arguments)
    sizes, places, cell = sizes_of(call), call.x.shape[:-1], by_key[call.cell]
    y = call.x.new_empty(*places, sizes.directions * sizes.outputs)
    shapes: list[tuple[int, ...]] = [(sizes.directions, sizes.rows, sizes.outputs)] * len(cell.recurrent)
    shapes += [(sizes.directions, sizes.rows, sizes.units)] * (len(cell.state) - len(cell.recurrent))
    if call.keep:
        engine = engine_for(call.x.device.type)
        kernel = engine.kernel_of(cell, call.x.dtype, call.keep, call.watch, call.projected)
        shapes += engine.saved_shapes(kernel, places, sizes)
    return [y, *(call.x.new_empty(shape, dtype=inner(y.dtype)) for shape in shapes)]


def scan_backward(*arguments: Any) -> list[Tensor]:
    """The gradients of x, first states, weights and what resets bring."""
    call = Backward(*arguments)
    engine = engine_for(call.x.device.type)
    kernel = engine.kernel_of(by_key[call.cell], call.x.dtype, True, call.watch, call.projected)
    given = given_of(call)
    d_last, d_saved = (
        [None if each is None else as_read(each) for each in group] for group in (call.d_last, call.d_saved)
    )
    dx, d_state, d_weights, d_reset = engine.backward(
        kernel, given, as_read(call.dy), d_last, as_read(call.y), whole(call.saved), d_saved, call.with_dx,
        call.groups,
    )  # fmt: skip
    ragged = given.around.ragged
    dx = dx if ragged is None or not call.with_dx else ragged.unpacked(dx)
    d_weights = [each.to(weight.dtype) for each, weight in zip(d_weights, call.weights, strict=True)]
    return [dx, *d_state, *d_weights, *d_reset]


def scan_backward_shapes(*arguments: Any) -> list[Tensor]:
    """What backward returns, without the numbers."""
    call = Backward(*arguments)
    dx = torch.empty_like(call.x) if call.with_dx else call.x.new_empty(0)
    groups = [call.groups] if call.groups else []
    d_weights = [each.new_empty(*groups, *each.shape) for each in call.weights]
    return [dx, *map(torch.empty_like, call.state), *d_weights, *map(torch.empty_like, call.reset_state)]


def as_read(tensor: Tensor) -> Tensor:
    """A tensor as a kernel reads it: without gaps in memory, and with its own signs."""
    return tensor.resolve_neg().contiguous() if tensor.is_neg() else tensor.contiguous()


def whole(tensors: Sequence[Tensor]) -> list[Tensor]:
    """The tensors as a kernel reads them."""
    return list(map(as_read, tensors))


for device in ("CPU", "CUDA"):
    library.impl("scan", scan, device)
    library.impl("scan_backward", scan_backward, device)
torch.library.register_fake("cellwright::scan", scan_shapes, lib=library)
torch.library.register_fake("cellwright::scan_backward", scan_backward_shapes, lib=library)
