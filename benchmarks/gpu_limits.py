"""What a GPU can do at best, and the least time it needs for an LSTM: bound by arithmetic, or by its memory."""

from dataclasses import dataclass
from statistics import median

import torch
from torch import Tensor

from .shapes import Shape
from .timing import Call

SIZE = 8192  # of the product that is timed
BYTES = 1 << 30  # that are copied
TIMES = 10
SIGNALS = 6  # of an LSTM, in float32: i, f, g, o, c, h


@dataclass(frozen=True)
class Limits:
    """Of the whole device: the products of each kind of number, and its memory."""

    gflops: dict[str, float]
    gb_per_second: float

    def shares(self, shape: Shape, kind: str, size: int, training: bool, watched: bool, seconds: float) -> str:
        """How much of a time the arithmetic and the memory would need by themselves, in words.

        Args:
            shape: of one layer in one direction.
            kind: of the numbers that are multiplied, one of `gflops`.
            size: bytes of a number of the input and the output.
            training: whether backward runs too: twice the products, x and y again, and the gradients of both.
            watched: whether every signal is put out.
            seconds: the time.
        """
        operations = (3 if training else 1) * (shape.input_flops() + shape.recurrent_flops())
        moved = (3 if training else 1) * size * shape.steps * shape.batch * (shape.inputs + shape.hidden)
        moved += watched * SIGNALS * 4 * shape.steps * shape.batch * shape.hidden
        arithmetic = operations / self.gflops[kind] / 1e9 / seconds
        return f"{arithmetic:.1%} arithmetic, {moved / self.gb_per_second / 1e9 / seconds:.1%} memory"


def measure_limits() -> Limits:
    """Some products and copies."""
    numbers = torch.randn(SIZE, SIZE, device="cuda")
    rates = {}
    for kind, allowed in (("ieee", False), ("tf32", True)):
        torch.backends.cuda.matmul.allow_tf32 = allowed
        rates[kind] = product_rate(numbers)
    torch.backends.cuda.matmul.allow_tf32 = False
    rates["bf16"], rates["fp16"] = product_rate(numbers.bfloat16()), product_rate(numbers.half())
    source = torch.empty(BYTES, dtype=torch.int8, device="cuda")
    target = torch.empty_like(source)
    return Limits(rates, 2 * BYTES / time_of(lambda: target.copy_(source)) / 1e9)


def product_rate(numbers: Tensor) -> float:
    """GFLOP/s of a square product."""
    return 2 * SIZE**3 / time_of(lambda: numbers @ numbers) / 1e9


def time_of(call: Call) -> float:
    """The median time of a call on the device, in seconds, after a first one."""
    call()
    return median(seconds_of(call) for _ in range(TIMES))


def seconds_of(call: Call) -> float:
    """One call by the events of the device."""
    begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    begin.record()
    call()
    end.record()
    torch.cuda.synchronize()
    return begin.elapsed_time(end) / 1e3
