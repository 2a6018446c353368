"""How input and output are laid out, and how the kernels take them: time first, then the batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from torch import Tensor


class Layout(NamedTuple):
    """The layout of one call.

    Attributes:
        batch_first: whether the batch comes before time.
        single: whether there is one sequence, without a batch.
    """

    batch_first: bool
    single: bool

    def __str__(self) -> str:
        return "[T]" if self.single else ("[B, T]" if self.batch_first else "[T, B]")

    def time_first(self, values: Tensor) -> Tensor:
        """Values in the layout as `[T, B, ...]`."""
        if self.single:
            return values[:, None]
        return values.transpose(0, 1) if self.batch_first else values

    def laid_out(self, values: Tensor) -> Tensor:
        """`[T, B, ...]` in the layout."""
        if self.single:
            return values[:, 0]
        return values.transpose(0, 1) if self.batch_first else values

    def states(self, states: Sequence[Tensor]) -> list[Tensor]:
        """States `[layers * D, B, H]`, without B for one sequence."""
        return [each[:, 0] for each in states] if self.single else list(states)
