"""Plain layers on CUDA are those of cuDNN, in one call, as quick as torch's own; the reference differentiates again."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import cellwright as cw

MADE: dict[str, Any] = {"lstm": nn.LSTM, "gru": nn.GRU, "rnn": nn.RNN}


def both(cell: str, **options: Any) -> tuple[cw.Recurrent, nn.Module, Tensor]:
    torch.manual_seed(0)
    theirs = MADE[cell](3, 8, num_layers=2, bidirectional=True, device="cuda", **options)
    ours = cw.Recurrent(cell, 3, 8, num_layers=2, bidirectional=True, device="cuda", **options)
    ours.load_state_dict(theirs.state_dict())
    return ours, theirs, torch.randn(6, 5, 3, device="cuda")


@pytest.mark.parametrize("options", [{}, {"batch_first": True}, {"bias": False}], ids=lambda options: "-".join(options))
@pytest.mark.parametrize("cell", MADE)
def test_the_same_bits_as_torch_without_copies(cell: str, options: dict[str, Any]) -> None:
    ours, theirs, x = both(cell, **options)
    assert cw.explain(ours, x).startswith("cudnn: ")
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # PyTorch warns when it has to copy the weights
        found, expected = (module(x)[0] for module in (ours, theirs))
        moved = ours.cpu().cuda()(x)[0]
    assert torch.equal(found, expected)
    assert torch.equal(moved, expected)
    slopes = [
        torch.autograd.grad(y.sum(), [*module.parameters()])
        for y, module in ((ours(x)[0], ours), (theirs(x)[0], theirs))
    ]
    for one, other in zip(*slopes, strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize("cell", MADE)
def test_second_derivatives(cell: str) -> None:
    ours, _, x = both(cell)
    ours, x = ours.double(), x.double().requires_grad_()
    state = [torch.randn(4, 5, 8, device="cuda", dtype=torch.float64) for _ in ours.cell.state]

    def found(backend: str) -> tuple[Tensor, ...]:
        with cw.backend(backend):
            y, _ = ours(x, state[0] if len(state) == 1 else tuple(state))
            (slope,) = torch.autograd.grad(y.square().sum(), x, create_graph=True)
            return torch.autograd.grad(slope.square().sum(), [x, *ours.parameters()])

    for one, other in zip(found("cudnn"), found("reference"), strict=True):
        assert torch.allclose(one, other, rtol=1e-9, atol=1e-11)


def test_what_goes_to_the_kernel() -> None:
    ours, _, x = both("lstm")
    assert cw.LSTM(3, 8, proj_size=4, bias=False, device="cuda")(x)[0].shape == (6, 5, 4)
    assert cw.explain(ours.bfloat16(), x.bfloat16()).startswith("gpu: ")
    assert cw.explain(cw.LSTM(3, 8, zoneout=0.1, device="cuda"), x).startswith("gpu: ")
    assert cw.explain(cw.LSTM(3, 8, proj_size=4, device="cuda"), x).startswith("gpu: ")
