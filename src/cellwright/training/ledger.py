"""Keeping the books of a run: figures, samples, best weights, and whether to go on."""

from __future__ import annotations

import math
from typing import Any

from lightning import Callback, LightningModule, Trainer

from ..errors import RunError
from .folder import RunFolder
from .learner import Learner, on_cpu
from .processes import from_first
from .progress import Figures


class Ledger(Callback):
    """Counts every step; after each validation writes metrics, samples and, if best, the weights."""

    def __init__(self, learner: Learner, folder: RunFolder) -> None:
        self.learner = learner
        self.progress = learner.progress
        self.folder = folder
        self.speed = 0.0

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """A run that was interrupted after its last validation has nothing left to learn."""
        rows = self.progress.rows
        trainer.should_stop = self.ended and bool(rows) and rows[-1]["step"] == self.progress.step

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Count a step, also in the average of the weights: before a checkpoint is written of it.

        Raises:
            RunError: the loss is no number any more.
        """
        loss = outputs["mean"]
        if not math.isfinite(loss):
            raise RunError(
                f"the training loss must be finite, but became {loss} at step {self.progress.step + 1}; "
                "train anew with a lower --learning-rate or --clip"
            )
        self.learner.follow()
        self.progress.learned(loss, outputs["count"])

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Note the speed of learning, before measuring and writing take their time."""
        self.learner.clock.look()
        self.speed = self.learner.speed

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Add a row and a sample, keep the weights if they are the best, and end the run if it is time."""
        # What the processes decide by must be the same to the last digit.
        figures = {name: from_first(value) for name, value in self.learner.metric.compute().items()}
        seconds = self.learner.clock.look()
        sample = self.learner.task.sample(on_cpu(self.learner.shown)) if trainer.is_global_zero else ""
        best = self.progress.validated(self.row(figures), figures, sample, seconds)
        trainer.should_stop = self.ended
        if not trainer.is_global_zero:
            return
        if best:
            self.folder.save_weights(self.learner.shown)
        self.folder.write("metrics.csv", self.progress.metrics_csv().encode())
        self.folder.write("samples.txt", self.progress.samples_text().encode())

    def row(self, figures: dict[str, float]) -> Figures:
        """What is known after a validation."""
        progress = self.progress
        length, shortened = progress.gradients
        return {
            "step": progress.step,
            "epoch": progress.step / self.learner.schedule.steps_per_epoch,
            "seconds": round(self.learner.clock.seconds, 3),
            "learning_rate": self.learner.trainer.optimizers[0].param_groups[0]["lr"],
            "train_loss": progress.loss,
            "gradient": length,
            "gradient_clipped": shortened,
            **{f"valid_{name}": value for name, value in figures.items()},
            f"{self.learner.task.unit}_per_second": round(self.speed),
            **self.learner.inside,
        }

    @property
    def ended(self) -> bool:
        """Whether the budget is used up, or nothing has been gained for too long."""
        schedule, progress, done = self.learner.schedule, self.progress, self.learner.done
        gained = schedule.done(progress.gained_step, progress.gained_seconds)
        return done >= 1 or done - gained >= schedule.settings.patience

    def state_dict(self) -> dict[str, Any]:
        """Where the run stands."""
        return {"progress": self.progress.state_dict(), "seconds": self.learner.clock.seconds}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from there."""
        self.progress.load_state_dict(state_dict["progress"])
        self.learner.clock.go_on(state_dict["seconds"])
