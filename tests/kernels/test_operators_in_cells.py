"""Every operator of the printer's table, in cells that a user might write: the kernel equals the reference."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

import cellwright as cw
from cellwright.kernels.printer import NUMBA
from cellwright.kernels.program import trace
from tests.agreement import TOLERANCE, assert_agree
from tests.kernels.calls import Call, drawn, outcome


@cw.cell(gates="a b", state="h m", vectors={"p": 0.7})
def rich(x: cw.Terms, r: cw.Terms, s: cw.Terms, w: cw.Terms) -> dict[str, Tensor]:
    """Most operators at once, each with numbers on both sides of its limits."""
    a, b = 2 * x.a + r.a, x.b - 2 * r.b
    clamped = a.clamp(min=-0.5) + b.clamp(max=0.5)
    soft = F.softplus(a) + F.softplus(b, beta=2.0, threshold=1.0)
    chosen = torch.where(a > b, a, -b) + torch.where(a >= 0.3, b, 1 - b) + torch.where(b < 0.1, w.p, 0.0)
    chosen = chosen + torch.where(a <= s.h, a, 1.0) + torch.where(a == b, b, 0.5) + torch.where(a != b, b, a)
    powers = a**2 + 0.1 * b**3 + torch.square(b)
    roots = torch.sqrt(1 + b * b) + torch.rsqrt(1 + a * a) + 1 / (2 + b.abs()) + torch.reciprocal(2 + a**2)
    waves = torch.exp(-a.abs()) + torch.expm1(-b.abs()) + torch.log(1 + a * a) + torch.log1p(b * b)
    gates = torch.relu(a) + torch.sigmoid(b) + torch.sub(a, b, alpha=0.5) + torch.add(a, b, alpha=-0.25)
    total = 0.1 * (clamped + soft + chosen + powers + roots + waves + gates)
    m = torch.tanh(total) + 0.5 * s.m
    return dict(m=m, h=m / (1 + m.abs()) + 0.1 * s.h)


SINGLE: dict[str, Callable[[Tensor], Tensor]] = {
    "clamp": lambda z: z.clamp(-0.5, 0.7),
    "clamp_min": lambda z: torch.clamp_min(z, -0.5),
    "clamp_max": lambda z: torch.clamp_max(z, 0.5),
    "hardtanh": F.hardtanh,
    "relu6": F.relu6,
    "silu": F.silu,
    "maximum": lambda z: torch.maximum(z, 0.5 * z),
    "minimum": lambda z: torch.minimum(z, z * z),
    "square root": lambda z: (1 + z * z) ** 0.5,
    "reciprocal": lambda z: (2 + z * z) ** -1,
}


def with_one(formula: Callable[[Tensor], Tensor]) -> cw.Cell:
    @cw.cell(gates="a")
    def single(x: cw.Terms, r: cw.Terms, s: cw.Terms, w: cw.Terms) -> dict[str, Tensor]:
        return dict(h=formula(x.a + r.a))

    return single


def drawn_for(cell: cw.Cell, dtype: torch.dtype) -> Call:
    """A call of the LSTM, cut down for a cell with fewer gates."""
    call = drawn("lstm", steps=9, rows=5, inputs=6, units=19, dtype=dtype)
    rows = len(cell.gates) * 19
    w, r, b_w, b_r = (each.detach()[:rows].requires_grad_() for each in call.weights[0].tensors())
    vectors = tuple(torch.linspace(-1, 1, 19, dtype=dtype, requires_grad=True) for _ in cell.vectors)
    return call._replace(cell=cell, weights=[cw.Weights(w, r, b_w, b_r, vectors)])


@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
def test_a_cell_of_many_operators_equals_the_reference(dtype: torch.dtype) -> None:
    call = drawn_for(rich, dtype)
    ours, theirs = outcome(call).everything, outcome(call, "reference").everything
    assert_agree(ours, theirs, TOLERANCE[dtype])


@pytest.mark.parametrize("name", SINGLE)
def test_an_operator_of_the_table_trains_in_the_kernel(name: str) -> None:
    layer = cw.Recurrent(with_one(SINGLE[name]), 2, 3)
    explanation = cw.explain(layer, torch.zeros(1, 1, 2))
    assert explanation.startswith("cpu: "), explanation


def test_every_row_of_the_table_is_used_by_these_cells() -> None:
    programs = [trace(cell, True) for cell in (rich, *map(with_one, SINGLE.values()))]
    used = {node.operator for program in programs for node in (*program.forward, *program.backward)}
    assert set(NUMBA) - used == set()


def test_infinite_numbers_may_stand_in_a_cell() -> None:
    layer = cw.Recurrent(with_one(lambda z: torch.where(z > 100.0, float("inf"), torch.tanh(z))), 2, 3)
    with torch.no_grad():
        found, _ = layer(torch.tensor([[[0.5, 1.0]], [[1e4, 1e4]]]))
        with cw.backend("reference"):
            expected, _ = layer(torch.tensor([[[0.5, 1.0]], [[1e4, 1e4]]]))
    assert torch.allclose(found, expected, rtol=1e-5, atol=1e-5)
