"""Whether units work: how often their gates are saturated, and what is wrong with some."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .memory import blocks
from .passes import BLOCK, Array, Pass

LOW, HIGH = 0.1, 0.9
"""A gate below is closed, one above is open: Karpathy, Johnson & Fei-Fei (2015)."""
NOTHING = 1e-2
"""A value that stays below has no effect."""
LOSS = 1e-3
"""A memory that loses less in a step, in the mean, is never lost."""
ALIKE = 0.999
SHOWN = 2048
"""Steps by which units are compared, spread over all."""


MEANING = {
    "never writes": "Nothing enters their memory, for the input gate stays closed. A larger bias of it may help, or "
    "fewer units.",
    "never forgets": "What they have taken in stays for good. Where sequences are long, the state grows.",
    "mute": "Whatever they remember, nobody sees it, for the output gate stays closed. They can be taken away.",
    "frozen": "They hold the same at every step, which is what a bias does.",
    "duplicate": "They say the same at every step, or the opposite. Fewer units would do.",
}


@dataclass(frozen=True)
class Finding:
    """Something that is wrong with units.

    Attributes:
        kind: one of those of `MEANING`.
        units: which.
        text: what it means, and what may help.
    """

    kind: str
    units: tuple[int, ...]
    text: str


def gates_of(made: Pass) -> list[str]:
    """The signals that have two ends: a sigmoid, tanh or exp of something, and what stays between 0 and 1."""

    def has_ends(name: str) -> bool:
        if name in made.values:
            return bool(made.values[name].min() >= 0 and made.values[name].max() <= 1)
        return made.functions.get(name) in ("sigmoid", "tanh", "exp")

    return list(filter(has_ends, made.cell.signals))


def saturation(made: Pass, signal: str) -> tuple[Array, Array]:
    """The shares of the steps at which a signal is near its lower and its upper end, `[H]` each.

    For a gate between 0 and 1 that is below 0.1 and above 0.9, for a signal between -1 and 1 beyond -0.9 and 0.9.

    >>> import torch, cellwright as cw
    >>> closed, opened = saturation(cw.inspect(cw.LSTM(3, 4, forget_bias=9.0), torch.randn(50, 3)).passes[0], "f")
    >>> closed, opened
    (array([0., 0., 0., 0.]), array([1., 1., 1., 1.]))
    """
    low = -HIGH if made.functions.get(signal) == "tanh" else LOW
    below, above = np.zeros(made.units), np.zeros(made.units)
    for start in range(0, made.steps, BLOCK):
        values = made.signal(signal, slice(start, start + BLOCK))
        below += (values < low).sum(0)
        above += (values > HIGH).sum(0)
    return below / made.steps, above / made.steps


def findings(made: Pass) -> list[Finding]:
    """What is wrong with the units of a pass, on these data.

    >>> import torch, cellwright as cw
    >>> lstm = cw.LSTM(3, 4)
    >>> with torch.no_grad():
    ...     lstm.bias_ih_l0[3 * 4 + 2] = -99.0  # the output gate of unit 2
    >>> [(each.kind, each.units) for each in findings(cw.inspect(lstm, torch.randn(50, 3)).passes[0])]
    [('mute', (2,))]
    """
    memory, seen = made.memory, np.unique(np.linspace(0, made.steps - 1, SHOWN).astype(int))
    written, shown, logs = np.zeros(made.units), np.zeros(made.units), np.zeros(made.units)
    later = max(1, int((made.depth > 0).sum()))
    for steps, anatomy in blocks(made):
        writes = anatomy.signals[memory] - anatomy.kept[memory] * made.before(memory, steps)
        written = np.maximum(written, writes.abs().amax(0).numpy())
        shown = np.maximum(shown, anatomy.signals["h"].abs().amax(0).numpy())
        logs += anatomy.log_kept(memory)[made.depth[steps] > 0].sum(0).numpy()
    states = np.asarray(made.states[memory][seen], np.float64)
    still = (states.std(0) < NOTHING * np.abs(states).mean(0)) & (len(seen) > 1)
    silent, mute = written < NOTHING, shown < NOTHING
    forgetful = bool((logs < 0).any())
    groups = {
        "never writes": which(silent),
        "never forgets": which((logs / later > -LOSS) & forgetful),
        "mute": which(mute),
        "frozen": which(still & ~silent & ~mute),
    }
    found = [Finding(kind, units, MEANING[kind]) for kind, units in groups.items() if units]
    return found + [Finding("duplicate", group, MEANING["duplicate"]) for group in duplicates(made, seen)]


def which(units: Array) -> tuple[int, ...]:
    """The numbers of those that are marked."""
    return tuple(np.flatnonzero(units).tolist())


def duplicates(made: Pass, steps: Array) -> list[tuple[int, ...]]:
    """Groups of units whose h, or memory under a projection, goes together, or against one another, at some steps."""
    h = np.asarray(made.states["h" if made.weights.p is None else made.memory][steps], np.float64)
    h = h - h.mean(0)
    norm = np.sqrt((h * h).sum(0))
    moving = norm > NOTHING
    if len(steps) <= 2 or not moving.any():
        return []
    h = h[:, moving] / norm[moving]
    alike, numbers = np.abs(h.T @ h) > ALIKE, np.flatnonzero(moving)
    groups, taken = [], set()
    for n in range(len(numbers)):
        group = [m for m in np.flatnonzero(alike[n]).tolist() if m not in taken]
        if n not in taken and len(group) > 1:
            taken.update(group)
            groups.append(tuple(int(numbers[m]) for m in group))
    return groups
