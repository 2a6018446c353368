"""A cell opened up: in place of each gate the z that it is a function of, so that the kernels give it at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache

import torch
from torch import Tensor

from ..cells import Cell
from ..cells.cell import Terms
from .anatomy import Dissection


@cache
def opened(cell: Cell) -> Cell:
    """A cell that returns z for each signal that is a function of something, and the others as they are.

    >>> import torch, cellwright as cw
    >>> twos, zeros = [2 * torch.ones(1, 3)] * 4, [torch.zeros(1, 3)] * 4
    >>> opened(cw.cells["lstm"])(twos, zeros, zeros[:2])["f"]
    tensor([[2., 2., 2.]])
    """

    def function(x: Terms, r: Terms, s: Terms, w: Terms) -> Mapping[str, Tensor]:
        with Dissection({}) as seen:
            signals = cell.function(x, r, s, w)
        return {
            name: value if name in cell.state else seen.applied.get(id(value), ("", value))[1]
            for name, value in signals.items()
        }

    return replace(cell, function=function)


@cache
def functions(cell: Cell) -> Mapping[str, str]:
    """The names of the functions that the signals of a cell are, states aside.

    >>> import cellwright as cw
    >>> functions(cw.cells["lstm"])
    {'i': 'sigmoid', 'f': 'sigmoid', 'g': 'tanh', 'o': 'sigmoid'}
    """
    example = torch.full((1, 3), 0.5)
    groups = cell.gates, cell.gates, cell.state, (*cell.vectors, *cell.noise)
    with Dissection({}) as seen:
        signals = cell(*([example] * len(names) for names in groups))
    found = {name: seen.applied[id(value)] for name, value in signals.items() if id(value) in seen.applied}
    return {name: function for name, (function, _) in found.items() if name not in cell.state}
