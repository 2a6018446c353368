"""One layer as all backends take it: the pure recurrence of a cell over a batch of sequences."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

from torch import Tensor

from ..cells import Cell


class Weights(NamedTuple):
    """What one direction of a layer learns.

    Attributes:
        w: feed-forward weights `[G * H, I]`, gate by gate in the order of the cell.
        r: recurrent weights `[G * H, H]`.
        b_w: feed-forward biases `[G * H]`, or None; then b_r is None too.
        b_r: recurrent biases `[G * H]`, or None.
        vectors: the cell's learned vectors `[H]`, in its order.
    """

    w: Tensor
    r: Tensor
    b_w: Tensor | None = None
    b_r: Tensor | None = None
    vectors: tuple[Tensor, ...] = ()

    def tensors(self) -> tuple[Tensor, ...]:
        """All that is not None, in order."""
        return (*(each for each in self[:4] if each is not None), *self.vectors)


class Layer(NamedTuple):
    """The arguments of one layer.

    Attributes:
        cell: the equations.
        x: `[T, B, I]`; or packed `[N, I]`: step by step the rows that have not ended, the longest first.
        state: the first states `[D, B, H]`, in the order of `states_of(cell)`.
        weights: of each direction; the second one runs from the end to the start.
        lengths: 64-bit integers `[B]`: the steps of each sequence, in descending order if x is packed; None for all.
        reset: truth values `[T, B]`, or packed `[N]`: at which steps a new piece begins, with the state zero.
    """

    cell: Cell
    x: Tensor
    state: Sequence[Tensor]
    weights: Sequence[Weights]
    lengths: Tensor | None = None
    reset: Tensor | None = None

    @property
    def tensors(self) -> list[Tensor]:
        """All floating-point tensors."""
        return [self.x, *self.state, *(tensor for each in self.weights for tensor in each.tensors())]


@cache
def states_of(cell: Cell) -> tuple[str, ...]:
    """The states in the order of the kernels: h first."""
    return ("h", *(name for name in cell.state if name != "h"))
