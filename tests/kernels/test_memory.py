"""Whatever stands in new memory, the results are the same: here it is full of NaN."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

import cellwright as cw
from tests.kernels.calls import assert_same_bits, drawn, outcome


@pytest.fixture
def full_of_nan() -> Iterator[None]:
    """PyTorch fills new memory: NaN for numbers, all bits set for bytes, which is NaN again."""
    torch.use_deterministic_algorithms(True)
    yield
    torch.use_deterministic_algorithms(False)


@pytest.mark.usefixtures("full_of_nan")
def test_the_memory_is_full_of_nan() -> None:
    assert bool(torch.empty(3).isnan().all())
    assert bool(torch.empty(24, dtype=torch.uint8).view(torch.float64).isnan().all())


@pytest.mark.parametrize("rows", [1, 5, 17])
@pytest.mark.parametrize("units", [3, 19, 33])
@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
@pytest.mark.usefixtures("full_of_nan")
def test_nothing_of_it_comes_through(cell: str, units: int, rows: int) -> None:
    call = drawn(cell, steps=6, rows=rows, inputs=5, units=units, directions=2)
    generator = torch.Generator().manual_seed(0)
    for lengths, reset in (
        (None, None),
        (torch.randint(0, 7, (rows,), generator=generator), None),
        (None, torch.rand(6, rows, generator=generator) < 0.3),
        (torch.randint(0, 7, (rows,), generator=generator), torch.rand(6, rows, generator=generator) < 0.3),
    ):
        hostile = outcome(call._replace(lengths=lengths, reset=reset)).everything
        torch.use_deterministic_algorithms(False)
        clean = outcome(call._replace(lengths=lengths, reset=reset)).everything
        torch.use_deterministic_algorithms(True)
        assert not any(each.isnan().any() for each in clean.values())
        assert_same_bits(hostile, clean)


@pytest.mark.parametrize(("steps", "rows"), [(0, 3), (3, 0), (1, 1)])
@pytest.mark.usefixtures("full_of_nan")
def test_empty_and_tiny_calls(steps: int, rows: int) -> None:
    found = outcome(drawn("lstm", steps=steps, rows=rows, inputs=2, units=5)).everything
    assert not any(each.isnan().any() for each in found.values())


@pytest.mark.usefixtures("full_of_nan")
def test_inference() -> None:
    call = drawn("lstm", steps=40, rows=3, inputs=5, units=19, directions=2)
    with torch.no_grad():
        y, last = cw.scan(call.cell, call.x, call.state, call.weights)
    assert not any(each.isnan().any() for each in (y, *last))
