"""The ledger: who wrote what is now in a memory, how much of it is left, and where it was read."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from .passes import BLOCK, Array, Pass

MOST = 100_000
"""Steps that a ledger goes back; what was before is one entry."""


@dataclass(frozen=True)
class Ledger:
    """What a memory holds, by the step that wrote it; float64 `[n]` each, from the first step to the last.

    c_t = c_0 f_1 ... f_t + sum over j of w_j f_(j+1) ... f_t is exact, where f is what a step keeps of the memory (the
    forget gate) and w what it writes (input gate times candidate).

    Attributes:
        steps: which wrote.
        written: w_j.
        left: the share of it that is left, f_(j+1) ... f_t.
        read: how much h would change with the memory at each step, dh_j / dc_j.
        carried: what is left of the memory before the first of the steps.
    """

    steps: Array
    written: Array
    left: Array
    read: Array
    carried: float

    @property
    def entries(self) -> Array:
        """What of each write is in the memory now."""
        found: Array = self.written * self.left
        return found

    @property
    def total(self) -> float:
        """The memory: all entries, and what was carried."""
        return float(self.entries.sum() + self.carried)


def ledger(made: Pass, step: int, unit: int) -> Ledger:
    """The ledger of the memory of one unit after one step.

    >>> import torch, cellwright as cw
    >>> lstm = cw.inspect(cw.LSTM(3, 4), torch.randn(50, 3)).passes[0]
    >>> found = ledger(lstm, step=30, unit=2)
    >>> len(found.entries), bool(abs(found.total - lstm.signal("c")[30, 2]) < 1e-5)
    (31, True)
    """
    made.check(step, unit)
    depth = min(int(made.depth[step]), MOST - 1)
    # In the direction of the pass, from the first step of the sequence on.
    steps = np.arange(step + depth, step - 1, -1) if made.reverse else np.arange(step - depth, step + 1)
    parts = [columns(made, steps[first : first + BLOCK], unit) for first in range(0, len(steps), BLOCK)]
    kept, written, read = (np.concatenate(each) for each in zip(*parts, strict=True))
    left = np.append(np.cumprod(kept[:0:-1])[::-1], 1.0)
    before = float(made.before(made.memory, steps[:1])[0, unit])
    return Ledger(steps, written, left, read, before * float(kept[0] * left[0]))


def columns(made: Pass, steps: Array, unit: int) -> tuple[Array, Array, Array]:
    """What one unit keeps and writes at some steps, and how much it is read there."""
    anatomy, memory = made.replay(steps), made.memory
    kept = anatomy.kept[memory][:, unit]
    written = anatomy.signals[memory][:, unit] - kept * made.before(memory, steps)[:, unit]
    return kept.numpy(), written.numpy(), reads(made, steps, unit)


def reads(made: Pass, steps: Array, unit: int) -> Array:
    """How much h of a unit would change with its memory, within each of some steps."""
    states = {name: made.before(name, steps).requires_grad_() for name in made.cell.state}
    with torch.enable_grad():
        given = [each.double() for each in made.given]
        inside = made.cell(made.contributions(steps), made.recurrent(states["h"]), [*states.values()], given)
        (found,) = torch.autograd.grad(inside["h"][:, unit].sum(), inside[made.memory], allow_unused=True)
    return np.zeros(len(steps)) if found is None else found[:, unit].numpy()
