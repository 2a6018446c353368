"""The pure function behind the layers: nothing hidden, nothing cached."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from ..cells import Cell
from ..errors import InputError
from . import plan
from .layer import Layer, Weights

__all__ = ["Weights", "scan"]


def scan(
    cell: Cell,
    x: Tensor,
    state: Tensor | Sequence[Tensor] | None,
    weights: Weights | Sequence[Weights],
    *,
    lengths: Tensor | None = None,
    reset: Tensor | None = None,
    reset_state: Tensor | Sequence[Tensor] | None = None,
    noise: Tensor | None = None,
    mask: Tensor | None = None,
    precision: str | None = None,
) -> tuple[Tensor, tuple[Tensor, ...]]:
    """Run a cell over a batch of sequences.

    Args:
        cell: the equations.
        x: inputs `[T, B, I]`; or packed `[N, I]`, as in PyTorch's PackedSequence, with lengths.
        state: first states `[D, B, H]`, in the order of `cell.state`, a single one perhaps alone; None for zeros.
        weights: of one direction, or of two: the second runs from the end to the start.
        lengths: 64-bit integers `[B]`, the steps of each sequence; the longest first if x is packed.
        reset: truth values `[T, B]`, or packed `[N]`: where a new piece begins.
        reset_state: the states that a new piece begins with, as `state`; zeros by default.
        noise: what the cell takes for every step beside its weights, `[T, B, D, noise, H]`, or packed
            `[N, D, noise, H]`; ones in place of T and B, or N, if it is always the same.
        mask: `[D, B, H]`: what h is multiplied by on its way to the recurrent weights; as noise, without a gradient.
        precision: of the recurrent products in the GPU kernel, as `Recurrent` has it.

    Returns:
        Outputs `[T, B, D * H]`, zero behind the ends, or packed `[N, D * H]`, and the last states `[D, B, H]`.

    >>> import torch, cellwright as cw
    >>> weights = cw.Weights(torch.ones(12, 2), torch.ones(12, 3))
    >>> y, (h, c) = cw.scan(cw.cells["lstm"], torch.ones(4, 1, 2), None, weights)
    >>> y.shape, bool((y[-1] == h[0]).all())
    (torch.Size([4, 1, 3]), True)

    Raises:
        InputError: shapes do not fit one another.
    """
    if not isinstance(cell, Cell):
        raise InputError(f"cell must be a cell, such as cellwright.cells['lstm'], not {cell!r}")
    directions = [weights] if isinstance(weights, Weights) else list(weights)
    first, brought = in_order(cell, state), in_order(cell, reset_state)
    lengths = None if lengths is None else lengths.cpu()
    reset = None if reset is None else reset.to(x.device)
    outputs, last = plan.run(Layer(cell, x, first, directions, lengths, reset, brought, noise, mask, precision))
    found = dict(zip(cell.states, last, strict=True))
    return outputs, tuple(found[name] for name in cell.state)


def in_order(cell: Cell, given: Tensor | Sequence[Tensor] | None) -> Sequence[Tensor]:
    """States in the order of `cell.states`; as they are, for `check` to see, if there are too few or too many."""
    given = () if given is None else (given,) if isinstance(given, Tensor) else given
    return [given[cell.state.index(name)] for name in cell.states] if len(given) == len(cell.state) else given
