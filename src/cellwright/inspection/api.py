"""What the page asks, and what it is answered: each question a function of an inspection and some parameters."""

from __future__ import annotations

import dataclasses
import json
import math
from collections import defaultdict
from collections.abc import Callable, Mapping
from threading import Lock
from typing import Any, NamedTuple

import numpy as np
import torch

from ..errors import InputError, nearest
from ..layers import RNN
from .attribution import attribution
from .capture import Capture
from .card import calculation, card
from .flow import Flow, flow
from .health import findings, saturation
from .inspection import Inspection
from .intervention import Force, intervene
from .ledger import ledger
from .memory import CENSORED, half_lives, time_constants
from .order import ORDERS, liveliest, order
from .parameters import Query, number, span, whole
from .passes import BLOCK, Array, Pass
from .search import find, select
from .tiles import COLUMNS, FACTOR, Pyramid
from .tracks import Track

MOST = 1 << 20
"""Numbers in one answer."""
PIECE = 4096
TERMS, ENTRIES, SCORES = 12, 200, 8
LAGS = 200
SEARCHED = 1 << 25
"""Numbers that are searched for places like another."""


class Answer(NamedTuple):
    """What is sent: bytes, and what kind they are."""

    kind: str
    content: bytes


class Viewer:
    """An inspection that is looked at; remembers what takes long to work out.

    Args:
        inspection: what to show.
        title: of the page.

    >>> import torch, cellwright as cw
    >>> viewer = Viewer(cw.inspect(cw.LSTM(3, 4), torch.randn(9, 3)), "first")
    >>> json.loads(viewer.answer("about", {}).content)["steps"]
    9
    """

    def __init__(self, inspection: Inspection, title: str) -> None:
        self.inspection, self.title = inspection, title
        self.kept: dict[tuple[Any, ...], Any] = {}
        self.lock, self.locks = Lock(), defaultdict[tuple[Any, ...], Lock](Lock)

    def answer(self, name: str, query: Query) -> Answer:
        """The answer to a question.

        Raises:
            InputError: there is no such question, or a parameter is wrong.
        """
        if name not in QUESTIONS:
            raise InputError(f"there is no question {name!r}; {nearest(name, QUESTIONS)}")
        with np.errstate(all="ignore"):  # what is no number is marked in the page
            found = QUESTIONS[name](self, query)
        if isinstance(found, bytes):
            return Answer("application/octet-stream", found)
        return Answer("application/json", json.dumps(plain(found), allow_nan=False).encode())

    def once(self, *key: Any, make: Callable[[], Any]) -> Any:
        """Something that is worked out when it is first asked for."""
        with self.lock:
            mine = self.locks[key]
        with mine:
            if key not in self.kept:
                self.kept[key] = make()
            return self.kept[key]

    def made(self, query: Query) -> Pass:
        """The pass that is asked for, by its number."""
        return self.inspection.passes[whole(query, "pass", len(self.inspection.passes))]


def plain(value: Any) -> Any:
    """For JSON: arrays as lists, and numbers that are none as the names that JavaScript has for them.

    >>> plain({"a": np.array([1.0, np.inf]), "b": float("nan")})
    {'a': [1.0, 'Infinity'], 'b': 'NaN'}
    """
    if isinstance(value, np.ndarray | np.generic):
        return plain(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")
    if isinstance(value, Mapping):
        return {key: plain(each) for key, each in value.items()}
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        return plain(value._asdict())
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    return plain(vars(value)) if dataclasses.is_dataclass(value) else value


def signal_of(viewer: Viewer, query: Query) -> Pyramid:
    """The signal that is asked for, as pictures."""
    made, name = viewer.made(query), query.get("signal", "")
    if name not in made.cell.signals:
        raise InputError(f"{made.name} has no signal {name!r}; {nearest(name, made.cell.signals)}")
    pyramid: Pyramid = viewer.once("pyramid", made.name, name, make=lambda: Pyramid(made, name))
    return pyramid


def about(viewer: Viewer, query: Query) -> Any:
    """Everything that does not depend on where one looks."""
    inspection = viewer.inspection
    return {
        "title": viewer.title,
        "right": inspection.right,
        "error": inspection.error,
        "tolerance": inspection.tolerance,
        "steps": inspection.steps,
        "starts": inspection.starts,
        "notes": inspection.notes,
        "columns": COLUMNS,
        "factor": FACTOR,
        "orders": list(ORDERS),
        "outputs": len(inspection.said(torch.zeros(inspection.outputs))),
        "scores": () if inspection.readout is None else inspection.readout.names,
        "passes": [described(made) for made in inspection.passes],
        "tracks": [
            {
                "name": each.name,
                "kind": each.kind,
                "names": each.names,
                "shape": each.values.shape[1:],
                "piece": piece(each),
            }
            for each in inspection.tracks
        ],
    }


def piece(track: Track) -> int:
    """Elements of a track that are asked for at once; of curves there are twice as many numbers."""
    return max(1, min(PIECE, MOST // (2 * max(1, track.values[:1].size))))


def described(made: Pass) -> Any:
    """What a pass is."""
    return {
        "name": made.name,
        "cell": made.cell.name,
        "summary": made.regularisation.cell.summary,
        "equations": made.regularisation.cell.equations().splitlines(),
        "reverse": made.reverse,
        "units": made.units,
        "first": liveliest(made),
        "inputs": made.weights.w.shape[1],
        "memory": made.memory,
        "gates": made.cell.gates,
        "signals": [{"name": name, "function": made.functions.get(name, "")} for name in made.cell.signals],
    }


def scale(viewer: Viewer, query: Query) -> Any:
    """What the bytes of a signal mean, and how many levels there are."""
    pyramid = signal_of(viewer, query)
    found = viewer.once("scale", pyramid.made.name, pyramid.name, make=lambda: pyramid.scale)
    return {"low": found.low, "high": found.high, "levels": pyramid.levels, "width": pyramid.width}


def tile(viewer: Viewer, query: Query) -> bytes:
    """A piece of a picture; see `Pyramid.tile`."""
    pyramid = signal_of(viewer, query)
    level = whole(query, "level", pyramid.levels)
    columns = -(-pyramid.made.steps // FACTOR**level)
    return pyramid.tile(level, whole(query, "number", -(-columns // COLUMNS)))


def values(viewer: Viewer, query: Query) -> bytes:
    """A signal of one unit over some steps, float32."""
    pyramid = signal_of(viewer, query)
    start, end = span(query, pyramid.made.steps)
    unit = whole(query, "unit", pyramid.width)
    if end - start > MOST:
        raise InputError(f"at most {MOST:,} steps at once, not {end - start:,}; ask for fewer")
    found = pyramid.made.signal(pyramid.name, slice(start, end), slice(unit, unit + 1))
    return np.ascontiguousarray(found[:, 0]).tobytes()


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
        gates = [name for name in made.cell.signals if name in made.functions or name in made.values]
        return {"saturation": {name: saturation(made, name) for name in gates}, "findings": findings(made)}

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
    rows = np.sort(largest)
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


def track(viewer: Viewer, query: Query) -> bytes:
    """What stands beside some steps: one of every `stride`; of curves their smallest, then their largest."""
    tracks = viewer.inspection.tracks
    chosen = tracks[whole(query, "number", len(tracks))]
    start, end = span(query, len(chosen))
    stride = whole({"stride": "1", **query}, "stride", len(chosen) + 1, 1)
    part: Array = np.asarray(chosen.values[start:end])
    if chosen.kind == "curves":
        padded = np.concatenate([part, np.repeat(part[-1:], -len(part) % stride, 0)])
        groups = padded.reshape(-1, stride, *part.shape[1:])
        part = np.concatenate([groups.min(1), groups.max(1)])
    else:
        part = part[::stride]
    if part.size > MOST:
        raise InputError(f"at most {MOST:,} numbers at once, not {part.size:,}; ask for fewer steps or a larger stride")
    return np.ascontiguousarray(part).tobytes()


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


QUESTIONS: dict[str, Callable[[Viewer, Query], Any]] = {
    "about": about,
    "scale": scale,
    "tile": tile,
    "values": values,
    "cell": cell,
    "lesson": lesson,
    "memory": memory,
    "half": half,
    "health": health,
    "gradients": gradients,
    "ledger": book,
    "search": search,
    "order": ordered,
    "track": track,
    "changes": changes,
    "why": why,
}
