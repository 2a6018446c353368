"""The sizes that are measured, and how much arithmetic each takes."""

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Shape:
    """T steps of B rows with I inputs, into H hidden units per layer and direction."""

    steps: int
    batch: int
    inputs: int
    hidden: int
    layers: int = 1
    directions: int = 1

    def __str__(self) -> str:
        """As it stands in the tables, and as `--only` finds it.

        >>> str(Shape(100, 32, 64, 128, layers=2))
        'T100 B32 I64 H128 2 layers'
        """
        extra = (" 2 directions" if self.directions == 2 else "") + (
            f" {self.layers} layers" if self.layers > 1 else ""
        )
        return f"T{self.steps} B{self.batch} I{self.inputs} H{self.hidden}{extra}"

    @property
    def recurrent_bytes(self) -> int:
        """R of one layer and direction, in float32: what each step must read again."""
        return 16 * self.hidden**2

    def input_sizes(self) -> Iterator[int]:
        """The input size of every layer and direction."""
        for layer in range(self.layers):
            for _ in range(self.directions):
                yield self.directions * self.hidden if layer else self.inputs

    def input_flops(self) -> int:
        """The products W x of a forward pass; a multiplication and an addition are two operations."""
        return sum(8 * self.hidden * size * self.steps * self.batch for size in self.input_sizes())

    def recurrent_flops(self) -> int:
        """The products R h of a forward pass."""
        return 8 * self.hidden**2 * self.steps * self.batch * self.layers * self.directions


SHAPES = (
    Shape(1, 1, 64, 128),
    Shape(100, 1, 32, 64),
    Shape(1000, 1, 64, 128),
    Shape(200, 1, 256, 512),
    Shape(100, 8, 650, 650),
    Shape(100, 16, 64, 100),
    Shape(100, 32, 64, 128),
    Shape(100, 32, 64, 128, layers=2),
    Shape(100, 32, 64, 128, directions=2),
    Shape(35, 20, 200, 200),
    Shape(100, 32, 256, 256),
    Shape(35, 20, 650, 650),
    Shape(128, 64, 512, 512),
    Shape(35, 64, 1024, 1024),
)
