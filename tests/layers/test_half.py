"""Half precision, of a layer's own or by autocast: close to full precision, for what it stores and what it learns."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

import cellwright as cw
from cellwright.kernels import host
from tests.layers.pairs import INPUTS, UNITS

ROWS, STEPS, WIDTH, HIDDEN = 5, 9, 6, 20
CELLS = ["lstm", "gru", "layer_norm", "slstm", "rnn"]
OPTIONS: dict[str, dict[str, Any]] = {
    "plain": {},
    "two layers, two directions": dict(num_layers=2, bidirectional=True),
    "masks": dict(recurrent_dropout=0.3, zoneout=0.2),
    "projection": dict(proj_size=4),
}
CALLS: dict[str, dict[str, Any]] = {
    "whole": {},
    "lengths": dict(lengths=torch.tensor([9, 2, 0, 7, 9])),
    "resets": dict(reset=torch.arange(STEPS * ROWS).view(STEPS, ROWS) % 7 == 3),
}


def inputs(width: int = WIDTH) -> Tensor:
    return torch.randn(STEPS, ROWS, width, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("cell", CELLS)
def test_the_kernel_comes_close_to_the_reference(cell: str, call: str) -> None:
    torch.manual_seed(0)
    layer = cw.Recurrent(cell, WIDTH, HIDDEN)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert 0 < cw.verify(layer, inputs(), **CALLS[call]) < 0.02


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("hidden", [HIDDEN, 9])
def test_options_in_half_precision(options: str, hidden: int) -> None:
    torch.manual_seed(0)
    layer = cw.LSTM(WIDTH, hidden, **OPTIONS[options]).bfloat16()
    for call in CALLS.values():
        assert cw.verify(layer, inputs().bfloat16(), **call) < 0.03


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("first", [nn.Identity(), nn.Linear(INPUTS, INPUTS)], ids=["alone", "behind a product"])
@pytest.mark.parametrize("kind", [cw.LSTM, cw.GRU, cw.RNN])
def test_a_network_under_autocast(kind: type[cw.Recurrent], first: nn.Module, dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    layer, x = kind(INPUTS, UNITS, num_layers=2, bidirectional=True), torch.randn(6, 3, INPUTS)
    expected, _ = layer(first(x))
    gradients = torch.autograd.grad(expected.square().sum(), list(layer.parameters()))
    with torch.autocast("cpu", dtype=dtype):
        found, state = layer(first(x))
        found.float().square().sum().backward()
    assert found.dtype == dtype
    assert {each.dtype for each in (state if isinstance(state, tuple) else (state,))} == {torch.float32}
    assert torch.allclose(found.float(), expected, atol=0.03)
    for (name, parameter), gradient in zip(layer.named_parameters(), gradients, strict=True):
        assert parameter.grad is not None
        assert parameter.grad.dtype == torch.float32, name
        assert torch.allclose(parameter.grad, gradient, atol=0.05 * float(gradient.abs().max())), name


def test_a_state_goes_on_under_autocast() -> None:
    layer, x = cw.LSTM(WIDTH, HIDDEN), inputs()
    with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
        whole, (_, c) = layer(x)
        first, state = layer(x[:4])
        second, (_, last) = layer(x[4:], state)
    assert torch.equal(torch.cat([first, second]), whole)
    assert torch.equal(last, c)


def test_a_layer_in_half_precision_has_all_in_it() -> None:
    layer = cw.LSTM(WIDTH, HIDDEN).bfloat16()
    outputs, (h, c) = layer(inputs().bfloat16())
    assert outputs.dtype == h.dtype == c.dtype == torch.bfloat16


def test_products_without_the_instruction(monkeypatch: pytest.MonkeyPatch) -> None:
    layer, x = cw.LSTM(WIDTH, HIDDEN).bfloat16(), inputs().bfloat16()
    here, _ = layer(x)
    monkeypatch.setattr(host, "MULTIPLIES_BFLOAT16", False)
    elsewhere, _ = layer(x)
    assert "but not in products: this processor multiplies no torch.bfloat16" in cw.explain(layer, x)
    assert torch.allclose(here.float(), elsewhere.float(), atol=0.02)


def test_explain_says_why_products_are_not_in_half_precision() -> None:
    assert "1 inputs and 20 units" in cw.explain(cw.LSTM(1, HIDDEN).bfloat16(), inputs(1).bfloat16()) or not (
        host.MULTIPLIES_BFLOAT16
    )
    assert "no torch.float16" in cw.explain(cw.LSTM(WIDTH, HIDDEN).half(), inputs().half())


def test_float64_stays_under_autocast() -> None:
    layer, x = cw.LSTM(WIDTH, HIDDEN).double(), inputs().double()
    expected, _ = layer(x)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found, _ = layer(x)
    assert torch.equal(found, expected)


def test_second_derivatives_under_autocast() -> None:
    layer, x = cw.LSTM(WIDTH, HIDDEN), inputs().requires_grad_()

    def penalty() -> Tensor:
        (slope,) = torch.autograd.grad(layer(x)[0].float().square().sum(), x, create_graph=True)
        return torch.autograd.grad(slope.square().sum(), x)[0]

    expected = penalty()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = penalty()
    assert torch.allclose(found, expected, atol=0.05 * float(expected.abs().max()))


def test_many_gradients_at_once_under_autocast() -> None:
    layer, x = cw.LSTM(WIDTH, HIDDEN), inputs().requires_grad_()
    directions = torch.randn(4, STEPS, ROWS, HIDDEN, generator=torch.Generator().manual_seed(2))

    def gradients() -> Tensor:
        return torch.autograd.grad(layer(x)[0].float(), x, directions, is_grads_batched=True)[0]

    expected = gradients()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = gradients()
    assert torch.allclose(found, expected, atol=0.05 * float(expected.abs().max()))


def test_autocast_does_not_last() -> None:
    layer, x = cw.LSTM(INPUTS, UNITS), torch.randn(6, 3, INPUTS)
    before, _ = layer(x)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        layer(x.bfloat16())
    assert torch.equal(layer(x)[0], before)
    with pytest.raises(cw.InputError, match="one dtype"):
        layer(x.bfloat16())


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_float64_takes_nothing_else_under_autocast(dtype: torch.dtype) -> None:
    layer, x = cw.LSTM(WIDTH, HIDDEN).double(), inputs()
    state = (torch.zeros(1, x.shape[1], HIDDEN),) * 2
    with torch.autocast("cpu", dtype=dtype):
        for given in ((x,), (x.double(), state)):
            with pytest.raises(cw.InputError, match="must have one dtype"):
                layer(*given)
