"""One unit at one step: the equations with their numbers, and what each gate was moved by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch

from ..cells.equations import ATOM, SIGN, Equations, TextStyle
from ..errors import InputError, nearest
from .passes import Pass

ELSEWHERE = 1e-9
"""A part of z that is smaller is rounding."""


class Term(NamedTuple):
    """A part of z.

    Attributes:
        source: `input 3`, `unit 7` (with a projection `output 7`), `bias`, or `elsewhere in the cell`: peepholes,
            normalisation.
        value: what it adds to z.
    """

    source: str
    value: float


@dataclass(frozen=True)
class Card:
    """What one unit did at one step.

    Attributes:
        before: the states before the step, by name.
        signals: by name.
        inner: z of each gate, by name.
        terms: of each gate, the largest first; they sum up to z.
    """

    before: dict[str, float]
    signals: dict[str, float]
    inner: dict[str, float]
    terms: dict[str, list[Term]]


def card(made: Pass, step: int, unit: int) -> Card:
    """Take apart what one unit did at one step, in float64.

    >>> import torch, cellwright as cw
    >>> found = card(cw.inspect(cw.LSTM(3, 4), torch.randn(9, 3)).passes[0], step=5, unit=2)
    >>> list(found.signals)
    ['i', 'f', 'g', 'o', 'c', 'h']
    >>> len(found.terms["f"]), abs(sum(term.value for term in found.terms["f"]) - found.inner["f"]) < 1e-12
    (8, True)
    """
    made.check(step, unit)
    steps = np.array([step])
    anatomy = made.replay(steps)
    before = {name: made.before(name, steps)[0] for name in made.cell.state}
    inner, terms = {}, {}
    source = "unit" if made.weights.p is None else "output"
    for number, gate in enumerate(made.cell.gates):
        row = number * made.units + unit
        inputs = made.weights.w[row].double() * made.read(steps)[0]
        units = made.weights.r[row].double() * before["h"]
        bias = sum(float(each[row]) for each in (made.weights.b_w, made.weights.b_r) if each is not None)
        total = float(inputs.sum() + units.sum()) + bias
        z = float(anatomy.inner[gate][1][0, unit]) if gate in anatomy.inner else total
        parts = [
            *(Term(f"input {n}", value) for n, value in enumerate(inputs.tolist())),
            *(Term(f"{source} {n}", value) for n, value in enumerate(units.tolist())),
            *([] if made.weights.b_w is None else [Term("bias", bias)]),
            *([] if abs(z - total) < ELSEWHERE else [Term("elsewhere in the cell", z - total)]),
        ]
        inner[gate], terms[gate] = z, sorted(parts, key=lambda term: -abs(term.value))
    return Card(
        {name: float(value[unit]) for name, value in before.items() if made.weights.p is None or name != "h"},
        {name: float(value[0, unit]) for name, value in anatomy.signals.items()},
        inner,
        terms,
    )


class Numbers(TextStyle):
    """Spells equations with numbers in place of names."""

    def __init__(self, leaves: Mapping[str, float], signals: Mapping[str, float]) -> None:
        super().__init__(bias=True)
        self.leaves, self.signals = leaves, signals

    def leaf(self, kind: str, name: str) -> tuple[str, int]:
        """The number of a contribution, a state before or a vector."""
        value = self.leaves[f"{kind} {name}"]
        return f"{value:.3f}", ATOM if value >= 0 else SIGN

    def subscript(self, name: str, index: str) -> str:
        """The number of a signal."""
        return f"{self.signals[name]:.3f}"


@dataclass(frozen=True)
class Calculation:
    """What one unit calculates at one step.

    Attributes:
        leaves: what it starts from, by kind and name: `input f`, `recurrent f`, `previous c`, `vector p_i`.
        signals: what comes out, by name.
        lines: of each signal its equation with numbers in place of names, and its result.
    """

    leaves: Mapping[str, float]
    signals: Mapping[str, float]
    lines: Mapping[str, str]


def calculation(made: Pass, step: int, unit: int, changed: Mapping[str, float] | None = None) -> Calculation:
    """What one unit calculates at one step, as it was, or with some of the leaves changed.

    >>> import torch, cellwright as cw
    >>> lstm = cw.LSTM(3, 4)
    >>> for each in lstm.parameters():
    ...     _ = torch.nn.init.zeros_(each)
    >>> made = cw.inspect(lstm, torch.randn(9, 3), (torch.zeros(1, 4), torch.ones(1, 4))).passes[0]
    >>> for line in calculation(made, step=0, unit=2, changed={"input i": 2.0, "input g": 1.0}).lines.values():
    ...     print(line)
    i = sigmoid(2.000 + 0.000) = 0.881
    f = sigmoid(0.000 + 0.000) = 0.500
    g = tanh(1.000 + 0.000) = 0.762
    o = sigmoid(0.000 + 0.000) = 0.500
    c = 0.500 * 1.000 + 0.881 * 0.762 = 1.171
    h = 0.500 * tanh(1.171) = 0.412
    """
    made.check(step, unit)
    steps, cell = np.array([step]), made.cell
    states = {name: made.before(name, steps) for name in cell.state}
    groups = {
        "input": dict(zip(cell.gates, made.contributions(steps), strict=True)),
        "recurrent": dict(zip(cell.gates, made.recurrent(states["h"]), strict=True)),
        "previous": states,
        "vector": dict(
            zip((*cell.vectors, *cell.noise), [each.double().clone()[None] for each in made.given], strict=True)
        ),
    }
    places = {f"{kind} {name}": value for kind, group in groups.items() for name, value in group.items()}
    for name, value in (changed or {}).items():
        if name not in places:
            raise InputError(f"there is no {name!r} in {cell.name}; {nearest(name, places)}")
        places[name][0, unit] = value
    leaves = {name: float(value[0, unit]) for name, value in places.items() if unit < value.shape[1]}
    with torch.no_grad():
        values = cell(*(group.values() for group in groups.values()))
    signals = {name: float(value[0, unit]) for name, value in values.items()}
    equations = Equations(cell.function, cell.gates, cell.state, (*cell.vectors, *cell.noise), cell.bias)
    style = Numbers(leaves, signals)
    lines = {name: f"{name} = {equations.line(name, style)} = {value:.3f}" for name, value in signals.items()}
    return Calculation(leaves, signals, lines)
