"""`python -m benchmarks.gpu`: the GPU kernel beside cuDNN and beside Python loops, by the events of the device.

Each case is timed many times, the contenders in turn, and the median counts. What is known is kept in `results/gpu`
after every case; a later run of the same day, of other cases or the same, adds to it.
"""

import argparse
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from statistics import median

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
ENOUGH = 0.4  # seconds of measuring, after which four rounds will do
CACHE = 1 << 28  # bytes that are written between two calls, so that none finds the cache as it has left it
SHAPES = (
    Shape(1024, 1, 128, 128), Shape(1024, 16, 64, 64), Shape(1024, 16, 128, 128), Shape(4096, 16, 128, 128),
    Shape(1024, 64, 128, 128), Shape(256, 256, 128, 128), Shape(256, 16, 256, 256), Shape(256, 64, 256, 256),
    Shape(256, 16, 512, 512), Shape(256, 64, 512, 512), Shape(64, 64, 1024, 1024), Shape(64, 256, 1024, 1024),
)  # fmt: skip
VARIANTS = Shape(256, 16, 128, 128)
COMPILED = ("lstm", "peephole", "layer_norm")  # cells whose loop is timed with a compiled body too
RESETS = 0.05  # of all steps


KERNEL, PLAN = "in the kernel", "by the plan"


@dataclass(frozen=True)
class Kind:
    """Numbers as they are stored, and as they are multiplied; cuDNN may have half precision of another kind."""

    name: str
    dtype: torch.dtype
    theirs: torch.dtype
    ways: tuple[str, ...] = (KERNEL, PLAN)

    @property
    def precision(self) -> str:
        """Of the recurrent products of ours."""
        return "bf16" if self.dtype == torch.bfloat16 else self.name

    @property
    def rate(self) -> str:
        """The products of the device that have as many digits."""
        return "ieee" if self.precision == "tf32x3" else self.precision


KINDS = (
    Kind("ieee", torch.float32, torch.float32, (PLAN,)),
    Kind("tf32x3", torch.float32, torch.float32, (KERNEL,)),
    Kind("tf32", torch.float32, torch.float32),
    Kind("bf16", torch.bfloat16, torch.bfloat16),
    Kind("fp16", torch.bfloat16, torch.float16, (KERNEL,)),
)
HALF = KINDS[3]


@dataclass(frozen=True)
class Case:
    """What is timed: contenders, made when their turn comes, the first of them ours; and what a limit needs to know."""

    name: str
    shape: Shape
    calls: Callable[[], dict[str, Call]]
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
    parser.add_argument("--once", action="store_true", help="run every case once and keep nothing: what is compiled is")
    options = parser.parse_args()
    wanted = re.compile(options.only)
    if not torch.cuda.is_available():
        raise SystemExit("this benchmark needs a CUDA device, and PyTorch finds none")
    console, limits = Console(highlight=False, soft_wrap=True), measure_limits()
    console.print(f"{torch.cuda.get_device_name()}: {limits}")
    results, path = known()
    for case in filter(lambda case: wanted.search(case.name), cases()):
        try:
            timing = timed(case, limits, options.once)
        except Exception as error:  # the others are still worth their time
            console.print(f"{case.name} failed: {error}")
            continue
        if options.once:
            continue
        results[case.name] = timing
        save(path, results, limits)
        console.print(f"{case.name}: {timing.microseconds()} us per step; {timing.limits}")
    if options.once:
        return
    console.print(table([*results.values()]))
    console.print(f"kept in {path.name}")


def cases() -> Iterator[Case]:
    """Everything that is measured; what a goal is set for comes first."""
    goal = Shape(1024, 16, 128, 128)
    for shape in (goal, *(each for each in SHAPES if each != goal)):
        for training in (False, True):
            name = f"lstm with all signals{', training' * training} {shape}"
            calls = partial(watched_and_not, shape, training)
            yield Case(name, shape, calls, training=training, watched=True, limited=True)
    yield from map(variant, cellwright.cells)
    yield resets()
    yield from map(compiled, COMPILED)
    for shape in SHAPES:
        for kind in KINDS:
            for training in (False, True):
                yield from plain(shape, kind, training)


def plain(shape: Shape, kind: Kind, training: bool) -> Iterator[Case]:
    """The plain cell in the kernel and through the plan, each against cuDNN."""
    for way in kind.ways:
        name = f"lstm {way}{', training' * training} {kind.name} {shape}"
        calls = partial(beside_cudnn, shape, kind, training, way == PLAN)
        yield Case(name, shape, calls, kind, training, limited=True)


def beside_cudnn(shape: Shape, kind: Kind, training: bool, planned: bool) -> dict[str, Call]:
    """Ours and PyTorch's layer."""
    ours = run(layer("lstm", shape, kind), shape, training, kind.dtype)
    theirs = nn.LSTM(shape.inputs, shape.hidden, device="cuda", dtype=kind.theirs)
    return {"cellwright": ours if planned else on("gpu", ours), "cuDNN": run(theirs, shape, training, kind.theirs)}


def variant(name: str) -> Case:
    """A cell against its loop in Python."""

    def calls() -> dict[str, Call]:
        ours = run(layer(name, VARIANTS), VARIANTS, training=True)
        return {"cellwright": on("gpu", ours), "loop": on("reference", ours)}

    return Case(f"{name} against its loop {VARIANTS}", VARIANTS, calls)


def compiled(name: str) -> Case:
    """The same where the body of the loop is compiled."""

    def calls() -> dict[str, Call]:
        cell = cellwright.cells[name]
        body = replace(cell, name=f"compiled {name}", function=torch.compile(cell.function))
        ours, loop = layer(name, VARIANTS), layer(body, VARIANTS)
        return {
            "cellwright": on("gpu", run(ours, VARIANTS, training=True)),
            "compiled loop": on("reference", run(loop, VARIANTS, training=True)),
        }

    return Case(f"{name} against its compiled loop {VARIANTS}", VARIANTS, calls)


def resets() -> Case:
    """Resets at random steps, against none."""

    def calls() -> dict[str, Call]:
        lstm, marks = layer("lstm", VARIANTS), torch.rand(VARIANTS.steps, VARIANTS.batch, device="cuda") < RESETS
        ways = {"cellwright": run(lstm, VARIANTS, training=True, reset=marks), "without": run(lstm, VARIANTS, True)}
        return {name: on("gpu", call) for name, call in ways.items()}

    return Case(f"resets {VARIANTS}", VARIANTS, calls)


def watched_and_not(shape: Shape, training: bool) -> dict[str, Call]:
    """A call with every signal, and one without."""
    ways = {"cellwright": watching(shape, training), "without": run(layer("lstm", shape), shape, training)}
    return {name: on("gpu", call) for name, call in ways.items()}


def layer(cell: str | cellwright.Cell, shape: Shape, kind: Kind = HALF) -> cellwright.Recurrent:
    """A layer of ours on the GPU."""
    sizes = (shape.inputs, shape.hidden)
    return cellwright.Recurrent(cell, *sizes, device="cuda", dtype=kind.dtype, precision=kind.precision)


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


def timed(case: Case, limits: Limits, once: bool) -> Timing:
    """The median time of each contender, and how near ours comes to what the device can do."""
    tf32 = case.kind.name == "tf32"
    torch.backends.cuda.matmul.allow_tf32 = tf32
    with torch.backends.cudnn.flags(enabled=True, allow_tf32=tf32):
        calls = case.calls()
        found: dict[str, list[float]] = {name: [] for name in calls}
        room = torch.empty(CACHE, dtype=torch.int8, device="cuda")
        for turn in range(0 if once else -WARMED, 1 if once else ROUNDS):
            for name, call in calls.items():
                room.zero_()
                seconds = seconds_of(call)
                if turn >= 0:
                    found[name].append(seconds)
            if turn >= 3 and sum(map(sum, found.values())) > ENOUGH:
                break
    medians = {name: median(times) for name, times in found.items()}
    shares = ""
    if case.limited:
        size = case.kind.dtype.itemsize
        shares = limits.shares(case.shape, case.kind.rate, size, case.training, case.watched, medians["cellwright"])
    return Timing(case.name, case.shape.steps, medians, shares)


def table(results: Sequence[Timing]) -> Table:
    """All times per step."""
    shown = Table("case", "us per step", "times as fast", "of its time", box=None)
    for each in results:
        shown.add_row(each.name, each.microseconds(), f"{each.ratio:.2f}", each.limits)
    return shown


def known() -> tuple[dict[str, Timing], Path]:
    """What this GPU has measured today, by the names of the cases, and the file, named after both."""
    path = file_for(torch.cuda.get_device_name(), today(), FOLDER / "gpu")
    timings = json.loads(path.read_text())["timings"] if path.exists() else []
    return {each["name"]: Timing(**each) for each in timings}, path


def save(path: Path, results: Mapping[str, Timing], limits: Limits) -> None:
    """Write the file."""
    about = {"date": today(), "gpu": torch.cuda.get_device_name(), "versions": versions("torch", "triton", "numpy")}
    timings = [asdict(each) for each in results.values()]
    path.write_text(json.dumps({**about, "limits": asdict(limits), "timings": timings}, indent=1) + "\n")


if __name__ == "__main__":
    main()
