"""What a task is to whoever trains it, and to whoever uses what was trained."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from torch import Tensor, nn

from .exhibit import Exhibit

Batch = Any
"""What one step reads: a named tuple of tensors, whose fields only the task knows."""

Carried = Tensor | tuple[Tensor, ...] | None
"""What one step hands to the next: a recurrent state without its history, `[layers, B, H]` each, or None."""


def with_each(state: Carried, function: Callable[[Tensor], Tensor]) -> Carried:
    """A recurrent state with a function of each of its tensors."""
    if isinstance(state, tuple):
        return tuple(map(function, state))
    return None if state is None else function(state)


Data = Any
"""What a file or folder of the user holds, as the task's reader gives it."""

Files = Callable[[str], str]
"""The text of a file of a run, by its name."""


@dataclass(frozen=True)
class Step:
    """What one batch gave.

    Attributes:
        loss: mean over the counted items, a scalar; differentiable.
        count: how many items (characters, words, frames) the mean is over.
        carried: what the next batch receives.
        found: what the task's metric reads beside the loss; None while learning.
    """

    loss: Tensor
    count: int
    carried: Carried = None
    found: Any = None


class Divisible(Sequence[Batch]):
    """Batches that several processes can share."""

    @abstractmethod
    def part(self, number: int, count: int) -> Divisible:
        """The same batches with every `count`-th of their rows, from one number on."""


Beside = Mapping[str, tuple[Any, Sequence[str]]]
"""What stands beside the steps of a call, by name: texts, numbers or pictures, one for each step; and, where whole
numbers have a meaning, the names of what they mean."""


class Metric(Protocol):
    """Figures over many batches."""

    def update(self, step: Step) -> None:
        """Take in what one batch gave."""

    def compute(self) -> dict[str, float]:
        """The figures so far, by name; the first is the one to make small."""


class Problem(Protocol):
    """What a trained network is for: all of a task but the data to learn from.

    Attributes:
        settings: the task's own settings, a frozen dataclass.
    """

    settings: Any

    @property
    def unit(self) -> str:
        """What is counted, in the plural: "characters"."""

    @property
    def files(self) -> Mapping[str, bytes]:
        """What belongs beside the weights, by file name, such as a vocabulary."""

    @property
    def scored(self) -> Sequence[str]:
        """The names of what a step has scores of; none where it has no scores."""

    def network(self) -> nn.Module:
        """A new network with weights drawn from torch's global generator."""

    def step(self, network: nn.Module, batch: Batch, carried: Carried) -> Step:
        """The loss of one batch, and what is found in it if the network is not learning."""

    def metric(self) -> Metric:
        """New, empty figures."""

    def batches(self, data: Data) -> Sequence[Batch]:
        """Data as batches to measure on."""

    def predict(self, network: nn.Module, data: Data) -> Iterator[str]:
        """What the network says about data, as pieces of the text of a file."""

    def beside(self, network: nn.Module, data: Data) -> Iterator[Beside]:
        """Let the network read data, one sequence or piece of one after the other; what stands beside each."""


class Task(Problem, Protocol):
    """A problem and the data to learn it from.

    The trainer asks for batches by their number, so that it can go on in mid-epoch.
    """

    @property
    def summary(self) -> str:
        """What is learned from, and what is measured on, in a phrase."""

    @property
    def advice(self) -> Mapping[str, Any]:
        """How to train where the user does not say: some of the `TrainingSettings`."""

    def training(self, epoch: int) -> Divisible:
        """The batches of one epoch, in order; every epoch has the same number of them."""

    def validation(self) -> Sequence[Batch]:
        """The batches to watch while learning: always the same."""

    def final(self) -> Sequence[Batch]:
        """The batches that the figures of a finished run are over."""

    def sample(self, network: nn.Module) -> str:
        """Something to look at: what the network does now."""

    def exhibits(self, network: nn.Module, metric: Any) -> Iterator[Exhibit]:
        """What a report shows of a trained network, and of what the metric has met in the final batches."""


class Parts(NamedTuple):
    """The data of a run.

    Attributes:
        learned: what to learn from.
        validation: what to watch while learning; None to keep a share of `learned` for it.
        test: what the final figures are over; None for those of the validation part.
    """

    learned: Data
    validation: Data | None = None
    test: Data | None = None


@dataclass(frozen=True)
class Family:
    """A kind of task, as recipes and the command line know it.

    Attributes:
        name: what recipes and commands call it.
        about: what its training does, in a sentence.
        data: what the user brings, in a phrase.
        example: a file name for the example of its command.
        settings: the dataclass of its settings; the docstring describes each.
        read: from a path to data. Raises DataError that names what is wrong, and where; or leaves that out, with a
            DataWarning.
        task: of data, settings, and the files of a run that goes on; None for a new one.
        open: the problem alone, of settings and the files of a run.
        following: a command to try with a finished run: `{run}` is its folder, `{data}` what it learned from.
        by_data: settings whose defaults the data decide.
        chosen: all settings, of data and of those settings that were given; None where data decide nothing.
        exhibit: what else to show of several networks that have learned the same task.
    """

    name: str
    about: str
    data: str
    example: str
    settings: type
    read: Callable[[Path, bool], Data]
    task: Callable[[Parts, Any, Files | None], Task]
    open: Callable[[Any, Files], Problem]
    following: str
    by_data: tuple[str, ...] = ()
    chosen: Callable[[Parts, Mapping[str, Any]], Any] | None = None
    exhibit: Callable[[Any, Mapping[str, nn.Module]], Exhibit] | None = None

    def begin(self, parts: Parts, given: Mapping[str, Any]) -> Task:
        """A new task, of data and of those settings that the user has given."""
        return self.task(parts, self.settings(**given) if self.chosen is None else self.chosen(parts, given), None)
