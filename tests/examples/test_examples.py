"""The examples run and do what they say."""

import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"


def main_of(name: str) -> Callable[..., Any]:
    found: Callable[..., Any] = runpy.run_path(str(EXAMPLES / f"{name}.py"))["main"]
    return found


def test_a_cell_of_ones_own_runs_in_a_kernel_and_learns(capsys: pytest.CaptureFixture[str]) -> None:
    before, after = main_of("own_cell")(rounds=500)
    assert "cpu: two_speeds in torch.float32 runs in a compiled kernel" in capsys.readouterr().out
    assert after < before / 10


def test_a_policy_remembers_the_sign_over_resets() -> None:
    before, after = main_of("rollout_with_resets")()
    assert before < 0.9
    assert after > 0.95


def test_a_critic_learns_and_its_gradient_keeps_its_length() -> None:
    right, length = main_of("gradient_penalty")()
    assert right > 0.75
    assert 0.5 < length < 1.5


def test_numbers_in_words_become_digits() -> None:
    with_attention, without = main_of("transduce")(steps=400)
    assert with_attention > 0.9
    assert without > 0.5


def test_an_ensemble_agrees_on_what_it_knows() -> None:
    error, known, strange = main_of("ensemble")()
    assert error < 0.03
    assert known < strange / 3
