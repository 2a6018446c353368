"""Products of less than all digits, on a GPU alone: Triton's interpreter computes other ones."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch
from torch import Tensor

import cellwright as cw


@pytest.mark.parametrize(
    ("cell", "steps", "tolerance"), [("lstm", 200, 0.02), ("gru", 200, 0.02), ("layer_norm", 8, 0.06)]
)
def test_bfloat16(cell: str, steps: int, tolerance: float) -> None:
    """Sums and states are in float32, products of numbers in bfloat16: as close to float64 as these numbers can be.

    What layer_norm makes of rounded numbers grows from step to step; the CPU kernel is off by 0.04 after 8 steps, too.
    """
    torch.manual_seed(0)
    module = cw.Recurrent(cell, 8, 64, device="cuda")
    x = torch.randn(steps, 16, 8, device="cuda", requires_grad=True)
    with torch.autocast("cuda", dtype=torch.bfloat16), cw.backend("gpu"):
        assert cw.explain(module, x).endswith("torch.bfloat16 in memory, and in products")
        y, _ = module(x)
    assert y.dtype == torch.bfloat16
    found = torch.autograd.grad(y.float().square().sum(), [x, *module.parameters()])
    assert close_to_float64(module, x, (y, *found), tolerance)


@pytest.mark.parametrize("units", [64, 128, 300])
def test_signals_in_bfloat16(units: int) -> None:
    torch.manual_seed(0)
    module = cw.LSTM(8, units, device="cuda", dtype=torch.bfloat16)
    x = torch.randn(100, 20, 8, device="cuda", dtype=torch.bfloat16)
    with cw.backend("gpu"):
        trace = module.trace(x)
    assert trace.output.dtype == torch.bfloat16
    assert torch.equal(trace["h"].flatten(2), trace.output.float())
    with cw.backend("reference"):
        expected = module.double().trace(x.double())
    for name, signal in trace.items():
        assert signal.dtype == torch.float32
        assert (signal.double() - expected[name]).abs().max() < 0.02, name


@pytest.mark.parametrize(("precision", "tolerance"), [("ieee", 1e-4), ("tf32x3", 1e-4), ("tf32", 5e-3), ("bf16", 0.02)])
@pytest.mark.parametrize("units", [20, 64, 128, 300])
def test_precision_of_the_recurrent_products(precision: str, tolerance: float, units: int) -> None:
    torch.manual_seed(0)
    module = cw.LSTM(8, units, precision=precision, device="cuda")
    x = torch.randn(200, 16, 8, device="cuda", requires_grad=True)
    with cw.backend("gpu"):
        y, _ = module(x)
    found = torch.autograd.grad(y.square().sum(), [x, *module.parameters()])
    assert close_to_float64(module, x, (y, *found), tolerance)


def close_to_float64(module: cw.Recurrent, x: Tensor, found: Sequence[Tensor], tolerance: float) -> bool:
    """Whether outputs and gradients are as near to those of the reference as a share of the largest of each says."""
    module, exact = module.double(), x.detach().double().requires_grad_()
    with cw.backend("reference"):
        y, _ = module(exact)
    expected = (y, *torch.autograd.grad(y.square().sum(), [exact, *module.parameters()]))
    return all(
        bool((one.double() - other).abs().max() < tolerance * other.abs().max())
        for one, other in zip(found, expected, strict=True)
    )
