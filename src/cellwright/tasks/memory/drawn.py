"""Sequences that try a memory, drawn by chance: what stands at their beginning decides what is right at their end."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import one_hot
from torch.nn.utils.rnn import pad_sequence

from ..batches import IGNORED, inside
from .reber import LETTERS, legal_after, reber_string


class MemoryBatch(NamedTuple):
    """B sequences of at most T steps.

    Attributes:
        inputs: `[B, T, I]`.
        lengths: int64 `[B]`.
        targets: int64 `[B, T]`, `IGNORED` where nothing is asked; or the numbers `[B]` that are asked for at the end.
        legal: `[B, T, outputs]`: which answers are right, where several are; else empty.
    """

    inputs: Tensor
    lengths: Tensor
    targets: Tensor
    legal: Tensor


Draw = Callable[[torch.Generator, int, int], MemoryBatch]
"""Draws so many sequences, with something to keep for so many steps."""


@dataclass(frozen=True)
class Drawn:
    """A problem whose sequences are drawn.

    Attributes:
        name: as the command line has it.
        inputs: numbers at each step.
        outputs: answers to choose from, or 1 for a number.
        draw: what makes a batch.
        symbols: how the answers are written.
        least: the fewest steps for which all that must be kept apart fits in.
    """

    name: str
    inputs: int
    outputs: int
    draw: Draw
    symbols: str = "0123456789"
    least: int = 2


def adding(chance: torch.Generator, count: int, steps: int) -> MemoryBatch:
    """The sum of two marked numbers, one in each half of a sequence: Hochreiter & Schmidhuber (1997), experiment 4.

    Numbers are from 0 to 1, and all sequences are equally long, as in Le, Jaitly & Hinton (2015).
    """
    numbers = torch.rand(count, steps, generator=chance)
    half = steps // 2
    places = torch.stack(
        [torch.randint(0, half, (count,), generator=chance), torch.randint(half, steps, (count,), generator=chance)], 1
    )
    marks = torch.zeros(count, steps).scatter_(1, places, 1.0)
    inputs = torch.stack([numbers, marks], -1)
    return MemoryBatch(inputs, torch.full((count,), steps), (numbers * marks).sum(1), torch.empty(0))


SYMBOLS, KEPT = 8, 10


def copy(chance: torch.Generator, count: int, steps: int) -> MemoryBatch:
    """Ten symbols of eight, said again after so many blanks: Arjovsky, Shah & Bengio (2016)."""
    said = torch.randint(SYMBOLS, (count, KEPT), generator=chance)
    blank, go = SYMBOLS, SYMBOLS + 1
    row = [torch.full((count, steps), blank), torch.full((count, 1), go), torch.full((count, KEPT - 1), blank)]
    inputs = torch.cat([said, *row], 1)
    targets = torch.full_like(inputs, IGNORED)
    targets[:, -KEPT:] = said
    return MemoryBatch(
        one_hot(inputs, SYMBOLS + 2).float(), torch.full((count,), inputs.shape[1]), targets, torch.empty(0)
    )


def order(chance: torch.Generator, count: int, steps: int) -> MemoryBatch:
    """In which order two marks X or Y came: Hochreiter & Schmidhuber (1997), experiment 6a.

    A sequence has a beginning, a b c d by chance, and an end; it is as long as `steps` and up to a tenth longer. The
    marks are in its second tenth and in its sixth, and the four orders are told apart at the end.
    """
    begin, end, first_mark = 4, 5, 6
    tenth = max(1, steps // 10)
    lengths = torch.randint(steps, steps + tenth + 1, (count,), generator=chance)
    symbols = torch.randint(4, (count, int(lengths.max())), generator=chance)
    marks = torch.randint(2, (count, 2), generator=chance)
    rows = torch.arange(count)
    for n, start in enumerate((tenth, 5 * tenth)):
        places = torch.randint(start, start + tenth + 1, (count,), generator=chance)
        symbols[rows, places] = first_mark + marks[:, n]
    symbols[:, 0] = begin
    symbols[rows, lengths - 1] = end
    targets = torch.full_like(symbols, IGNORED)
    targets[rows, lengths - 1] = 2 * marks[:, 0] + marks[:, 1]
    return MemoryBatch(one_hot(symbols, 8).float(), lengths, targets, torch.empty(0))


def reber(chance: torch.Generator, count: int, steps: int) -> MemoryBatch:
    """The next letter in strings of the embedded Reber grammar: Hochreiter & Schmidhuber (1997), experiment 1."""
    strings = [reber_string(chance) for _ in range(count)]
    return strings_as_batch(strings)


def strings_as_batch(strings: Sequence[str]) -> MemoryBatch:
    """Strings of the grammar, with the letters that may follow each of their beginnings."""
    lengths = torch.tensor([len(each) - 1 for each in strings])
    numbers = pad_sequence([torch.tensor([*map(LETTERS.index, each)]) for each in strings], batch_first=True)
    before, after = numbers[:, :-1], numbers[:, 1:]
    there = inside(lengths, before.shape[1])
    inputs = one_hot(before, len(LETTERS)) * there[..., None]
    legal = torch.zeros(inputs.shape, dtype=torch.bool)
    marks = [
        (row, place, LETTERS.index(letter))
        for row, string in enumerate(strings)
        for place, letters in enumerate(legal_after(string))
        for letter in letters
    ]
    legal[tuple(torch.tensor(marks).T)] = True
    return MemoryBatch(inputs.float(), lengths, after.where(there, IGNORED), legal)


PROBLEMS = {
    each.name: each
    for each in (
        Drawn("adding", 2, 1, adding),
        Drawn("copy", SYMBOLS + 2, SYMBOLS, copy),
        Drawn("order", 8, 4, order, least=8),
        Drawn("reber", len(LETTERS), len(LETTERS), reber, LETTERS),
    )
}


def chance_loss(problem: Drawn) -> float:
    """The loss of an answer that does not depend on the sequence: the variance, or the logarithm of the answers."""
    return 1 / 6 if problem.outputs == 1 else math.log(problem.outputs)
