"""The training data as Lightning reads them: from one validation to the next."""

from __future__ import annotations

from collections.abc import Iterator

from ..tasks import Batch, Task
from .progress import Progress
from .schedule import Clock, Schedule


class Rounds:
    """Each iteration gives the batches up to the next validation, at least one.

    It begins at the step where the run stands, so that a resumed run goes on in mid-epoch.
    """

    def __init__(self, task: Task, schedule: Schedule, progress: Progress, clock: Clock) -> None:
        self.task = task
        self.schedule = schedule
        self.progress = progress
        self.clock = clock

    def __iter__(self) -> Iterator[Batch]:
        # Lightning asks one batch ahead: count here, and leave progress.step to what has been learned.
        step = self.progress.step
        end = self.schedule.next_validation(self.schedule.done(step, self.clock.seconds))
        for batch in self.batches_from(step):
            yield batch
            step += 1
            if self.schedule.done(step, self.clock.seconds) >= end:
                return

    def batches_from(self, step: int) -> Iterator[Batch]:
        """The batches of all epochs, from the one at this step on."""
        epoch, place = divmod(step, self.schedule.steps_per_epoch)
        while True:
            batches = self.task.training(epoch)
            yield from (batches[each] for each in range(place, len(batches)))
            epoch, place = epoch + 1, 0
