"""`python -m benchmarks.gpu`: the GPU kernel beside cuDNN and beside Python loops, by the events of the device.

Each case is timed many times, the contenders in turn, and the median counts. The result is kept in `results/gpu`.
"""

import argparse
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from statistics import median
from typing import Any

import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor, nn

import cellwright

from .gpu_limits import Limits, measure_limits, seconds_of
from .machine import FOLDER, file_for, today, versions
from .shapes import Shape
from .timing import Call

ROUNDS, WARMED = 20, 3
CACHE = 1 << 28  # bytes that are written between two calls, so that none finds the cache as it has left it
SHAPES = (
    Shape(1024, 1, 128, 128), Shape(1024, 16, 64, 64), Shape(1024, 16, 128, 128), Shape(4096, 16, 128, 128),
    Shape(1024, 64, 128, 128), Shape(256, 256, 128, 128), Shape(256, 16, 256, 256), Shape(256, 64, 256, 256),
    Shape(256, 16, 512, 512), Shape(256, 64, 512, 512), Shape(64, 64, 1024, 1024), Shape(64, 256, 1024, 1024),
)  # fmt: skip
VARIANTS = Shape(256, 16, 128, 128)
COMPILED = ("lstm", "peephole", "layer_norm")  # cells whose loop is timed with a compiled body too
RESETS = 0.05  # of all steps


@dataclass(frozen=True)
class Kind:
    """Numbers as they are stored, and as they are multiplied; cuDNN may have half precision of another kind."""

    name: str
    dtype: torch.dtype
    theirs: torch.dtype


KINDS = (
    Kind("ieee", torch.float32, torch.float32),
    Kind("tf32", torch.float32, torch.float32),
    Kind("bf16", torch.bfloat16, torch.bfloat16),
    Kind("fp16", torch.bfloat16, torch.float16),
)
HALF = KINDS[2]


@dataclass(frozen=True)
class Case:
    """What is timed: contenders, of which the first is ours, and what a limit needs to know of it."""

    name: str
    shape: Shape
    calls: dict[str, Call]
    kind: Kind = HALF
    training: bool = True
    watched: bool = False
    limited: bool = False


@dataclass(frozen=True)
class Timing:
    """The median times of the contenders of one case, in seconds; the first of them is ours."""

    name: str
    steps: int
    seconds: dict[str, float]
    limits: str = ""

    @property
    def ratio(self) -> float:
        """The time of the quickest other in times of ours."""
        ours, *others = self.seconds.values()
        return min(others) / ours

    def microseconds(self) -> str:
        """Of each contender, for a step."""
        return ", ".join(f"{name} {each / self.steps * 1e6:.2f}" for name, each in self.seconds.items())


def main() -> None:
    """Measure, print and keep."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu", description=__doc__)
    parser.add_argument("--only", metavar="PATTERN", default="", help="what to measure, as a regular expression")
    wanted = re.compile(parser.parse_args().only)
    if not torch.cuda.is_available():
        raise SystemExit("this benchmark needs a CUDA device, and PyTorch finds none")
    console, results, limits = Console(highlight=False, soft_wrap=True), [], measure_limits()
    console.print(f"{torch.cuda.get_device_name()}: {limits}")
    for case in cases():
        if wanted.search(case.name):
            results.append(timed(case, limits))
            console.print(f"{case.name}: {results[-1].microseconds()} us per step; {results[-1].limits}")
    console.print(table(results))
    if not wanted.pattern:
        console.print(f"kept in {save(results, limits)}")


def cases() -> Iterator[Case]:
    """Everything that is measured; what a goal is set for comes first."""
    goal = Shape(1024, 16, 128, 128)
    for shape in (goal, *(each for each in SHAPES if each != goal)):
        for training in (False, True):
            calls = {"cellwright": watching(shape, training), "without": run(layer("lstm", shape), shape, training)}
            name = f"lstm with all signals{', training' * training} {shape}"
            yield Case(name, shape, on_all("gpu", calls), training=training, watched=True, limited=True)
    yield from (variant(cell) for cell in cellwright.cells)
    yield resets()
    for shape in SHAPES:
        for kind in KINDS:
            for training in (False, True):
                yield from plain(shape, kind, training)


def plain(shape: Shape, kind: Kind, training: bool) -> Iterator[Case]:
    """The plain cell in the kernel and through the plan, each against cuDNN."""
    theirs = cudnn(shape, kind, training)
    ours = run(layer("lstm", shape, kind), shape, training, kind.dtype)
    calls = {"in the kernel": on("gpu", ours)}
    if kind.dtype == kind.theirs:
        planned = cellwright.LSTM(shape.inputs, shape.hidden, device="cuda", dtype=kind.dtype)
        calls["by the plan"] = run(planned, shape, training, kind.dtype)
    for how, call in calls.items():
        name = f"lstm {how}{', training' * training} {kind.name} {shape}"
        yield Case(name, shape, {"cellwright": call, "cuDNN": theirs}, kind, training, limited=True)


def variant(name: str) -> Case:
    """A cell against its loop in Python, and the loop with a compiled body."""
    ours = run(layer(name, VARIANTS), VARIANTS, training=True)
    calls = {"cellwright": on("gpu", ours), "loop": on("reference", ours)}
    if name in COMPILED:
        cell = cellwright.cells[name]
        compiled = replace(cell, name=f"compiled {name}", function=torch.compile(cell.function))
        calls["compiled loop"] = on("reference", run(layer(compiled, VARIANTS), VARIANTS, training=True))
    return Case(f"{name} against its loop {VARIANTS}", VARIANTS, calls)


def resets() -> Case:
    """Resets at random steps, against none."""
    lstm, marks = layer("lstm", VARIANTS), torch.rand(VARIANTS.steps, VARIANTS.batch, device="cuda") < RESETS
    calls = {"cellwright": run(lstm, VARIANTS, training=True, reset=marks), "without": run(lstm, VARIANTS, True)}
    return Case(f"resets {VARIANTS}", VARIANTS, on_all("gpu", calls))


def layer(cell: str | cellwright.Cell, shape: Shape, kind: Kind = HALF) -> cellwright.Recurrent:
    """A layer of ours on the GPU."""
    precision = "bf16" if kind.dtype == torch.bfloat16 else kind.name
    sizes = (shape.inputs, shape.hidden)
    return cellwright.Recurrent(cell, *sizes, device="cuda", dtype=kind.dtype, precision=precision)


def cudnn(shape: Shape, kind: Kind, training: bool) -> Call:
    """PyTorch's layer."""
    theirs = nn.LSTM(shape.inputs, shape.hidden, device="cuda", dtype=kind.theirs)
    return run(theirs, shape, training, kind.theirs)


def run(
    module: nn.Module, shape: Shape, training: bool, dtype: torch.dtype = torch.bfloat16, **options: Tensor
) -> Call:
    """A forward pass; in training a backward pass too."""
    x = drawn(shape, dtype).requires_grad_(training)
    leaves = [x, *module.parameters()]

    def call() -> object:
        with torch.set_grad_enabled(training):
            y = module(x, **options)[0]
            return torch.autograd.grad(y.sum(), leaves) if training else y

    return call


def watching(shape: Shape, training: bool) -> Call:
    """The same with every signal."""
    lstm, x = layer("lstm", shape), drawn(shape, torch.bfloat16).requires_grad_(training)
    leaves = [x, *lstm.parameters()]

    def call() -> object:
        with torch.set_grad_enabled(training):
            trace = lstm.trace(x)
            return torch.autograd.grad(trace.output.sum(), leaves) if training else trace

    return call


def drawn(shape: Shape, dtype: torch.dtype) -> Tensor:
    """An input."""
    torch.manual_seed(0)
    return torch.randn(shape.steps, shape.batch, shape.inputs, device="cuda", dtype=dtype)


def on(backend: str, call: Call) -> Call:
    """The call on a backend."""

    def run() -> object:
        with cellwright.backend(backend):
            return call()

    return run


def on_all(backend: str, calls: dict[str, Call]) -> dict[str, Call]:
    """The calls on a backend."""
    return {name: on(backend, call) for name, call in calls.items()}


def timed(case: Case, limits: Limits) -> Timing:
    """The median time of each contender, and how near ours comes to what the device can do."""
    found: dict[str, list[float]] = {name: [] for name in case.calls}
    room = torch.empty(CACHE, dtype=torch.int8, device="cuda")
    with torch.backends.cudnn.flags(enabled=True, allow_tf32=case.kind.name == "tf32"):
        for turn in range(WARMED + ROUNDS):
            for name, call in case.calls.items():
                room.zero_()
                seconds = seconds_of(call)
                if turn >= WARMED:
                    found[name].append(seconds)
    medians = {name: median(times) for name, times in found.items()}
    shares = ""
    if case.limited:
        multiplied = "bf16" if case.kind.dtype == torch.bfloat16 else case.kind.name
        size = case.kind.dtype.itemsize
        shares = limits.shares(case.shape, multiplied, size, case.training, case.watched, medians["cellwright"])
    return Timing(case.name, case.shape.steps, medians, shares)


def table(results: Sequence[Timing]) -> Table:
    """All times per step."""
    shown = Table("case", "us per step", "times as fast", "of its time", box=None)
    for each in results:
        shown.add_row(each.name, each.microseconds(), f"{each.ratio:.2f}", each.limits)
    return shown


def save(results: Sequence[Timing], limits: Limits) -> str:
    """Write the file, named after the GPU and the day."""
    name = torch.cuda.get_device_name()
    path = file_for(name, today(), FOLDER / "gpu")
    known: dict[str, Any] = {"date": today(), "gpu": name, "versions": versions("torch", "triton", "numpy")}
    known |= {"limits": asdict(limits), "timings": [asdict(each) for each in results]}
    path.write_text(json.dumps(known, indent=1) + "\n")
    return path.name


if __name__ == "__main__":
    main()
