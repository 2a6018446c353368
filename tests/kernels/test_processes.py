"""The kernels in forked processes and in several threads of Python."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection

import pytest
import torch
from torch import Tensor

import cellwright as cw
from tests.kernels.calls import Call, assert_same_bits, drawn, outcome


@pytest.fixture
def two_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def large() -> Call:
    """A call that is shared between threads."""
    return drawn("lstm", steps=40, rows=3, inputs=40, units=160)


def numbers(call: Call) -> dict[str, list[float]]:
    """Some of the results, as numbers that go through a pipe."""
    return {name: each.flatten()[:1000].tolist() for name, each in outcome(call).everything.items()}


def answer(call: Call, pipe: Connection) -> None:
    """What the child does: the same call, and how it differs from what the parent has found."""
    expected = pipe.recv()
    found = numbers(call)
    pipe.send([name for name, each in expected.items() if found[name] != each])


@pytest.mark.usefixtures("two_threads")
def test_a_forked_child_computes_the_same() -> None:
    call = large()
    expected = numbers(call)
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe()
    child = context.Process(target=answer, args=(call, theirs))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Python's, about forks beside threads
        child.start()
    ours.send(expected)
    answered = ours.poll(30)
    if not answered:
        child.kill()
    child.join()
    assert answered, "the child does not answer"
    assert ours.recv() == []
    assert child.exitcode == 0
    assert numbers(call) == expected


@pytest.mark.parametrize("steps", [1, 40])
def test_threads_of_python_compute_the_same(steps: int) -> None:
    calls = [drawn("lstm", steps, 1, 40, units) for units in (16, 31, 64, 100)] * 8
    expected = [outcome(call).everything for call in calls]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda call: outcome(call).everything, calls))
    for one, other in zip(found, expected, strict=True):
        assert_same_bits(one, other)


def test_threads_of_python_predict_the_same() -> None:
    torch.manual_seed(0)
    layers = [cw.LSTM(7, units) for units in (8, 16, 31, 64)] * 4
    x = torch.randn(1, 1, 7)

    def predicted(layer: cw.LSTM) -> list[Tensor]:
        with torch.no_grad():
            return [layer(x)[0] for _ in range(20)]

    expected = [predicted(layer)[0] for layer in layers]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(predicted, layers))
    for outputs, single in zip(found, expected, strict=True):
        assert all(torch.equal(each, single) for each in outputs)


@pytest.mark.parametrize("limit", [{"OMP_THREAD_LIMIT": "1"}, {"OMP_DYNAMIC": "true"}])
def test_a_pool_that_may_give_fewer_threads_is_not_waited_for(limit: dict[str, str]) -> None:
    program = (
        "import torch, cellwright as cw; lstm, x = cw.LSTM(160, 160), torch.randn(40, 2, 160)\n"
        "torch.set_num_threads(1); expected = lstm(x)[0]\n"
        "torch.set_num_threads(2); print(float((lstm(x)[0] - expected).abs().max() < 1e-5))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], env={**os.environ, **limit}, capture_output=True, text=True, timeout=120
    )
    assert done.stdout == "1.0\n", done.stderr
