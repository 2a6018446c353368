"""`vmap`: many calls at once. With shared weights they are one call with more rows; else they go one by one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from torch import Tensor, stack

from .kind import Kind

Flat = Sequence[Tensor | None]
Dims = Sequence[int | None]
Apply = Callable[..., Sequence[Tensor]]
Mapped = tuple[tuple[Tensor, ...], tuple[int | None, ...]]


def forward(scan: Apply, calls: int, dims: Dims, kind: Kind, flat: Flat) -> Mapped:
    """`vmap` of `scan`: the results, and where in each the calls stand."""
    if not together(kind, dims, flat):
        return one_by_one(lambda *each: scan(kind, *each), calls, dims, flat)
    rows_at = rows_given(kind)
    folded = [fold(each, *places, calls) for each, *places in zip(flat, dims, rows_at, strict=True)]
    states = len(kind.the_cell.state)
    results = scan(kind, *folded)
    return unfold(results, [1] * (1 + states) + [2, 3] * kind.keep, calls)


def backward(scan_backward: Apply, calls: int, dims: Dims, kind: Kind, flat: Flat) -> Mapped:
    """`vmap` of `scan_backward`; the gradients of shared weights come for each call."""
    states = len(kind.the_cell.state)
    heard_at: list[int | None] = [1] * (1 + states) + [2, 3, 1, 2, 3]
    # What was kept of rows that end early stands in the order of all of them together.
    torn = kind.given(flat)[-4] is not None and dims[len(heard_at) - 1] is None
    if torn or not together(kind, kind.given(dims), kind.given(flat)):
        return one_by_one(lambda *each: scan_backward(kind, *each), calls, dims, flat)
    rows_at = [*heard_at, *rows_given(kind)]
    folded = [fold(each, *places, calls) for each, *places in zip(flat, dims, rows_at, strict=True)]
    results = scan_backward(replace(kind, groups=calls * max(1, kind.groups)), *folded)
    found = [1] * (1 + kind.states) + [0] * kind.weights + [1] * kind.brought
    if not kind.with_dx:
        results = (results[0].new_zeros(0, calls), *results[1:])
    apart, places = unfold(results, found, calls)
    if kind.groups == 0:
        learned = slice(1 + kind.states, 1 + kind.states + kind.weights)
        apart = (*apart[: learned.start], *(each.squeeze(1) for each in apart[learned]), *apart[learned.stop :])
    return apart, places


def rows_given(kind: Kind) -> list[int | None]:
    """Where the rows stand in what `scan` is given: x, state, weights, reset_state, lengths, reset, noise, mask."""
    return [*[1] * (1 + kind.states), *[None] * kind.weights, *[1] * kind.brought, 0, 1, 1, 1]


def together(kind: Kind, dims: Dims, flat: Flat) -> bool:
    """Whether calls can be one with more rows: they share the weights, and their steps stand side by side."""
    x, *_, noise, _ = map(shape_of, flat, dims)
    always = dims[-2] is not None and noise[:2] == [1, 1] != x[:2]
    return len(x) == 3 and not always and all(at is None for at in kind.parts(dims)[2])


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
        own = (
            each if at is None or each is None else each.select(at, n) for each, at in zip(flat, dims, strict=True)
        )
        found.append(function(*own))
    results = tuple(stack(list(each)) for each in zip(*found, strict=True))
    return results, (0,) * len(results)
