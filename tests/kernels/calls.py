"""Calls of `cw.scan` as data: drawn, cut into rows and steps, run on the kernel with given cotangents."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

import cellwright as cw
from tests.agreement import made_weights


class Call(NamedTuple):
    """Everything that goes into one layer, and the cotangents that come back to it."""

    cell: cw.Cell
    x: Tensor  # [T, B, I]
    state: tuple[Tensor, ...]  # each [D, B, H]
    weights: list[cw.Weights]
    dy: Tensor  # [T, B, D * H]
    d_last: tuple[Tensor, ...]  # each [D, B, H]
    lengths: Tensor | None = None  # [B]
    reset: Tensor | None = None  # [T, B]

    def rows(self, low: int, high: int) -> Call:
        """The same call for some rows of the batch."""
        return self._replace(
            x=self.x[:, low:high],
            state=tuple(each[:, low:high] for each in self.state),
            dy=self.dy[:, low:high],
            d_last=tuple(each[:, low:high] for each in self.d_last),
            lengths=None if self.lengths is None else self.lengths[low:high],
            reset=None if self.reset is None else self.reset[:, low:high],
        )

    def steps(self, low: int, high: int) -> Call:
        """The same call for some steps."""
        return self._replace(
            x=self.x[low:high],
            dy=self.dy[low:high],
            reset=None if self.reset is None else self.reset[low:high],
        )


class Outcome(NamedTuple):
    """Everything that comes out of a call."""

    y: Tensor
    last: tuple[Tensor, ...]
    dx: Tensor
    d_state: tuple[Tensor, ...]
    d_weights: tuple[Tensor, ...]

    @property
    def of_rows(self) -> dict[str, Tensor]:
        """What belongs to single rows of the batch, with the rows in the second dimension."""
        named = {"y": self.y, "dx": self.dx}
        named |= {f"last {n}": each for n, each in enumerate(self.last)}
        return named | {f"gradient of first {n}": each for n, each in enumerate(self.d_state)}

    @property
    def everything(self) -> dict[str, Tensor]:
        return self.of_rows | {f"gradient of weight {n}": each for n, each in enumerate(self.d_weights)}


def drawn(
    cell: str,
    steps: int,
    rows: int,
    inputs: int,
    units: int,
    directions: int = 1,
    dtype: torch.dtype = torch.float32,
) -> Call:
    """A call with random numbers, the same ones for the same sizes."""
    torch.manual_seed(steps + 7 * rows + 13 * units)
    shape, states = (directions, rows, units), len(cw.cells[cell].state)
    return Call(
        cw.cells[cell],
        torch.randn(steps, rows, inputs, dtype=dtype),
        tuple(torch.randn(shape, dtype=dtype) for _ in range(states)),
        [made_weights(cw.cells[cell], inputs, units, True, dtype) for _ in range(directions)],
        torch.randn(steps, rows, directions * units, dtype=dtype),
        tuple(torch.randn(shape, dtype=dtype) for _ in range(states)),
    )


def outcome(call: Call, backend: str = "cpu") -> Outcome:
    """Run a call forward and backward."""
    x = call.x.detach().clone().requires_grad_()
    state = [each.detach().clone().requires_grad_() for each in call.state]
    learned = [tensor for each in call.weights for tensor in each.tensors()]
    with cw.backend(backend):
        y, last = cw.scan(call.cell, x, state, call.weights, lengths=call.lengths, reset=call.reset)
    found = torch.autograd.grad([y, *last], [x, *state, *learned], [call.dy, *call.d_last], materialize_grads=True)
    states = len(state)
    return Outcome(
        y.detach(),
        tuple(each.detach() for each in last),
        found[0],
        found[1 : 1 + states],
        found[1 + states :],
    )


def assert_same_bits(ours: dict[str, Tensor], theirs: dict[str, Tensor]) -> None:
    """Every number is the same, NaN included."""
    assert ours.keys() == theirs.keys()
    for name, expected in theirs.items():
        assert ours[name].shape == expected.shape, name
        same = (ours[name] == expected) | (ours[name].isnan() & expected.isnan())
        assert bool(same.all()), f"{name}: {int((~same).sum())} of {same.numel()} numbers differ"
