"""The memory task: what came long ago decides what is right now."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from ...cells import cells
from ...errors import DataError, InputError, nearest
from ...layers import Recurrent, init
from ..batches import IGNORED, Batches
from ..exhibit import Exhibit, new_figure
from ..mean import MeanLoss
from ..recurrent import Encoder, recurrent_layers
from ..symbols import from_json, to_json
from ..task import Beside, Carried, Files, Parts, Step
from .digits import CLASSES, WATCHED, Digits, images_as_batch, read_digits
from .drawn import PROBLEMS, Drawn, MemoryBatch, chance_loss
from .lags import gradient_by_lag
from .settings import MemorySettings

PROBLEM_FILE = "problem.json"
DIGITS = "digits"
ROUND = 50
"""Batches of drawn sequences in what counts as an epoch."""
WATCH, FINAL = 512, 2560
"""Drawn sequences to watch, and for the final figures."""
LAGS = (0, 1, 5, 20, 50, 100, 200, 500, 1000, 2000, 5000)
LEAST = 1e-12
"""A gradient that is shorter is drawn as if it were this long."""
APART = 10_000
"""Epochs to learn from have numbers from 0 on; the sequences to watch and to measure on are drawn from beyond."""

Data = Drawn | Digits


def read_problem(path: Path, skip: bool = False) -> Data:
    """A problem by its name, or a folder with images of digits.

    Args:
        path: of the folder, or a name.
        skip: there is nothing that could be left out.

    >>> read_problem(Path("adding")).outputs
    1

    Raises:
        DataError: there is neither.
    """
    if path.is_dir():
        return read_digits(path)
    if path.name not in PROBLEMS:
        raise DataError(
            f"there is no folder with the files of MNIST at {str(path)!r}, and no problem of that name; "
            f"{nearest(path.name, PROBLEMS)}"
        )
    return PROBLEMS[path.name]


class MemoryNetwork(nn.Module):
    """Answers at every step of a sequence that is read forwards.

    Args:
        inputs: numbers at each step.
        outputs: answers to choose from, or 1 for a number.
        settings: see `MemorySettings`.
    """

    def __init__(self, inputs: int, outputs: int, settings: MemorySettings) -> None:
        super().__init__()
        self.encoder = Encoder(inputs, settings, bidirectional=False)
        self.dropout = nn.Dropout(settings.dropout)
        self.output = nn.Linear(self.encoder.width, outputs)
        if settings.chrono and "f" in cells[settings.cell].gates:
            begin_with_memory(self.encoder.recurrent, inputs, settings)

    def forward(self, inputs: Tensor, lengths: Tensor) -> Tensor:
        """Answers `[B, T, outputs]` for inputs `[B, T, I]`."""
        answers: Tensor = self.output(self.dropout(self.encoder(inputs, lengths)))
        return answers


def begin_with_memory(layer: nn.Module, inputs: int, settings: MemorySettings) -> None:
    """Let the forget gates of a layer begin open for long; those of PyTorch's layer with the same numbers as ours."""
    if isinstance(layer, Recurrent):
        init.chrono_(layer, settings.chrono)
        return
    with torch.random.fork_rng(devices=[]):
        ours = recurrent_layers(inputs, replace(settings, torch=False))
    ours.load_state_dict(layer.state_dict())
    begin_with_memory(ours, inputs, settings)
    layer.load_state_dict(ours.state_dict())


class MemoryMetric:
    """How many sequences, or symbols, are answered wrong; or the mean square of the error of numbers."""

    def __init__(self, of_numbers: bool) -> None:
        self.of_numbers = of_numbers
        self.loss = MeanLoss()
        self.right, self.asked = 0, 0

    def update(self, step: Step) -> None:
        """Count a batch."""
        self.loss.update(step)
        right: Tensor = step.found
        self.right += int(right.sum())
        self.asked += right.numel()

    def compute(self) -> dict[str, float]:
        """The figures."""
        loss, right = self.loss.value, self.right / self.asked if self.asked else math.nan
        if self.of_numbers:
            return {"mse": loss, "close": right, "loss": loss}
        return {"error": 1 - right, "accuracy": right, "wrong": self.asked - self.right, "loss": loss}


class Remembering:
    """What a network is for whose memory is tried.

    Args:
        name: of a drawn problem, or digits.
        settings: see `MemorySettings`.
    """

    unit = "sequences"

    def __init__(self, name: str, settings: MemorySettings) -> None:
        self.name = name
        self.settings = settings
        if name == DIGITS:
            self.inputs, self.outputs = (28 if settings.by == "rows" else 1), CLASSES
        else:
            self.inputs, self.outputs = PROBLEMS[name].inputs, PROBLEMS[name].outputs

    @staticmethod
    def open(settings: MemorySettings, files: Files) -> Remembering:
        """The problem of a run."""
        ((name,),) = from_json(files(PROBLEM_FILE), ["problem"])
        return Remembering(name, settings)

    @property
    def files(self) -> Mapping[str, bytes]:
        """The name of the problem."""
        return {PROBLEM_FILE: to_json({"problem": [self.name]})}

    @property
    def scored(self) -> Sequence[str]:
        """The answers, by their numbers; or the one number that is answered."""
        return ["answer"] if self.outputs == 1 else [f"{each}" for each in range(self.outputs)]

    def network(self) -> MemoryNetwork:
        """A new network."""
        return MemoryNetwork(self.inputs, self.outputs, self.settings)

    def step(self, network: nn.Module, batch: MemoryBatch, carried: Carried) -> Step:
        """The mean square of the error at the end; or the cross-entropy of what is asked, in nats."""
        answers = network(batch.inputs, batch.lengths)
        if self.outputs == 1:
            last = answers[torch.arange(len(answers)), batch.lengths - 1, 0]
            close = (last - batch.targets).abs() < 0.04  # what Hochreiter & Schmidhuber (1997) call right
            return Step(functional.mse_loss(last, batch.targets), len(last), found=None if network.training else close)
        loss = functional.cross_entropy(answers.flatten(0, 1), batch.targets.flatten(), ignore_index=IGNORED)
        asked = batch.targets >= 0
        found = None if network.training else self.right(answers, batch, asked)
        return Step(loss, int(asked.sum()), found=found)

    def right(self, answers: Tensor, batch: MemoryBatch, asked: Tensor) -> Tensor:
        """Which answers are right; where several letters may follow, in which strings all those come first."""
        if not batch.legal.numel():
            return (answers.argmax(-1) == batch.targets)[asked]
        least = answers.masked_fill(~batch.legal, torch.inf).amin(-1)
        most = answers.masked_fill(batch.legal, -torch.inf).amax(-1)
        return ((least > most) | ~asked).all(1)

    def metric(self) -> MemoryMetric:
        """Wrong answers, or the error of numbers."""
        return MemoryMetric(of_numbers=self.outputs == 1)

    def check(self, data: Data) -> None:
        """It is the problem that was learned.

        Raises:
            DataError: it is another.
        """
        if name_of(data) != self.name:
            raise DataError(f"what was learned is {self.name!r}, not {name_of(data)!r}; measure on that")

    def batches(self, data: Data) -> Batches:
        """Sequences to measure on: new ones, or the images for the test."""
        self.check(data)
        if isinstance(data, Digits):
            return self.of_images(data.test_images, data.test_labels)
        return self.drawn(FINAL, seed=APART + 1)

    def drawn(self, count: int, seed: int) -> Batches:
        """Drawn sequences."""
        draw, size = PROBLEMS[self.name].draw, self.settings.batch
        apart = max(APART, ROUND * size)

        def made(group: Sequence[int]) -> MemoryBatch:
            chance = torch.Generator().manual_seed(seed * apart + group[0])
            return draw(chance, len(group), self.settings.steps)

        return Batches([range(n, min(n + size, count)) for n in range(0, count, size)], made)

    def of_images(self, images: Tensor, labels: Tensor, order: Sequence[int] | None = None) -> Batches:
        """Images in an order, or as they come."""
        order, size = range(len(images)) if order is None else order, self.settings.batch

        def made(group: Sequence[int]) -> MemoryBatch:
            return images_as_batch(images[list(group)], labels[list(group)], self.settings.by)

        return Batches([order[n : n + size] for n in range(0, len(order), size)], made)

    @torch.no_grad()
    def beside(self, network: nn.Module, data: Data) -> Iterator[Beside]:
        """What is read at each step, what is asked there, and what is answered."""
        for inputs, lengths, targets, _ in self.batches(data):
            for row, length in enumerate(lengths.tolist()):
                answers = network(inputs[[row], :length], lengths[[row]])[0]
                read = inputs[row, :length].numpy()
                if self.outputs == 1:
                    yield {"input": (read, ()), "answer": (answers[:, 0].numpy(), ())}
                    continue
                asked = ["" if each == IGNORED else f"{each}" for each in targets[row, :length].tolist()]
                found = [f"{each}" for each in answers.argmax(-1).tolist()]
                yield {"input": (read, ()), "asked": (asked, ()), "answer": (found, ())}

    def predict(self, network: nn.Module, data: Data) -> Iterator[str]:
        """Nothing: what is tried here is drawn."""
        raise InputError("a memory is tried on sequences that are drawn; measure it: cellwright evaluate RUN PROBLEM")


class MemoryTask(Remembering):
    """A problem to learn.

    Args:
        parts: problems whose sequences are drawn, or images; where none are given to watch, some of what is learned
            from, or drawn like it.
        settings: see `MemorySettings`.
        files: nothing is read from an earlier run.

    Raises:
        DataError: what is to be watched, or measured on, is another problem.
        InputError: there are too few steps for the problem.
    """

    def __init__(self, parts: Parts, settings: MemorySettings, files: Files | None = None) -> None:
        self.data: Data = parts.learned
        super().__init__(name_of(self.data), settings)
        self.watched: Data | None = parts.validation
        self.tested: Data = self.data if parts.test is None else parts.test
        for each in (self.watched, self.tested):
            if each is not None:
                self.check(each)
        if isinstance(self.data, Drawn) and settings.steps < self.data.least:
            raise InputError(f"--steps must be at least {self.data.least} for {self.name}, not {settings.steps}")

    @property
    def summary(self) -> str:
        """What is to be kept."""
        if isinstance(self.data, Digits):
            tested = sum(len(group) for group in self.final().groups)
            return f"{len(self.data.images) - WATCHED:,} images by {self.settings.by}, measuring on {tested:,}"
        whose = f"loss of chance {chance_loss(self.data):.3f}"
        return f"{self.name} over {self.settings.steps} steps ({whose}), measuring on {FINAL:,}"

    @property
    def advice(self) -> Mapping[str, Any]:
        """How to train."""
        return {"learning_rate": 2e-3, "epochs": 10 if self.name == DIGITS else 60, "patience": 1.0}

    def training(self, epoch: int) -> Batches:
        """Fresh sequences, or all images but the last in another order."""
        if isinstance(self.data, Digits):
            chance = torch.Generator().manual_seed(epoch)
            order = torch.randperm(len(self.data.images) - WATCHED, generator=chance).tolist()
            return self.of_images(self.data.images, self.data.labels, order)
        return self.drawn(ROUND * self.settings.batch, seed=epoch)

    def validation(self) -> Batches:
        """Some sequences that are not learned from, or what was named to watch."""
        if self.watched is not None:
            return self.batches(self.watched)
        if isinstance(self.data, Digits):
            return self.of_images(self.data.images[-WATCHED:], self.data.labels[-WATCHED:])
        return self.drawn(WATCH, seed=APART)

    def final(self) -> Batches:
        """The sequences of the final figures."""
        return self.batches(self.tested)

    @torch.no_grad()
    def sample(self, network: nn.Module) -> str:
        """Right answers and the network's, for a few sequences."""
        batch = self.validation()[0]
        answers = network(batch.inputs, batch.lengths)
        if self.outputs == 1:
            last = answers[torch.arange(len(answers)), batch.lengths - 1, 0]
            return "  ".join(f"{a:.2f} as {b:.2f}" for a, b in zip(batch.targets[:5], last, strict=False))
        rows = zip(batch.targets[:3], answers.argmax(-1), strict=False)
        asked = [(true[true >= 0].tolist(), found[true >= 0].tolist()) for true, found in rows]
        symbols = self.data.symbols if isinstance(self.data, Drawn) else "0123456789"
        written = [["".join(symbols[n] for n in row) for row in pair] for pair in asked]
        return "  ".join(f"{true} as {found}" for true, found in written)

    def exhibits(self, network: nn.Module, metric: MemoryMetric) -> Iterator[Exhibit]:
        """How far back the answer looks."""
        yield exhibit(self, {self.settings.cell: network})


def name_of(data: Data) -> str:
    """The name of a problem."""
    return DIGITS if isinstance(data, Digits) else data.name


def exhibit(task: MemoryTask, networks: Mapping[str, nn.Module]) -> Exhibit:
    """The gradient that reaches back over so many steps, for several networks: where it vanishes, memory ends."""
    batch = task.validation()[0]
    found = {name: gradient_by_lag(network.eval(), batch) for name, network in networks.items()}
    longest = batch.inputs.shape[1] - 1
    lags = [lag for lag in LAGS if lag < longest] + [longest]
    rows = [[name, *(f"{float(values[lag]):.0e}" for lag in lags)] for name, values in found.items()]
    figure = new_figure()
    axes = figure.subplots()
    for name, values in found.items():
        axes.semilogy(values.clamp(min=LEAST), label=name)
    axes.set(xlabel="steps before the answer", ylabel="gradient of the answer by the input")
    axes.legend()
    text = "How far the last answer moves with the input so many steps before it: where that vanishes, memory ends."
    return Exhibit("Gradient by lag", text, [["gradient at lag", *(f"{lag:,}" for lag in lags)], *rows], figure)
