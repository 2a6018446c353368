"""The sizes of one call of a kernel."""

from __future__ import annotations

from typing import NamedTuple

from .printer import Layout


class Sizes(NamedTuple):
    """The sizes of one call."""

    steps: int
    rows: int
    inputs: int
    units: int
    directions: int
    outputs: int

    def blocks(self, layout: Layout) -> int:
        return -(-self.units // layout.block)

    def padded(self, layout: Layout) -> int:
        return self.blocks(layout) * layout.block
