"""One layer as all backends take it: the pure recurrence of a cell over a batch of sequences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from torch import Tensor

from ..cells import Cell

PRECISIONS = ("ieee", "tf32x3", "tf32", "bf16")


class Weights(NamedTuple):
    """What one direction of a layer learns.

    Attributes:
        w: feed-forward weights `[G * H, I]`, gate by gate in the order of the cell.
        r: recurrent weights `[G * H, H]`; as many H side by side as the cell has recurrent states.
        b_w: feed-forward biases `[G * H]`, or None; then b_r is None too.
        b_r: recurrent biases `[G * H]`, or None.
        vectors: the cell's learned vectors `[H]`, in its order.
        p: the projection `[P, H]`, or None: what is put out, and what the recurrent weights multiply, is `p h`
            (Sak, Senior & Beaufays 2014). The recurrent weights are `[G * H, P]` then.
    """

    w: Tensor
    r: Tensor
    b_w: Tensor | None = None
    b_r: Tensor | None = None
    vectors: tuple[Tensor, ...] = ()
    p: Tensor | None = None

    def tensors(self) -> tuple[Tensor, ...]:
        """All that is not None: w, r, the biases, the projection, the vectors."""
        several = (self.w, self.r, self.b_w, self.b_r, self.p)
        return (*(each for each in several if each is not None), *self.vectors)


def weights_of(tensors: Sequence[Any], bias: bool, projected: bool = False) -> Weights:
    """Weights, or what stands in their places, from the list that `Weights.tensors` gives."""
    w, r, *others = tensors
    b_w, b_r = others[:2] if bias else (None, None)
    others = others[2 * bias :]
    return Weights(w, r, b_w, b_r, tuple(others[projected:]), others[0] if projected else None)


@dataclass(slots=True, eq=False)
class Layer:
    """The arguments of one layer.

    Attributes:
        cell: the equations.
        x: `[T, B, I]`; or packed `[N, I]`: step by step the rows that have not ended, the longest first.
        state: the first states `[D, B, H]`, in the order of `cell.states`; empty if all are zero.
        weights: of each direction; the second one runs from the end to the start.
        lengths: 64-bit integers `[B]`: the steps of each sequence, in descending order if x is packed; None for all.
        reset: truth values `[T, B]`, or packed `[N]`: at which steps a new piece begins, with the state zero.
        reset_state: what a reset brings in place of zeros: `[D, B, H]`, in the order of `cell.states`; or empty.
        noise: what the cell is given for every step, `[T, B, D, noise, H]`, or packed `[N, D, noise, H]`; with ones
            instead of T and B, or N, if it is always the same.
        mask: `[D, B, H]`: what h is multiplied by on its way to the recurrent weights.
        precision: of the recurrent products on a GPU, as `Recurrent` has it; None for that of PyTorch's products.
        learned: the tensors of all weights, in order.
        tensors: all floating-point tensors that have a gradient.
    """

    cell: Cell
    x: Tensor
    state: Sequence[Tensor]
    weights: Sequence[Weights]
    lengths: Tensor | None = None
    reset: Tensor | None = None
    reset_state: Sequence[Tensor] = ()
    noise: Tensor | None = None
    mask: Tensor | None = None
    precision: str | None = None
    learned: list[Tensor] = field(init=False)
    tensors: list[Tensor] = field(init=False)

    def __post_init__(self) -> None:
        self.learned = [tensor for each in self.weights for tensor in each.tensors()]
        self.tensors = [self.x, *self.state, *self.reset_state, *self.learned]

    @property
    def rows(self) -> int:
        """B."""
        if self.x.dim() == 3:
            return self.x.shape[1]
        return 0 if self.lengths is None else len(self.lengths)

    @property
    def units(self) -> int:
        """H."""
        first = self.weights[0]
        return (first.r if first.p is None else first.p).shape[-1] // len(self.cell.recurrent)

    @property
    def given(self) -> list[Tensor]:
        """Noise and mask: floating-point tensors without a gradient."""
        return [each for each in (self.noise, self.mask) if each is not None]

    @property
    def outputs(self) -> int:
        """P with a projection, else H."""
        p = self.weights[0].p
        return self.units if p is None else p.shape[0] // len(self.cell.recurrent)

    def shape_of_state(self) -> tuple[int, int, int]:
        """`[D, B, H]`."""
        return len(self.weights), self.rows, self.units

    def shape_of_output(self) -> tuple[int, int, int]:
        """`[D, B, P]`, or `[D, B, H]` without a projection: of the states that the recurrent weights multiply."""
        return len(self.weights), self.rows, self.outputs

    def shapes_of_states(self) -> list[tuple[int, int, int]]:
        """The shape of each state, in their order."""
        recurrent = len(self.cell.recurrent)
        others = len(self.cell.state) - recurrent
        return [self.shape_of_output()] * recurrent + [self.shape_of_state()] * others
