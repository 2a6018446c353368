"""What the page draws: which layers and tracks there are, pictures of signals, numbers of units, pieces of tracks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from ..errors import InputError, nearest
from .order import ORDERS, liveliest
from .parameters import Query, span, whole
from .passes import Array, Pass
from .tiles import COLUMNS, FACTOR, Pyramid
from .tracks import Track

if TYPE_CHECKING:
    from .api import Viewer

MOST = 1 << 20
"""Numbers in one answer."""
PIECE = 4096


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
