"""Gradients through the kernel: against differences, twice, and of second order."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

import cellwright as cw
from tests.kernels.calls import Call, drawn

LENGTHS = torch.tensor([3, 0, 2])


def small(cell: str, directions: int = 1) -> Call:
    return drawn(cell, steps=3, rows=3, inputs=2, units=2, directions=directions, dtype=torch.float64)


def as_function(call: Call) -> tuple[Callable[..., tuple[Tensor, ...]], list[Tensor]]:
    """The call as a function of all its tensors, and the tensors."""
    states, each = len(call.state), len(call.weights[0].tensors())

    def function(x: Tensor, *tensors: Tensor) -> tuple[Tensor, ...]:
        learned = tensors[states:]
        weights = [cw.Weights(*learned[n : n + each]) for n in range(0, len(learned), each)]
        y, last = cw.scan(call.cell, x, tensors[:states], weights, lengths=call.lengths, reset=call.reset)
        return y, *last

    learned = [tensor for each in call.weights for tensor in each.tensors()]
    return function, [tensor.detach().requires_grad_() for tensor in (call.x, *call.state, *learned)]


@pytest.mark.parametrize("directions", [1, 2])
@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
def test_gradcheck(cell: str, directions: int) -> None:
    function, tensors = as_function(small(cell, directions))
    assert torch.autograd.gradcheck(function, tensors)


def test_gradcheck_with_lengths_and_resets() -> None:
    reset = torch.zeros(3, 3, dtype=torch.bool).index_fill(0, torch.tensor(1), True)
    function, tensors = as_function(small("lstm", 2)._replace(lengths=LENGTHS, reset=reset))
    assert torch.autograd.gradcheck(function, tensors)


def test_gradcheck_without_bias() -> None:
    call = small("gru")
    function, tensors = as_function(call._replace(weights=[cw.Weights(*call.weights[0][:2])]))
    assert torch.autograd.gradcheck(function, tensors)


@pytest.mark.parametrize("backend", ["cpu", "reference"])
@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_second_derivatives(cell: str, backend: str) -> None:
    function, tensors = as_function(small(cell)._replace(lengths=LENGTHS))
    with cw.backend(backend):
        assert torch.autograd.gradgradcheck(function, tensors)


def test_the_graph_may_be_used_twice() -> None:
    function, tensors = as_function(small("lstm", 2))
    loss = sum(each.square().sum() for each in function(*tensors))
    first = torch.autograd.grad(loss, tensors, retain_graph=True)
    second = torch.autograd.grad(loss, tensors)
    assert all(map(torch.equal, first, second))


def test_a_graph_that_was_not_kept_is_gone() -> None:
    function, tensors = as_function(small("lstm"))
    loss = function(*tensors)[0].sum()
    loss.backward()
    with pytest.raises(RuntimeError, match="second time"):
        loss.backward()


def test_a_result_written_over_is_noticed() -> None:
    function, tensors = as_function(small("lstm"))
    y, *_ = function(*tensors)
    loss = y.square().sum()
    with torch.no_grad():
        tensors[3].add_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


@pytest.mark.parametrize("result", [0, 1, 2])
def test_a_loss_of_one_result_alone(result: int) -> None:
    function, tensors = as_function(small("lstm", 2))
    found = torch.autograd.grad(function(*tensors)[result].square().sum(), tensors)
    with cw.backend("reference"):
        expected = torch.autograd.grad(function(*tensors)[result].square().sum(), tensors, materialize_grads=True)
    for one, other in zip(found, expected, strict=True):
        assert torch.allclose(one, other, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("wanted", range(7))
def test_only_what_is_wanted_has_a_gradient(wanted: int) -> None:
    function, tensors = as_function(small("lstm"))
    expected = torch.autograd.grad(function(*tensors)[0].square().sum(), tensors[wanted])
    alone = [each.detach().requires_grad_(n == wanted) for n, each in enumerate(tensors)]
    function(*alone)[0].square().sum().backward()
    assert [each.grad is not None for each in alone] == [n == wanted for n in range(7)]
    assert torch.equal(alone[wanted].grad, expected[0])
