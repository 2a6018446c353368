"""How the threads of a CPU call share its work."""

from __future__ import annotations

import os
import time
from typing import NamedTuple

import torch

from . import host
from .printer import Layout
from .sizes import Sizes

CROWD_SECONDS = 0.2
NEAR_MEMORY = 3 << 18  # bytes of recurrent weights that every thread can keep in its own cache
SMALL_WORK = 1_000_000  # multiplications below which a second thread costs more than it brings
SMALL_STEP = 20_000  # the same, for a step after which the threads must meet


class Team(NamedTuple):
    """How threads share the work: all of them, those on one direction together, and what they share there."""

    threads: int
    size: int
    by_rows: bool


_forked = False
_crowded_until = 0.0


def _note_fork() -> None:
    global _forked
    _forked = True


def note_crowd() -> None:
    """Other programs hold the processors: let single threads work for a while."""
    global _crowded_until
    _crowded_until = time.monotonic() + CROWD_SECONDS


def threads_now() -> int:
    """PyTorch's number of threads; one in a forked process, whose pool is gone, while it is crowded, or if limited."""
    threads = torch.get_num_threads()
    alone = _forked or (_crowded_until and time.monotonic() < _crowded_until) or not host.grants(threads)
    return 1 if alone else threads


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_note_fork)


def team_for(sizes: Sizes, layout: Layout, threads: int) -> Team:
    """Share the directions first, then the rows if there are enough of them, otherwise the units."""
    step = sizes.rows * layout.gates * sizes.units * (sizes.inputs + sizes.units)
    if threads == 1 or host.parallel_runner() is None or step * sizes.steps < SMALL_WORK:
        return Team(1, 1, True)
    size = threads // sizes.directions if threads % sizes.directions == 0 else threads
    recurrent_bytes = layout.gates * sizes.units**2 * layout.size
    by_rows = layout.by_rows or (sizes.rows >= 8 * size and recurrent_bytes <= NEAR_MEMORY)
    if layout.by_rows and sizes.rows < size:
        size = 1
    if size > 1 and not by_rows and (step < SMALL_STEP or sizes.blocks(layout) < size):
        size = 1
    threads = size * sizes.directions if threads % sizes.directions == 0 else size
    return Team(threads, size, by_rows or size == 1)
