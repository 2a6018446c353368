"""`python -m benchmarks.gpu`: the GPU kernel beside cuDNN and beside Python loops, by the events of the device.

Each case is timed many times, the contenders in turn, and the median counts. The result is kept in `results/gpu`.
"""

import argparse
import json
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import partial
from statistics import median
from typing import Any

import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor, nn

import cellwright

from .machine import versions
from .result import FOLDER, today
from .shapes import Shape
from .timing import Call

ROUNDS, WARMED = 20, 3
CACHE = 1 << 28  # bytes that are written between two calls, so that none finds the cache as it has left it
SHAPES = [
    Shape(1024, 1, 128, 128), Shape(1024, 16, 64, 64), Shape(1024, 16, 128, 128), Shape(4096, 16, 128, 128),
    Shape(1024, 64, 128, 128), Shape(256, 256, 128, 128), Shape(256, 16, 256, 256), Shape(256, 64, 256, 256),
    Shape(256, 16, 512, 512), Shape(256, 64, 512, 512), Shape(64, 64, 1024, 1024), Shape(64, 256, 1024, 1024),
]  # fmt: skip
VARIANTS = Shape(256, 16, 128, 128)
RESETS = 0.05  # of all steps


@dataclass(frozen=True)
class Timing:
    """The median times of the contenders of one case, in seconds; the first of them is ours."""

    name: str
    steps: int
    seconds: dict[str, float]

    @property
    def ratio(self) -> float:
        """The time of the quickest other in times of ours."""
        ours, *others = self.seconds.values()
        return min(others) / ours


def main() -> None:
    """Measure, print and keep."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu", description=__doc__)
    parser.add_argument("--only", metavar="PATTERN", default="", help="what to measure, as a regular expression")
    wanted = re.compile(parser.parse_args().only)
    if not torch.cuda.is_available():
        raise SystemExit("this benchmark needs a CUDA device, and PyTorch finds none")
    console, results = Console(highlight=False, soft_wrap=True), []
    for name, steps, calls in cases():
        if wanted.search(name):
            results.append(Timing(name, steps, medians(calls)))
            console.print(f"{name}: {written(results[-1])}")
    console.print(table(results))
    if not wanted.pattern:
        console.print(f"kept in {save(results)}")


def cases() -> Iterator[tuple[str, int, dict[str, Call]]]:
    """The name of each case, its steps, and its contenders."""
    for shape in SHAPES:
        for dtype in (torch.float32, torch.bfloat16, torch.float16):
            kind = str(dtype).removeprefix("torch.")
            ours = dtype if dtype != torch.float16 else torch.bfloat16  # cuDNN alone takes float16
            for way in (inference, training):
                calls = {"cellwright": on("gpu", way(layer("lstm", shape, ours), shape, ours))}
                calls["torch"] = way(nn.LSTM(shape.inputs, shape.hidden, device="cuda", dtype=dtype), shape, dtype)
                yield f"lstm {way.__name__} {kind} {shape}", shape.steps, calls
        calls = {"cellwright": watching(shape), "plain": inference(layer("lstm", shape), shape)}
        yield f"lstm with all signals {shape}", shape.steps, {name: on("gpu", call) for name, call in calls.items()}
    for name in cellwright.cells:
        call = training(layer(name, VARIANTS), VARIANTS)
        calls = {"cellwright": on("gpu", call), "loop": on("reference", call)}
        yield f"{name} against its loop {VARIANTS}", VARIANTS.steps, calls
    lstm, marks = layer("lstm", VARIANTS), torch.rand(VARIANTS.steps, VARIANTS.batch, device="cuda") < RESETS
    calls = {"cellwright": training(lstm, VARIANTS, reset=marks), "plain": training(lstm, VARIANTS)}
    yield f"resets {VARIANTS}", VARIANTS.steps, {name: on("gpu", call) for name, call in calls.items()}


def layer(cell: str, shape: Shape, dtype: torch.dtype = torch.bfloat16) -> cellwright.Recurrent:
    """A layer of ours on the GPU."""
    return cellwright.Recurrent(cell, shape.inputs, shape.hidden, device="cuda", dtype=dtype)


def drawn(shape: Shape, dtype: torch.dtype) -> Tensor:
    """An input."""
    torch.manual_seed(0)
    return torch.randn(shape.steps, shape.batch, shape.inputs, device="cuda", dtype=dtype)


def inference(module: nn.Module, shape: Shape, dtype: torch.dtype = torch.bfloat16, **options: Tensor) -> Call:
    """A forward pass."""
    x = drawn(shape, dtype)

    def run() -> object:
        with torch.no_grad():
            return module(x, **options)

    return run


def training(module: nn.Module, shape: Shape, dtype: torch.dtype = torch.bfloat16, **options: Tensor) -> Call:
    """A forward and a backward pass."""
    x = drawn(shape, dtype).requires_grad_()
    leaves = [x, *module.parameters()]
    return lambda: torch.autograd.grad(module(x, **options)[0].sum(), leaves)


def watching(shape: Shape) -> Call:
    """A forward pass with every signal."""
    lstm, x = layer("lstm", shape), drawn(shape, torch.bfloat16)
    return partial(lstm.trace, x)


def on(backend: str, call: Call) -> Call:
    """The call on a backend, where it is ours."""

    def run() -> object:
        with cellwright.backend(backend):
            return call()

    return run


def medians(calls: dict[str, Call]) -> dict[str, float]:
    """The median time of each call on the device, in seconds."""
    found: dict[str, list[float]] = {name: [] for name in calls}
    room = torch.empty(CACHE, dtype=torch.int8, device="cuda")
    for turn in range(WARMED + ROUNDS):
        for name, call in calls.items():
            room.zero_()
            begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
            begin.record()
            call()
            end.record()
            torch.cuda.synchronize()
            if turn >= WARMED:
                found[name].append(begin.elapsed_time(end) / 1e3)
    return {name: median(times) for name, times in found.items()}


def written(timing: Timing) -> str:
    """The times per step."""
    per_step = (f"{name} {each / timing.steps * 1e6:.2f}" for name, each in timing.seconds.items())
    return f"{', '.join(per_step)} us per step; {timing.ratio:.2f} x"


def table(results: list[Timing]) -> Table:
    """All times per step."""
    shown = Table("case", "us per step", "times as fast", box=None)
    for each in results:
        ours, *_ = each.seconds.values()
        shown.add_row(each.name, f"{ours / each.steps * 1e6:.2f}", f"{each.ratio:.2f}")
    return shown


def save(results: list[Timing]) -> str:
    """Write the file, named after the GPU and the day."""
    name = torch.cuda.get_device_name()
    path = FOLDER / "gpu" / f"{re.sub(r'[^a-z0-9]+', '-', name.lower())}-{today()}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    known: dict[str, Any] = {"date": today(), "gpu": name, "versions": versions()}
    path.write_text(json.dumps({**known, "timings": [asdict(each) for each in results]}, indent=1) + "\n")
    return path.name


if __name__ == "__main__":
    main()
