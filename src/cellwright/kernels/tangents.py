"""Forward mode: how a call's results move when its arguments move, as a call with the dual cell.

The second derivative needs nothing else: what the gradient says in a direction v is the derivative of what the
results, moving in the direction v, say.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from ..cells.dual import dual, mark
from . import reference, transforms
from .engines import obstacle_of
from .kind import AROUND, Kind, flat_layer
from .layer import Layer, Weights
from .signals import signals_of

Flat = Sequence[Any]
Apply = Callable[..., Sequence[Tensor]]


def pushed(scan: Apply, kind: Kind, flat: Flat, moved: Flat) -> list[Tensor]:
    """The tangents of outputs and last states, and, if they are watched, of the signals that are no output.

    What does not move has the tangent None.
    """
    layer = dual_layer(kind.layer(flat), kind.layer(at_rest(kind, flat, moved)))
    names = layer.cell.states
    behind, states = mark(kind.the_cell), kind.the_cell.states
    obstacle = obstacle_of(layer.cell, layer.x.device.type, layer.x.dtype, True, kind.watch)
    if kind.projected or obstacle is not None:
        y, last, signals = reference.watch(layer)
    else:
        dual_kind, dual_flat = flat_layer(layer, keep=True, watch=kind.watch)
        y, *others = scan(dual_kind, *dual_flat)
        last = list(others[: len(names)])
        signals = signals_of(layer, y, *others[len(names) :]) if kind.watch else {}
    found = dict(zip(names, last, strict=True))
    watched = [signals[name + behind] for name in watched_of(kind)]
    return [y, *(found[name + behind] for name in states), *watched]


def watched_of(kind: Kind) -> tuple[str, ...]:
    """The signals that stand beside the outputs in what is kept."""
    cell = kind.the_cell
    return tuple(name for name in cell.signals if name != cell.states[0]) if kind.watch else ()


def at_rest(kind: Kind, flat: Flat, moved: Flat) -> list[Tensor | None]:
    """The tangents, with zeros for what does not move."""
    given = 1 + kind.states + kind.weights + kind.brought
    still = [
        torch.zeros_like(each) if slope is None else slope
        for each, slope in zip(flat, moved, strict=True)
        if each is not None
    ]
    return [*still[:given], *flat[given:]]


def dual_layer(layer: Layer, moved: Layer) -> Layer:
    """The layer whose outputs are the tangents of a layer's outputs.

    Args:
        layer: with any cell.
        moved: the tangents of x, states and weights, of the same shapes.
    """
    return Layer(
        dual(layer.cell),
        torch.cat([layer.x, moved.x], -1),
        dual_states(layer, layer.state, moved.state),
        [dual_weights(*each) for each in zip(layer.weights, moved.weights, strict=True)],
        layer.lengths,
        layer.reset,
        dual_states(layer, layer.reset_state, moved.reset_state),
        layer.noise,
        layer.mask,
        layer.precision,
    )


def dual_states(layer: Layer, values: Sequence[Tensor], slopes: Sequence[Tensor]) -> list[Tensor]:
    """States and their tangents in the order of the dual cell; none if there are none."""
    if not values:
        return []
    names = layer.cell.states
    known = dict(zip(names, values, strict=True))
    known |= zip([name + mark(layer.cell) for name in names], slopes, strict=True)
    return [known[name] for name in dual(layer.cell).states]


def dual_weights(values: Weights, slopes: Weights) -> Weights:
    """The weights of the dual cell; see there."""
    w, r, w_moved, r_moved = values.w, values.r, slopes.w, slopes.r

    def both(value: Tensor | None, slope: Tensor | None) -> Tensor | None:
        return None if value is None or slope is None else torch.cat([value, slope])

    return Weights(
        torch.cat([torch.cat([w, torch.zeros_like(w)], 1), torch.cat([w_moved, w], 1)]),
        torch.cat([torch.cat([torch.zeros_like(r), r], 1), torch.cat([r, r_moved], 1)]),
        both(values.b_w, slopes.b_w),
        both(values.b_r, slopes.b_r),
        (*values.vectors, *slopes.vectors),
        dual_projection(values.p, slopes.p),
    )


def dual_projection(p: Tensor | None, moved: Tensor | None) -> Tensor | None:
    """The projection of the tangents and of the states."""
    if p is None or moved is None:
        return None
    return torch.cat([torch.cat([p, moved], 1), torch.cat([torch.zeros_like(p), p], 1)])


def twice(scan: Apply, kind: Kind, flat: Flat, moved: Flat) -> tuple[list[Tensor | None], list[Tensor | None]]:
    """What the gradients of a call say in some directions: about what was heard, and about what was given.

    The call is one of `scan_backward`; the directions are laid out as the arguments of `scan`, None where there is
    none.
    """
    if kind.groups:
        return twice_in_groups(scan, kind, flat, moved)
    heard = kind.heard(flat)
    slopes, pull = pulling(scan, kind, kind.given(flat), moved)
    known = [heard.dy, *heard.d_last, *cotangents_of(kind, flat)]
    given = pull(tuple(torch.zeros_like(at) if each is None else each for at, each in zip(slopes, known, strict=True)))
    outer = 1 + len(heard.d_last)
    d_heard = [None if each is None else slope for slope, each in zip(slopes, known[:outer], strict=False)]
    return [*d_heard, *kept_of(kind, flat, slopes[outer:])], list(given)


def twice_in_groups(
    scan: Apply, kind: Kind, flat: Flat, moved: Flat
) -> tuple[list[Tensor | None], list[Tensor | None]]:
    """The same where the gradients of the weights, and so their directions, are apart for groups of rows."""
    one, heard_at, given_at = replace(kind, groups=0), transforms.rows_heard(kind), transforms.rows_given(kind)
    side_by_side = [
        each if each is None or at is not None else each.flatten(0, 1) for each, at in zip(moved, given_at, strict=True)
    ]
    directions_at = [0 if at is None else at for at in given_at]

    def each_group(*tensors: Tensor | None) -> list[Tensor | None]:
        heard, given = twice(scan, one, tensors[: len(flat)], tensors[len(flat) :])
        return [*heard, *given]

    outer = len(heard_at) - 3
    found = transforms.in_groups(
        each_group,
        kind.groups,
        [*flat, *side_by_side],
        [*heard_at, *given_at, *directions_at],
        [*heard_at[:outer], *given_at[:-AROUND]],
    )
    heard, given = found[:outer], found[outer:]
    return heard, [
        each.sum(0) if at is None and each is not None else each for each, at in zip(given, given_at, strict=False)
    ]


def pulling(scan: Apply, kind: Kind, given: Flat, moved: Flat) -> tuple[list[Tensor], Callable[[Any], Any]]:
    """The tangents of a call's results, and the function that brings cotangents of them back to its arguments."""
    count = 1 + kind.states + kind.weights + kind.brought

    def push(*sources: Tensor) -> tuple[Tensor, ...]:
        return tuple(pushed(scan, kind, (*sources, *given[count:]), moved))

    slopes, pull = torch.func.vjp(push, *given[:count])[:2]
    return list(slopes), pull


def cotangents_of(kind: Kind, flat: Flat) -> list[Tensor]:
    """The cotangents of the watched signals, out of those of what was kept."""
    if not kind.watch:
        return []
    heard = kind.heard(flat)
    kept = [torch.zeros_like(at) if each is None else each for at, each in zip(heard.saved, heard.d_saved, strict=True)]
    found = signals_of(kind.layer(kind.given(flat)), heard.dy, *kept)
    return [found[name] for name in watched_of(kind)]


def kept_of(kind: Kind, flat: Flat, slopes: list[Tensor]) -> list[Tensor | None]:
    """The other way round: cotangents of the watched signals as cotangents of what was kept."""
    if not watched_of(kind):
        return [None, None]
    heard = kind.heard(flat)

    def watched(z: Tensor, history: Tensor) -> tuple[Tensor, ...]:
        found = signals_of(kind.layer(kind.given(flat)), heard.dy, z, history)
        return tuple(found[name] for name in watched_of(kind))

    pull = torch.func.vjp(watched, *heard.saved)[1]
    return [None if each is None else slope for each, slope in zip(heard.d_saved, pull(tuple(slopes)), strict=True)]


def pulled(scan: Apply, scan_backward: Apply, kind: Kind, flat: Flat, moved: Flat) -> tuple[Tensor | None, ...]:
    """The tangents of the gradients of a call.

    The call is one of `scan_backward`; what does not move has the tangent None.
    """
    whole = replace(kind, with_dx=True, groups=0)
    if kind.groups:
        rows_at = [*transforms.rows_heard(kind), *transforms.rows_given(kind)]
        found: Sequence[Tensor | None] = transforms.in_groups(
            lambda *each: pulled_whole(scan, scan_backward, whole, each[: len(flat)], each[len(flat) :]),
            kind.groups,
            [*flat, *moved],
            [*rows_at, *rows_at],
            transforms.rows_given(kind)[:-AROUND],
        )
    else:
        found = pulled_whole(scan, scan_backward, whole, flat, moved)
    return tuple(found) if kind.with_dx else (flat[0].new_zeros(0), *found[1:])


def pulled_whole(scan: Apply, scan_backward: Apply, kind: Kind, flat: Flat, moved: Flat) -> list[Tensor]:
    """The same without groups, and with the tangent of the gradient of x."""
    heard, slopes = kind.heard(flat), kind.heard(moved)
    of_given = kind.given(moved)
    count = 1 + kind.states + kind.weights + kind.brought
    results = [torch.zeros_like(each) for each in kind.given(flat)[:count]]
    if any(each is not None for each in (slopes.dy, *slopes.d_last, *slopes.d_saved)):
        dy = torch.zeros_like(heard.dy) if slopes.dy is None else slopes.dy
        results = list(
            scan_backward(kind, dy, *slopes.d_last, *slopes.d_saved, heard.y, *heard.saved, *kind.given(flat))
        )
    if any(each is not None for each in of_given):
        found, pull = pulling(scan, kind, kind.given(flat), of_given)
        known = [heard.dy, *heard.d_last, *cotangents_of(kind, flat)]
        more = pull(
            tuple(torch.zeros_like(at) if each is None else each for at, each in zip(found, known, strict=True))
        )
        results = [one + each for one, each in zip(results, more, strict=True)]
    return results
