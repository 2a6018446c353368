"""How far gradients reach back in time: over all paths, and over the memory alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from .anatomy import dissect
from .passes import Array, Pass, doubled

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
        units: of the memory of each unit, over all paths, `[lags + 1, H]`.
    """

    h: Array
    memory: Array
    direct: Array
    count: Array
    units: Array

    @property
    def left(self) -> Array:
        """The share of a gradient that is left by lag, of h or of the memory, whichever is more."""
        found: Array = np.maximum(relative(self.h), relative(self.memory))
        return found

    @property
    def horizon(self) -> int | None:
        """The first lag at which less than 1 % is left; None if that is farther than the sequences go back."""
        gone = np.flatnonzero(self.left < LEFT)
        return int(gone[0]) if gone.size else None

    @property
    def constants(self) -> Array:
        """Time constants by gradient, `[H]`: after how many steps 1/e is left of the gradient of a unit's memory.

        Where nothing goes through h, that is -1 / ln f. Infinite where more is left as far back as was looked.
        """
        return np.array([steps_to_1_e(relative(each)) for each in self.units.T])

    @property
    def verdict(self) -> str:
        """`exploding`: it grows tenfold; `vanishing`: the horizon is 10 steps or nearer; or `healthy`."""
        if not max(relative(self.h).max(), relative(self.memory).max()) <= GROWN:  # also if one is no number
            return "exploding"
        return "vanishing" if self.horizon is not None and self.horizon <= SHORT else "healthy"


def relative(lengths: Array) -> Array:
    """Lengths in units of the first that is not zero; 1 up to it."""
    begin = int(np.argmax(lengths > 0))
    found: Array = lengths / (lengths[begin] or 1.0)
    found[:begin] = 1.0
    return found


def steps_to_1_e(left: Array) -> float:
    """Where shares that are left by lag fall below 1/e, on a straight line between the logarithms of two.

    >>> round(steps_to_1_e(0.9 ** np.arange(20)), 3), steps_to_1_e(np.ones(20)), steps_to_1_e(np.zeros(20))
    (9.491, inf, 0.0)
    """
    if np.isnan(left).any():
        return np.nan
    gone = np.flatnonzero(left < np.exp(-1))
    if not gone.size:
        return np.inf
    if gone[0] == 0:
        return 0.0
    above, below = np.log(np.maximum(left[gone[0] - 1 : gone[0] + 1], np.finfo(np.float64).tiny))
    return float(gone[0] - 1 + (above + 1) / (above - below))


def flow(made: Pass, lags: int = 100, ends: Sequence[int] | Array | None = None, along: Tensor | None = None) -> Flow:
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
    made = replace(made, weights=doubled(made.weights))
    steps = spread(made, lags) if ends is None else np.asarray(ends)
    if along is None:
        shape = len(steps), made.states["h"].shape[1]
        along = torch.randn(shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    gradients = {name: torch.zeros(len(steps), made.states[name].shape[1]).double() for name in made.cell.state}
    gradients["h"] = along.double()
    direct: Tensor | None = None
    found, units = [], []
    for lag in range(lags + 1):
        of_h = gradients["h"]
        of_memory, kept, gradients = back(made, steps, gradients)
        if direct is None and of_memory.any():  # where h does not see the memory of its own step, that is lag 1
            direct = of_memory
        found.append([*map(length, (of_h, of_memory, of_memory if direct is None else direct)), len(steps)])
        units.append(of_memory.square().mean(0).sqrt().numpy())
        on = made.depth[steps] > 0
        if lag == lags or not on.any():
            break
        if direct is not None:
            direct = (direct * kept)[on]
        gradients = {name: each[on] for name, each in gradients.items()}
        steps = steps[on] + (1 if made.reverse else -1)
    h, memory, alone, count = np.array(found).T
    return Flow(h, memory, alone, count, np.stack(units))


def back(made: Pass, steps: Array, gradients: dict[str, Tensor]) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
    """One step back, for several steps at once.

    Args:
        made: the pass.
        steps: which.
        gradients: of the states that those steps hand on, `[steps, H]` each.

    Returns:
        The gradient of the memory within the step, before h is made of it; the share of the memory that is kept; and
        the gradients of the states before the step.
    """
    before = {name: made.before(name, steps).requires_grad_() for name in made.cell.state}
    x, given = made.contributions(steps), [each.double() for each in made.given]
    with torch.enable_grad():
        r = made.recurrent(before["h"])
        signals = made.cell(x, r, [*before.values()], given)
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
    kept = dissect(made.cell, x, [each.detach() for each in r], [each.detach() for each in before.values()], given).kept
    return of_memory, kept[made.memory], dict(zip(before, others, strict=True))


def spread(made: Pass, lags: int, most: int = ENDS) -> Array:
    """Up to `most` steps with as many steps before them as are looked at, or else with the most."""
    enough = np.flatnonzero(made.depth >= min(lags, made.depth.max()))
    chosen: Array = enough[np.unique(np.linspace(0, len(enough) - 1, most).astype(int))]
    return chosen


def length(vectors: Tensor) -> float:
    """The root of the mean square length of vectors `[n, H]`."""
    return float(vectors.square().sum(1).mean().sqrt())
