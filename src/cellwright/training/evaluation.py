"""Measuring a network on batches, outside of training."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import nn

from ..tasks import Batch, Carried, Metric, Step


@torch.no_grad()
def evaluate(
    network: nn.Module,
    batches: Sequence[Batch],
    step: Callable[[nn.Module, Batch, Carried], Step],
    metric: Metric,
) -> dict[str, float]:
    """The figures over all batches, with dropout off; the network is left as it was.

    Args:
        network: what is measured.
        batches: in order, because a state is carried from each to the next.
        step: the loss of one batch, as `Task.step` gives it.
        metric: new, empty figures.
    """
    learning = network.training
    network.eval()
    carried: Carried = None
    try:
        for batch in batches:
            found = step(network, batch, carried)
            metric.update(found)
            carried = found.carried
    finally:
        network.train(learning)
    return metric.compute()
