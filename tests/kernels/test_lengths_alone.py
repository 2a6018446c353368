"""A batch with lengths gives each sequence what it gets alone, and nothing behind the ends matters."""

from __future__ import annotations

import pytest
import torch

import cellwright as cw
from tests.kernels.calls import Call, Outcome, assert_same_bits, drawn, outcome

LENGTHS = torch.tensor([4, 0, 9, 1, 7, 9])


def call_with_lengths(cell: str, dtype: torch.dtype = torch.float32) -> Call:
    return drawn(cell, steps=9, rows=6, inputs=5, units=19, directions=2, dtype=dtype)._replace(lengths=LENGTHS)


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
def test_each_sequence_has_the_bits_that_it_has_alone(cell: str) -> None:
    call = call_with_lengths(cell)
    together = outcome(call).of_rows
    for row, length in enumerate(LENGTHS.tolist()):
        alone = outcome(call.rows(row, row + 1).steps(0, length)._replace(lengths=None)).of_rows
        for name, expected in alone.items():
            found = together[name][:, row : row + 1]
            if name in ("y", "dx"):
                assert not found[length:].any(), name
                found = found[:length]
            assert torch.equal(found, expected), name


@pytest.mark.parametrize("backend", ["cpu", "reference"])
def test_the_state_of_an_empty_sequence_stays(backend: str) -> None:
    call = call_with_lengths("lstm")
    found = outcome(call, backend)
    for last, first, d_first, d_last in zip(found.last, call.state, found.d_state, call.d_last, strict=True):
        assert torch.equal(last[:, 1], first[:, 1])
        assert torch.equal(d_first[:, 1], d_last[:, 1])


@pytest.mark.parametrize("backend", ["cpu", "reference"])
@pytest.mark.parametrize("garbage", [float("nan"), float("inf"), 1e30])
def test_cotangents_behind_the_ends_change_nothing(garbage: float, backend: str) -> None:
    call = call_with_lengths("lstm")
    clean = outcome(call, backend).everything
    dy = call.dy.clone()
    for row, length in enumerate(LENGTHS.tolist()):
        dy[length:, row] = garbage
    assert_same_bits(outcome(call._replace(dy=dy), backend).everything, clean)


@pytest.mark.parametrize("backend", ["cpu", "reference"])
def test_finite_numbers_behind_the_ends_change_nothing(backend: str) -> None:
    call = call_with_lengths("gru")
    clean = outcome(call, backend).everything
    x = call.x.clone()
    for row, length in enumerate(LENGTHS.tolist()):
        x[length:, row] = 1e4
    assert_same_bits(outcome(call._replace(x=x), backend).everything, clean)


def test_all_sequences_may_be_empty() -> None:
    call = call_with_lengths("lstm")._replace(lengths=torch.zeros(6, dtype=torch.int64))
    found: Outcome = outcome(call)
    assert not found.y.any()
    assert not found.dx.any()
    assert not any(each.any() for each in found.d_weights)
    assert all(map(torch.equal, found.last, call.state))


def test_full_lengths_have_the_bits_of_none() -> None:
    call = drawn("lstm", steps=9, rows=6, inputs=5, units=19, directions=2)
    full = torch.full((6,), 9)
    assert_same_bits(outcome(call._replace(lengths=full)).everything, outcome(call).everything)


def test_lengths_may_be_any_slice_of_a_tensor() -> None:
    call = call_with_lengths("lstm")
    wide = torch.stack([LENGTHS, torch.full((6,), 3)], 1)[:, 0]
    assert not wide.is_contiguous()
    y, _ = cw.scan(call.cell, call.x, call.state, call.weights, lengths=wide)
    assert torch.equal(y, outcome(call).y)
