"""What tasks over separate examples share: three parts, and batches of similar lengths."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import nn

from ..errors import DataError
from .batches import Batches, held_out, in_order_of_length, shuffled
from .recurrent import RecurrentSettings
from .task import Batch, Beside, Parts


class ExampleProblem(ABC):
    """A problem whose data are a sequence of examples, each with a length."""

    settings: RecurrentSettings

    @property
    def scored(self) -> Sequence[str]:
        """No scores of single steps, where it is not said otherwise."""
        return ()

    @abstractmethod
    def lengths(self, examples: Sequence[Any]) -> list[int]:
        """The steps of each example."""

    @abstractmethod
    def batch(self, examples: Sequence[Any], group: Sequence[int]) -> Batch:
        """Some of the examples, by their numbers, as tensors."""

    @abstractmethod
    def read_one(self, network: nn.Module, example: Any) -> Beside:
        """Let the network read an example; what stands beside its steps."""

    @torch.no_grad()
    def beside(self, network: nn.Module, data: Sequence[Any]) -> Iterator[Beside]:
        """Let the network read examples, one after the other."""
        for each in data:
            yield self.read_one(network, each)

    def check(self, examples: Sequence[Any]) -> None:  # noqa: B027  # not every problem has something to refuse
        """Refuse examples on which nothing can be measured.

        Raises:
            DataError: what is to be found is missing, or was never learned.
        """

    def batches(self, data: Sequence[Any]) -> Batches:
        """Examples to measure on, the longest first."""
        self.check(data)
        groups = in_order_of_length(self.lengths(data), self.settings.batch)
        return Batches(groups, lambda group: self.batch(data, group))


class ExampleTask(ExampleProblem):
    """Examples to learn from, to watch, and for the final figures.

    Args:
        parts: where none are given to watch, some of the first are kept for it, spread evenly.
        share: how many.

    Raises:
        DataError: there are too few.
    """

    def __init__(self, parts: Parts, share: float) -> None:
        learned, watched = parts.learned, parts.validation
        if watched is None:
            here, apart = held_out(len(learned), share)
            learned, watched = [learned[n] for n in here], [learned[n] for n in apart]
        if not learned or not watched:
            raise DataError(
                f"there must be examples to learn from and to watch, but there are {len(learned)} and {len(watched)}; "
                "bring more, or name those to watch: --valid"
            )
        self.learned: Sequence[Any] = learned
        self.watched: Sequence[Any] = watched
        self.tested: Sequence[Any] = parts.test or watched

    def training(self, epoch: int) -> Batches:
        """All examples, in batches of similar lengths."""
        groups = shuffled(self.lengths(self.learned), self.settings.batch, epoch)
        return Batches(groups, lambda group: self.batch(self.learned, group))

    def validation(self) -> Batches:
        """The examples to watch."""
        return self.batches(self.watched)

    def final(self) -> Batches:
        """The examples of the final figures."""
        return self.batches(self.tested)
