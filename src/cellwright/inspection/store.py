"""Inspections as files: safetensors with JSON beside the numbers, and nothing in them that could be run."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open

from ..cells import Cell, cells
from ..durable import replacing
from ..errors import DataError, InputError, nearest
from ..kernels.layer import weights_of
from ..layers.regularisation import Regularisation
from .anatomy import FUNCTIONS
from .inspection import Inspection
from .passes import Array, Pass
from .readout import Readout
from .selfcheck import wrong
from .tracks import KINDS, Track

KEY, FORMAT = "cellwright.inspection", 1
DTYPES = {"F16": np.float16, "F32": np.float32, "F64": np.float64, "I32": np.int32, "I64": np.int64, "U8": np.uint8}
NAMES = {np.dtype(kind): name for name, kind in DTYPES.items()}
HEADER_LENGTH, ALIGNMENT = 8, 8
ROWS = 1 << 14
"""Rows that are written at once."""
DAMAGE = (
    OSError, SafetensorError, KeyError, IndexError, ValueError, TypeError, AttributeError, OverflowError, RecursionError
)  # fmt: skip
"""What goes wrong while something is read that is no inspection."""


def save(inspection: Inspection, path: Path) -> None:
    """Write an inspection as one file, all or nothing.

    Raises:
        RunError: it cannot be written.
    """
    arrays: dict[str, Array] = {"starts": inspection.starts}
    passes = [described(made, inspection.passes, f"{n}", arrays) for n, made in enumerate(inspection.passes)]
    for n, each in enumerate(inspection.tracks):
        arrays[f"track.{n}"] = each.values
    if inspection.readout is not None:
        arrays |= {"readout.w": inspection.readout.w.numpy(), "readout.b": inspection.readout.b.numpy()}
    about = {
        "format": FORMAT, "error": inspection.error, "tolerance": inspection.tolerance, "notes": inspection.notes,
        "tracks": [{"name": each.name, "kind": each.kind, "names": each.names} for each in inspection.tracks],
        "passes": passes, "readout": None if inspection.readout is None else inspection.readout.names,
    }  # fmt: skip
    header: dict[str, Any] = {"__metadata__": {KEY: json.dumps(about)}}
    ordered = sorted(arrays.items(), key=lambda each: -each[1].itemsize)  # so that every number lies where it should
    offset = 0
    for name, array in ordered:
        end = offset + array.nbytes
        header[name] = {"dtype": NAMES[array.dtype], "shape": array.shape, "data_offsets": [offset, end]}
        offset = end
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % ALIGNMENT)
    with replacing(path) as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for _, array in ordered:
            for start in range(0, len(array), ROWS):
                file.write(np.ascontiguousarray(array[start : start + ROWS]).tobytes())


def described(made: Pass, passes: Sequence[Pass], key: str, arrays: dict[str, Array]) -> dict[str, Any]:
    """What JSON tells about a pass; its numbers go to `arrays`."""
    earlier = [n for each in made.inputs for n, other in enumerate(passes) if other.states["h"] is each]
    first = next(n for n, other in enumerate(passes) if other.inputs[0] is made.inputs[0])
    if not earlier:
        arrays[f"{first}.x"] = made.inputs[0]
    for kind, group in (("state", made.states), ("first", made.first), ("inner", made.inner), ("value", made.values)):
        arrays |= {f"{key}.{kind}.{name}": array for name, array in group.items()}
    for n, weight in enumerate(made.weights.tensors()):
        arrays[f"{key}.weight.{n}"] = (weight if weight.dtype == torch.float64 else weight.float()).numpy()
    options = made.regularisation
    return {
        "name": made.name, "cell": options.cell.name, "zoneout": options.kept, "cell_clip": options.cell_clip,
        "reverse": made.reverse, "x": first, "inputs": earlier, "bias": made.weights.b_w is not None,
        "projected": made.weights.p is not None, "weights": len(made.weights.tensors()), "functions": made.functions,
    }  # fmt: skip


def opened(path: Path, own: Sequence[Cell] = ()) -> Inspection:
    """An inspection from its file; the numbers stay in the file until they are looked at.

    Args:
        path: of the file.
        own: cells that are not in this library.

    Raises:
        DataError: it is none, or damaged.
        InputError: it needs a cell that is not known.
    """
    known = {**cells, **{each.name: each for each in own}}
    try:
        with safe_open(path, "numpy") as file:  # checks that every array lies within the file
            about = json.loads((file.metadata() or {})[KEY])
        if about["format"] != FORMAT:
            raise ValueError(f"it has the format {about['format']!r}, and this version reads {FORMAT}")
        unknown = next((str(each["cell"]) for each in about["passes"] if each["cell"] not in known), None)
        if unknown is None:
            return assembled(about, mapped(path), known)
    except DAMAGE as error:
        reason = f"{error.args[0]!r} is missing" if isinstance(error, KeyError) else error
        raise DataError(
            f"{str(path)!r} must be an inspection that cellwright has saved, but is not, or is damaged: {reason}; "
            "make it again with cellwright inspect"
        ) from error
    raise InputError(
        f"{str(path)!r} has the cell {unknown!r}, which this library lacks; pass it: own=[...]; "
        f"{nearest(unknown, known)}"
    )


def mapped(path: Path) -> dict[str, Array]:
    """The arrays of a safetensors file, left where they are."""
    with path.open("rb") as file:
        (length,) = struct.unpack("<Q", file.read(HEADER_LENGTH))
        header = json.loads(file.read(length))
    begin = HEADER_LENGTH + length
    found: dict[str, Array] = {}
    for name, entry in header.items():
        if name != "__metadata__":
            kind, shape = DTYPES[entry["dtype"]], tuple(entry["shape"])
            offset = begin + entry["data_offsets"][0]
            empty = 0 in shape
            found[name] = np.empty(shape, kind) if empty else np.memmap(path, kind, "c", offset, shape)
    return found


def assembled(about: Mapping[str, Any], arrays: Mapping[str, Array], known: Mapping[str, Cell]) -> Inspection:
    """An inspection of its parts, each checked against the others."""
    starts = np.asarray(arrays["starts"])
    if starts.ndim != 1 or len(starts) < 2 or starts[0] != 0 or (np.diff(starts) <= 0).any():
        raise ValueError("the starts of its sequences do not rise")
    passes: list[Pass] = []
    for n, each in enumerate(about["passes"]):
        passes.append(pass_of(each, f"{n}.", starts, arrays, known, passes))
    if not passes:
        raise ValueError("it holds no layer")
    tracks = [track_of(each, np.asarray(arrays[f"track.{n}"])) for n, each in enumerate(about["tracks"])]
    error = max(float(about["error"]), *map(wrong, passes))  # also of a cell that is another now
    found = Inspection(passes, tracks, error, float(about["tolerance"]), dict(about["notes"]))
    names = about.get("readout")  # files of earlier versions have none
    return found if names is None else replace(found, readout=readout_of(names, arrays, found.outputs))


def readout_of(names: Sequence[Any], arrays: Mapping[str, Array], outputs: int) -> Readout:
    """What the model says, of its parts."""
    w, b = (torch.from_numpy(np.array(arrays[f"readout.{name}"])) for name in "wb")
    if w.shape != (len(names), outputs) or b.shape != (len(names),):
        raise ValueError("its scores do not fit its last layer")
    return Readout(w, b, tuple(map(str, names)))


def pass_of(
    about: Mapping[str, Any],
    key: str,
    starts: Array,
    arrays: Mapping[str, Array],
    known: Mapping[str, Cell],
    earlier: Sequence[Pass],
) -> Pass:
    """A pass of its parts."""
    options = Regularisation(known[about["cell"]], tuple(about["zoneout"]), cell_clip=about["cell_clip"])
    weights = weights_of(
        [torch.from_numpy(np.array(arrays[f"{key}weight.{n}"])) for n in range(about["weights"])],
        bool(about["bias"]),
        bool(about["projected"]),
    )

    def group(kind: str) -> dict[str, Array]:
        prefix = f"{key}{kind}."
        return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}

    inputs = [earlier[n].states["h"] for n in about["inputs"]] or [arrays[f"{int(about['x'])}.x"]]
    made = Pass(
        str(about["name"]), options, weights, bool(about["reverse"]), starts, inputs, group("state"), group("first"),
        group("inner"), {name: str(each) for name, each in about["functions"].items()}, group("value"),
    )  # fmt: skip
    check(made)
    return made


def check(made: Pass) -> None:
    """The parts of a pass fit one another."""
    units, cell = made.units, made.cell
    widths = {name: made.weights.r.shape[1] if name in cell.recurrent else units for name in cell.state}
    shapes = [
        *((made.states[name].shape, (made.steps, width)) for name, width in widths.items()),
        *((made.first[name].shape, (len(made.starts) - 1, width)) for name, width in widths.items()),
        *((each.shape, (made.steps, units)) for kind in (made.inner, made.values) for each in kind.values()),
        *((each.shape[:1], (made.steps,)) for each in made.inputs),
        *shapes_of_weights(made),
    ]
    if any(tuple(found) != tuple(expected) for found, expected in shapes):
        raise ValueError(f"the parts of {made.name!r} do not fit one another")
    if not made.name.isprintable():  # it goes to terminals
        raise ValueError(f"the name {made.name!r} has letters that cannot be printed")
    if not {*made.functions.values()} <= FUNCTIONS.keys():
        raise ValueError(f"{made.name!r} has a function that is not known")
    if {*made.inner, *made.values, *made.states} != {*cell.signals} or made.inner.keys() != made.functions.keys():
        raise ValueError(f"{made.name!r} lacks signals of its cell {cell.name!r}, or has others")


def shapes_of_weights(made: Pass) -> Iterator[tuple[Sequence[int], Sequence[int]]]:
    """The shapes of the weights of a pass as they are, and as its cell and its inputs need them."""
    cell, units, weights = made.cell, made.units, made.weights
    rows, width = len(cell.gates) * units, weights.r.shape[1]
    yield weights.w.shape, (rows, sum(each.shape[1] for each in made.inputs))
    yield weights.r.shape, (rows, units if weights.p is None else width)
    yield from ((each.shape, (rows,)) for each in (weights.b_w, weights.b_r) if each is not None)
    yield from ((each.shape, (units,)) for each in weights.vectors)
    yield (len(weights.vectors),), (len(cell.vectors),)
    if weights.p is not None:
        yield weights.p.shape, (width, units)


def track_of(about: Mapping[str, Any], values: Array) -> Track:
    """A track of its parts."""
    kind, names = about["kind"], tuple(map(str, about["names"]))
    if kind not in KINDS:
        raise ValueError(f"it has a track of the kind {kind!r}")
    if kind in ("tokens", "labels") and values.size and not 0 <= values.min() <= values.max() < len(names):
        raise ValueError(f"the track {about['name']!r} has numbers without names")
    return Track(str(about["name"]), kind, values, names)
