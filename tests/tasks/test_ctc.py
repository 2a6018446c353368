"""CTC and its decoders against all readings, one by one."""

from __future__ import annotations

import itertools
import math
from collections import defaultdict

import pytest
import torch

from cellwright.tasks.transcripts.ctc import BLANK, beam_search, ctc_loss, greedy, steps_needed


def readings(scores: torch.Tensor) -> dict[tuple[int, ...], float]:
    """The probability of every transcript, summed over all that is read as it."""
    shares, found = scores.double().softmax(-1).tolist(), defaultdict(float)
    for path in itertools.product(range(scores.shape[1]), repeat=len(scores)):
        said = tuple(symbol for symbol, _ in itertools.groupby(path) if symbol != BLANK)
        found[said] += math.prod(share[symbol] for share, symbol in zip(shares, path, strict=True))
    return found


@pytest.mark.parametrize("seed", range(8))
def test_a_wide_beam_finds_the_likeliest_transcript(seed: int) -> None:
    scores = torch.randn(5, 3, generator=torch.Generator().manual_seed(seed))
    found = readings(scores)
    assert tuple(beam_search(scores, width=1000)) == max(found, key=found.__getitem__)


@pytest.mark.parametrize("transcript", [(), (1,), (1, 1), (2, 1, 2), (1, 1, 2)])
def test_the_loss_is_the_probability_of_all_readings(transcript: tuple[int, ...]) -> None:
    scores = torch.randn(2, 5, 3, generator=torch.Generator().manual_seed(1))
    targets = torch.tensor([transcript or (0,)] * 2)
    size = torch.tensor([len(transcript)] * 2)
    expected = -sum(math.log(readings(row[:length])[transcript]) for row, length in zip(scores, (5, 4), strict=True))
    assert ctc_loss(scores, torch.tensor([5, 4]), targets, size).item() == pytest.approx(expected, rel=1e-5)


def test_a_transcript_that_does_not_fit_counts_nothing() -> None:
    scores = torch.randn(1, 3, 3, requires_grad=True)
    loss = ctc_loss(scores, torch.tensor([2]), torch.tensor([[1, 1]]), torch.tensor([2]))
    loss.backward()
    assert loss.item() == 0
    assert scores.grad is not None
    assert not scores.grad.any()


@pytest.mark.parametrize("transcript", [(1,), (1, 1), (1, 2, 1), (2, 2, 2)])
def test_a_transcript_needs_its_steps_and_no_fewer(transcript: tuple[int, ...]) -> None:
    steps = steps_needed(transcript)
    assert readings(torch.zeros(steps, 3))[transcript] > 0
    assert transcript not in readings(torch.zeros(steps - 1, 3))


def test_a_narrow_beam_is_greedy_where_one_symbol_is_certain() -> None:
    scores = 50.0 * torch.eye(4)[[1, 1, 0, 1, 3, 3, 0, 2]]
    assert greedy(scores) == beam_search(scores, width=1) == [1, 1, 3, 2]


def test_nothing_is_read_of_nothing() -> None:
    assert greedy(torch.zeros(0, 3)) == beam_search(torch.zeros(0, 3), width=4) == []
