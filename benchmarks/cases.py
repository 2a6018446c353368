"""What is timed: every case is a way of calling an LSTM, a shape, and a mode."""

from dataclasses import dataclass
from typing import Literal

from .shapes import SHAPES, Shape

Way = Literal["plain", "float64", "PackedSequence", "lengths=", "steps"]
Mode = Literal["inference", "forward+backward"]

MODES: tuple[Mode, ...] = ("inference", "forward+backward")
OTHER_WAYS: tuple[Way, ...] = ("float64", "PackedSequence", "lengths=")
OTHER_SHAPES = (Shape(35, 20, 200, 200), Shape(100, 32, 64, 128), Shape(100, 32, 256, 256))
GROWING = tuple(Shape(steps, 1, 64, 128) for steps in (100, 1_000, 10_000, 100_000))


@dataclass(frozen=True)
class Case:
    """One line of a table."""

    way: Way
    mode: Mode
    shape: Shape

    def __str__(self) -> str:
        return f"{self.way} {self.mode} {self.shape}"

    def flops(self) -> int:
        """The arithmetic of all matrix products; a backward pass has two for each of the forward pass."""
        forward = self.shape.input_flops() + self.shape.recurrent_flops()
        return forward if self.mode == "inference" else 3 * forward


@dataclass(frozen=True)
class Comparison:
    """The best time of each contender in one case, in seconds."""

    case: Case
    seconds: dict[str, float]

    @property
    def ours(self) -> float:
        """Cellwright's time."""
        return self.seconds["cellwright"]

    @property
    def best_peer(self) -> float:
        """The time of the fastest other contender."""
        return min(time for name, time in self.seconds.items() if name != "cellwright")

    @property
    def ratio(self) -> float:
        """How many times as fast as the best peer."""
        return self.best_peer / self.ours


def all_cases() -> list[Case]:
    """Every case, in the order of the report."""
    sizes: list[tuple[Way, Shape]] = [("plain", shape) for shape in SHAPES]
    sizes += [(way, shape) for way in OTHER_WAYS for shape in OTHER_SHAPES]
    sizes += [("steps", shape) for shape in GROWING]
    return [Case(way, mode, shape) for way, shape in sizes for mode in MODES]
