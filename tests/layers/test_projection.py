"""Projection: torch's own numbers, in every way a layer is called, and the options beside it."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.func import grad, vmap
from torch.nn.utils.rnn import pack_padded_sequence

import cellwright as cw
from tests.agreement import TOLERANCE

STEPS, ROWS, INPUTS, UNITS, OUT = 6, 4, 3, 7, 2

# torch says that it projects on its slow way.
pytestmark = pytest.mark.filterwarnings("ignore:LSTM with projections is not supported:UserWarning")


def pair(**options: Any) -> tuple[nn.LSTM, cw.LSTM]:
    torch.manual_seed(0)
    theirs = nn.LSTM(INPUTS, UNITS, proj_size=OUT, dtype=torch.float64, **options)
    ours = cw.LSTM(INPUTS, UNITS, proj_size=OUT, dtype=torch.float64, **options)
    ours.load_state_dict(theirs.state_dict())
    return theirs, ours


def x() -> Tensor:
    return torch.randn(STEPS, ROWS, INPUTS, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("bidirectional", [True, False])
@pytest.mark.parametrize("num_layers", [1, 3])
def test_outputs_states_and_gradients_are_torch_s(num_layers: int, bidirectional: bool, bias: bool) -> None:
    theirs, ours = pair(num_layers=num_layers, bidirectional=bidirectional, bias=bias)
    layers = num_layers * (1 + bidirectional)
    state = tuple(torch.randn(layers, ROWS, size, dtype=torch.float64) for size in (OUT, UNITS))
    results = []
    for module in (theirs, ours):
        y, (h, c) = module(x(), state)
        loss = (y * y.detach().cos()).sum() + h.sum() + c.square().sum()
        results.append([y, h, c, *torch.autograd.grad(loss, list(module.parameters()))])
    assert [name for name, _ in theirs.named_parameters()] == [name for name, _ in ours.named_parameters()]
    for one, other in zip(*results, strict=True):
        assert torch.allclose(one, other, rtol=1e-10, atol=1e-12)


def test_packed_sequences() -> None:
    theirs, ours = pair(num_layers=2, bidirectional=True)
    packed = pack_padded_sequence(x(), [6, 1, 4, 4], enforce_sorted=False)
    (expected, expected_state), (found, state) = theirs(packed), ours(packed)
    assert torch.allclose(found.data, expected.data, rtol=1e-10, atol=1e-12)
    for one, other in zip(state, expected_state, strict=True):
        assert torch.allclose(one, other, rtol=1e-10, atol=1e-12)


def test_what_is_traced_is_what_is_put_out() -> None:
    _, ours = pair(bidirectional=True)
    trace = ours.trace(x())
    assert (trace["h"].shape, trace["c"].shape) == ((STEPS, ROWS, 2, OUT), (STEPS, ROWS, 2, UNITS))
    assert torch.equal(trace["h"].flatten(2), trace.output)


def test_a_stream_projects() -> None:
    _, ours = pair(num_layers=2)
    stream = ours.eval().stream(ROWS)
    found = torch.stack([stream.step(each).clone() for each in x()])
    assert torch.allclose(found, ours(x())[0], rtol=1e-10, atol=1e-12)
    assert [each.shape for each in stream.state] == [(2, ROWS, OUT), (2, ROWS, UNITS)]


def test_options_beside_it() -> None:
    ours = cw.LSTM(
        INPUTS, UNITS, num_layers=2, proj_size=OUT, zoneout=(0.0, 0.2), recurrent_dropout=0.3, learned_state=True,
        cell="peephole",
    )  # fmt: skip
    reset = torch.rand(STEPS, ROWS) < 0.3
    y, (h, c) = ours(x().float(), lengths=torch.tensor([6, 0, 2, 5]), reset=reset)
    y.sum().backward()
    assert (ours.h_0.shape, ours.c_0.shape, h.shape, c.shape) == (
        (2, OUT),
        (2, UNITS),
        (2, ROWS, OUT),
        (2, ROWS, UNITS),
    )
    assert all(each.grad is not None and bool(each.grad.isfinite().all()) for each in ours.parameters())


@pytest.mark.parametrize(
    ("cell", "dtype"),
    [
        ("lstm", torch.float32),
        ("lstm", torch.float64),
        ("peephole", torch.float64),
        ("layer_norm", torch.float64),
        ("rnn", torch.float64),
    ],
)
def test_the_kernel_equals_the_reference(cell: str, dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    module = cw.Recurrent(cell, 5, 37, num_layers=2, bidirectional=True, proj_size=18, dtype=dtype)
    lengths, reset = torch.randint(0, 10, (7,)), torch.rand(9, 7) < 0.2
    given = torch.randn(9, 7, 5, dtype=dtype)
    for options in ({}, {"lengths": lengths, "reset": reset}):
        assert cw.explain(module, given).startswith("cpu: ")
        assert cw.verify(module, given, **options) < TOLERANCE[dtype]


def test_several_threads_and_chunks() -> None:
    torch.manual_seed(0)
    module = cw.LSTM(40, 130, proj_size=70, dtype=torch.float64)
    for rows in (1, 2, 25):
        assert cw.verify(module, torch.randn(300, rows, 40, dtype=torch.float64)) < 1e-10


def test_second_derivatives_and_samples() -> None:
    ours = cw.LSTM(2, 3, proj_size=2, dtype=torch.float64)
    small = torch.randn(3, 2, 2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradgradcheck(lambda x: ours(x)[0], small)
    found = vmap(grad(lambda row: ours(row[:, None])[0].square().sum()), in_dims=1, out_dims=1)(small.detach())
    (expected,) = torch.autograd.grad(ours(small)[0].square().sum(), small)
    assert torch.allclose(found, expected, rtol=1e-10, atol=1e-12)
