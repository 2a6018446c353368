"""A call of the operators in the form that PyTorch's transforms take: one flat row of tensors, and all the rest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from torch import Tensor

from ..cells.cell import Cell, by_key
from .layer import Layer, weights_of
from .operator import Backward, Forward

AROUND = 4  # lengths, reset, noise, mask


class Heard(NamedTuple):
    """What comes back to a call: the cotangents of its results, and what was kept of them."""

    dy: Any
    d_last: list[Any]
    d_saved: list[Any]
    y: Any
    saved: list[Any]


@dataclass(frozen=True)
class Kind:
    """Everything in a call of `scan` or `scan_backward` that is no tensor.

    Attributes:
        states, weights, brought: how many first states, weights and states of resets there are.
        cell, bias, projected, precision, keep, watch, with_dx, groups: as the operators take them.
    """

    states: int
    weights: int
    brought: int
    cell: str
    bias: bool
    projected: bool
    precision: str | None = None
    keep: bool = True
    watch: bool = False
    with_dx: bool = True
    groups: int = 0

    @classmethod
    def of(cls, call: Forward | Backward) -> Kind:
        counts = (len(call.state), len(call.weights), len(call.reset_state))
        shared = (*counts, call.cell, call.bias, call.projected, call.precision)
        if isinstance(call, Forward):
            return cls(*shared, call.keep, call.watch)
        return cls(*shared, True, call.watch, call.with_dx, call.groups)

    @property
    def the_cell(self) -> Cell:
        return by_key[self.cell]

    def parts(self, flat: Sequence[Any]) -> tuple[Any, list[Any], list[Any], list[Any], Any, Any, Any, Any]:
        """x, state, weights, reset_state, lengths, reset, noise, mask, or what belongs to each of them."""
        a = 1 + self.states
        b = a + self.weights
        c = b + self.brought
        lengths, reset, noise, mask = flat[c:]
        return flat[0], list(flat[1:a]), list(flat[a:b]), list(flat[b:c]), lengths, reset, noise, mask

    def forward(self, flat: Sequence[Any]) -> Forward:
        return Forward(*self.parts(flat), self.cell, self.bias, self.projected, self.precision, self.keep, self.watch)

    def heard(self, flat: Sequence[Any]) -> Heard:
        """The first part of what `scan_backward` takes."""
        states = len(self.the_cell.state)
        dy, *others = flat[: 6 + states]
        *d_last, d_z, d_history, y, z, history = others
        return Heard(dy, d_last, [d_z, d_history], y, [z, history])

    def given(self, flat: Sequence[Any]) -> Sequence[Any]:
        """The second part: what `scan` takes."""
        return flat[6 + len(self.the_cell.state) :]

    def backward(self, flat: Sequence[Any]) -> Backward:
        heard = self.heard(flat)
        return Backward(
            heard.dy, heard.d_last, heard.y, heard.saved, heard.d_saved, *self.parts(self.given(flat)),
            self.cell, self.bias, self.projected, self.precision, self.watch, self.with_dx, self.groups,
        )  # fmt: skip

    def layer(self, flat: Sequence[Any]) -> Layer:
        """The arguments of `scan` as a layer."""
        x, state, learned, brought, lengths, reset, noise, mask = self.parts(flat)
        each = 2 + 2 * self.bias + self.projected + len(self.the_cell.vectors)
        directions = [
            weights_of(learned[n : n + each], self.bias, self.projected) for n in range(0, len(learned), each)
        ]
        return Layer(self.the_cell, x, state, directions, lengths, reset, brought, noise, mask, self.precision)


def flat_forward(call: Forward) -> tuple[Tensor | None, ...]:
    """The tensors of a call of `scan`."""
    return (call.x, *call.state, *call.weights, *call.reset_state, call.lengths, call.reset, call.noise, call.mask)


def flat_backward(call: Backward) -> tuple[Tensor | None, ...]:
    """The tensors of a call of `scan_backward`."""
    given = (call.x, *call.state, *call.weights, *call.reset_state, call.lengths, call.reset, call.noise, call.mask)
    return (call.dy, *call.d_last, *call.d_saved, call.y, *call.saved, *given)


def flat_layer(layer: Layer, keep: bool, watch: bool) -> tuple[Kind, tuple[Tensor | None, ...]]:
    """A layer as a call of `scan` in its flat form."""
    call = Forward.of(layer, keep, watch)
    return Kind.of(call), flat_forward(call)
