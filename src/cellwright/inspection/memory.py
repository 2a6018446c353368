"""How long each unit remembers: time constants and half-lives."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch

from .anatomy import Anatomy, dissect
from .passes import BLOCK, Array, Pass

HALF = float(np.log(2))
CENSORED = -1
"""The half-life of a memory that is still there at the end of its sequence."""


class TimeConstants(NamedTuple):
    """Steps after which a unit's memory has fallen to 1/e; float64 `[H]` each. Infinite where nothing is forgotten.

    With f for what is kept in a step (the forget gate):

    Attributes:
        bias: without any input or recurrent contribution, -1 / ln f: 1 / softplus(-b) for a sigmoid.
        geometric: over the data, -1 / mean(ln f): what is left after many steps follows it.
        arithmetic: -1 / ln(mean f), which is never smaller; one open step does not make up for a closed one.
    """

    bias: Array
    geometric: Array
    arithmetic: Array


def blocks(made: Pass) -> Iterator[tuple[Array, Anatomy]]:
    """A pass replayed piece by piece: the steps, and what they are made of."""
    for start in range(0, made.steps, BLOCK):
        steps = np.arange(start, min(start + BLOCK, made.steps))
        yield steps, made.replay(steps)


def time_constants(made: Pass) -> TimeConstants:
    """The time constants of all units of a pass.

    >>> import torch, cellwright as cw
    >>> found = time_constants(cw.inspect(cw.LSTM(3, 4, forget_bias=2.0), torch.randn(50, 3)).passes[0])
    >>> found.bias.round(3)
    array([7.878, 7.878, 7.878, 7.878])
    >>> bool((found.arithmetic >= found.geometric).all())
    True
    """
    state, logs, shares = made.memory, np.zeros(made.units), np.zeros(made.units)
    count = 0
    for steps, anatomy in blocks(made):
        later = made.depth[steps] > 0  # at the first step there is nothing yet to keep
        later |= made.depth.max() == 0
        logs += anatomy.log_kept(state)[later].sum(0).numpy()
        shares += anatomy.kept[state][later].sum(0).numpy()
        count += int(later.sum())
    with np.errstate(divide="ignore"):
        return TimeConstants(
            constant(at_rest(made).log_kept(state)[0].numpy()),
            constant(logs / count),
            constant(np.log(shares / count)),
        )


def constant(log: Array) -> Array:
    """Steps to 1/e, from the mean logarithm of what a step keeps."""
    found: Array = 1.0 / np.maximum(-log, 0.0)
    return found


def at_rest(made: Pass) -> Anatomy:
    """A step in which all that counts are the biases: no input, and states as where they begin if learned."""
    gates, units, weights = len(made.cell.gates), made.units, made.weights
    zeros = torch.zeros(1, gates * units, dtype=torch.float64)
    x, r = (zeros if each is None else each.double()[None] for each in (weights.b_w, weights.b_r))
    state = [torch.full((1, units), made.cell.begins.get(name, 0.0), dtype=torch.float64) for name in made.cell.state]
    return dissect(made.cell, x.chunk(gates, -1), r.chunk(gates, -1), state, [each.double() for each in made.given])


def half_lives(log_kept: Array) -> Array:
    """For each step of one sequence, after how many steps half of the memory of then is gone.

    Args:
        log_kept: ln of what each step keeps, `[T, units]`, in the direction in which the sequence was read.

    Returns:
        int64 `[T, units]`: the first k for which the logarithms of the k steps behind sum up to less than -ln 2; -1
        where the sequence ends before.

    >>> half_lives(np.log([[0.9], [0.5], [0.9], [0.4], [1.0]])).T
    array([[ 2,  2,  1, -1, -1]])
    """
    steps = len(log_kept)
    # A step that keeps less than 1/e ends a half-life by itself, however much less: so sums stay exact.
    lost = np.cumsum(np.clip(-log_kept, 0.0, 1.0), 0)
    found = np.empty(log_kept.shape, np.int64)
    for unit in range(log_kept.shape[1]):
        at = np.searchsorted(lost[:, unit], lost[:, unit] + HALF, side="right")
        found[:, unit] = np.where(at < steps, at - np.arange(steps), CENSORED)
    return found
