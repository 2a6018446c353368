"""The kernel equals the reference: outputs, states and every gradient."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

import cellwright as cw
from tests.agreement import TOLERANCE, assert_agree, everything, made_weights


@cw.cell(gates="f g", state="h m", vectors={"decay": 0.9, "gain": 1.0})
def unusual(x: cw.Terms, r: cw.Terms, s: cw.Terms, w: cw.Terms) -> dict[str, Tensor]:
    """Vectors, two states in an unusual order, several functions, and contributions used apart."""
    f = torch.sigmoid(x.f * r.f + w.gain)
    g = torch.nn.functional.softplus(x.g) - torch.relu(r.g) + torch.exp(-(s.m**2))
    m = f * w.decay * s.m + (1 - f) * torch.tanh(g)
    return dict(f=f, m=m, h=torch.where(m > 0, m, 0.1 * m) / (1 + m.abs()).sqrt() + 0.1 * s.h)


@cw.cell(gates="k", state="h c", vectors={"mix": 0.5})
def of_vectors(x: cw.Terms, r: cw.Terms, s: cw.Terms, w: cw.Terms) -> dict[str, Tensor]:
    """A signal and a state that only a vector gives, one number for each unit."""
    i = torch.sigmoid(w.mix).expand_as(x.k)
    return dict(i=i, c=w.mix + torch.zeros_like(x.k), h=torch.tanh(x.k + r.k) * i + 0.1 * s.c)


@cw.cell(gates="a b c d e", state="h")
def five_gates(x: cw.Terms, r: cw.Terms, s: cw.Terms, w: cw.Terms) -> dict[str, Tensor]:
    """More gates than a tile of four vectors holds."""
    a, b, c, d = (torch.sigmoid(getattr(x, gate) + getattr(r, gate)) for gate in "abcd")
    return dict(h=a * s.h + b * torch.tanh(x.e + c * r.e) - d * torch.log1p(b))


@cw.cell(gates="a b c d e f g h2 i j k l m n", state="h")
def many_gates(x: cw.Terms, r: cw.Terms, s: cw.Terms, w: cw.Terms) -> dict[str, Tensor]:
    """So many that a tile has one row."""
    open_gates = [torch.sigmoid(getattr(x, gate) + getattr(r, gate)) for gate in "abcdefgijklmn"]
    return dict(h=torch.tanh(x.h2 + r.h2) * sum(open_gates) / 13 + 0.1 * s.h)


@cw.cell(gates="f g", state="h")
def with_infinity(x: cw.Terms, r: cw.Terms, s: cw.Terms, w: cw.Terms) -> dict[str, Tensor]:
    """Half of the candidates are made impossible by an infinite number."""
    f = torch.sigmoid(x.f + r.f)
    share = torch.exp((x.g + r.g).masked_fill(x.g > 0, float("-inf")))
    return dict(f=f, h=f * s.h + (1 - f) * share / (1 + share))


CELLS = {
    **cw.cells,
    "unusual": unusual,
    "of_vectors": of_vectors,
    "five_gates": five_gates,
    "with_infinity": with_infinity,
}


def compared(
    cell: cw.Cell,
    steps: int,
    rows: int,
    inputs: int,
    units: int,
    directions: int = 1,
    dtype: torch.dtype = torch.float64,
    bias: bool = True,
    lengths: Tensor | None = None,
    reset: Tensor | None = None,
) -> None:
    """Run both backends on drawn data and compare."""
    torch.manual_seed(steps + rows + units)
    x = torch.randn(steps, rows, inputs, dtype=dtype).requires_grad_()
    state = [torch.randn(directions, rows, units, dtype=dtype).requires_grad_() for _ in cell.state]
    weights = [made_weights(cell, inputs, units, bias, dtype) for _ in range(directions)]
    results = [everything(cell, x, state, weights, each, lengths, reset) for each in ("cpu", "reference")]
    assert_agree(*results, TOLERANCE[dtype])


@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
@pytest.mark.parametrize("cell", CELLS.values(), ids=CELLS)
def test_every_cell(cell: cw.Cell, dtype: torch.dtype) -> None:
    compared(cell, steps=9, rows=5, inputs=6, units=19, dtype=dtype)
    compared(cell, steps=9, rows=17, inputs=6, units=19, directions=2, dtype=dtype, bias=False)


@pytest.mark.parametrize("units", [1, 2, 3, 7, 17, 31, 64, 100, 257])
@pytest.mark.parametrize("rows", [1, 2, 3, 5, 33])
def test_sizes(rows: int, units: int) -> None:
    compared(cw.cells["lstm"], steps=4, rows=rows, inputs=units, units=units)


@pytest.mark.parametrize("inputs", [1, 15, 16, 33, 70])
def test_input_sizes(inputs: int) -> None:
    compared(cw.cells["lstm"], steps=3, rows=2, inputs=inputs, units=5, directions=2)


@pytest.mark.parametrize("cell", ["lstm", "gru"])
@pytest.mark.parametrize("steps", [0, 1])
def test_hardly_any_steps(steps: int, cell: str) -> None:
    compared(cw.cells[cell], steps=steps, rows=3, inputs=2, units=20, directions=2)


@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
def test_many_gates_on_several_threads(dtype: torch.dtype) -> None:
    compared(many_gates, steps=30, rows=40, inputs=33, units=70, dtype=dtype)


def test_no_rows() -> None:
    compared(cw.cells["lstm"], steps=3, rows=0, inputs=2, units=4)


@pytest.mark.parametrize("rows", [1, 2, 16])
@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
def test_a_thousand_steps_in_float32(cell: str, rows: int) -> None:
    compared(cw.cells[cell], steps=1000, rows=rows, inputs=8, units=64, dtype=torch.float32)


@pytest.mark.parametrize("rows", [2, 24])
def test_several_chunks_and_threads(rows: int) -> None:
    compared(cw.cells["lstm"], steps=300, rows=rows, inputs=40, units=130, directions=2)


@pytest.mark.parametrize("cell", CELLS.values(), ids=CELLS)
def test_lengths(cell: cw.Cell) -> None:
    lengths = torch.tensor([4, 0, 7, 1, 6])
    compared(cell, steps=7, rows=5, inputs=3, units=18, directions=2, lengths=lengths)


@pytest.mark.parametrize("marks", ["first", "last", "every", "none", "some"])
@pytest.mark.parametrize("cell", CELLS.values(), ids=CELLS)
def test_resets(cell: cw.Cell, marks: str) -> None:
    reset = torch.zeros(6, 4, dtype=torch.bool)
    if marks == "some":
        reset[torch.tensor([0, 2, 3, 5]), torch.tensor([1, 0, 3, 3])] = True
    elif marks != "none":
        reset[{"first": 0, "last": -1, "every": slice(None)}[marks]] = True
    compared(cell, steps=6, rows=4, inputs=3, units=18, directions=2, reset=reset)


def test_lengths_with_resets() -> None:
    generator = torch.Generator().manual_seed(0)
    reset = torch.rand(40, 20, generator=generator) < 0.2
    lengths = torch.randint(0, 41, (20,), generator=generator)
    compared(cw.cells["lstm"], steps=40, rows=20, inputs=8, units=70, directions=2, lengths=lengths, reset=reset)
