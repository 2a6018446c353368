"""The figures of a run as TensorBoard reads them, beside other runs or while it goes on."""

from __future__ import annotations

import contextlib

from lightning import Callback, LightningModule, Trainer
from tensorboardX import SummaryWriter

from ..durable import unwritable
from .folder import RunFolder
from .progress import Progress


class Logs(Callback):
    """Adds the row of each validation to an event file; it comes after the `Ledger`, which makes the row."""

    def __init__(self, folder: RunFolder, progress: Progress) -> None:
        self.folder = folder
        self.progress = progress
        self.writer: SummaryWriter | None = None

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Add a row; steps that were logged before an interruption and were lost are replaced.

        Raises:
            RunError: the disk is full, say.
        """
        row = self.progress.rows[-1]
        step = round(row["step"])
        try:
            if self.writer is None:
                self.writer = SummaryWriter(str(self.folder.path), purge_step=step)
            for name, value in row.items():
                if name != "step":
                    self.writer.add_scalar(name, value, step)
            self.writer.flush()
        except OSError as error:
            raise unwritable(self.folder.path, error) from error

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Close the file where the run was stopped, by a full disk, say."""
        with contextlib.suppress(OSError):
            self.close()

    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Close the file at the end."""
        self.close()

    def close(self) -> None:
        """Nothing more is written."""
        if self.writer is not None:
            self.writer.close()
