"""The functions on vectors: close to the true values over wide ranges, and right at the ends."""

from __future__ import annotations

import ctypes
import math
from functools import cache

import numpy as np
import pytest
import torch
from torch import Tensor

from cellwright.kernels import host, native

FUNCTIONS = ("exp", "expm1", "log", "log1p", "sigmoid", "tanh")
NUMPY = {torch.float32: np.float32, torch.float64: np.float64}
KINDS = {torch.float32: "float32", torch.float64: "float64"}
BLOCK = 16  # numbers; a whole number of vectors of every width

# run(call): call holds the count, the address of the arguments, and one address of results for each function.
SOURCE = """
from typing import Any

from cellwright.kernels.compiled import compiled
from cellwright.kernels.functions import {names}
from cellwright.kernels.simd import Memory

memory = Memory("{kind}", {lanes})
load, store = memory.load, memory.store


@compiled
def run(call: Any) -> None:
    for n in range(0, call[0] * {size}, {lanes} * {size}):
        x = load(call[1] + n)
{calls}
"""


@cache
def entry(dtype: torch.dtype) -> int:
    """The address of a kernel that applies all functions."""
    target = host.host_target(KINDS[dtype])
    lines = [f"        store(call[{2 + k}] + n, {name}(x))" for k, name in enumerate(FUNCTIONS)]
    source = SOURCE.format(
        names=", ".join(FUNCTIONS),
        kind=target.dtype,
        lanes=target.lanes,
        size=target.size,
        calls="\n".join(lines),
    )
    return native.kernel(f"functions-{target.dtype}", source)


def applied(name: str, x: Tensor) -> Tensor:
    """One of the functions, by the kernel."""
    padded = torch.nn.functional.pad(x, (0, -x.numel() % BLOCK)).contiguous()
    results = [torch.empty_like(padded) for _ in FUNCTIONS]
    fields = [padded.numel(), padded.data_ptr(), *(each.data_ptr() for each in results)]
    call = (ctypes.c_int64 * len(fields))(*fields)
    ctypes.CFUNCTYPE(None, ctypes.c_void_p)(entry(x.dtype))(call)
    return results[FUNCTIONS.index(name)][: x.numel()]


def true(name: str, x: Tensor) -> Tensor:
    """The value in extended precision, rounded to the dtype of x."""
    with np.errstate(all="ignore"):
        wide = x.numpy().astype(np.longdouble)
        value = 1 / (1 + np.exp(-wide)) if name == "sigmoid" else getattr(np, name)(wide)
        return torch.from_numpy(value.astype(NUMPY[x.dtype]))


def errors(name: str, x: Tensor) -> Tensor:
    """The difference to the true value, in units of its last place."""
    expected = true(name, x)
    unit = torch.from_numpy(np.spacing(np.abs(expected.numpy())))
    return (applied(name, x) - expected).abs() / unit


def spread(dtype: torch.dtype, low: float, high: float) -> Tensor:
    """Numbers spread evenly, and numbers of every size of both signs, between two bounds."""
    generator = torch.Generator().manual_seed(0)
    even = torch.rand(200_000, generator=generator, dtype=torch.float64) * (high - low) + low
    sizes = torch.logspace(-30, math.log10(max(abs(low), abs(high))), 100_000, dtype=torch.float64)
    x = torch.cat([even, sizes, -sizes]).to(dtype)
    return x[(x >= low) & (x <= high)]


RANGES = {
    "exp": {torch.float32: (-86, 88.7), torch.float64: (-707, 709.7)},
    "expm1": {torch.float32: (-100, 88.7), torch.float64: (-800, 709.7)},
    "log": {torch.float32: (1e-37, 3e38), torch.float64: (1e-307, 1e308)},
    "log1p": {torch.float32: (-0.9999, 3e38), torch.float64: (-0.9999, 1e308)},
    "sigmoid": {torch.float32: (-86, 1e4), torch.float64: (-707, 1e4)},
    "tanh": {torch.float32: (-1e4, 1e4), torch.float64: (-1e4, 1e4)},
}


@pytest.mark.parametrize("dtype", NUMPY, ids=str)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_few_units_in_the_last_place(name: str, dtype: torch.dtype) -> None:
    x = spread(dtype, *RANGES[name][dtype])
    found = errors(name, x)
    worst = int(found.argmax())
    assert float(found[worst]) <= 4, f"{name}({float(x[worst])!r}) is {float(found[worst])} units off"


@pytest.mark.parametrize("dtype", NUMPY, ids=str)
@pytest.mark.parametrize("name", ["exp", "sigmoid"])
def test_vanishing_results_are_vanishing(name: str, dtype: torch.dtype) -> None:
    first = -RANGES["exp"][dtype][0]
    x = torch.cat([-torch.linspace(first, 2000, 5000), -torch.logspace(3, 30, 100)]).to(dtype)
    found, smallest = applied(name, x), torch.finfo(dtype).tiny
    assert float((found - true(name, x)).abs().max()) <= 4 * smallest
    assert bool((found >= 0).all())
    assert not found[-100:].any()


INF, NAN = math.inf, math.nan
LIMITS = {
    "exp": [(-INF, 0.0), (-1e4, 0.0), (-0.0, 1.0), (0.0, 1.0), (1e4, INF), (INF, INF)],
    "expm1": [(-INF, -1.0), (-1e4, -1.0), (-0.0, -0.0), (0.0, 0.0), (1e4, INF), (INF, INF)],
    "log": [(-INF, NAN), (-1.0, NAN), (-0.0, -INF), (0.0, -INF), (1.0, 0.0), (INF, INF)],
    "log1p": [(-INF, NAN), (-2.0, NAN), (-1.0, -INF), (-0.0, -0.0), (0.0, 0.0), (INF, INF)],
    "sigmoid": [(-INF, 0.0), (-1e4, 0.0), (-0.0, 0.5), (0.0, 0.5), (1e4, 1.0), (INF, 1.0)],
    "tanh": [(-INF, -1.0), (-1e4, -1.0), (-0.0, -0.0), (0.0, 0.0), (1e4, 1.0), (INF, 1.0)],
}


@pytest.mark.parametrize("dtype", NUMPY, ids=str)
@pytest.mark.parametrize(("name", "x", "value"), [(name, *pair) for name, pairs in LIMITS.items() for pair in pairs])
def test_limits(name: str, x: float, value: float, dtype: torch.dtype) -> None:
    found = applied(name, torch.tensor([x], dtype=dtype)).item()
    assert (math.isnan(found) and math.isnan(value)) or found == value
    assert math.isnan(value) or math.copysign(1.0, found) == math.copysign(1.0, value)


@pytest.mark.parametrize("dtype", NUMPY, ids=str)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_nan_goes_through(name: str, dtype: torch.dtype) -> None:
    x = torch.tensor([1.0, NAN, 0.5], dtype=dtype)
    assert applied(name, x).isnan().tolist() == [False, True, False]


@pytest.mark.parametrize("dtype", NUMPY, ids=str)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_denormal_numbers(name: str, dtype: torch.dtype) -> None:
    tiny = torch.finfo(dtype).tiny
    x = torch.tensor([tiny / 2, tiny / 1024, torch.finfo(dtype).smallest_normal / 3], dtype=dtype)
    x = x if name == "log" else torch.cat([x, -x])
    assert bool((x != 0).all())
    found, expected = applied(name, x), true(name, x)
    assert float((found - expected).abs().max()) <= 4 * torch.finfo(dtype).eps * float(expected.abs().max())


@pytest.mark.parametrize("dtype", NUMPY, ids=str)
@pytest.mark.parametrize("name", ["expm1", "log1p", "tanh"])
def test_small_numbers_stay_as_they_are(name: str, dtype: torch.dtype) -> None:
    x = torch.logspace(-35, -10, 1000, dtype=torch.float64).to(dtype)
    x = torch.cat([x, -x])
    assert float(((applied(name, x) - x) / x).abs().max()) <= max(2 * torch.finfo(dtype).eps, 1e-10)


@pytest.mark.parametrize("dtype", NUMPY, ids=str)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_grow_with_their_argument(name: str, dtype: torch.dtype) -> None:
    low, high = (0.01, 50.0) if name == "log" else (-0.9, 50.0) if name == "log1p" else (-50.0, 50.0)
    x = torch.linspace(low, high, 100_000, dtype=torch.float64).to(dtype).unique()
    found = applied(name, x)
    steps = found.diff()
    slack = 4 * torch.from_numpy(np.spacing(np.abs(found[1:].numpy())))
    assert bool((steps >= -slack).all())


@pytest.mark.parametrize("dtype", NUMPY, ids=str)
def test_gates_stay_between_their_limits(dtype: torch.dtype) -> None:
    x = spread(dtype, -1e4, 1e4)
    gate, squashed = applied("sigmoid", x), applied("tanh", x)
    assert float(gate.min()) >= 0
    assert float(gate.max()) <= 1
    assert float(squashed.abs().max()) <= 1
    assert torch.equal(applied("tanh", -x), -squashed)
