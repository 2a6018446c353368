"""Segments: runs of frames with the same label, and how well they are found.

The figures are those of Lea, Flynn, Vidal, Reiter & Hager (2017).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import NamedTuple

OVERLAPS = (0.10, 0.25, 0.50)


class Segment(NamedTuple):
    """Frames from `first` up to, without, `end`."""

    label: int
    first: int
    end: int


def segments(labels: Sequence[int]) -> list[Segment]:
    """The segments of a sequence of labels.

    >>> segments([3, 3, 5])
    [Segment(label=3, first=0, end=2), Segment(label=5, first=2, end=3)]
    """
    found, place = [], 0
    for label, group in groupby(labels):
        end = place + len(list(group))
        found.append(Segment(label, place, end))
        place = end
    return found


def edit_score(true: Sequence[int], found: Sequence[int]) -> float:
    """How alike the orders of segments are, whatever their lengths: 1 less their edit distance, by the longer one.

    >>> edit_score([1, 1, 2, 2], [1, 2, 2, 3])
    0.666...
    """
    one, other = ([segment.label for segment in segments(labels)] for labels in (true, found))
    return 1 - edit_distance(one, other) / max(len(one), len(other), 1)


def edit_distance(one: Sequence[int], other: Sequence[int]) -> int:
    """The fewest insertions, deletions and changes that make one sequence the other (Levenshtein, 1966).

    >>> edit_distance([1, 2, 3], [1, 3, 3, 4])
    2
    """
    before = list(range(len(other) + 1))
    for n, a in enumerate(one, 1):
        row = [n]
        for m, b in enumerate(other, 1):
            row.append(min(before[m] + 1, row[m - 1] + 1, before[m - 1] + (a != b)))
        before = row
    return before[-1]


def hits(true: Sequence[int], found: Sequence[int], overlap: float) -> tuple[int, int, int]:
    """Found segments that are right, that are wrong, and true ones that are missed.

    A found segment is compared with the true one of its label that it shares most with, by what both cover together. It
    is right if that is enough, and if it is the first for that true one.

    >>> hits([1, 1, 2, 2], [1, 2, 2, 2], 0.5), hits([1, 1, 2, 2], [1, 2, 2, 2], 0.6)
    ((2, 0, 0), (1, 1, 1))
    """
    known, right = segments(true), set()
    for each in segments(found):
        alike = [other for other in known if other.label == each.label]
        best = max(alike, key=lambda other: shared(each, other), default=None)
        if best is not None and shared(each, best) >= overlap:
            right.add(best)
    return len(right), len(segments(found)) - len(right), len(known) - len(right)


def shared(one: Segment, other: Segment) -> float:
    """Frames in both, by frames in either."""
    both = min(one.end, other.end) - max(one.first, other.first)
    return max(0, both) / (one.end - one.first + other.end - other.first - max(0, both))
