"""Orders of units: by number, memory, variance, likeness."""

from __future__ import annotations

import numpy as np

from ..errors import InputError, nearest
from .memory import time_constants
from .passes import Array, Pass

SHOWN = 2048
"""Steps by which units are compared, spread over all."""


def by_index(made: Pass) -> Array:
    """As they are."""
    return np.arange(made.units)


def by_memory(made: Pass) -> Array:
    """The longest memory first."""
    return np.argsort(-time_constants(made).geometric, kind="stable")


def by_variance(made: Pass) -> Array:
    """What changes most first."""
    return np.argsort(-sample(made).var(0), kind="stable")


def by_likeness(made: Pass) -> Array:
    """Units that go together stand together: a path that goes on to the most correlated one that is left."""
    values = sample(made)
    values = values - values.mean(0)
    norm = np.sqrt((values * values).sum(0))
    alike = (values / np.where(norm > 0, norm, 1.0)).T @ (values / np.where(norm > 0, norm, 1.0))
    left = np.ones(made.units, bool)
    here = int(np.argmax(norm))
    path = [here]
    left[here] = False
    while left.any():
        here = int(np.argmax(np.where(left, alike[here], -np.inf)))
        path.append(here)
        left[here] = False
    return np.array(path)


ORDERS = {"index": by_index, "memory": by_memory, "variance": by_variance, "likeness": by_likeness}


def order(made: Pass, by: str) -> Array:
    """The units of a pass in an order.

    >>> import torch, cellwright as cw
    >>> order(cw.inspect(cw.LSTM(3, 4), torch.randn(9, 3)).passes[0], "index")
    array([0, 1, 2, 3])

    Raises:
        InputError: there is no such order.
    """
    if by not in ORDERS:
        raise InputError(f"there is no order {by!r}; {nearest(by, ORDERS)}")
    return ORDERS[by](made)


def sample(made: Pass) -> Array:
    """H of all units at some steps, `[n, H]`; numbers that are none are zeros. With a projection the first gate."""
    steps = np.unique(np.linspace(0, made.steps - 1, SHOWN).astype(int))
    name = "h" if made.weights.p is None else made.cell.signals[0]
    values = made.states[name][steps] if name in made.states else made.signal(name)[steps]
    return np.nan_to_num(np.asarray(values, np.float64), posinf=0.0, neginf=0.0)


def liveliest(made: Pass) -> int:
    """The unit that changes most."""
    return int(by_variance(made)[0])
