"""Learning: one run from its beginning, or from where it was interrupted, to its end."""

from __future__ import annotations

import logging
import math
import warnings
from dataclasses import dataclass

import torch
from lightning import Callback, Trainer
from rich.console import Console

from ..errors import DataError
from ..tasks import Task
from . import processes
from .checkpoint import SafeCheckpoints
from .display import Display
from .evaluation import evaluate
from .folder import RunFolder
from .keeper import Keeper
from .learner import Learner
from .ledger import Ledger
from .logs import Logs
from .progress import Progress
from .recipe import TrainingSettings
from .report import curves, write_report
from .rounds import Rounds, epoch_of
from .schedule import Clock, Schedule
from .stopping import StopRequest
from .watch import Watch


@dataclass(frozen=True)
class Report:
    """What came out of a run.

    Attributes:
        figures: the task's figures over the whole validation part, with the best weights.
        best: the lowest figure that was seen while learning.
        step, best_step: batches learned from, and of those until the best weights.
        seconds: of training, over all sittings.
        early: whether it was stopped because nothing was gained any more.
    """

    figures: dict[str, float]
    best: float
    step: int
    best_step: int
    seconds: float
    early: bool


def train(
    task: Task,
    settings: TrainingSettings,
    folder: RunFolder,
    remedy: str,
    console: Console,
    workers: int = 0,
) -> Report | None:
    """Learn a task until the budget ends or nothing is gained any more.

    Args:
        task: what is learned.
        settings: how.
        folder: where the run is kept; if it holds a checkpoint, the run goes on from there.
        remedy: the command that resumes, to be shown when the run is stopped.
        console: where progress is shown.
        workers: processes that prepare batches ahead.

    Returns:
        What came out; None in all processes but the first.

    Raises:
        Stopped: a signal came; the run can be resumed.
        DataError: there are fewer examples than processes.
        RunError: the folder cannot be written, the checkpoint is damaged, or the loss is no number.
    """
    clock, progress = Clock(), Progress()
    torch.manual_seed(settings.seed)
    steps = len(epoch_of(task, 0, settings.seed))
    if steps == 0:
        count = processes.count()
        raise DataError(f"{count} processes need as many examples in a batch; bring more, or lower --devices")
    schedule = Schedule(settings, steps_per_epoch=steps)
    learner = Learner(task, task.network(), schedule, progress, clock)
    if processes.number() == 0:
        folder.begin()
    with StopRequest(remedy) as request, Display(learner, console) as display:
        shown = [Logs(folder, progress), display] if processes.number() == 0 else []
        watch, ledger = Watch(learner, console), Ledger(learner, folder)
        fit(learner, folder, [ledger, watch, *shown, Keeper(folder, progress, clock, request)], workers)
    if processes.number():
        return None
    return concluded(task, schedule, learner, folder)


def concluded(task: Task, schedule: Schedule, learner: Learner, folder: RunFolder) -> Report:
    """Measure the best weights of a run that has ended, and write its result and its report."""
    progress, seconds = learner.progress, learner.clock.seconds
    folder.load_weights(learner.network)
    metric = task.metric()
    figures = evaluate(learner.network, task.final(), task.step, metric)
    early = schedule.done(progress.step, seconds) < 1
    folder.save_result({**figures, "step": progress.step, "best_step": progress.best_step, "seconds": seconds})
    exhibits = [curves(progress.rows), *task.exhibits(learner.network.eval(), metric)]
    write_report(folder, f"Learned from {task.summary}.", figures, exhibits)
    return Report(
        figures, progress.best[0] if progress.best else math.nan, progress.step, progress.best_step, seconds, early
    )


def fit(learner: Learner, folder: RunFolder, callbacks: list[Callback], workers: int) -> None:
    """Let Lightning do the loop, from the folder's checkpoint if there is one."""
    for name in ("lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.WARNING)
    trainer = Trainer(
        accelerator="cuda" if torch.cuda.is_available() else "cpu",
        devices=processes.count_here(),
        num_nodes=processes.count() // processes.count_here(),
        # Not every batch needs every weight: those of a label that no sentence in it has, say.
        strategy="ddp_find_unused_parameters_true" if processes.count() > 1 else "auto",
        max_epochs=-1,
        gradient_clip_val=learner.schedule.settings.clip,
        num_sanity_val_steps=0,
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        default_root_dir=folder.path,
        callbacks=callbacks,
        plugins=[SafeCheckpoints()],
    )
    with warnings.catch_warnings():
        # Lightning 2.6 uses a class that PyTorch 2.13 has deprecated.
        warnings.filterwarnings("ignore", message=".*LeafSpec", category=FutureWarning)
        trainer.fit(
            learner,
            Rounds(learner.task, learner.schedule, learner.progress, learner.clock, workers),
            learner.task.validation(),
            ckpt_path=folder.checkpoint if folder.checkpoint.exists() else None,
        )
