"""The training data as Lightning reads them: from one validation to the next."""

from __future__ import annotations

import signal
from collections.abc import Iterable, Iterator

import torch
from torch.utils.data import DataLoader

from ..errors import CellwrightError
from ..tasks import Batch, Divisible, Task
from . import processes
from .progress import Progress
from .schedule import Clock, Schedule

EPOCHS = 1_000_003
"""Epochs of one seed, a prime; behind them come those of the next."""
DIFFERENT = 1 << 20
"""Seeds whose epochs are different ones."""


class Rounds:
    """Each iteration gives the batches up to the next validation, at least one; of each the part of this process.

    It begins at the step where the run stands, so that a resumed run goes on in mid-epoch.

    Args:
        task: what is learned.
        schedule: when to measure.
        progress: where the run stands.
        clock: of the run.
        workers: processes that prepare batches ahead.
    """

    def __init__(self, task: Task, schedule: Schedule, progress: Progress, clock: Clock, workers: int = 0) -> None:
        self.task = task
        self.schedule = schedule
        self.progress = progress
        self.clock = clock
        self.workers = workers
        self.batches: Iterator[Batch] | None = None

    def __iter__(self) -> Iterator[Batch]:
        # Lightning asks one batch ahead: count here, and leave progress.step to what has been learned.
        step = self.progress.step
        end = self.schedule.next_validation(self.schedule.done(step, self.clock.look()))
        if self.batches is None:
            self.batches = self.batches_from(step)
        for batch in self.batches:
            yield batch
            step += 1
            if self.schedule.done(step, self.clock.look()) >= end:
                return

    def batches_from(self, step: int) -> Iterator[Batch]:
        """The batches of all epochs, from the one at this step on."""
        epoch, place = divmod(step, self.schedule.steps_per_epoch)
        while True:
            yield from self.prepared(epoch_of(self.task, epoch, self.schedule.settings.seed), place)
            epoch, place = epoch + 1, 0

    def prepared(self, batches: Divisible, first: int) -> Iterable[Batch]:
        """The batches of an epoch from the first on, made when they are asked for, or ahead."""
        order = range(first, len(batches))
        if not self.workers:
            return (batches[each] for each in order)
        loader: DataLoader[Batch] = DataLoader(
            batches,  # type: ignore[arg-type]  # all that is asked of a data set is to have items by number
            batch_size=None,
            sampler=order,
            num_workers=self.workers,
            multiprocessing_context="fork",
            generator=torch.Generator(),  # the chance of the run is left alone
            worker_init_fn=unaffected,
        )
        return with_own_errors(loader)


def with_own_errors(batches: Iterable[Batch]) -> Iterator[Batch]:
    """Batches of workers, whose errors are told as they were there, without the traceback that PyTorch puts around."""
    try:
        yield from batches
    except CellwrightError as error:
        raise type(error)(str(error).strip().splitlines()[-1].partition(": ")[2]) from error


def unaffected(worker: int) -> None:
    """Let a worker go on at Ctrl-C, which a terminal sends to all: the run first keeps what it has, then ends it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def epoch_of(task: Task, epoch: int, seed: int) -> Divisible:
    """The batches of an epoch of a seed, of each the part of this process."""
    batches = task.training((seed - 1) % DIFFERENT * EPOCHS + epoch)
    return batches if processes.count() == 1 else batches.part(processes.number(), processes.count())
