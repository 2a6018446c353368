"""The layers of an inspection once more, over a part of a sequence: as they were, or changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
import torch
from torch import Tensor

from ..errors import InputError
from ..kernels import plan
from ..kernels.layer import Layer
from .inspection import Inspection
from .passes import Pass, doubled


@dataclass(frozen=True)
class Part:
    """Some steps of one sequence.

    The layers below and above each other run once more from what was read; where the part begins, and for the other
    direction where it ends, they begin with the states that they had.

    Attributes:
        inspection: of which.
        start: the first step.
        end: the step behind the last.
    """

    inspection: Inspection
    start: int
    end: int

    @staticmethod
    def around(inspection: Inspection, first: int, last: int, most: int) -> Part:
        """The sequence of some steps; of a sequence that is longer than `most` a part that has them in the middle.

        Raises:
            InputError: the steps are not in one sequence, or too many.
        """
        starts = inspection.starts
        if not 0 <= first <= last < starts[-1]:
            raise InputError(f"the steps must be from 0 to {starts[-1] - 1:,}, but are {first:,} to {last:,}")
        sequence = int(np.searchsorted(starts, first, side="right")) - 1
        low, high = int(starts[sequence]), int(starts[sequence + 1])
        if last >= high or last - first >= most:
            raise InputError(
                f"the steps must be in one sequence, and at most {most:,}, but are {first:,} to {last:,}, and the "
                f"sequence of the first has the steps {low:,} to {high - 1:,}"
            )
        before = (most - (last - first + 1)) // 2
        start = max(low, min(first - before, high - most))
        return Part(inspection, start, min(start + most, high))

    @property
    def layers(self) -> list[list[Pass]]:
        """The passes of each layer, from the first one up to the last, of the module that was called last."""
        groups = [[*group] for _, group in groupby(self.inspection.passes, key=lambda made: id(made.inputs[0]))]
        found = [groups.pop()]
        while groups and any(made.states["h"] is found[0][0].inputs[0] for made in groups[-1]):
            found.insert(0, groups.pop())
        return found

    def read(self) -> Tensor:
        """What the first layer read, float64 `[T, I]`."""
        return self.layers[0][0].read(np.arange(self.start, self.end))

    def first(self, made: Pass) -> list[Tensor]:
        """The states of a pass before the part, in the order of `Cell.states`, `[H]` each."""
        edge = np.array([self.end - 1 if made.reverse else self.start])
        return [made.before(name, edge)[0] for name in made.cell.states]

    def run(self, x: Tensor) -> Tensor:
        """The outputs of the last layer `[T, B, D * H]` for other inputs of the first `[T, B, I]`; differentiable."""
        for passes in self.layers:
            x, _ = plan.run(self.layer(passes, x))
        return x

    def layer(self, passes: Sequence[Pass], x: Tensor) -> Layer:
        """A layer as the kernels take it."""
        rows = x.shape[1]
        states = [
            torch.stack([each.expand(rows, -1) for each in group])
            for group in zip(*map(self.first, passes), strict=True)
        ]
        one = passes[0]
        noise = one.regularisation.noise((1, 1, len(passes)), None, doubled(one.weights).r)
        return Layer(one.cell, x, states, [doubled(each.weights) for each in passes], noise=noise)
