"""How well a text is predicted."""

from __future__ import annotations

import math

from ..mean import MeanLoss
from ..task import Step


class Nats:
    """Mean negative log-likelihood over all batches.

    What is found in a step is the number of characters that its tokens stand for.

    >>> import torch
    >>> nats = Nats()
    >>> nats.update(Step(torch.tensor(1.0), count=30, found=30))
    >>> nats.update(Step(torch.tensor(3.0), count=10, found=10))
    >>> nats.compute()
    {'loss': 1.5, 'perplexity': 4.4816..., 'bits': 2.1640...}
    """

    def __init__(self) -> None:
        self.loss, self.characters = MeanLoss(), 0.0

    def update(self, step: Step) -> None:
        """Add a batch, weighted by the number of its tokens."""
        self.loss.update(step)
        self.characters += step.found

    def compute(self) -> dict[str, float]:
        """Nats per token as `loss`, `perplexity`, and `bits` per character.

        The bits compare vocabularies of different kinds; the others do not.
        """
        loss = self.loss.value
        bits = self.loss.total / self.characters / math.log(2) if self.characters else math.nan
        return {"loss": loss, "perplexity": perplexity(loss), "bits": bits}


def perplexity(nats: float) -> float:
    """Among how many equally likely tokens the network hesitates: exp of the nats per token.

    >>> round(perplexity(math.log(65)), 3)
    65.0
    """
    return math.exp(nats) if nats < 700 else math.inf
