"""How far gradients reach back in time: over all paths, and over the memory alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from .passes import Array, Pass

LEFT = 0.01
"""Of a gradient, below which it counts as gone."""
SHORT, GROWN = 10, 10.0
"""A horizon too near to learn from the past, and a growth too large to learn at all."""
ENDS = 64


@dataclass(frozen=True)
class Flow:
    """Lengths of gradients by lag, `[lags + 1]` each: roots of the mean squares over all ends.

    Attributes:
        h: of the hidden state.
        memory: of the cell state; of the hidden state where that remembers.
        direct: of the memory over the memory alone, which is the product of what was kept on the way.
        count: of how many ends the sequence goes back so far.
    """

    h: Array
    memory: Array
    direct: Array
    count: Array

    @property
    def horizon(self) -> int | None:
        """The first lag at which less than 1 % is left; None if that is farther than the sequences go back."""
        gone = np.flatnonzero(np.maximum(relative(self.h), relative(self.memory)) < LEFT)
        return int(gone[0]) if gone.size else None

    @property
    def verdict(self) -> str:
        """`exploding`: it grows tenfold; `vanishing`: the horizon is 10 steps or nearer; or `healthy`."""
        if max(relative(self.h).max(), relative(self.memory).max()) > GROWN:
            return "exploding"
        return "vanishing" if self.horizon is not None and self.horizon <= SHORT else "healthy"


def relative(lengths: Array) -> Array:
    """Lengths in units of the first that is not zero; 1 up to it."""
    begin = int(np.argmax(lengths > 0))
    found: Array = lengths / (lengths[begin] or 1.0)
    found[:begin] = 1.0
    return found


def flow(made: Pass, lags: int = 100, ends: Sequence[int] | None = None, along: Tensor | None = None) -> Flow:
    """Follow gradients back from some steps, by PyTorch's own derivative of the cell, and the recurrent weights.

    Args:
        made: the pass.
        lags: how far back; it ends where no sequence goes on.
        ends: the steps at which they begin; by default up to 64 of those with most before them, evenly spread.
        along: the gradients of h there, `[ends, H]`; by default random directions, always the same.

    >>> import torch, cellwright as cw
    >>> _ = torch.manual_seed(1)
    >>> found = flow(cw.inspect(cw.RNN(3, 32), torch.randn(200, 3)).passes[0])
    >>> found.verdict
    'vanishing'
    """
    steps = spread(made, lags) if ends is None else np.asarray(ends)
    if along is None:
        shape = len(steps), made.states["h"].shape[1]
        along = torch.randn(shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    gradients = {name: torch.zeros(len(steps), made.states[name].shape[1]).double() for name in made.cell.state}
    gradients["h"] = along.double()
    direct: Tensor | None = None
    found = []
    for lag in range(lags + 1):
        of_h = gradients["h"]
        of_memory, gradients = back(made, steps, gradients)
        if direct is None and of_memory.any():  # where h does not see the memory of its own step, that is lag 1
            direct = of_memory
        found.append([*map(length, (of_h, of_memory, of_memory if direct is None else direct)), len(steps)])
        on = made.depth[steps] > 0
        if lag == lags or not on.any():
            break
        if direct is not None:
            direct = (direct * made.replay(steps).kept[made.memory])[on]
        gradients = {name: each[on] for name, each in gradients.items()}
        steps = steps[on] + (1 if made.reverse else -1)
    return Flow(*np.array(found).T)


def back(made: Pass, steps: Array, gradients: dict[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
    """One step back, for several steps at once.

    Args:
        made: the pass.
        steps: which.
        gradients: of the states that those steps hand on, `[steps, H]` each.

    Returns:
        The gradient of the memory within the step, before h is made of it; and those of the states before the step.
    """
    before = {name: made.before(name, steps).requires_grad_() for name in made.cell.state}
    with torch.enable_grad():
        given = [each.double() for each in made.given]
        signals = made.cell(made.contributions(steps), made.recurrent(before["h"]), [*before.values()], given)
        memory = signals[made.memory]
        after = {name: signals[name] for name in before}
        after["h"] = made.projected(after["h"])
        found = torch.autograd.grad(
            [*after.values()], [memory, *before.values()], [gradients[name] for name in after], allow_unused=True
        )
    of_memory, *others = (
        torch.zeros_like(like) if each is None else each
        for each, like in zip(found, (memory, *before.values()), strict=True)
    )
    return of_memory, dict(zip(before, others, strict=True))


def spread(made: Pass, lags: int) -> Array:
    """Up to 64 steps with as many steps before them as are looked at, or else with the most."""
    enough = np.flatnonzero(made.depth >= min(lags, made.depth.max()))
    chosen: Array = enough[np.unique(np.linspace(0, len(enough) - 1, ENDS).astype(int))]
    return chosen


def length(vectors: Tensor) -> float:
    """The root of the mean square length of vectors `[n, H]`."""
    return float(vectors.square().sum(1).mean().sqrt())
