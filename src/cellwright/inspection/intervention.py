"""Interventions: force a gate, wipe a memory, mute a unit, and see what changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from ..errors import InputError, nearest
from .again import Part
from .inspection import Inspection
from .passes import Array, Pass

MOST = 2000
"""Steps that run again."""


@dataclass(frozen=True)
class Force:
    """A signal of some units that has another value than it would have, at some steps.

    A gate is clamped so; a memory is wiped by its value 0 at one step; a unit is muted by h = 0.

    Attributes:
        name: of the pass.
        signal: of its cell.
        units: which.
        start: the first step.
        end: the step behind the last.
        value: in all of them, or one for each step and unit, `[steps, units]`.
    """

    name: str
    signal: str
    units: Sequence[int]
    start: int
    end: int
    value: float | Array


@dataclass(frozen=True)
class Effect:
    """What changed, over the steps of a part.

    Attributes:
        start: the first step.
        end: the step behind the last.
        before: h of the last layer as it was, float64 `[T, D * H]`.
        after: as it is with what was forced.
        signals: all signals of each pass, by its name, after.
    """

    start: int
    end: int
    before: Array
    after: Array
    signals: Mapping[str, Mapping[str, Array]]


def intervene(inspection: Inspection, forces: Sequence[Force]) -> Effect:
    """Run the layers again with some signals forced.

    What was not forced follows from the equations: gates that see h change in the steps behind, and so do the layers
    above. Forcing what a signal has been anyway changes nothing.

    >>> import torch, cellwright as cw
    >>> inspection = cw.inspect(cw.LSTM(3, 4), torch.randn(50, 3))
    >>> wiped = intervene(inspection, [Force("l0", "c", [2], start=20, end=21, value=0.0)])
    >>> changed = abs(wiped.after - wiped.before).max(1) > 0
    >>> bool(changed[:20].any()), bool(changed[20])
    (False, True)

    Raises:
        InputError: there is no such pass, signal or unit, or the steps are not in one sequence.
    """
    for each in forces:
        check(inspection[each.name], each)
    part = Part.around(inspection, min(each.start for each in forces), max(each.end for each in forces) - 1, MOST)
    known = {made.name for passes in part.layers for made in passes}
    elsewhere = next((each.name for each in forces if each.name not in known), None)
    if elsewhere is not None:
        raise InputError(f"{elsewhere} is in another module than the last; force one of {', '.join(sorted(known))}")
    before, _ = forced(part, [])
    after, signals = forced(part, forces)
    return Effect(part.start, part.end, before, after, signals)


def check(made: Pass, force: Force) -> None:
    """A force is one that the pass can be given.

    Raises:
        InputError: it is not.
    """
    if force.signal not in made.cell.signals:
        raise InputError(f"{made.name} has no signal {force.signal!r}; {nearest(force.signal, made.cell.signals)}")
    if force.signal not in positions(made):
        raise InputError(
            f"{force.signal} of {made.name} is handed through, and cannot be forced; force what it comes from"
        )
    if made.weights.p is not None and force.signal == "h":
        raise InputError("h of a layer with a projection cannot be forced, for it is a mixture; force o, or c")
    if not force.units or not all(0 <= unit < made.units for unit in force.units) or force.start >= force.end:
        raise InputError(
            f"there must be units from 0 to {made.units - 1} and at least one step, but there are the units "
            f"{list(force.units)} and the steps {force.start:,} to {force.end - 1:,}"
        )


@torch.no_grad()
def forced(part: Part, forces: Sequence[Force]) -> tuple[Array, dict[str, dict[str, Array]]]:
    """H of the last layer, and the signals of all passes by name, with some signals forced."""
    x, found = part.read(), {}
    for passes in part.layers:
        outputs = []
        for made in passes:
            mine = [each for each in forces if each.name == made.name]
            signals = run(part, made, x, mine)
            found[made.name] = {name: value.numpy() for name, value in signals.items()}
            outputs.append(made.projected(signals["h"]))
        x = torch.cat(outputs, -1)
    return x.numpy(), found


def run(part: Part, made: Pass, x: Tensor, forces: Sequence[Force]) -> dict[str, Tensor]:
    """The signals of a pass over a part, `[T, H]` each."""
    cell, gates = made.cell, len(made.cell.gates)
    weights = made.weights
    b_w = None if weights.b_w is None else weights.b_w.double()
    contributions = torch.nn.functional.linear(x, weights.w.double(), b_w)
    given = [each.double() for each in made.given]
    state = dict(zip(cell.states, part.first(made), strict=True))
    places = positions(made) if forces else {}
    steps: list[dict[str, Tensor]] = [{}] * len(x)
    for t in reversed(range(len(x))) if made.reverse else range(len(x)):
        now = [each for each in forces if each.start <= part.start + t < each.end]
        x_t, r = contributions[t].chunk(gates), made.recurrent(state["h"])
        acting = {place: [(each, part.start + t - each.start) for each in now if places[each.signal] == place]
                  for place in {places[each.signal] for each in now}}  # fmt: skip
        with Forcing(acting):
            signals = cell(x_t, r, [state[name] for name in cell.state], given)
        steps[t] = signals
        state = {name: signals[name] for name in cell.state}
        state["h"] = made.projected(state["h"])
    return {name: torch.stack([each[name] for each in steps]) for name in cell.signals}


class Forcing(TorchDispatchMode):
    """Puts other values in the place of what some operators of a cell give, told by their number.

    Args:
        forces: by the number of the operator: what is forced, one after the other, and at which of its steps.

    Attributes:
        numbers: of the operators that have made tensors, by the identities of those.
    """

    def __init__(self, forces: Mapping[int, Sequence[tuple[Force, int]]]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.forces = forces
        self.numbers: dict[int, int] = {}
        self.alive: list[Any] = []  # or another tensor could get the identity of one of them

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # the base class would import all of torch.compile

    def __torch_dispatch__(
        self, function: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        result = function(*args, **(kwargs or {}))
        number = len(self.alive)
        for force, step in self.forces.get(number, ()):
            values = np.broadcast_to(force.value, (force.end - force.start, len(force.units)))[step]
            forced = torch.tensor(values, dtype=result.dtype)
            result = result.index_put((torch.tensor(list(force.units)),), forced)
        self.numbers[id(result)] = number
        self.alive.append(result)
        return result


def positions(made: Pass) -> dict[str, int]:
    """By which of its operators a cell makes each signal."""
    example, cell = torch.full((made.units,), 0.5, dtype=torch.float64), made.cell
    gates, states = [example] * len(cell.gates), [example] * len(cell.state)
    with Forcing({}) as seen:
        signals = cell(gates, gates, states, [each.double() for each in made.given])
    return {name: seen.numbers[id(value)] for name, value in signals.items() if id(value) in seen.numbers}
