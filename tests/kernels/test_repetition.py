"""Results repeat exactly: from run to run, and whatever the number of threads."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

import cellwright as cw
from tests.kernels.calls import Call, assert_same_bits, drawn, outcome


@pytest.fixture
def threads() -> Iterator[None]:
    """Puts the number of threads back."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def sized(rows: int, units: int, directions: int, dtype: torch.dtype = torch.float32) -> Call:
    """A call that is large enough to be shared between threads."""
    return drawn("lstm", steps=60, rows=rows, inputs=40, units=units, directions=directions, dtype=dtype)


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
def test_a_second_run_has_the_same_bits(cell: str) -> None:
    call = drawn(cell, steps=30, rows=7, inputs=9, units=45, directions=2)
    assert_same_bits(outcome(call).everything, outcome(call).everything)


@pytest.mark.parametrize("directions", [1, 2])
@pytest.mark.parametrize(("rows", "units"), [(32, 64), (33, 50), (2, 160), (3, 200), (1, 257)])
@pytest.mark.usefixtures("threads")
def test_two_threads_have_the_bits_of_one(rows: int, units: int, directions: int) -> None:
    call = sized(rows, units, directions)
    torch.set_num_threads(1)
    one = outcome(call).everything
    torch.set_num_threads(2)
    assert_same_bits(outcome(call).everything, one)


@pytest.mark.usefixtures("threads")
def test_two_threads_have_the_bits_of_one_with_lengths_and_resets() -> None:
    torch.set_num_threads(1)
    generator = torch.Generator().manual_seed(0)
    call = sized(rows=33, units=100, directions=2, dtype=torch.float64)._replace(
        lengths=torch.randint(0, 61, (33,), generator=generator),
        reset=torch.rand(60, 33, generator=generator) < 0.1,
    )
    one = outcome(call).everything
    torch.set_num_threads(2)
    assert_same_bits(outcome(call).everything, one)


@pytest.mark.parametrize("rows", [1, 33])
@pytest.mark.usefixtures("threads")
def test_threads_repeat_their_bits(rows: int) -> None:
    torch.set_num_threads(2)
    call = sized(rows, units=200, directions=1)
    first = outcome(call).everything
    for _ in range(10):
        assert_same_bits(outcome(call).everything, first)


@pytest.mark.usefixtures("threads")
def test_explain_tells_the_number_of_threads() -> None:
    layer, x = cw.LSTM(3, 4), torch.zeros(1, 1, 3)
    torch.set_num_threads(2)
    assert "up to 2 threads of PyTorch's OpenMP pool" in cw.explain(layer, x)
    torch.set_num_threads(1)
    assert "up to 1 threads" in cw.explain(layer, x)
