"""Connectionist temporal classification: Graves, Fernández, Gomez & Schmidhuber (2006).

In each step a network says one symbol or none, the blank. What it says is read without the blanks, and of a symbol that
is said in several steps on end only one; a transcript is as probable as all that is read as it, together.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from itertools import groupby, pairwise

from torch import Tensor
from torch.nn import functional

BLANK = 0
"""The number of no symbol; symbols are numbered from 1 on."""


def ctc_loss(scores: Tensor, lengths: Tensor, targets: Tensor, target_lengths: Tensor) -> Tensor:
    """Minus the logarithm of the probability of each transcript, summed over the batch.

    A transcript that does not fit into its steps counts nothing.

    Args:
        scores: `[B, T, symbols]`, before the softmax.
        lengths: steps, int64 `[B]`.
        targets: numbers of symbols, int64 `[B, U]`.
        target_lengths: symbols, int64 `[B]`.

    >>> import torch
    >>> scores = torch.zeros(1, 2, 2)  # two symbols, equally probable in two steps: blank and 1
    >>> lengths = torch.tensor([2])
    >>> loss = ctc_loss(scores, lengths, torch.tensor([[1]]), torch.tensor([1]))
    >>> round(loss.neg().exp().item(), 3)  # 1 1, 1 blank, blank 1, of four
    0.75
    """
    logs = scores.log_softmax(-1).transpose(0, 1)
    return functional.ctc_loss(logs, targets, lengths, target_lengths, blank=BLANK, reduction="sum", zero_infinity=True)


def steps_needed(symbols: Sequence[int]) -> int:
    """The fewest steps in which a transcript can be said: between two equal symbols there must be a blank.

    >>> steps_needed([1, 2, 2])
    4
    """
    return len(symbols) + sum(one == other for one, other in pairwise(symbols))


def greedy(scores: Tensor) -> list[int]:
    """What the likeliest symbol of each step is read as.

    Args:
        scores: `[T, symbols]`.

    >>> import torch
    >>> greedy(torch.eye(3)[[0, 2, 2, 0, 2, 1]])
    [2, 2, 1]
    """
    return [symbol for symbol, _ in groupby(scores.argmax(-1).tolist()) if symbol != BLANK]


def beam_search(scores: Tensor, width: int) -> list[int]:
    """The likeliest transcript among those whose beginnings were among the `width` likeliest in every step.

    Unlike `greedy` it adds up all that is read as the same (Hannun, Maas, Jurafsky & Ng, 2014). In each step only the
    `width` likeliest symbols are tried.

    Args:
        scores: `[T, symbols]`, before the softmax.
        width: how many beginnings are kept.

    >>> import torch
    >>> scores = torch.tensor([[0.6, 0.4], [0.6, 0.4]]).log()
    >>> greedy(scores), beam_search(scores, width=2)  # nothing has .36, and 1 has .16 + .24 + .24
    ([], [1])
    """
    tried = scores.log_softmax(-1).topk(min(width, scores.shape[-1]), -1)
    silent = -math.inf
    beams: dict[tuple[int, ...], tuple[float, float]] = {(): (0.0, silent)}
    for values, symbols in zip(tried.values.tolist(), tried.indices.tolist(), strict=True):
        # Of each beginning, the logarithms of what ends with a blank, and of what ends with its last symbol.
        blank: defaultdict[tuple[int, ...], float] = defaultdict(lambda: silent)
        spoken: defaultdict[tuple[int, ...], float] = defaultdict(lambda: silent)
        for said, (after_blank, after_symbol) in beams.items():
            whole = add(after_blank, after_symbol)
            for value, symbol in zip(values, symbols, strict=True):
                if symbol == BLANK:
                    blank[said] = add(blank[said], whole + value)
                elif said and said[-1] == symbol:
                    spoken[said] = add(spoken[said], after_symbol + value)
                    spoken[(*said, symbol)] = add(spoken[(*said, symbol)], after_blank + value)
                else:
                    spoken[(*said, symbol)] = add(spoken[(*said, symbol)], whole + value)
        found = {said: (blank[said], spoken[said]) for said in blank.keys() | spoken.keys()}
        best = sorted(found, key=lambda said: (-add(*found[said]), said))[:width]
        beams = {said: found[said] for said in best}
    return list(next(iter(beams)))


def add(one: float, other: float) -> float:
    """The logarithm of a sum, of logarithms."""
    if one < other:
        one, other = other, one
    return one if other == -math.inf else one + math.log1p(math.exp(other - one))
