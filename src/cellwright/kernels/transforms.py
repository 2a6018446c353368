"""`vmap`: many calls at once. With shared weights they are one call with more rows; else they go one by one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, stack, vmap

from ..errors import InputError
from .kind import Kind

Flat = Sequence[Tensor | None]
Dims = Sequence[int | None]
Apply = Callable[..., Sequence[Tensor]]
Mapped = tuple[tuple[Tensor, ...], tuple[int | None, ...]]


def forward(scan: Apply, calls: int, dims: Dims, kind: Kind, flat: Flat) -> Mapped:
    """`vmap` of `scan`: the results, and where in each the calls stand."""
    if calls == 0:
        raise InputError("vmap must have something to map over, but its dimension has no entry; leave out the call")
    if not together(kind, dims, flat):
        return one_by_one(lambda *each: scan(kind, *each), calls, dims, flat)
    rows_at = rows_given(kind)
    folded = [fold(each, at, to, calls) for each, at, to in zip(flat, dims, rows_at, strict=True)]
    states = len(kind.the_cell.state)
    results = scan(kind, *folded)
    return unfold(results, [1] * (1 + states) + [2, 3] * kind.keep, calls)


def backward(scan_backward: Apply, calls: int, dims: Dims, kind: Kind, flat: Flat) -> Mapped:
    """`vmap` of `scan_backward`; the gradients of shared weights come for each call."""
    heard_at = rows_heard(kind)
    # What was kept of rows that end early stands in the order of all of them together.
    torn = kind.given(flat)[-4] is not None and dims[len(heard_at) - 1] is None
    if torn or not together(kind, kind.given(dims), kind.given(flat)):
        return one_by_one(lambda *each: scan_backward(kind, *each), calls, dims, flat)
    rows_at = [*heard_at, *rows_given(kind)]
    folded = [fold(each, at, to, calls) for each, at, to in zip(flat, dims, rows_at, strict=True)]
    dx, *others = scan_backward(replace(kind, groups=calls * max(1, kind.groups)), *folded)
    found_at = [*[1] * kind.states, *[0] * kind.weights, *[1] * kind.brought]
    apart, places = unfold(others, found_at, calls)
    if kind.groups == 0:
        learned = slice(kind.states, kind.states + kind.weights)
        apart = (*apart[: learned.start], *(each.squeeze(1) for each in apart[learned]), *apart[learned.stop :])
    if not kind.with_dx:
        return (dx.new_zeros(calls, 0), *apart), (0, *places)
    return (unfold([dx], [1], calls)[0][0], *apart), (1, *places)


def is_mapped_by_autograd(flat: Flat) -> bool:
    """Whether autograd has called with `is_grads_batched=True`: by an older `vmap`, which knows no rules."""
    return any(each is not None and torch._C._functorch.is_legacy_batchedtensor(each) for each in flat)


def mapped_by_autograd(scan_backward: Apply, kind: Kind, flat: Flat) -> tuple[Tensor, ...]:
    """The same as `backward` for that `vmap`, which stands alone and so on the first level."""
    dims = [0 if each is not None and torch._C._functorch.is_legacy_batchedtensor(each) else None for each in flat]
    whole = [
        each if at is None or each is None else torch._remove_batch_dim(each, 1, 1, 0)
        for each, at in zip(flat, dims, strict=True)
    ]
    calls = next(each.shape[0] for each, at in zip(whole, dims, strict=True) if each is not None and at is not None)
    found, places = backward(scan_backward, calls, dims, kind, whole)
    return tuple(
        each if at is None else torch._add_batch_dim(each, at, 1) for each, at in zip(found, places, strict=True)
    )


def in_groups(
    function: Callable[..., Sequence[Tensor | None]], groups: int, flat: Flat, rows_at: Dims, found_at: Dims
) -> list[Tensor | None]:
    """A function of a call, for each group of rows by itself.

    Args:
        function: of tensors of a call, some of them None; what it returns is tensors of a call, too.
        groups: how many groups the rows have.
        flat: the tensors.
        rows_at: where the rows stand in each; None for what all groups share.
        found_at: where they stand in the results; None where the results of all groups stay apart, in front.
    """
    present = [(n, each, at) for n, (each, at) in enumerate(zip(flat, rows_at, strict=True)) if each is not None]
    apart = [each if at is None else unfold([each], [at], groups)[0][0] for _, each, at in present]
    missing: list[bool] = []

    def one(*tensors: Tensor) -> tuple[Tensor, ...]:
        whole: list[Tensor | None] = [None] * len(flat)
        for (n, *_), each in zip(present, tensors, strict=True):
            whole[n] = each
        results = function(*whole)
        missing[:] = [each is None for each in results]
        return tuple(each for each in results if each is not None)

    results = iter(vmap(one, tuple(at for *_, at in present))(*apart))
    found = [None if absent else next(results) for absent in missing]
    return [
        each if each is None or at is None else each.movedim(0, at).flatten(at, at + 1)
        for each, at in zip(found, found_at, strict=True)
    ]


def rows_heard(kind: Kind) -> list[int | None]:
    """Where the rows stand in what `scan_backward` hears: dy, d_last, d_saved, y, saved."""
    return [*[1] * (1 + len(kind.the_cell.state)), 2, 3, 1, 2, 3]


def rows_given(kind: Kind) -> list[int | None]:
    """Where the rows stand in what `scan` is given: x, state, weights, reset_state, lengths, reset, noise, mask."""
    return [*[1] * (1 + kind.states), *[None] * kind.weights, *[1] * kind.brought, 0, 1, 1, 1]


def together(kind: Kind, dims: Dims, flat: Flat) -> bool:
    """Whether calls can be one with more rows: they share the weights, and their steps stand side by side."""
    x, *_, noise, _ = map(shape_of, flat, dims)
    always = dims[-2] is not None and noise[:2] == [1, 1] != x[:2]
    apart = any(at is not None for at in kind.parts(dims)[2])
    return len(x) == 3 and not (always or apart or kind.projected)


def shape_of(tensor: Tensor | None, at: int | None) -> list[int]:
    """The shape in one call."""
    shape = [] if tensor is None else list(tensor.shape)
    if at is not None:
        del shape[at]
    return shape


def fold(tensor: Tensor | None, at: int | None, rows_at: int | None, calls: int) -> Tensor | None:
    """Put the dimension of the calls before the rows, as more rows; repeat what is the same for all calls."""
    if tensor is None or rows_at is None:
        return tensor
    if at is not None:
        return tensor.movedim(at, rows_at).flatten(rows_at, rows_at + 1)
    if tensor.dim() == 5 and rows_at == 1 and tensor.shape[:2] == (1, 1):
        return tensor  # noise that is always the same
    repeated = tensor.unsqueeze(rows_at)
    shape = list(repeated.shape)
    shape[rows_at] = calls
    return repeated.expand(shape).flatten(rows_at, rows_at + 1)


def unfold(results: Sequence[Tensor], rows_at: Sequence[int], calls: int) -> Mapped:
    """The calls apart again."""
    apart = (each.unflatten(at, (calls, each.shape[at] // calls)) for each, at in zip(results, rows_at, strict=True))
    return tuple(apart), tuple(rows_at)


def one_by_one(function: Callable[..., Any], calls: int, dims: Dims, flat: Flat) -> Mapped:
    """Each call by itself."""
    found = []
    for n in range(calls):
        own = (each if at is None or each is None else each.select(at, n) for each, at in zip(flat, dims, strict=True))
        found.append(function(*own))
    results = tuple(stack(list(each)) for each in zip(*found, strict=True))
    return results, (0,) * len(results)
