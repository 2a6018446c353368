"""Writing: one token after another, each chosen by what the network expects."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from ...errors import InputError
from ..task import Carried
from .model import LanguageModel


@dataclass(frozen=True)
class Choice:
    """How the next token is chosen.

    Attributes:
        temperature: below 1 bolder in what is likely, above 1 more even; 0 takes the likeliest always.
        top_k: only among the k likeliest; None for all.
        top_p: only among the likeliest that together have this probability (Holtzman et al., 2020).

    Raises:
        InputError: a number is out of range.
    """

    temperature: float = 0.8
    top_k: int | None = None
    top_p: float | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.temperature < math.inf:
            raise InputError(f"the temperature must be 0 or more, not {self.temperature:g}; 0.8 is usual")
        if self.top_k is not None and self.top_k < 1:
            raise InputError(f"top-k must be 1 or more, not {self.top_k}; leave it out to choose among all")
        if self.top_p is not None and not 0 < self.top_p <= 1:
            raise InputError(f"top-p must be above 0 and at most 1, not {self.top_p:g}; 0.9 is usual")


def choose(scores: Tensor, choice: Choice, generator: torch.Generator) -> int:
    """One token by its scores `[vocabulary]`.

    >>> generator = torch.Generator().manual_seed(0)
    >>> choose(torch.tensor([0.0, 3.0, 1.0]), Choice(temperature=0), generator)
    1
    """
    if choice.temperature == 0:
        return int(scores.argmax())
    order = (scores.double() / choice.temperature).sort(descending=True)
    probabilities = order.values[: choice.top_k].softmax(0)
    if choice.top_p is not None:
        before = probabilities.cumsum(0) - probabilities
        probabilities = probabilities[before < choice.top_p]
    place = torch.multinomial(probabilities, 1, generator=generator)
    return int(order.indices[place])


def write(
    network: LanguageModel, prompt: Tensor, length: int, choice: Choice, generator: torch.Generator
) -> Iterator[int]:
    """Token numbers that continue a prompt, one at a time.

    Args:
        network: what it has learned is used as it is; dropout is off while it writes.
        prompt: token numbers `[tokens]`, at least one.
        length: how many tokens to write.
        choice: how each is chosen.
        generator: where chance comes from; the same seed writes the same text.
    """
    learning = network.training
    network.eval()
    try:
        tokens, state = prompt.long()[None], None
        for _ in range(length):
            scores, state = next_scores(network, tokens, state)
            token = choose(scores, choice, generator)
            yield token
            tokens = torch.tensor([[token]])
    finally:
        network.train(learning)


@torch.no_grad()
def next_scores(network: LanguageModel, tokens: Tensor, state: Carried) -> tuple[Tensor, Carried]:
    """Scores `[vocabulary]` of the token that follows, on the CPU, and the state."""
    device = network.embedding.weight.device
    scores, state = network(tokens.to(device), state)
    return scores[0, -1].cpu(), state
