"""What a task is to whoever trains it: batches, a network, a loss, figures, a sample."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from torch import Tensor, nn

Batch = Any
"""What one step reads: a named tuple of tensors, whose fields only the task knows."""

Carried = Tensor | tuple[Tensor, ...] | None
"""What one step hands to the next: a recurrent state without its history, or None."""


@dataclass(frozen=True)
class Step:
    """What one batch gave.

    Attributes:
        loss: mean over the counted items, a scalar; differentiable.
        count: how many items (characters, tokens, frames) the mean is over.
        carried: what the next batch receives.
    """

    loss: Tensor
    count: int
    carried: Carried = None


class Metric(Protocol):
    """Figures over many batches."""

    def update(self, step: Step) -> None:
        """Take in what one batch gave."""

    def compute(self) -> dict[str, float]:
        """The figures so far, by name; the first is the one to make small."""


class Task(Protocol):
    """One problem, ready to be learned.

    The trainer asks for batches by their number, so that it can go on in mid-epoch.
    """

    @property
    def unit(self) -> str:
        """What is counted, in the plural: "characters"."""

    @property
    def files(self) -> Mapping[str, bytes]:
        """What belongs beside the weights, by file name, such as a vocabulary."""

    def network(self) -> nn.Module:
        """A new network with weights drawn from torch's global generator."""

    def training(self, epoch: int) -> Sequence[Batch]:
        """The batches of one epoch, in order; every epoch has the same number of them."""

    def validation(self) -> Sequence[Batch]:
        """The batches to watch while learning: few, and always the same."""

    def final(self) -> Sequence[Batch]:
        """The batches of the whole validation part."""

    def step(self, network: nn.Module, batch: Batch, carried: Carried) -> Step:
        """The loss of one batch."""

    def metric(self) -> Metric:
        """New, empty figures."""

    def sample(self, network: nn.Module) -> str:
        """Something to look at: what the network does now."""
