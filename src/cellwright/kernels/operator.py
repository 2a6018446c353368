"""The one operator that PyTorch sees: `cellwright::scan`, with its shapes and its derivative."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

import torch
from torch import Tensor

from ..cells.cell import by_key
from ..errors import CellwrightError
from . import cpu
from .layer import Layer
from .ragged import Ragged
from .sizes import Sizes

library = torch.library.Library("cellwright", "DEF")
library.define(
    "scan(Tensor x, Tensor[] state, Tensor[] weights, Tensor? lengths, Tensor? reset, str cell, bool bias, "
    "bool keep, bool watch) -> Tensor[]"
)
library.define(
    "scan_backward(Tensor dy, Tensor?[] d_last, Tensor x, Tensor y, Tensor[] state, Tensor[] weights, "
    "Tensor[] saved, Tensor?[] d_saved, Tensor? lengths, Tensor? reset, str cell, bool bias, bool watch, "
    "bool with_dx) -> Tensor[]"
)

T = TypeVar("T", Tensor, Tensor | None)
F = TypeVar("F", bound=Callable[..., list[Tensor]])


def needs_derivative(layer: Layer) -> bool:
    """Whether autograd will want to come back through the layer."""
    return torch.is_grad_enabled() and any(tensor.requires_grad for tensor in layer.tensors)


def run(layer: Layer) -> tuple[Tensor, list[Tensor]]:
    """Outputs and last states of a layer, by the CPU kernel."""
    y, *others = called(layer, keep=needs_derivative(layer), watch=False)
    return y, others[: len(layer.cell.state)]


def watch(layer: Layer) -> tuple[Tensor, list[Tensor], dict[str, Tensor]]:
    """The same, and every signal by name."""
    y, *others = called(layer, keep=True, watch=True)
    return y, others[:-2], signals_of(layer, y, *others[-2:])


def called(layer: Layer, keep: bool, watch: bool) -> list[Tensor]:
    """The operator for a layer."""
    direct = scan_with_derivative if needs_derivative(layer) else scan
    return quickest(torch.ops.cellwright.scan.default, direct, layer.tensors)(
        layer.x,
        list(layer.state),
        layer.learned,
        layer.lengths,
        layer.reset,
        layer.cell.key,
        layer.weights[0].b_w is not None,
        keep,
        watch,
    )


def signals_of(layer: Layer, y: Tensor, z: Tensor, history: Tensor) -> dict[str, Tensor]:
    """Every signal, laid out as x: `[T, B, D, H]` or packed `[N, D, H]`; views of what is kept for backward."""
    kernel = cpu.kernel_of(layer.cell, layer.x.dtype, differentiate=True, watch=True)
    directions, _, units = layer.shape_of_state()
    ragged = ragged_of(layer.x, layer.lengths)
    places = math.prod(layer.x.shape[:-1]) if ragged is None else int(ragged.begins[-1])

    def parts(kept: Tensor, shape: tuple[int, ...]) -> Tensor:
        return kept.flatten()[: math.prod(shape)].view(shape)

    blocks, slots, block = z.shape[2:]
    gates = parts(z, (directions, places, blocks, slots, block))
    states = parts(history, (directions, history.shape[1], places, blocks, block))
    found = dict(zip(kernel.program.watched, gates.unbind(3), strict=False))
    found |= dict(zip(kernel.program.states[1:], states.unbind(1), strict=True))
    signals = {"h": y.unflatten(-1, (directions, units))}
    for name, value in found.items():
        rows = value.flatten(2)[..., :units].transpose(0, 1)
        signals[name] = ragged.unpacked(rows) if ragged is not None else rows.unflatten(0, layer.x.shape[:-1])
    return {name: signals[name] for name in layer.cell.signals}


PLAIN = {Tensor, torch.nn.Parameter}


def quickest(operator: F, function: F, tensors: Iterable[Tensor]) -> F:
    """The operator, if something beside autograd wants to see it: a compiler, a mode, a kind of tensor.

    If nothing does, a call goes past the dispatcher, which would cost more than a step of a small layer.
    """
    if torch.compiler.is_compiling():
        return operator
    if torch._C._len_torch_dispatch_stack() + torch._C._len_torch_function_stack() > 0:
        return operator
    return function if PLAIN.issuperset(map(type, tensors)) else operator


def scan(
    x: Tensor,
    state: list[Tensor],
    weights: list[Tensor],
    lengths: Tensor | None,
    reset: Tensor | None,
    cell: str,
    bias: bool,
    keep: bool,
    watch: bool,
) -> list[Tensor]:
    """Forward on the CPU."""
    kernel = cpu.kernel_of(by_key[cell], x.dtype, keep, watch)
    ragged = ragged_of(x, lengths)
    sizes = sizes_of(x, weights, lengths, cell, bias, ragged)
    y = (x.new_empty if lengths is None else x.new_zeros)((*x.shape[:-1], sizes.directions * sizes.units))
    shapes = cpu.saved_shapes(kernel, math.prod(x.shape[:-1]), sizes) if keep else ()
    saved = [cpu.fresh(x.new_empty(shape)) for shape in shapes]
    last = cpu.forward(
        kernel, sizes, in_places(x, ragged), whole(state), whole(weights), bias, cpu.fresh(y), saved,
        ragged, in_places(reset, ragged),
    )  # fmt: skip
    return [y, *last, *saved]


def ragged_of(x: Tensor, lengths: Tensor | None) -> Ragged | None:
    """Where rows stand, if they end early, for x `[T, B, I]` or packed `[N, I]`."""
    if lengths is None:
        return None
    return Ragged.of(lengths, x.shape[0]) if x.dim() == 3 else Ragged.of_packed(lengths, x.shape[0])


def in_places(tensor: T, ragged: Ragged | None) -> T:
    """A tensor, if there is one, in the order of the kernel and without gaps in memory."""
    if tensor is None:
        return None
    return tensor.contiguous() if ragged is None else ragged.packed(tensor).contiguous()


def sizes_of(
    x: Tensor, weights: Sequence[Tensor], lengths: Tensor | None, cell: str, bias: bool, ragged: Ragged | None = None
) -> Sizes:
    """The sizes of a call with x `[T, B, I]`, or packed `[N, I]`; without `ragged`, T is x's first size."""
    each = 2 + 2 * bias + len(by_key[cell].vectors)
    rows = x.shape[1] if lengths is None else lengths.shape[0]
    steps = x.shape[0] if ragged is None else ragged.steps
    return Sizes(steps, rows, x.shape[-1], weights[1].shape[-1], len(weights) // each)


def scan_shapes(
    x: Tensor,
    state: list[Tensor],
    weights: list[Tensor],
    lengths: Tensor | None,
    reset: Tensor | None,
    cell: str,
    bias: bool,
    keep: bool,
    watch: bool,
) -> list[Tensor]:
    """What forward returns, without the numbers."""
    sizes = sizes_of(x, weights, lengths, cell, bias)
    shapes: list[tuple[int, ...]] = [(*x.shape[:-1], sizes.directions * sizes.units)]
    shapes += [(sizes.directions, sizes.rows, sizes.units)] * len(by_key[cell].state)
    if keep:
        shapes += cpu.saved_shapes(cpu.kernel_of(by_key[cell], x.dtype, keep, watch), math.prod(x.shape[:-1]), sizes)
    return [x.new_empty(shape) for shape in shapes]


def scan_backward(
    dy: Tensor,
    d_last: list[Tensor | None],
    x: Tensor,
    y: Tensor,
    state: list[Tensor],
    weights: list[Tensor],
    saved: list[Tensor],
    d_saved: list[Tensor | None],
    lengths: Tensor | None,
    reset: Tensor | None,
    cell: str,
    bias: bool,
    watch: bool,
    with_dx: bool,
) -> list[Tensor]:
    """Backward on the CPU."""
    kernel = cpu.kernel_of(by_key[cell], x.dtype, True, watch)
    d_last, d_saved = ([None if each is None else each.contiguous() for each in group] for group in (d_last, d_saved))
    ragged = ragged_of(x, lengths)
    sizes = sizes_of(x, weights, lengths, cell, bias, ragged)
    dx, d_state, d_weights = cpu.backward(
        kernel, sizes, dy.contiguous(), d_last, in_places(x, ragged), y, whole(state), whole(weights), bias, saved,
        d_saved, ragged, in_places(reset, ragged), with_dx,
    )  # fmt: skip
    return [dx if ragged is None or not with_dx else ragged.unpacked(dx), *d_state, *d_weights]


def scan_backward_shapes(
    dy: Tensor,
    d_last: list[Tensor | None],
    x: Tensor,
    y: Tensor,
    state: list[Tensor],
    weights: list[Tensor],
    saved: list[Tensor],
    d_saved: list[Tensor | None],
    lengths: Tensor | None,
    reset: Tensor | None,
    cell: str,
    bias: bool,
    watch: bool,
    with_dx: bool,
) -> list[Tensor]:
    """What backward returns, without the numbers."""
    dx = torch.empty_like(x) if with_dx else x.new_empty(0)
    return [
        dx,
        *(torch.empty_like(each, memory_format=torch.contiguous_format) for each in (*state, *weights)),
    ]


def whole(tensors: Sequence[Tensor]) -> list[Tensor]:
    """The tensors, each without gaps in memory."""
    return [tensor.contiguous() for tensor in tensors]


class Scan(torch.autograd.Function):
    """The derivative of `scan`."""

    @staticmethod
    def forward(ctx: Any, options: tuple[Any, ...], states: int, x: Tensor, *tensors: Tensor) -> tuple[Tensor, ...]:
        lengths, reset, cell, bias, keep, watch = options
        state, weights = list(tensors[:states]), list(tensors[states:])
        with torch._C._AutoDispatchBelowAutograd():
            call = quickest(torch.ops.cellwright.scan.default, scan, (x, *tensors))
            y, *others = call(x, state, weights, lengths, reset, cell, bias, keep, watch)
        last, saved = others[: len(by_key[cell].state)], others[len(by_key[cell].state) :]
        ctx.options, ctx.states = options, states
        ctx.save_for_backward(x, y, *tensors, *saved)
        if not watch:
            ctx.mark_non_differentiable(*saved)
        ctx.set_materialize_grads(False)
        return (y, *last, *saved)

    @staticmethod
    def backward(ctx: Any, dy: Tensor | None, *others: Tensor | None) -> tuple[Tensor | None, ...]:
        lengths, reset, cell, bias, keep, watch = ctx.options
        if not keep:
            raise CellwrightError("`scan` was called with keep=False, so there is nothing for backward; pass keep=True")
        x, y, *tensors = ctx.saved_tensors
        state, weights, saved = tensors[: ctx.states], tensors[ctx.states : -2], tensors[-2:]
        states, with_dx = len(by_key[cell].state), ctx.needs_input_grad[2]
        d_last, d_saved = list(others[:states]), list(others[states:])
        direct = scan_backward_with_derivative if torch.is_grad_enabled() else scan_backward
        call = quickest(torch.ops.cellwright.scan_backward.default, direct, (x, *tensors))
        dx, *rest = call(
            torch.zeros_like(y) if dy is None else dy,
            d_last, x, y, state, weights, saved, d_saved, lengths, reset, cell, bias, watch, with_dx,
        )  # fmt: skip
        return (None, None, dx if with_dx else None, *rest)


class ScanBackward(torch.autograd.Function):
    """The derivative of the derivative, which the kernel does not have."""

    @staticmethod
    def forward(ctx: Any, compute: Any, *tensors: Tensor | None) -> tuple[Tensor, ...]:
        with torch._C._AutoDispatchBelowAutograd():
            return tuple(compute())

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        raise CellwrightError(
            "the kernel has no second derivative; compute the loss under `with cellwright.backend('reference'):`"
        )


def scan_with_derivative(
    x: Tensor,
    state: list[Tensor],
    weights: list[Tensor],
    lengths: Tensor | None,
    reset: Tensor | None,
    cell: str,
    bias: bool,
    keep: bool,
    watch: bool,
) -> list[Tensor]:
    """`scan` under autograd."""
    if keep and torch.is_grad_enabled():
        options = (lengths, reset, cell, bias, keep, watch)
        return list(Scan.apply(options, len(state), x, *state, *weights))  # type: ignore[no-untyped-call]
    with torch._C._AutoDispatchBelowAutograd():
        return torch.ops.cellwright.scan.default(x, state, weights, lengths, reset, cell, bias, keep, watch)


def scan_backward_with_derivative(*arguments: Any) -> list[Tensor]:
    """`scan_backward` under autograd."""
    compute = torch.ops.cellwright.scan_backward.default
    dy, d_last, x, y, state, weights, *_ = arguments
    if torch.is_grad_enabled():
        tensors = (dy, *d_last, x, y, *state, *weights)
        return list(ScanBackward.apply(lambda: compute(*arguments), *tensors))  # type: ignore[no-untyped-call]
    with torch._C._AutoDispatchBelowAutograd():
        return compute(*arguments)


library.impl("scan", scan, "CPU")
library.impl("scan_backward", scan_backward, "CPU")
library.impl("scan", scan_with_derivative, "Autograd")
library.impl("scan_backward", scan_backward_with_derivative, "Autograd")
torch.library.register_fake("cellwright::scan", scan_shapes, lib=library)
torch.library.register_fake("cellwright::scan_backward", scan_backward_shapes, lib=library)
