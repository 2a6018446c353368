"""What the views beside the pictures ask: each function is what one of them shows."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from ..layers import RNN
from .attribution import attribution
from .capture import Capture
from .card import calculation, card
from .drawn import signal_of
from .flow import Flow, flow
from .health import findings, gates_of, saturation
from .inspection import Inspection
from .intervention import Force, intervene
from .ledger import ledger
from .memory import CENSORED, half_lives, time_constants
from .order import order
from .parameters import Query, number, span, whole
from .passes import BLOCK, Array, Pass
from .search import find, select

if TYPE_CHECKING:
    from .api import Viewer

TERMS, ENTRIES, SCORES = 12, 200, 8
LAGS = 200
SEARCHED = 1 << 25
"""Numbers that are searched for places like another."""


def cell(viewer: Viewer, query: Query) -> Any:
    """One unit at one step."""
    made = viewer.made(query)
    step, unit = whole(query, "step", made.steps), whole(query, "unit", made.units)
    found = card(made, step, unit)
    terms = {
        gate: {"terms": terms[:TERMS], "others": len(terms[TERMS:]), "rest": sum(each.value for each in terms[TERMS:])}
        for gate, terms in found.terms.items()
    }
    return {
        "before": found.before,
        "signals": found.signals,
        "inner": found.inner,
        "terms": terms,
        "calculation": list(calculation(made, step, unit).lines.values()),
    }


def lesson(viewer: Viewer, query: Query) -> Any:
    """What one unit calculates at one step if some of what it starts from were otherwise."""
    made = viewer.made(query)
    step, unit = whole(query, "step", made.steps), whole(query, "unit", made.units)
    return calculation(made, step, unit, {name: number(query, name) for name in query if " " in name})


def memory(viewer: Viewer, query: Query) -> Any:
    """How long each unit remembers."""
    made = viewer.made(query)

    def make() -> Any:
        reached = followed(viewer, made)
        constants = time_constants(made)._asdict()
        return {**constants, "gradient": reached.constants, "reach": len(reached.h) - 1}

    return viewer.once("memory", made.name, make=make)


def followed(viewer: Viewer, made: Pass) -> Flow:
    """The gradients of a pass by lag."""
    found: Flow = viewer.once("flow", made.name, make=lambda: flow(made, LAGS))
    return found


def half(viewer: Viewer, query: Query) -> Any:
    """How long what one unit holds at a step stays, and how long that is in its sequence."""
    made = viewer.made(query)
    step, unit = whole(query, "step", made.steps), whole(query, "unit", made.units)
    sequence = int(np.searchsorted(made.starts, step, side="right")) - 1
    start, end = (int(each) for each in made.starts[sequence : sequence + 2])

    def make() -> Any:
        logs = [
            made.replay(np.arange(first, min(first + BLOCK, end))).log_kept(made.memory)[:, [unit]].numpy()
            for first in range(start, end, BLOCK)
        ]
        turn = slice(None, None, -1 if made.reverse else 1)
        return half_lives(np.concatenate(logs)[turn])[turn, 0]

    lives = viewer.once("half", made.name, sequence, unit, make=make)
    known = lives[lives != CENSORED]
    return {
        "life": None if lives[step - start] == CENSORED else lives[step - start],
        "middle": np.median(known) if known.size else None,
        "censored": lives.size - known.size,
        "count": lives.size,
    }


def health(viewer: Viewer, query: Query) -> Any:
    """Saturation of all gates, and what is wrong with some units."""
    made = viewer.made(query)

    def make() -> Any:
        return {"saturation": {name: saturation(made, name) for name in gates_of(made)}, "findings": findings(made)}

    return viewer.once("health", made.name, make=make)


def gradients(viewer: Viewer, query: Query) -> Any:
    """How far gradients reach, beside a plain recurrent network of the same size that has learned nothing."""
    made = viewer.made(query)

    def told(found: Flow) -> Any:
        lengths = {"h": found.h, "memory": found.memory, "direct": found.direct, "count": found.count}
        return {**lengths, "horizon": found.horizon, "verdict": found.verdict}

    def make() -> Any:
        return {"here": told(followed(viewer, made)), "plain": told(flow(untrained(made), LAGS))}

    return viewer.once("gradients", made.name, make=make)


def untrained(made: Pass, most: int = 20_000) -> Pass:
    """A plain recurrent network with PyTorch's start, over the first steps of what a pass has read."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = RNN(made.weights.w.shape[1], made.units)
    with torch.no_grad(), Capture(network) as capture:
        for start, end in zip(made.starts, made.starts[1:], strict=False):
            if start < most:
                network(made.read(np.arange(start, min(end, most)), torch.float32))
    return capture.inspection().passes[0]


def book(viewer: Viewer, query: Query) -> Any:
    """Who wrote what is in a memory: the largest entries, and all of them for a plot."""
    made = viewer.made(query)
    step, unit = whole(query, "step", made.steps), whole(query, "unit", made.units)
    found = ledger(made, step, unit)
    largest = np.argsort(-np.abs(found.entries), kind="stable")[:ENTRIES]
    rows = largest[np.argsort(found.steps[largest])]
    return {
        "total": found.total,
        "memory": float(made.states[made.memory][step, unit]),
        "carried": found.carried,
        "count": len(found.steps),
        "others": found.total - found.carried - float(found.entries[rows].sum()),
        "steps": found.steps[rows],
        "written": found.written[rows],
        "left": found.left[rows],
        "read": found.read[rows],
        "entries": found.entries[rows],
    }


def search(viewer: Viewer, query: Query) -> Any:
    """The units that are on in a range, and the places like it."""
    pyramid = signal_of(viewer, query)
    start, end = span(query, pyramid.made.steps)
    most = max(SEARCHED // pyramid.width, 2 * (end - start))
    low = max(min(start, start - (most - (end - start)) // 2), 0)
    high = min(low + most, pyramid.made.steps)
    found = pyramid.made.signal(pyramid.name, slice(low, high))
    chosen = select(found, start - low, end - low)
    places = [
        dataclasses.replace(each, start=each.start + low, end=each.end + low)
        for each in find(found, chosen, start - low, end - low)
    ]
    return {"units": chosen, "places": places, "from": low, "to": high}


def ordered(viewer: Viewer, query: Query) -> Any:
    """The units in an order."""
    made, by = viewer.made(query), query.get("by", "")
    return viewer.once("order", made.name, by, make=lambda: order(made, by))


def changes(viewer: Viewer, query: Query) -> Any:
    """What changes if a signal of a unit is forced to a value at some steps."""
    pyramid = signal_of(viewer, query)
    made, name = pyramid.made, pyramid.name
    start, end = span(query, made.steps)
    unit = whole(query, "unit", made.units)
    force = Force(made.name, name, [unit], start, end, number(query, "value"))
    effect = intervene(viewer.inspection, [force])
    was, now = (viewer.inspection.said(torch.from_numpy(each)).numpy() for each in (effect.before, effect.after))
    change = np.linalg.norm(now - was, axis=1)
    most = int(change.argmax())
    return {
        "start": effect.start,
        "change": change,
        "size": np.linalg.norm(was, axis=1),
        "scores": scores(viewer.inspection, was[most], now[most]),
        "before": made.states[made.memory][effect.start : effect.end, unit],
        "after": effect.signals[made.name][made.memory][:, unit],
    }


def scores(inspection: Inspection, was: Array, now: Array) -> list[dict[str, Any]]:
    """The scores of a step that have changed most, by name."""
    if inspection.readout is None:
        return []
    largest = np.argsort(-np.abs(now - was), kind="stable")[:SCORES]
    return [{"name": inspection.readout.names[n], "was": was[n], "is": now[n]} for n in largest]


def why(viewer: Viewer, query: Query) -> Any:
    """What steps of the input a score of the model depends on, or an output of the last layer."""
    inspection = viewer.inspection
    step = whole(query, "step", inspection.steps)
    unit = whole(query, "unit", len(inspection.said(torch.zeros(inspection.outputs))))
    return attribution(inspection, step, unit, query.get("method", ""))
