"""A sequence run in chunks, with the state carried from one to the next, equals one pass."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch

import cellwright as cw
from tests.agreement import TOLERANCE, assert_agree
from tests.kernels.calls import Call, drawn, outcome


def in_chunks(call: Call, ends: list[int]) -> tuple[torch.Tensor, tuple[torch.Tensor, ...]]:
    """Outputs and last states of the chunks up to each of the ends."""
    outputs, state = [], call.state
    for low, high in pairwise([0, *ends]):
        part = call.steps(low, high)
        y, state = cw.scan(call.cell, part.x, state, call.weights, reset=part.reset)
        outputs.append(y)
    return torch.cat(outputs), state


@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
@pytest.mark.parametrize("rows", [1, 2, 5, 33])
@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
def test_chunks_have_the_bits_of_one_pass(cell: str, rows: int, dtype: torch.dtype) -> None:
    call = drawn(cell, steps=57, rows=rows, inputs=5, units=21, dtype=dtype)
    with torch.no_grad():
        whole, last = cw.scan(call.cell, call.x, call.state, call.weights)
        for ends in ([1, 2, 30, 57], [28, 28, 57], list(range(1, 58))):
            y, state = in_chunks(call, ends)
            assert torch.equal(y, whole)
            assert all(map(torch.equal, state, last))


def test_chunks_with_resets_have_the_bits_of_one_pass() -> None:
    call = drawn("lstm", steps=40, rows=6, inputs=5, units=21)
    generator = torch.Generator().manual_seed(0)
    call = call._replace(reset=torch.rand(40, 6, generator=generator) < 0.2)
    whole, last = cw.scan(call.cell, call.x, call.state, call.weights, reset=call.reset)
    y, state = in_chunks(call, [1, 13, 14, 40])
    assert torch.equal(y, whole)
    assert all(map(torch.equal, state, last))


def test_inference_has_the_bits_of_training() -> None:
    call = drawn("lstm", steps=40, rows=6, inputs=5, units=21)
    trained, last = cw.scan(call.cell, call.x, call.state, call.weights)
    assert trained.requires_grad
    for mode in (torch.no_grad, torch.inference_mode):
        with mode():
            y, state = cw.scan(call.cell, call.x, call.state, call.weights)
        assert not y.requires_grad
        assert torch.equal(y, trained)
        assert all(map(torch.equal, state, last))


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_gradients_pass_from_chunk_to_chunk(cell: str) -> None:
    call = drawn(cell, steps=30, rows=3, inputs=5, units=21, dtype=torch.float64)
    whole = outcome(call)
    x = call.x.clone().requires_grad_()
    first = [each.clone().requires_grad_() for each in call.state]
    y, last = in_chunks(call._replace(x=x, state=tuple(first)), [1, 11, 30])
    learned = call.weights[0].tensors()
    found = torch.autograd.grad([y, *last], [x, *first, *learned], [call.dy, *call.d_last])
    expected = [whole.dx, *whole.d_state, *whole.d_weights]
    named = [{str(n): each for n, each in enumerate(some)} for some in (found, expected)]
    assert_agree(*named, TOLERANCE[torch.float64])
