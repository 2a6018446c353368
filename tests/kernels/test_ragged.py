"""Rows that end early: where they stand in a kernel, and how threads share them."""

from __future__ import annotations

import pytest
import torch
from torch.nn.utils.rnn import pack_padded_sequence

import cellwright as cw
from cellwright.kernels.ragged import Ragged
from tests.agreement import TOLERANCE, assert_agree, everything
from tests.kernels.calls import Call, drawn

LENGTHS = torch.tensor([2, 7, 0, 5, 5])


def test_the_order_is_that_of_a_packed_sequence() -> None:
    x = torch.randn(7, 4, 3)
    lengths = LENGTHS[LENGTHS > 0]
    ours, theirs = Ragged.of(lengths, 7), pack_padded_sequence(x, lengths, enforce_sorted=False)
    assert torch.equal(ours.packed(x), theirs.data)
    assert torch.equal(ours.begins.diff(), theirs.batch_sizes)
    assert torch.equal(Ragged.of_packed(ours.lengths, 19).begins, ours.begins)


def test_unpacked_is_zero_where_rows_have_ended() -> None:
    x = torch.randn(8, 5, 3)
    ragged = Ragged.of(LENGTHS, 8)
    within = torch.arange(8)[:, None] < LENGTHS
    assert torch.equal(ragged.unpacked(ragged.packed(x)), x * within[..., None])


@pytest.mark.parametrize(
    ("lengths", "threads", "shares"),
    [
        ([4, 3, 2, 2, 1], 1, [0, 5]),
        ([6, 2, 2, 2], 2, [0, 1, 4]),
        ([3, 3, 3, 3], 4, [0, 1, 2, 3, 4]),
        ([0, 0], 2, [0, 2, 2]),
    ],
)
def test_threads_have_about_the_same_number_of_steps(lengths: list[int], threads: int, shares: list[int]) -> None:
    assert Ragged.of_packed(torch.tensor(lengths), sum(lengths)).shares(threads).tolist() == shares


def large(units: int, rows: int) -> Call:
    """Enough work for several threads, in several chunks of steps; some rows are empty."""
    call = drawn("lstm", steps=57, rows=rows, inputs=9, units=units, directions=2, dtype=torch.float64)
    generator = torch.Generator().manual_seed(0)
    return call._replace(lengths=torch.randint(0, 58, (rows,), generator=generator))


@pytest.mark.parametrize("threads", [1, 2, 3, 4])
@pytest.mark.parametrize(("units", "rows"), [(40, 37), (150, 5)], ids=["rows are shared", "units are shared"])
def test_threads_agree_with_the_reference(units: int, rows: int, threads: int) -> None:
    cell, x, state, weights, _, _, lengths, _ = large(units, rows)
    x = x.requires_grad_()
    state = tuple(each.requires_grad_() for each in state)
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        ours = everything(cell, x, state, weights, "cpu", lengths)
        with torch.no_grad():
            y, last = cw.scan(cell, x, state, weights, lengths=lengths)
    finally:
        torch.set_num_threads(before)
    assert_agree(ours, everything(cell, x, state, weights, "reference", lengths), TOLERANCE[torch.float64])
    assert torch.equal(y, ours["y"])
    assert all(torch.equal(each, ours[f"last {name}"]) for name, each in zip(cell.state, last, strict=True))


@pytest.mark.parametrize("backend", ["cpu", "reference"])
def test_a_packed_batch_is_the_batch_without_gaps(backend: str) -> None:
    call = large(40, 37)
    assert call.lengths is not None
    ragged = Ragged.of(call.lengths, 57)
    reset = torch.rand(57, 37, generator=torch.Generator().manual_seed(1)) < 0.1
    assert ragged.order is not None
    sorted_state = [each[:, ragged.order] for each in call.state]
    with cw.backend(backend), torch.no_grad():
        y, last = cw.scan(call.cell, call.x, call.state, call.weights, lengths=call.lengths, reset=reset)
        packed, last_packed = cw.scan(
            call.cell,
            ragged.packed(call.x),
            sorted_state,
            call.weights,
            lengths=ragged.lengths,
            reset=ragged.packed(reset),
        )
    assert (packed - ragged.packed(y)).abs().max() < 1e-14
    for one, other in zip(last_packed, last, strict=True):
        assert (one - other[:, ragged.order]).abs().max() < 1e-14


@pytest.mark.parametrize(
    ("lengths", "reset", "message"),
    [
        ([2, 3], None, "the longest first and be together 5"),
        ([3, 1], None, r"together 5, the rows of x, but are \[3, 1\]"),
        ([6, -1], None, "the longest first"),
        ([3, 2], torch.zeros(3, 2, dtype=torch.bool), r"reset must be torch.bool of shape \[5\]"),
    ],
)
def test_a_packed_batch_that_does_not_fit(lengths: list[int], reset: torch.Tensor | None, message: str) -> None:
    weights = cw.Weights(torch.zeros(20, 4), torch.zeros(20, 5))
    with pytest.raises(cw.InputError, match=message):
        cw.scan(
            cw.cells["lstm"],
            torch.zeros(5, 4),
            [torch.zeros(1, 2, 5)] * 2,
            weights,
            lengths=torch.tensor(lengths),
            reset=reset,
        )
