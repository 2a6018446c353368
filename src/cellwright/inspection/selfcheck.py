"""The self-check: whether what was captured is what the equations give."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from .anatomy import FUNCTIONS, Anatomy
from .passes import Array, Pass

CHECKED = 1024
"""Steps of a pass that are replayed."""
LARGEST, ROUNDING = 65504.0, 2.0**-10
"""Of numbers in float16: the largest, and the share by which two that were rounded may differ."""


def wrong(made: Pass) -> float:
    """The largest error of a signal against the equations, each step from the states before it.

    All steps are looked at if there are at most 1,024 of them, else so many, spread evenly from the first to the last.
    """
    steps = np.unique(np.linspace(0, made.steps - 1, CHECKED).astype(int))
    anatomy = made.replay(steps, made.precision)
    return max(error_of(name, made, steps, anatomy) for name in made.cell.signals)


def error_of(name: str, made: Pass, steps: Array, anatomy: Anatomy) -> float:
    """The largest error of one signal at some steps; of a gate that beyond the rounding of its z."""
    if name in made.inner:
        function, z = FUNCTIONS[made.functions[name]], anatomy.inner[name][1].clamp(-LARGEST, LARGEST)
        kept = torch.from_numpy(np.asarray(made.inner[name][steps])).to(z.dtype)
        allowed = (function(z + ROUNDING * z) - function(z - ROUNDING * z)).abs()
        return difference(function(kept), function(z), allowed)
    true = anatomy.signals[name]
    found = (made.states if name in made.states else made.values)[name]
    return difference(torch.from_numpy(np.asarray(found[steps])), made.projected(true) if name == "h" else true)


def difference(one: Tensor, other: Tensor, allowed: Tensor | float = 0.0) -> float:
    """The largest difference beyond what is allowed; of numbers beyond 1 in shares of them.

    A number that is none differs from all others.

    >>> difference(torch.tensor([0.5, 200.0, torch.nan]), torch.tensor([0.25, 100.0, torch.nan]))
    0.5
    """
    same = (one == other) | (one.isnan() & other.isnan())
    size = torch.maximum(one.abs(), other.abs()).nan_to_num(1.0, 1.0).clamp(min=1.0)
    apart = (((one - other).abs() - allowed) / size).clamp(min=0.0)
    return float(torch.where(same, 0.0, apart).nan_to_num(torch.inf).max()) if one.numel() else 0.0
