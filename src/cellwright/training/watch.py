"""What happens inside while a network learns: gates, memory and gradients, at a bounded cost, and alarms."""

from __future__ import annotations

import time
from collections import Counter

import numpy as np
import torch
from lightning import Callback, LightningModule, Trainer
from rich.console import Console

from ..inspection import Capture, Pass
from ..inspection.flow import GROWN, flow, spread
from ..inspection.health import saturation
from ..inspection.memory import time_constants
from .learner import Learner

SHARE = 0.015
"""Of the time of training, which watching may take."""
BATCHES, FIRST = 3, 0.5
"""The first look is held to take as long as learning from so many batches, but no less than so many seconds."""
STEPS, LAGS, ENDS = 1024, 60, 16
"""How many are looked at, how far gradients are followed back, and from how many of them."""
TOLD = 1, 10, 50
"""The lags of which is told how much of a gradient is left."""
DEAD = 0.98
"""Share of the steps at which a gate is closed, or open, from which on it does not decide anything."""
LOOKS = 3
"""An alarm must be seen in so many on end."""


class Watch(Callback):
    """Looks inside before validations, as often as its share of the time allows.

    Args:
        learner: its network is watched; the figures go into the rows of the run.
        console: where alarms are told, each once.
    """

    def __init__(self, learner: Learner, console: Console) -> None:
        self.learner, self.console = learner, console
        self.begun, self.spent, self.last = 0.0, 0.0, 0.0
        self.seen: Counter[str] = Counter()

    @property
    def expected(self) -> float:
        """Seconds that the next look is held to take."""
        batch = self.learner.clock.seconds / max(self.learner.progress.step, 1)
        return self.last or max(FIRST, BATCHES * batch)

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """The time of an earlier sitting is none to look in."""
        self.begun = self.learner.clock.seconds

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Look, if there is time."""
        self.learner.inside = {}
        time_so_far = self.learner.clock.seconds - self.begun
        if not trainer.is_global_zero or self.spent + self.expected > SHARE * time_so_far:
            return
        began = time.monotonic()
        alarms: dict[str, str] = {}
        for made in self.look():
            found, told = figures_of(made)
            self.learner.inside |= found
            alarms |= told
        self.tell(alarms)
        self.last = time.monotonic() - began
        self.spent += self.last

    def look(self) -> list[Pass]:
        """What happens at some steps of what is watched."""
        learner = self.learner
        batch = learner.transfer_batch_to_device(learner.task.validation()[0], learner.device, 0)
        with torch.no_grad(), Capture(learner.network, STEPS) as capture:
            learner.task.step(learner.network, batch, None)
        return list(capture.inspection().passes)

    def tell(self, alarms: dict[str, str]) -> None:
        """Tell what has been wrong for several looks on end."""
        for name in list(self.seen):
            if name not in alarms and self.seen[name] < LOOKS:
                del self.seen[name]
        for name, sentence in alarms.items():
            self.seen[name] += 1
            if self.seen[name] == LOOKS:
                self.console.print(f"      ! {sentence}", markup=False, highlight=False, soft_wrap=True)


def figures_of(made: Pass) -> tuple[dict[str, float], dict[str, str]]:
    """The figures of a pass, by the names of their columns; and what is wrong, by kind.

    >>> import cellwright as cw
    >>> _ = torch.manual_seed(1)
    >>> figures, alarms = figures_of(cw.inspect(cw.RNN(3, 32), torch.randn(200, 3)).passes[0])
    >>> list(figures)
    ['inside_l0_left_1', 'inside_l0_left_10', 'inside_l0_left_50', 'inside_l0_horizon']
    >>> list(alarms)
    ['l0 vanishing']
    """
    figures: dict[str, float] = {}
    alarms: dict[str, str] = {}
    column = f"inside_{made.name.replace(' ', '_')}"
    for gate in (name for name, function in made.functions.items() if function == "sigmoid"):
        closed, opened = saturation(made, gate)
        figures |= {f"{column}_{gate}_closed": float(closed.mean()), f"{column}_{gate}_open": float(opened.mean())}
        for ends, what in ((closed, "closed"), (opened, "open")):
            if ends.mean() > DEAD:
                alarms[f"{made.name} {gate} {what}"] = (
                    f"dead gates: {gate} of {made.name} is {what} in {ends.mean():.0%} of the steps, and decides "
                    "nothing; train anew with a lower --learning-rate, or another bias of it"
                )
    if made.functions.get("f") == "sigmoid":
        figures[f"{column}_memory"] = float(np.median(time_constants(made).geometric))
    found = flow(made, LAGS, spread(made, LAGS, ENDS))
    reach = len(found.h) - 1
    figures |= {f"{column}_left_{lag}": float(found.left[lag]) for lag in TOLD if lag <= reach}
    figures[f"{column}_horizon"] = float(reach if found.horizon is None else found.horizon)
    if found.verdict == "vanishing":
        alarms[f"{made.name} vanishing"] = (
            f"vanishing gradients: of {made.name} less than 1 % is left after {found.horizon} steps, so that it "
            "learns nothing from what was earlier; take a cell with a forget gate, or give that a larger bias"
        )
    if found.verdict == "exploding":
        alarms[f"{made.name} exploding"] = (
            f"exploding gradients: those of {made.name} grow more than {GROWN:g}-fold within {reach} steps; lower "
            "--learning-rate or --clip"
        )
    return figures, alarms
