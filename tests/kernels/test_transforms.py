"""Function transforms and forward mode choose the reference by themselves, and are right."""

from __future__ import annotations

import pytest
import torch
import torch.autograd.forward_ad as forward_mode
from torch import Tensor
from torch.func import functional_call

import cellwright as cw

# PyTorch itself goes through its own deprecated compiler when forward mode is first used.
pytestmark = pytest.mark.filterwarnings("ignore:.*torch.jit.*:DeprecationWarning")

TOLERANCE = {"rtol": 1e-9, "atol": 1e-11}


def layer_and_input() -> tuple[cw.LSTM, Tensor]:
    torch.manual_seed(0)
    return cw.LSTM(3, 4, num_layers=2, bidirectional=True).double(), torch.randn(5, 2, 3).double()


def test_vmap_over_inputs_equals_a_loop() -> None:
    lstm, _ = layer_and_input()
    many = torch.randn(6, 5, 2, 3).double()
    found = torch.vmap(lambda x: lstm(x)[0])(many)
    assert torch.allclose(found, torch.stack([lstm(x)[0] for x in many]), **TOLERANCE)


def test_vmap_over_parameters_equals_a_loop() -> None:
    lstm, x = layer_and_input()
    sets = [{name: each * k for name, each in lstm.named_parameters()} for k in (0.5, 1.0, 2.0)]
    together = {name: torch.stack([each[name] for each in sets]) for name in sets[0]}
    found = torch.vmap(lambda parameters: functional_call(lstm, parameters, (x,))[0])(together)
    expected = torch.stack([functional_call(lstm, each, (x,))[0] for each in sets])
    assert torch.allclose(found, expected, **TOLERANCE)


def test_jvp_equals_a_difference() -> None:
    lstm, x = layer_and_input()
    direction = torch.randn_like(x)
    y, slope = torch.func.jvp(lambda x: lstm(x)[0], (x,), (direction,))
    step = 1e-6
    expected = (lstm(x + step * direction)[0] - lstm(x - step * direction)[0]) / (2 * step)
    assert torch.allclose(y, lstm(x)[0], **TOLERANCE)
    assert torch.allclose(slope, expected, rtol=1e-6, atol=1e-8)


def test_forward_mode_equals_jvp() -> None:
    lstm, x = layer_and_input()
    direction = torch.randn_like(x)
    _, expected = torch.func.jvp(lambda x: lstm(x)[0], (x,), (direction,))
    with forward_mode.dual_level():
        y, _ = lstm(forward_mode.make_dual(x, direction))
        found = forward_mode.unpack_dual(y).tangent
    assert torch.allclose(found, expected, **TOLERANCE)


def test_grad_equals_backward() -> None:
    lstm, x = layer_and_input()
    parameters = dict(lstm.named_parameters())

    def loss(parameters: dict[str, Tensor]) -> Tensor:
        return functional_call(lstm, parameters, (x,))[0].square().sum()

    found = torch.func.grad(loss)(parameters)
    lstm(x)[0].square().sum().backward()
    for name, parameter in lstm.named_parameters():
        assert torch.allclose(found[name], parameter.grad, **TOLERANCE), name


def test_gradients_of_single_samples() -> None:
    lstm, x = layer_and_input()

    def loss(row: Tensor) -> Tensor:
        return lstm(row[:, None])[0].square().sum()

    found = torch.vmap(torch.func.grad(loss), in_dims=1, out_dims=1)(x)
    rows = x.clone().requires_grad_()
    (expected,) = torch.autograd.grad(lstm(rows)[0].square().sum(), rows)
    assert torch.allclose(found, expected, **TOLERANCE)


def test_a_hessian_is_symmetric() -> None:
    torch.manual_seed(0)
    lstm, x = cw.LSTM(2, 2).double(), torch.randn(3, 1, 2).double()
    hessian = torch.func.hessian(lambda x: lstm(x)[0].sum())(x).reshape(6, 6).detach()
    assert torch.allclose(hessian, hessian.T, **TOLERANCE)
    assert float(hessian.abs().max()) > 1e-4


@pytest.mark.parametrize("transform", ["vmap", "grad", "jvp"])
def test_explain_names_the_transform(transform: str) -> None:
    lstm, x = layer_and_input()
    seen = []

    def loss(x: Tensor) -> Tensor:
        seen.append(cw.explain(lstm, x))
        return lstm(x)[0].sum()

    if transform == "vmap":
        torch.vmap(loss)(x[None])
    elif transform == "grad":
        torch.func.grad(loss)(x)
    else:
        torch.func.jvp(loss, (x,), (x,))
    assert seen[0].startswith("reference: ")
    assert "torch.func" in seen[0]


def test_explain_names_forward_mode() -> None:
    lstm, x = layer_and_input()
    with forward_mode.dual_level():
        assert "forward-mode differentiation" in cw.explain(lstm, forward_mode.make_dual(x, x))
    assert cw.explain(lstm, x).startswith("cpu: ")


def test_the_kernel_cannot_be_forced_into_a_transform() -> None:
    lstm, x = layer_and_input()
    with cw.backend("cpu"), pytest.raises(cw.InputError, match=r"torch\.func"):
        torch.vmap(lambda x: lstm(x)[0])(x[None])
