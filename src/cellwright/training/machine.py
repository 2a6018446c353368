"""What a run has to itself of machines: nothing that changes what is learned, so that no recipe keeps it."""

from __future__ import annotations

import multiprocessing
from dataclasses import dataclass

from ..errors import InputError


@dataclass(frozen=True)
class Machine:
    """How many processes work.

    Attributes:
        devices: processes that learn together, on a GPU each, or on the CPU; each takes its part of every batch.
        nodes: machines that learn together, each with so many processes: give the same command on all, and in the
            environment MASTER_ADDR, the name of the first.
        workers: processes for each of them that prepare batches ahead; 0 prepares each when it is needed.

    Raises:
        InputError: a number is out of range.
    """

    devices: int = 1
    nodes: int = 1
    workers: int = 0

    def __post_init__(self) -> None:
        if not 1 <= self.devices <= 1024:
            raise InputError(f"--devices must be from 1 to 1024, not {self.devices}; leave it out for one")
        if not 1 <= self.nodes <= 1024:
            raise InputError(f"--nodes must be from 1 to 1024, not {self.nodes}; leave it out for this machine alone")
        if not 0 <= self.workers <= 1024:
            raise InputError(f"--workers must be from 0 to 1024, not {self.workers}; 2 is usual")
        if self.workers and "fork" not in multiprocessing.get_all_start_methods():
            raise InputError("--workers needs processes that can be forked, which this system has not; leave it out")
