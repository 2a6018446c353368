"""A pass: one layer in one direction, over all steps of all sequences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ..cells import Cell
from ..errors import InputError, nearest
from ..kernels.layer import Weights, weights_of
from ..layers.regularisation import Regularisation
from .anatomy import FUNCTIONS, Anatomy, dissect

Array = np.ndarray
"""In memory, or mapped from a file."""
BLOCK = 4096
"""Steps that are worked on at once."""


@dataclass(frozen=True, eq=False)
class Pass:
    """What happened in one layer and one direction.

    The sequences stand one behind the other: N steps in all, in the order of time for both directions.

    Attributes:
        name: `l0`, `l1 reverse` and so on, behind the name of the module, if it has one.
        regularisation: the cell, and what stands around it in evaluation.
        weights: as they were.
        reverse: whether it ran from the end of each sequence to its beginning.
        starts: of the sequences, and N behind them: int64 `[S + 1]`.
        inputs: what was read, `[N, I]`; several stand side by side.
        states: by name, `[N, H]`, float32 or as the weights float64; of `h` with a projection `[N, P]`.
        first: the states before each sequence, `[S, H]`.
        inner: z of each signal that is a function of something, float16 `[N, H]`.
        functions: the names of those functions.
        values: the other signals that are no states, float32 `[N, H]`.
    """

    name: str
    regularisation: Regularisation
    weights: Weights
    reverse: bool
    starts: Array
    inputs: Sequence[Array]
    states: Mapping[str, Array]
    first: Mapping[str, Array]
    inner: Mapping[str, Array]
    functions: Mapping[str, str]
    values: Mapping[str, Array]

    @property
    def cell(self) -> Cell:
        """The equations."""
        return self.regularisation.around(training=False)

    @property
    def given(self) -> tuple[Tensor, ...]:
        """What the cell gets beside contributions and states: vectors, then noise, `[H]` each."""
        noise = self.regularisation.noise((1, 1, 1), None, self.weights.r)
        return (*self.weights.vectors, *([] if noise is None else noise[0, 0, 0]))

    @property
    def steps(self) -> int:
        """N."""
        return int(self.starts[-1])

    @property
    def units(self) -> int:
        """H."""
        return self.weights.r.shape[0] // len(self.cell.gates)

    @property
    def precision(self) -> torch.dtype:
        """In which the equations are checked: that of the weights, float32 at least."""
        return torch.promote_types(self.weights.w.dtype, torch.float32)

    @property
    def memory(self) -> str:
        """The state that remembers: c, or h where there is none."""
        return "c" if "c" in self.cell.state else "h"

    def signal(self, name: str, steps: slice = slice(None), units: slice = slice(None)) -> Array:
        """A signal as float32 `[steps, units]`.

        Raises:
            InputError: there is no such signal.
        """
        if name in self.inner:
            z = torch.from_numpy(np.ascontiguousarray(self.inner[name][steps, units])).float()
            return FUNCTIONS[self.functions[name]](z).numpy()
        for kind in (self.states, self.values):
            if name in kind:
                return np.asarray(kind[name][steps, units], np.float32)
        raise InputError(f"{self.name} has no signal {name!r}; {nearest(name, self.cell.signals)}")

    @cached_property
    def depth(self) -> Array:
        """How many steps of its sequence come before each step, in the direction of the pass: `[N]`."""
        lengths = np.diff(self.starts)
        steps = np.arange(self.steps)
        found: Array = steps - np.repeat(self.starts[:-1], lengths)
        return np.repeat(lengths, lengths) - 1 - found if self.reverse else found

    def check(self, step: int, unit: int) -> None:
        """There are such a step and such a unit.

        Raises:
            InputError: there are not.
        """
        if not (0 <= step < self.steps and 0 <= unit < self.units):
            raise InputError(
                f"{self.name} has the steps 0 to {self.steps - 1:,} and the units 0 to {self.units - 1:,}, but not the "
                f"step {step:,} of the unit {unit:,}"
            )

    def read(self, steps: Array, dtype: torch.dtype = torch.float64) -> Tensor:
        """What was read in some steps, `[steps, I]`."""
        parts = [torch.from_numpy(np.asarray(each[steps])) for each in self.inputs]
        return (parts[0] if len(parts) == 1 else torch.cat(parts, -1)).to(dtype)

    def before(self, name: str, steps: Array, dtype: torch.dtype = torch.float64) -> Tensor:
        """A state before each of some steps, `[steps, H]`."""
        last: Array = np.clip(steps + (1 if self.reverse else -1), 0, self.steps - 1)
        found = np.asarray(self.states[name][last])
        new = np.flatnonzero(self.depth[steps] == 0)
        found[new] = self.first[name][np.searchsorted(self.starts, steps[new], side="right") - 1]
        return torch.from_numpy(found).to(dtype)

    def contributions(self, steps: Array, dtype: torch.dtype = torch.float64) -> tuple[Tensor, ...]:
        """What the inputs of some steps give to each gate, biases included: `[steps, H]` each."""
        b_w = None if self.weights.b_w is None else self.weights.b_w.to(dtype)
        return F.linear(self.read(steps, dtype), self.weights.w.to(dtype), b_w).chunk(len(self.cell.gates), -1)

    def recurrent(self, h: Tensor) -> tuple[Tensor, ...]:
        """What the hidden state gives to each gate, biases included."""
        b_r = None if self.weights.b_r is None else self.weights.b_r.to(h.dtype)
        return F.linear(h, self.weights.r.to(h.dtype), b_r).chunk(len(self.cell.gates), -1)

    def replay(self, steps: Array, dtype: torch.dtype = torch.float64) -> Anatomy:
        """Some steps once more, all at once: each from what was read and the states before it.

        Their signals and all that `Anatomy` holds are `[steps, H]`.
        """
        states = {name: self.before(name, steps, dtype) for name in self.cell.state}
        given = [each.to(dtype) for each in self.given]
        x, r = self.contributions(steps, dtype), self.recurrent(states["h"])
        return dissect(self.cell, x, r, [*states.values()], given)

    def projected(self, h: Tensor) -> Tensor:
        """H as it leaves the layer: projected, if there is a projection."""
        return h if self.weights.p is None else F.linear(h, self.weights.p.to(h.dtype))


def doubled(weights: Weights) -> Weights:
    """Weights in float64."""
    return weights_of([each.double() for each in weights.tensors()], weights.b_w is not None, weights.p is not None)
