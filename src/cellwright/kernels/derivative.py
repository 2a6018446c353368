"""What PyTorch may do with a call of the kernel: derivatives of any order, forward mode and `vmap`."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import Any, TypeVar

import torch
import torch.autograd.forward_ad
from torch import Tensor

from . import tangents, transforms
from .kind import AROUND, Kind, flat_backward, flat_forward
from .operator import Backward, Forward, library, scan, scan_backward

F = TypeVar("F", bound=Callable[..., list[Tensor]])
PLAIN = {Tensor, torch.nn.Parameter}
Found = tuple[Tensor | None, ...]


def under_functorch() -> bool:
    """Whether a transform of `torch.func` is under way that no compiler takes care of."""
    return not torch.compiler.is_compiling() and torch._C._functorch.peek_interpreter_stack() is not None


def is_transformed() -> bool:
    """Whether such a transform, or forward mode, is under way."""
    return under_functorch() or torch.autograd.forward_ad._current_level >= 0


def is_wrapped(tensor: Tensor | None) -> bool:
    """Whether a transform has put a tensor into one of its own; it may be over by now."""
    return tensor is not None and torch._C._functorch.is_functorch_wrapped_tensor(tensor)


def quickest(operator: F, function: F, tensors: Iterable[Tensor | None]) -> F:
    """The operator, if something beside autograd wants to see it: a compiler, a mode, a kind of tensor.

    If nothing does, a call goes past the dispatcher, which would cost more than a step of a small layer.
    """
    if torch.compiler.is_compiling():
        return operator
    if torch._C._len_torch_dispatch_stack() + torch._C._len_torch_function_stack() > 0:
        return operator
    return function if PLAIN.issuperset(type(each) for each in tensors if each is not None) else operator


class Scan(torch.autograd.Function):
    """`scan` with its derivatives."""

    @staticmethod
    def forward(kind: Kind, *flat: Tensor | None) -> tuple[Tensor, ...]:
        with torch._C._AutoDispatchBelowAutograd():
            return tuple(quickest(torch.ops.cellwright.scan.default, scan, flat)(*kind.forward(flat)))

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
        kind, *flat = inputs
        y, *_, z, history = output
        ctx.kind = kind
        ctx.save_for_backward(*flat, y, z, history)
        ctx.save_for_forward(*flat, y, z, history)
        if not kind.watch:
            ctx.mark_non_differentiable(z, history)
        ctx.set_materialize_grads(False)

    @staticmethod
    def backward(ctx: Any, dy: Tensor | None, *others: Tensor | None) -> Found:
        *flat, y, z, history = ctx.saved_tensors
        kind: Kind = ctx.kind if ctx.needs_input_grad[1] else replace(ctx.kind, with_dx=False)
        heard = (torch.zeros_like(y) if dy is None else dy, *others, y, z, history, *flat)
        is_seen = torch.is_grad_enabled() or is_transformed() or any(map(is_wrapped, heard))
        call: Any = ScanBackward.apply if is_seen else ScanBackward.forward
        dx, *rest = call(kind, *heard)
        return (None, dx if kind.with_dx else None, *rest, *[None] * AROUND)

    @staticmethod
    def jvp(ctx: Any, _kind: None, *moved: Tensor | None) -> Found:
        with nested_forward_mode():
            flat = primals(ctx.saved_tensors[: len(moved)])
            found = tangents.pushed(Scan.apply, ctx.kind, flat, moved)
        return (*found, None, None)

    @staticmethod
    def vmap(info: Any, dims: tuple[int | None, ...], kind: Kind, *flat: Tensor | None) -> Any:
        return transforms.forward(Scan.apply, info.batch_size, dims[1:], kind, flat)


class ScanBackward(torch.autograd.Function):
    """`scan_backward` with its derivatives, which a call of `scan` with the dual cell gives."""

    @staticmethod
    def forward(kind: Kind, *flat: Tensor | None) -> tuple[Tensor, ...]:
        if transforms.is_mapped_by_autograd(flat):
            return transforms.mapped_by_autograd(ScanBackward.apply, kind, flat)
        with torch._C._AutoDispatchBelowAutograd():
            call = quickest(torch.ops.cellwright.scan_backward.default, scan_backward, flat)
            return tuple(call(*kind.backward(flat)))

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
        kind, *flat = inputs
        ctx.kind = kind
        ctx.save_for_backward(*flat)
        ctx.save_for_forward(*flat)
        ctx.set_materialize_grads(False)

    @staticmethod
    def backward(ctx: Any, *directions: Tensor | None) -> Found:
        moved = (*in_float32(directions), *[None] * AROUND)
        heard, given = tangents.twice(Scan.apply, ctx.kind, in_float32(ctx.saved_tensors), moved)
        return (None, *heard, None, None, None, *given, *[None] * AROUND)

    @staticmethod
    def jvp(ctx: Any, _kind: None, *moved: Tensor | None) -> Found:
        with nested_forward_mode():
            known = in_float32(primals(ctx.saved_tensors))
            found = tangents.pulled(Scan.apply, ScanBackward.apply, ctx.kind, known, in_float32(moved))
        results = ctx.kind.given(ctx.saved_tensors)
        return tuple(None if each is None else each.to(at.dtype) for at, each in zip(results, found, strict=False))

    @staticmethod
    def vmap(info: Any, dims: tuple[int | None, ...], kind: Kind, *flat: Tensor | None) -> Any:
        return transforms.backward(ScanBackward.apply, info.batch_size, dims[1:], kind, flat)


for function in (Scan.forward, ScanBackward.forward):
    # PyTorch asks for the signature at every call, which takes as long as some steps.
    function.__signature__ = inspect.signature(function)  # type: ignore[attr-defined]


def nested_forward_mode() -> AbstractContextManager[None]:
    """What a `jvp` computes in, so that an outer one sees it: PyTorch switches forward mode off around it."""
    forward_ad = torch.autograd.forward_ad
    return forward_ad._set_fwd_grad_enabled(True) if forward_ad._current_level >= 0 else nullcontext()


def primals(tensors: Iterable[Tensor | None]) -> list[Tensor | None]:
    """The tensors without the tangents that this level has given them."""
    if torch.autograd.forward_ad._current_level < 0:
        return list(tensors)
    return [None if each is None else torch.autograd.forward_ad.unpack_dual(each).primal for each in tensors]


def in_float32(tensors: Iterable[Tensor | None]) -> list[Tensor | None]:
    """The tensors, with those in bfloat16 widened: derivatives of derivatives are taken in float32."""
    return [each.float() if each is not None and each.dtype == torch.bfloat16 else each for each in tensors]


def scan_with_derivative(*arguments: Any) -> list[Tensor]:
    """`scan` under autograd."""
    call = Forward(*arguments)
    if call.keep and (torch.is_grad_enabled() or is_transformed()):
        return list(Scan.apply(Kind.of(call), *flat_forward(call)))  # type: ignore[no-untyped-call]
    with torch._C._AutoDispatchBelowAutograd():
        return quickest(torch.ops.cellwright.scan.default, scan, flat_forward(call))(*call)


def scan_backward_with_derivative(*arguments: Any) -> list[Tensor]:
    """`scan_backward` under autograd."""
    call = Backward(*arguments)
    if torch.is_grad_enabled():
        return list(ScanBackward.apply(Kind.of(call), *flat_backward(call)))  # type: ignore[no-untyped-call]
    with torch._C._AutoDispatchBelowAutograd():
        return torch.ops.cellwright.scan_backward.default(*call)


library.impl("scan", scan_with_derivative, "Autograd")
library.impl("scan_backward", scan_backward_with_derivative, "Autograd")
