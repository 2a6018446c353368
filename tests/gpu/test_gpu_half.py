"""Half precision on a GPU; Triton's interpreter computes other products of bfloat16 than a GPU."""

from __future__ import annotations

import pytest
import torch

import cellwright as cw


@pytest.mark.parametrize("cell", ["lstm", "gru", "layer_norm"])
def test_bfloat16(cell: str) -> None:
    """Sums and states are in float32, products of numbers in bfloat16: as close to float64 as these numbers can be."""
    torch.manual_seed(0)
    module = cw.Recurrent(cell, 8, 64, device="cuda")
    x = torch.randn(200, 16, 8, device="cuda", requires_grad=True)
    with torch.autocast("cuda", dtype=torch.bfloat16), cw.backend("gpu"):
        assert cw.explain(module, x).endswith("torch.bfloat16 in memory, and in products")
        y, _ = module(x)
    assert y.dtype == torch.bfloat16
    found = torch.autograd.grad(y.float().square().sum(), [x, *module.parameters()])
    module, exact = module.double(), x.detach().double().requires_grad_()
    with cw.backend("reference"):
        expected, _ = module(exact)
    slopes = torch.autograd.grad(expected.square().sum(), [exact, *module.parameters()])
    for one, other in zip((y, *found), (expected, *slopes), strict=True):
        assert bool((one.double() - other).abs().max() < 0.02 * other.abs().max())
