"""A task and its network as a Lightning module."""

from __future__ import annotations

import math
from copy import deepcopy
from typing import Any

import torch
from lightning import LightningModule
from torch import Tensor, distributed, nn
from torch.optim.swa_utils import AveragedModel

from ..tasks import Batch, Carried, Task, with_each
from . import processes
from .progress import Progress
from .recipe import SEEDS
from .schedule import Clock, Schedule


class Learner(LightningModule):
    """What one step of learning and of measuring is; what of it must outlast an interruption."""

    def __init__(self, task: Task, network: nn.Module, schedule: Schedule, progress: Progress, clock: Clock) -> None:
        super().__init__()
        self.task = task
        self.network = network
        self.averaged = averaged(network, schedule.settings.average) if schedule.settings.average else None
        self.schedule = schedule
        self.progress = progress
        self.clock = clock
        self.carried: Carried = None
        self.watched: Carried = None
        self.metric = task.metric()
        self.random: dict[str, Any] | None = None
        self.inside: dict[str, float] = {}

    @property
    def shown(self) -> nn.Module:
        """The network to measure and to keep: the averaged one, if there is one."""
        return self.network if self.averaged is None else self.averaged.module

    @property
    def done(self) -> float:
        """The share of the budget that is used up."""
        return self.schedule.done(self.progress.step, self.clock.seconds)

    @property
    def speed(self) -> float:
        """Items per second since the last validation."""
        return self.progress.items / max(self.clock.seconds - self.progress.since, 1e-9)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """AdamW; the decay spares what is no matrix."""
        settings = self.schedule.settings
        groups: list[dict[str, Any]] = [
            {"params": [each for each in self.network.parameters() if each.ndim > 1]},
            {"params": [each for each in self.network.parameters() if each.ndim <= 1], "weight_decay": 0.0},
        ]
        return torch.optim.AdamW(
            groups,
            lr=settings.learning_rate,
            betas=(0.9, 0.99),
            weight_decay=settings.weight_decay,
        )

    def on_train_start(self) -> None:
        """Go on with the chance of an interrupted run; every process but the first has a chance of its own."""
        if processes.number():
            torch.manual_seed(hash((self.schedule.settings.seed, processes.number(), self.progress.step)) % SEEDS)
        elif self.random is not None:
            torch.set_rng_state(self.random["cpu"])
            for device, state in enumerate(self.random["cuda"][: torch.cuda.device_count()]):
                torch.cuda.set_rng_state(state, device)
        self.carried = with_each(self.carried, lambda part: part.to(self.device))

    def configure_gradient_clipping(
        self,
        optimizer: torch.optim.Optimizer,
        gradient_clip_val: float | None = None,
        gradient_clip_algorithm: str | None = None,
    ) -> None:
        """Shorten gradients that are too long, and note how long they were."""
        longest = gradient_clip_val or math.inf
        self.progress.followed(float(nn.utils.clip_grad_norm_(self.network.parameters(), longest)), longest)

    def on_train_batch_start(self, batch: Batch, batch_idx: int) -> None:
        """Set the learning rate by the share of the budget that is used up."""
        rate = self.schedule.learning_rate(self.done)
        for group in self.trainer.optimizers[0].param_groups:
            group["lr"] = rate

    def training_step(self, batch: Batch, batch_idx: int) -> dict[str, Tensor | float]:
        """What is to be made small; the mean loss of the batch, over all processes, and of how many items it is."""
        step = self.task.step(self.network, batch, self.carried)
        self.carried = step.carried
        total, items = processes.summed(step.loss.item() * step.count, step.count)
        count = max(items, 1)  # a batch may have nothing that counts
        # Of the gradients of all processes the mean is taken: here, of all items.
        share = step.count * processes.count() / count
        return {"loss": step.loss * share, "mean": total / count, "count": round(items)}

    def follow(self) -> None:
        """Take the weights of a step into the average."""
        if self.averaged is not None:
            self.averaged.update_parameters(self.network)

    def on_validation_epoch_start(self) -> None:
        """Begin new figures."""
        self.metric, self.watched = self.task.metric(), None

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """Add one batch to the figures."""
        step = self.task.step(self.shown, batch, self.watched)
        self.metric.update(step)
        self.watched = step.carried

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep the carried state and the state of chance.

        Lightning's own counters are left out: where a run stands is in `Progress` alone.
        """
        checkpoint.pop("loops", None)
        checkpoint["carried"] = whole(self.carried)
        checkpoint["random"] = {"cpu": torch.get_rng_state(), "cuda": torch.cuda.get_rng_state_all()}

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Take them back; chance is set when training starts, after all else has used it."""
        self.carried = part(checkpoint["carried"])
        self.random = checkpoint["random"]


def averaged(network: nn.Module, share: float) -> AveragedModel:
    """A copy of a network, which goes along with it as a mean over a share of the steps so far."""

    def moved(mean: Tensor, now: Tensor, steps: Tensor | int) -> Tensor:
        return mean + (now - mean) / (1 + share * steps)

    return AveragedModel(network, avg_fn=moved).requires_grad_(False)


def on_cpu(network: nn.Module) -> nn.Module:
    """The network, or a copy of it, on the CPU: there a task shows what it can do."""
    on_it = all(each.device.type == "cpu" for each in network.parameters())
    return network if on_it else deepcopy(network).cpu()


def whole(state: Carried) -> Carried:
    """The state of all sequences, of those that each process has."""
    return state if processes.count() == 1 else with_each(state, joined)


def joined(part: Tensor) -> Tensor:
    """One tensor of the state, `[layers, B, H]`: the processes have taken its rows in turn."""
    parts: list[Tensor] = [part] * processes.count()
    distributed.all_gather_object(parts, part.cpu())
    found = torch.cat(parts, 1)
    for number, each in enumerate(parts):
        found[:, number :: len(parts)] = each
    return found


def part(state: Carried) -> Carried:
    """What this process has of the state of all sequences."""
    return with_each(state, lambda each: each[:, processes.number() :: processes.count()])
