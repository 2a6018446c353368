"""The cells beside the LSTM and beside their own Python loop; watching, streaming and resets beside the plain call."""

from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

import cellwright

from .onnx_lstm import session_call
from .shapes import Shape
from .timing import Call, best_times

SHAPE = Shape(100, 32, 128, 128)
STREAM = Shape(1, 1, 64, 128)
RESETS = 0.05  # of all steps
OPTIONS: tuple[dict[str, Any], ...] = (
    {"zoneout": (0.1, 0.1)}, {"recurrent_dropout": 0.2}, {"candidate_dropout": 0.2}, {"weight_dropout": 0.2},
    {"cell_clip": 3.0}, {"learned_state": True},
)  # fmt: skip


@dataclass(frozen=True)
class Race:
    """The best times of the contenders in one comparison, in seconds; the first of them is ours."""

    name: str
    seconds: dict[str, float]

    def ratio(self, other: str) -> float:
        """The time of a contender in times of ours."""
        ours, *_ = self.seconds.values()
        return self.seconds[other] / ours


def measure_family(budget: float) -> list[Race]:
    """Each cell forward and backward: in the kernel, an `lstm` of the same sizes, and its own Python loop."""
    lstm = trained(cellwright.LSTM(SHAPE.inputs, SHAPE.hidden))
    races = []
    for name in cellwright.cells:
        module = cellwright.Recurrent(name, SHAPE.inputs, SHAPE.hidden)
        calls = {"kernel": trained(module), "lstm": lstm, "loop": on_reference(trained(module))}
        races.append(Race(name, best_times(calls, budget)))
    return races


def measure_features(budget: float) -> list[Race]:
    """What a layer offers beside the plain call."""
    return [traced(budget), with_resets(budget), streamed(budget), projected(budget), in_bfloat16(budget)]


def measure_options(budget: float) -> list[Race]:
    """Each option of a layer forward and backward, against none."""
    plain = trained(cellwright.LSTM(SHAPE.inputs, SHAPE.hidden))
    races = []
    for option in OPTIONS:
        (name, _), *_ = option.items()
        given = trained(cellwright.LSTM(SHAPE.inputs, SHAPE.hidden, **option))
        races.append(Race(name, best_times({"option": given, "plain": plain}, budget)))
    return races


def trained(module: nn.Module, **options: Tensor) -> Call:
    """A forward and a backward pass with fixed numbers."""
    torch.manual_seed(0)
    x = torch.randn(SHAPE.steps, SHAPE.batch, SHAPE.inputs, requires_grad=True)
    cotangent = torch.randn_like(module(x, **options)[0])
    leaves = [x, *module.parameters()]
    return lambda: torch.autograd.grad(module(x, **options)[0], leaves, cotangent)


def on_reference(call: Call) -> Call:
    """The call with the cell in a Python loop."""

    def run() -> object:
        with cellwright.backend("reference"):
            return call()

    return run


def traced(budget: float) -> Race:
    """All signals of a forward pass, read, against the pass alone."""
    lstm, x = cellwright.LSTM(SHAPE.inputs, SHAPE.hidden), torch.randn(SHAPE.steps, SHAPE.batch, SHAPE.inputs)
    with torch.no_grad():
        return Race("trace", best_times({"trace": lambda: dict(lstm.trace(x)), "plain": lambda: lstm(x)}, budget))


def with_resets(budget: float) -> Race:
    """Resets at random steps against none, and against a loop that masks the state before every step."""
    lstm, theirs = cellwright.LSTM(SHAPE.inputs, SHAPE.hidden), nn.LSTM(SHAPE.inputs, SHAPE.hidden)
    marks = torch.rand(SHAPE.steps, SHAPE.batch) < RESETS
    loop = Masked(theirs)
    calls = {
        "resets": trained(lstm, reset=marks),
        "plain": trained(lstm),
        "loop": trained(loop, reset=marks),
    }
    return Race("resets", best_times(calls, budget))


def projected(budget: float) -> Race:
    """Half as many outputs as units against as many, and against torch."""
    sizes = SHAPE.inputs, SHAPE.hidden
    calls = {
        "projection": trained(cellwright.LSTM(*sizes, proj_size=SHAPE.hidden // 2)),
        "plain": trained(cellwright.LSTM(*sizes)),
        "torch": trained(nn.LSTM(*sizes, proj_size=SHAPE.hidden // 2)),
    }
    return Race("projection", best_times(calls, budget))


def in_bfloat16(budget: float) -> Race:
    """Under autocast against float32, and against torch under autocast."""
    ours, theirs = (kind(SHAPE.inputs, SHAPE.hidden) for kind in (cellwright.LSTM, nn.LSTM))
    calls = {"bfloat16": autocast(ours), "plain": trained(ours), "torch": autocast(theirs)}
    return Race("bfloat16", best_times(calls, budget))


def autocast(module: nn.Module) -> Call:
    """The call under autocast."""
    with torch.autocast("cpu", dtype=torch.bfloat16):
        call = trained(module)

    def run() -> object:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            return call()

    return run


class Masked(nn.Module):
    """How a sequence with new beginnings in it is run with torch.nn.LSTM: step by step, with the state masked."""

    def __init__(self, lstm: nn.LSTM) -> None:
        super().__init__()
        self.lstm = lstm

    def forward(self, x: Tensor, reset: Tensor) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Outputs and last states for x `[T, B, I]` and marks `[T, B]`."""
        h = c = x.new_zeros(1, x.shape[1], self.lstm.hidden_size)
        keep = (~reset).to(x.dtype)[..., None]
        outputs = []
        for x_t, keep_t in zip(x, keep, strict=True):
            y, (h, c) = self.lstm(x_t[None], (h * keep_t, c * keep_t))
            outputs.append(y)
        return torch.cat(outputs), (h, c)


def streamed(budget: float) -> Race:
    """One step of a stream against one call of torch and of ONNX Runtime."""
    theirs = nn.LSTM(STREAM.inputs, STREAM.hidden).eval()
    ours = cellwright.LSTM(STREAM.inputs, STREAM.hidden).eval()
    ours.load_state_dict(theirs.state_dict())
    x = torch.randn(STREAM.steps, STREAM.batch, STREAM.inputs)
    step = partial(ours.stream(STREAM.batch).step, x[0])
    with torch.inference_mode():
        calls: dict[str, Call] = {"stream": step, "torch": lambda: theirs(x), "onnxruntime": session_call(theirs, x)}
        return Race("stream", best_times(calls, budget))
