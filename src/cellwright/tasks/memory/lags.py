"""How much of the answer at the end is owed to each step before: the gradient against the lag.

It shows the vanishing of Hochreiter (1991) and Bengio, Simard & Frasconi (1994) in numbers.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .drawn import MemoryBatch


def gradient_by_lag(network: nn.Module, batch: MemoryBatch) -> Tensor:
    """How far the last answer moves with the input so many steps before it: `[T]`, at lag 0 the input of the last step.

    It is the length of the gradient of the sum of the answers, averaged over the sequences that are long enough.

    Args:
        network: a `MemoryNetwork`.
        batch: of sequences of at most T steps.
    """
    inputs = batch.inputs.clone().requires_grad_()
    rows = torch.arange(len(inputs))
    answers = network(inputs, batch.lengths)[rows, batch.lengths - 1].sum()
    (slope,) = torch.autograd.grad(answers, inputs)
    lags = torch.arange(inputs.shape[1])
    places = batch.lengths[:, None] - 1 - lags
    found = slope.norm(dim=-1)[rows[:, None], places.clamp(min=0)]
    inside = places >= 0
    mean: Tensor = (found * inside).sum(0) / inside.sum(0).clamp(min=1)
    return mean
