"""`lengths=` and `reset=` of the layers: any layout, any device of integers, and padding that does not matter."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

import cellwright as cw
from tests.agreement import TOLERANCE
from tests.layers.pairs import INPUTS, KINDS, UNITS, pair, tensors

LENGTHS = [4, 0, 9, 1, 7]


def laid_out(x: Tensor, batch_first: bool) -> Tensor:
    """`[T, B, ...]` as the layer takes it."""
    return x.transpose(0, 1) if batch_first else x


@pytest.mark.parametrize("num_layers", [1, 2])
@pytest.mark.parametrize("batch_first", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_each_sequence_has_the_bits_that_it_has_alone(kind: str, batch_first: bool, num_layers: int) -> None:
    _, ours = pair(kind, num_layers=num_layers, bidirectional=True, batch_first=batch_first)
    x = torch.randn(9, 5, INPUTS).double()
    y, last = ours(laid_out(x, batch_first), lengths=torch.tensor(LENGTHS))
    y = laid_out(y, batch_first)
    for row, length in enumerate(LENGTHS):
        alone, its_last = ours(x[:length, row])
        assert torch.equal(y[:length, row], alone)
        assert not y[length:, row].any()
        for one, other in zip(tensors(last), tensors(its_last), strict=True):
            assert torch.equal(one[:, row], other)


@pytest.mark.parametrize("kind", KINDS)
def test_equal_to_packed_sequences_of_torch(kind: str) -> None:
    theirs, ours = pair(kind, num_layers=2, bidirectional=True)
    lengths = torch.tensor([each or 2 for each in LENGTHS])
    x = torch.randn(9, 5, INPUTS).double()
    y, last = ours(x, lengths=lengths)
    expected, their_last = theirs(pack_padded_sequence(x, lengths, enforce_sorted=False))
    assert torch.allclose(y, pad_packed_sequence(expected)[0], rtol=1e-10, atol=1e-12)
    for one, other in zip(tensors(last), tensors(their_last), strict=True):
        assert torch.allclose(one, other, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("backend", ["cpu", "reference"])
@pytest.mark.parametrize("garbage", [float("nan"), float("inf"), -1e38])
@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
def test_what_stands_in_the_padding_does_not_matter(dtype: torch.dtype, garbage: float, backend: str) -> None:
    _, ours = pair("lstm", dtype, num_layers=2, bidirectional=True)
    lengths = torch.tensor(LENGTHS)
    clean = torch.randn(9, 5, INPUTS, dtype=dtype)
    spoilt = clean.clone()
    for row, length in enumerate(LENGTHS):
        spoilt[length:, row] = garbage
    results = []
    for x in (clean, spoilt):
        x.requires_grad_()
        with cw.backend(backend):
            y, last = ours(x, lengths=lengths)
        loss = y.square().sum() + sum(each.square().sum() for each in last)
        results.append([y, *last, *torch.autograd.grad(loss, [x, *ours.parameters()])])
    for one, other in zip(*results, strict=True):
        assert torch.equal(one, other)
        assert bool(torch.isfinite(one).all())
    d_x = results[0][3]
    assert not any(d_x[length:, row].any() for row, length in enumerate(LENGTHS))


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64])
def test_lengths_of_any_integers(dtype: torch.dtype) -> None:
    _, ours = pair("lstm")
    x = torch.randn(9, 5, INPUTS).double()
    expected, _ = ours(x, lengths=torch.tensor(LENGTHS))
    assert torch.equal(ours(x, lengths=torch.tensor(LENGTHS, dtype=dtype))[0], expected)


def test_lengths_and_resets_that_are_strided() -> None:
    _, ours = pair("lstm", batch_first=True)
    x = torch.randn(5, 9, INPUTS).double()
    lengths = torch.tensor([LENGTHS, [0] * 5]).T[:, 0]
    reset = torch.zeros(5, 18, dtype=torch.bool)
    reset[:, 4] = True
    expected, _ = ours(x, lengths=lengths.contiguous(), reset=reset[:, ::2].contiguous())
    assert torch.equal(ours(x, lengths=lengths, reset=reset[:, ::2])[0], expected)


def test_the_length_of_a_single_sequence() -> None:
    _, ours = pair("gru", bidirectional=True)
    x = torch.randn(9, INPUTS).double()
    y, h = ours(x, lengths=torch.tensor([4]))
    alone, its_h = ours(x[:4])
    assert torch.equal(y[:4], alone)
    assert not y[4:].any()
    assert torch.equal(h, its_h)


@pytest.mark.parametrize("batch_first", [False, True])
def test_resets_begin_new_pieces_in_every_layer(batch_first: bool) -> None:
    _, ours = pair("lstm", num_layers=2, bidirectional=True, batch_first=batch_first)
    x = torch.randn(9, 2, INPUTS).double()
    reset = torch.zeros(9, 2, dtype=torch.bool)
    reset[4] = True
    y, _ = ours(laid_out(x, batch_first), reset=laid_out(reset, batch_first))
    pieces = [ours(laid_out(each, batch_first))[0] for each in (x[:4], x[4:])]
    assert torch.equal(laid_out(y, batch_first), torch.cat([laid_out(each, batch_first) for each in pieces]))


def test_resets_of_a_single_sequence() -> None:
    _, ours = pair("lstm", bidirectional=True)
    x = torch.randn(9, INPUTS).double()
    y, _ = ours(x, reset=torch.arange(9) == 4)
    assert torch.equal(y, torch.cat([ours(x[:4])[0], ours(x[4:])[0]]))


def test_a_given_state_enters_the_first_piece_only() -> None:
    _, ours = pair("gru")
    x, state = torch.randn(9, 2, INPUTS).double(), torch.randn(1, 2, UNITS).double()
    reset = torch.zeros(9, 2, dtype=torch.bool)
    reset[4] = True
    y, h = ours(x, state, reset=reset)
    assert torch.equal(y[:4], ours(x[:4], state)[0])
    assert torch.equal(y[4:], ours(x[4:])[0])
    assert torch.equal(h, ours(x[4:])[1])


LAYER: dict[str, Any] = dict(num_layers=2, batch_first=True)


def test_chunks_with_a_carried_state_have_the_bits_of_one_pass() -> None:
    _, ours = pair("lstm", **LAYER)
    x = torch.randn(3, 20, INPUTS).double()
    whole, last = ours(x)
    outputs, state = [], None
    for part in x.split([1, 7, 1, 11], 1):
        y, state = ours(part, state)
        outputs.append(y)
    assert state is not None
    assert torch.equal(torch.cat(outputs, 1), whole)
    assert all(map(torch.equal, state, last))


def test_no_steps_and_no_rows() -> None:
    _, ours = pair("lstm", **LAYER)
    state = (torch.randn(2, 3, UNITS).double(), torch.randn(2, 3, UNITS).double())
    y, last = ours(torch.zeros(3, 0, INPUTS).double(), state)
    assert y.shape == (3, 0, UNITS)
    assert all(map(torch.equal, last, state))
    y, (h, _) = ours(torch.zeros(0, 4, INPUTS).double(), lengths=torch.zeros(0, dtype=torch.int64))
    assert (y.shape, h.shape) == ((0, 4, UNITS), (2, 0, UNITS))
