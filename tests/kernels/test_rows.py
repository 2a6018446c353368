"""A row of the batch never affects another row: not by its numbers, not by being there."""

from __future__ import annotations

import pytest
import torch

from tests.kernels.calls import assert_same_bits, drawn, outcome


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
@pytest.mark.parametrize("rows", range(2, 34))
def test_a_row_in_a_batch_has_the_bits_that_it_has_alone(rows: int, cell: str) -> None:
    call = drawn(cell, steps=3, rows=rows, inputs=5, units=19, directions=2)
    together = outcome(call).of_rows
    for row in {0, rows // 2, rows - 1}:
        alone = outcome(call.rows(row, row + 1)).of_rows
        assert_same_bits({name: each[:, row : row + 1] for name, each in together.items()}, alone)


@pytest.mark.parametrize("units", [64, 130])
def test_a_row_has_its_bits_in_larger_layers(units: int) -> None:
    call = drawn("lstm", steps=40, rows=24, inputs=33, units=units, dtype=torch.float64)
    together = outcome(call).of_rows
    for low, high in ((0, 1), (5, 12), (23, 24)):
        part = outcome(call.rows(low, high)).of_rows
        assert_same_bits({name: each[:, low:high] for name, each in together.items()}, part)


@pytest.mark.parametrize("poison", [float("nan"), float("inf"), -1e30, 1e-42])
@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
def test_the_numbers_of_a_row_stay_in_it(cell: str, poison: float) -> None:
    call = drawn(cell, steps=4, rows=9, inputs=5, units=19, directions=2)
    clean = outcome(call).of_rows
    for tensor in (call.x, *call.state, call.dy, *call.d_last):
        tensor[:, 4] = poison
    others = [0, 1, 2, 3, 5, 6, 7, 8]
    poisoned = outcome(call).of_rows
    assert not torch.equal(poisoned["y"][:, 4], clean["y"][:, 4])
    assert_same_bits(
        {name: each[:, others] for name, each in poisoned.items()},
        {name: each[:, others] for name, each in clean.items()},
    )
