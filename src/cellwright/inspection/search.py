"""Select and find: the units that are on in a range, and the other places at which they are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .passes import Array


@dataclass(frozen=True)
class Selected:
    """A unit that is on, or off, throughout a range.

    Attributes:
        unit: its number.
        sign: 1 if it is above its usual values there, -1 if below.
        contrast: how far its mean in the range is from its mean elsewhere, in standard deviations.
    """

    unit: int
    sign: int
    contrast: float


@dataclass(frozen=True)
class Place:
    """A range like the selected one.

    Attributes:
        start, end: its steps.
        share: how many of the selected units are on, of those that should be, over its steps.
        score: how far that is above what chance gives, in standard deviations of all ranges.
    """

    start: int
    end: int
    share: float
    score: float


def marks(values: Array) -> Array:
    """Where each unit is more than one standard deviation above (1) or below (-1) its mean: int8 `[N, H]`.

    >>> marks(np.array([[0.0], [0.0], [0.0], [9.0]])).T
    array([[0, 0, 0, 1]], dtype=int8)
    """
    mean, deviation = values.mean(0), values.std(0)
    found: Array = (values > mean + deviation).astype(np.int8) - (values < mean - deviation).astype(np.int8)
    return found


def select(values: Array, start: int, end: int, most: int = 20) -> list[Selected]:
    """The units that are on, or off, at every step of a range.

    Those that are so there and not at the steps beside it come first, then those that stand out most.

    Args:
        values: of a signal, `[N, H]`.
        start: the first step of the range.
        end: the step behind it.
        most: how many.

    >>> values = np.zeros((9, 2)); values[3:5, 1] = 1
    >>> select(values, 3, 5)
    [Selected(unit=1, sign=1, contrast=2.405)]
    """
    everywhere = marks(values)
    here = everywhere[start:end]
    inside = values[start:end].mean(0)
    outside = np.delete(values, slice(start, end), 0).mean(0) if len(values) > end - start else inside
    contrast = np.abs(inside - outside) / np.maximum(values.std(0), np.finfo(np.float64).tiny)
    same = (here == here[0]).all(0) & (here[0] != 0)
    beside = [at for at in (start - 1, end) if 0 <= at < len(values)]
    lasting = (everywhere[beside] == here[0]).sum(0)
    order = sorted(np.flatnonzero(same).tolist(), key=lambda unit: (lasting[unit], -contrast[unit]))
    return [Selected(unit, int(here[0, unit]), round(float(contrast[unit]), 3)) for unit in order[:most]]


def find(values: Array, selected: list[Selected], start: int, end: int, most: int = 20) -> list[Place]:
    """Other ranges of the same length in which the selected units are on as they are in this one.

    Ranges do not overlap, neither each other nor the selected one. They are ranked by how many of the units are on,
    above the mean of all ranges, in standard deviations: what is usual anyway ranks low.

    Args:
        values: of the signal, `[N, H]`.
        selected: by `select`.
        start: the first step of the range that they come from.
        end: the step behind it.
        most: how many.

    >>> values = np.zeros((20, 1)); values[[3, 4, 12, 13]] = 1
    >>> [(place.start, place.end, place.share) for place in find(values, select(values, 3, 5), 3, 5)]
    [(12, 14, 1.0)]
    """
    length = end - start
    if not selected or len(values) < 2 * length:
        return []
    units, signs = [each.unit for each in selected], [each.sign for each in selected]
    on = (marks(values)[:, units] == np.array(signs, np.int8)).mean(1)
    sums = np.concatenate([[0.0], np.cumsum(on)])
    shares = (sums[length:] - sums[:-length]) / length
    deviation = shares.std() or 1.0
    found: list[Place] = []
    taken = [(start, end)]
    for at in np.argsort(-shares, kind="stable").tolist():
        if len(found) == most or shares[at] <= shares.mean():
            break
        if all(at >= there_end or at + length <= there for there, there_end in taken):
            taken.append((at, at + length))
            score = float((shares[at] - shares.mean()) / deviation)
            found.append(Place(at, at + length, round(float(shares[at]), 6), round(score, 3)))
    return found
