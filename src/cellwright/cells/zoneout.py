"""Zoneout: units that keep their old value at some steps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache

from torch import Tensor

from .cell import Cell, Terms


@cache
def zoneout(cell: Cell, states: tuple[str, ...]) -> Cell:
    """A cell whose states keep their old value where a mask is 1: Krueger et al. (2017).

    The masks `keep_h`, `keep_c`, ... come as noise, one for each of the given states; a number between 0 and 1 mixes,
    as the expectation of a mask does.

    >>> import torch, cellwright as cw
    >>> zoned = zoneout(cw.cells["rnn"], ("h",))
    >>> ones = torch.ones(1, 2)
    >>> zoned([ones], [ones], [0.5 * ones], [torch.tensor([1.0, 0.0])])["h"]
    tensor([[0.5000, 0.9640]])
    """

    def zoned(x: Terms, r: Terms, s: Terms, w: Terms) -> Mapping[str, Tensor]:
        signals = dict(cell.function(x, r, s, w))
        for name in states:
            keep = getattr(w, f"keep_{name}")
            signals[name] = keep * getattr(s, name) + (1 - keep) * signals[name]
        return signals

    noise = (*cell.noise, *(f"keep_{name}" for name in states))
    variant = ", ".join(filter(None, [cell.variant, f"zoneout of {' '.join(states)}"]))
    return replace(cell, function=zoned, noise=noise, variant=variant)
