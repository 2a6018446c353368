"""What tasks over separate examples share: three parts, and batches of similar lengths."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import nn

from ..errors import DataError
from .batches import Batches, held_out, in_order_of_length, shuffled
from .faults import Faults
from .recurrent import RecurrentSettings
from .task import Batch, Beside, Parts


class ExampleProblem(ABC):
    """A problem whose data are a sequence of examples, each with a length and a `place` where it stands.

    Attributes:
        remedy: what to do about examples with faults.
    """

    settings: RecurrentSettings
    remedy: str

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
        for each in self.readable(data):
            yield self.read_one(network, each)

    def unreadable(self, example: Any) -> str | None:
        """Why the network cannot read an example; None if it can."""
        return None

    def unmeasurable(self, example: Any) -> str | None:
        """Why nothing can be learned from an example, or measured on it; None if it can."""
        return self.unreadable(example)

    def readable(self, examples: Sequence[Any]) -> list[Any]:
        """The examples that the network can read; see `sound`."""
        return self.sound(examples, self.unreadable)

    def measurable(self, examples: Sequence[Any]) -> list[Any]:
        """The examples that can be learned from, or measured on; see `sound`."""
        return self.sound(examples, self.unmeasurable)

    def sound(self, examples: Sequence[Any], fault: Callable[[Any], str | None]) -> list[Any]:
        """The examples without a fault.

        Raises:
            DataError: it names up to twenty of the others, where the settings do not say to leave them out; or none is
                left.
        """
        faults, found = Faults("what is read", self.settings.skip), []
        for each in examples:
            what = fault(each)
            if what is None:
                found.append(each)
            else:
                faults.add(each.place, what)
        faults.check(self.remedy)
        if not found:
            raise DataError(f"there must be something without a fault, but nothing is left; {self.remedy}")
        return found

    def tell(self, examples: Sequence[Any]) -> None:  # noqa: B027  # most problems have nothing to tell
        """Warn of what is to be found in examples, but can only be missed."""

    def batches(self, data: Sequence[Any]) -> Batches:
        """Examples to measure on, the longest first."""
        data = self.measurable(data)
        self.tell(data)
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

    def settle(self) -> None:
        """Refuse, or leave out, what cannot be learned from or measured on, now that the problem is known.

        Raises:
            DataError: see `sound`.
        """
        alike = self.tested is self.watched
        self.learned, self.watched = self.measurable(self.learned), self.measurable(self.watched)
        self.tested = self.watched if alike else self.measurable(self.tested)

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
