"""Extreme numbers: the kernel gives what the reference gives, limits, NaN and zeros included."""

from __future__ import annotations

import math

import pytest
import torch

from tests.agreement import TOLERANCE
from tests.kernels.calls import Call, drawn, outcome

NUMBERS = {
    "large": 1e4,
    "larger": 1e30,
    "largest": 3e38,
    "infinite": math.inf,
    "not a number": math.nan,
    "tiny": 1e-30,
    "denormal": 1e-42,
    "zero": 0.0,
}


@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("number", NUMBERS.values(), ids=NUMBERS)
@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
def test_an_extreme_input(cell: str, number: float, sign: int, dtype: torch.dtype) -> None:
    call = drawn(cell, steps=5, rows=4, inputs=1, units=18, dtype=dtype)
    call.x[2, 1] = sign * number
    compared(call, dtype)


@pytest.mark.parametrize("number", NUMBERS.values(), ids=NUMBERS)
@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
def test_an_extreme_state(cell: str, number: float) -> None:
    call = drawn(cell, steps=5, rows=4, inputs=2, units=1)
    for each in call.state:
        each[:, 1] = number
    compared(call, torch.float32)


def test_double_precision_keeps_its_own_range() -> None:
    call = drawn("lstm", steps=5, rows=4, inputs=1, units=18, dtype=torch.float64)
    call.x[2, 0], call.x[2, 1], call.x[2, 2] = 1e300, -1e308, 5e-324
    compared(call, torch.float64)


def compared(call: Call, dtype: torch.dtype) -> None:
    """The kernel against the reference: the same NaN and infinities, and the same numbers."""
    ours, theirs = outcome(call).everything, outcome(call, "reference").everything
    limit = 10 * TOLERANCE[dtype]
    for name, expected in theirs.items():
        close = torch.isclose(ours[name], expected, rtol=limit, atol=limit, equal_nan=True)
        assert bool(close.all()), f"{name}: {ours[name][~close]} instead of {expected[~close]}"
