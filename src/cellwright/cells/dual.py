"""Forward mode: a cell that carries, beside every value, the derivative in one direction."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache

import torch
from torch import Tensor
from torch._functorch import eager_transforms
from torch.autograd import forward_ad

from .cell import Cell, Terms


def mark(cell: Cell) -> str:
    """What is put behind a name to call its derivative: `_dot`, or several where that is taken."""
    names = {*cell.gates, *cell.signals, *cell.vectors}
    found = "_dot"
    while any(name + found in names for name in names):
        found += "_dot"
    return found


@contextmanager
def nestable() -> Iterator[None]:
    """Let `torch.func.jvp` run inside of a `dual_level` of `torch.autograd.forward_ad`.

    PyTorch has one such level, which its transforms share; but they do not count one that a user has entered.
    """
    entered = forward_ad._current_level >= 0 and eager_transforms.JVP_NESTING == 0
    eager_transforms.JVP_NESTING += entered
    try:
        yield
    finally:
        eager_transforms.JVP_NESTING -= entered


@cache
def dual(cell: Cell) -> Cell:
    """The cell with the derivatives of its gates, states and vectors as further gates, states and vectors.

    With W' = [[W, 0], [dW, W]] for the inputs x, dx, and R' = [[0, R], [R, dR]] for the states dh, h it runs as any
    other cell: its outputs are dh, and its own derivative is the second derivative of the cell.

    >>> import torch, cellwright as cw
    >>> print(dual(cw.cells["lstm"]))
    <cell lstm: gates i f g o i_dot f_dot g_dot o_dot, state h c h_dot c_dot>
    """
    kinds = (cell.gates, cell.gates, cell.state, tuple(cell.vectors))
    behind = mark(cell)

    def slopes_of(names: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(name + behind for name in names)

    def both(names: tuple[str, ...]) -> tuple[str, ...]:
        return (*names, *slopes_of(names))

    def doubled(x: Terms, r: Terms, s: Terms, w: Terms) -> Mapping[str, Tensor]:
        terms = (x, r, s, w)
        points = [getattr(term, name) for term, names in zip(terms, kinds, strict=True) for name in names]
        slopes = [getattr(term, name) for term, names in zip(terms, kinds, strict=True) for name in slopes_of(names)]

        def values(*given: Tensor) -> tuple[Tensor, ...]:
            at = iter(given)
            groups = [Terms(**{name: next(at) for name in names}) for names in kinds]
            for name in cell.noise:
                setattr(groups[-1], name, getattr(w, name))
            signals = cell.function(*groups)
            return tuple(signals[name] for name in cell.signals)

        with nestable():
            found, moved = torch.func.jvp(values, tuple(points), tuple(slopes))[:2]
        return dict(zip(both(cell.signals), (*found, *moved), strict=True))

    with warnings.catch_warnings():
        # PyTorch goes through its own deprecated compiler when forward mode is first used.
        warnings.filterwarnings("ignore", ".*torch.jit", DeprecationWarning)
        return Cell(
            doubled,
            cell.name,
            both(cell.gates),
            both(cell.state),
            dict.fromkeys(both(tuple(cell.vectors))),
            cell.noise,
            (*slopes_of(cell.recurrent), *cell.recurrent),
            bias=cell.bias,
            variant=", ".join(filter(None, [cell.variant, "forward mode"])),
            digest=cell.digest,
        )
