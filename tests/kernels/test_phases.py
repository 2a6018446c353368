"""Cells that need the whole row of units: sums, means, variances run in the kernel, in phases."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

import cellwright as cw
from cellwright.cells.normalisation import normalised
from cellwright.kernels.printer import backward_phases, forward_phases
from cellwright.kernels.program import trace
from tests.kernels.test_equality import compared


def standardised(z: Tensor) -> Tensor:
    return (z - z.mean(-1, keepdim=True)) * torch.rsqrt(z.var(-1, correction=0, keepdim=True) + 1e-5)


def shares(z: Tensor) -> Tensor:
    """A softmax by hand."""
    e = torch.exp(z)
    return e / e.sum(-1, keepdim=True)


FORMULAS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "mean": lambda z, h: torch.tanh(z - z.mean(-1, keepdim=True)),
    "sum": lambda z, h: torch.tanh(z) + 0.1 * torch.tanh(h.sum(-1, keepdim=True)) * h,
    "variance": lambda z, h: torch.tanh(standardised(z)),
    "softmax": lambda z, h: shares(z) * torch.tanh(z + h),
    "twice": lambda z, h: standardised(torch.tanh(standardised(z)) + 0.5 * h),
    "norm": lambda z, h: torch.tanh(z) / torch.sqrt(1 + (h * h).sum(-1, keepdim=True)),
    "number of units": lambda z, h: torch.tanh(z) / z.shape[-1] + h * (3.0 / z.shape[-1]),
    "one number chooses": lambda z, h: torch.where(z.mean(-1, keepdim=True) > 0, torch.tanh(z), 0.5 * z),
}


def made(formula: Callable[[Tensor, Tensor], Tensor]) -> cw.Cell:
    @cw.cell(gates="a", vectors={"gain": 0.7})
    def made(x: cw.Terms, r: cw.Terms, s: cw.Terms, w: cw.Terms) -> dict[str, Tensor]:
        return dict(h=formula(x.a + w.gain * r.a, s.h))

    return made


@pytest.mark.parametrize("formula", FORMULAS.values(), ids=FORMULAS)
def test_in_the_kernel_as_in_the_reference(formula: Callable[[Tensor, Tensor], Tensor]) -> None:
    cell = made(formula)
    compared(cell, steps=5, rows=7, inputs=4, units=37, directions=2)
    for units in (1, 8, 64):
        compared(cell, steps=3, rows=1, inputs=4, units=units, lengths=torch.tensor([2]))


def test_in_float32() -> None:
    compared(made(FORMULAS["twice"]), steps=5, rows=7, inputs=4, units=37, directions=2, dtype=torch.float32)


@pytest.mark.parametrize("rows", [1, 2, 31])
def test_layer_norm_for_several_threads(rows: int) -> None:
    compared(cw.cells["layer_norm"], steps=20, rows=rows, inputs=40, units=130, directions=2)


def test_layer_norm_is_torch_s_layer_norm() -> None:
    parts = [torch.randn(3, 5).double() for _ in range(4)]
    expected = torch.nn.functional.layer_norm(torch.cat(parts, -1), (20,))
    assert torch.allclose(torch.cat(normalised(*parts), -1), expected, rtol=1e-12)


def test_a_row_does_not_see_the_scale_of_its_contributions() -> None:
    torch.manual_seed(0)
    module, x = cw.LSTM(3, 16, cell="layer_norm").double(), torch.randn(5, 2, 3).double()
    assert torch.allclose(module(1e3 * x)[0], module(1e4 * x)[0], rtol=1e-6)


def test_a_cell_without_sums_has_one_phase() -> None:
    program = trace(cw.cells["lstm"], differentiate=True)
    for phases in (forward_phases(program), backward_phases(program)):
        assert (phases.count, phases.sums, phases.kept) == (1, (), ())


def test_the_phases_of_a_mean() -> None:
    phases = forward_phases(trace(made(FORMULAS["mean"]), differentiate=False))
    assert (phases.count, len(phases.sums), len(phases.kept)) == (2, 1, 1)
