"""Checkpoints: when they are written, and stopping right after one."""

from __future__ import annotations

from typing import Any

from lightning import LightningModule, Trainer
from lightning.pytorch.callbacks import Checkpoint

from .folder import RunFolder
from .processes import from_first, summed
from .progress import Progress
from .schedule import Clock
from .stopping import StopRequest

INTERVAL = 120.0
"""Seconds of work that a power failure may cost."""


class Keeper(Checkpoint):
    """Writes a checkpoint at the start, after each validation, every two minutes, and before stopping.

    As a `Checkpoint` it comes after all other callbacks, so that what they note is kept.
    """

    def __init__(self, folder: RunFolder, progress: Progress, clock: Clock, request: StopRequest) -> None:
        self.folder = folder
        self.progress = progress
        self.clock = clock
        self.request = request
        self.kept = clock.seconds

    def asked(self) -> bool:
        """Whether any of the processes was asked to stop; all must ask this together."""
        [number] = summed(self.request.number or 0)
        return number > 0

    def keep(self, trainer: Trainer, stop: bool) -> None:
        """Write a checkpoint, and perhaps stop."""
        trainer.save_checkpoint(self.folder.checkpoint)
        self.kept = self.clock.seconds
        if stop:
            raise self.request.stopped(f"after step {self.progress.step:,}, and kept")

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """A run can be resumed from its very beginning."""
        # Lightning has just put its own handler of SIGTERM here, which would stop where nothing is kept.
        self.request.listen()
        if not from_first(self.folder.checkpoint.exists()):
            self.keep(trainer, self.asked())

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Keep now and then, and when asked to stop; before a validation the checkpoint after it will do."""
        stop = self.asked()
        if (stop or self.clock.seconds - self.kept > INTERVAL) and not trainer.is_last_batch:
            self.keep(trainer, stop)

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Keep what was just measured."""
        self.keep(trainer, self.asked())
