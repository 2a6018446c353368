"""Several processes that learn together: who is who, and what they tell each other.

Alone, everything here is what it would be with one process, at no cost.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import distributed

from ..errors import CellwrightError, InputError, RunError

BACKEND = "cpu:gloo,cuda:nccl"


@contextmanager
def joined() -> Iterator[None]:
    """While it is entered, the processes that `torchrun` has started know each other.

    Raises:
        InputError: they are more than there are GPUs.
    """
    if not distributed.is_torchelastic_launched():
        yield
        return
    if torch.cuda.is_available():
        wanted, there = int(os.environ["LOCAL_WORLD_SIZE"]), torch.cuda.device_count()
        if wanted > there:
            raise InputError(f"there must be a GPU for each process, but {there} for {wanted}; start fewer")
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    distributed.init_process_group(BACKEND if torch.cuda.is_available() else "gloo")
    try:
        yield
    finally:
        distributed.destroy_process_group()


def started() -> int:
    """How many processes `torchrun` has started, on all machines; known before they are joined."""
    return int(os.environ["WORLD_SIZE"]) if distributed.is_torchelastic_launched() else 1


def number() -> int:
    """Which of the processes this is, from 0 on."""
    return distributed.get_rank() if distributed.is_initialized() else 0


def count() -> int:
    """How many processes there are, on all machines."""
    return distributed.get_world_size() if distributed.is_initialized() else 1


def count_here() -> int:
    """How many of them are on this machine."""
    return int(os.environ["LOCAL_WORLD_SIZE"]) if distributed.is_initialized() else 1


def from_first(value: float) -> float:
    """The number that the first process has.

    >>> from_first(3.5)
    3.5
    """
    if count() == 1:
        return value
    shared = torch.tensor(value, dtype=torch.float64)
    distributed.broadcast(shared, 0)
    return shared.item()


def summed(*values: float) -> list[float]:
    """Each number, summed over all processes.

    >>> summed(1.0, 2.0)
    [1.0, 2.0]
    """
    if count() == 1:
        return list(values)
    shared = torch.tensor(values, dtype=torch.float64)
    distributed.all_reduce(shared)
    found: list[float] = shared.tolist()
    return found


def done_by_first(make: Callable[[], str]) -> str:
    """What the first process has made, for all of them.

    Raises:
        CellwrightError: the same in all of them.
    """
    if count() == 1:
        return make()
    shared: list[str | None] = [None, None]
    if number() == 0:
        try:
            shared[0] = make()
        except CellwrightError as error:
            shared[1] = str(error)
            distributed.broadcast_object_list(shared, 0)
            raise
    distributed.broadcast_object_list(shared, 0)
    if shared[0] is None:
        raise RunError(shared[1] or "the first process has failed; see what it said")
    return shared[0]
