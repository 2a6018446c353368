"""Inspections in files: all comes back, and what is damaged or foreign gives a sentence."""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file

import cellwright as cw
from cellwright.errors import DataError, InputError, RunError
from cellwright.inspection import Inspection
from cellwright.inspection.again import Part
from cellwright.inspection.attribution import attribution
from cellwright.inspection.readout import Readout

TRACKS = {
    "word": ["<b>one</b>", "two", "one", "ä", "", "six", "7"],
    "label": ([0, 1, 1, 0, 0, 1, 0], ["off", "on"]),
    "loss": np.linspace(0, 1, 7),
    "frame": np.zeros((7, 2, 3), np.uint8),
}


@pytest.fixture
def inspection() -> Inspection:
    torch.manual_seed(1)
    layer = cw.LSTM(3, 4, num_layers=2, bidirectional=True, zoneout=(0.1, 0.2), cell_clip=3.0)
    x = torch.randn(2, 4, 3).transpose(0, 1)
    return cw.inspect(layer, x, lengths=torch.tensor([3, 4]), tracks=TRACKS)


@pytest.fixture
def path(inspection: Inspection, tmp_path: Path) -> Path:
    inspection.save(tmp_path / "made.inspection")
    return tmp_path / "made.inspection"


def test_all_comes_back(inspection: Inspection, path: Path) -> None:
    found = Inspection.open(path)
    assert repr(found) == repr(inspection)
    assert found.error == inspection.error
    for one, other in zip(found.passes, inspection.passes, strict=True):
        assert (one.name, one.reverse, one.functions) == (other.name, other.reverse, other.functions)
        for name in other.cell.signals:
            assert np.array_equal(one.signal(name), other.signal(name))
        assert torch.equal(one.replay(np.arange(7)).log_kept("c"), other.replay(np.arange(7)).log_kept("c"))
    for track, before in zip(found.tracks, inspection.tracks, strict=True):
        assert (track.name, track.kind, track.names) == (before.name, before.kind, before.names)
        assert np.array_equal(track.values, before.values)


def test_the_readout_comes_back(inspection: Inspection, tmp_path: Path) -> None:
    assert inspection.readout is None
    w, b = torch.randn(3, inspection.outputs), torch.randn(3)
    path = tmp_path / "read.inspection"
    replace(inspection, readout=Readout(w, b, ("<b>", "", "c"))).save(path)
    found = Inspection.open(path).readout
    assert found is not None
    assert found.names == ("<b>", "", "c")
    assert torch.equal(found(torch.ones(inspection.outputs)), torch.nn.functional.linear(torch.ones(len(w[0])), w, b))
    rewritten(path, lambda header, about: about["readout"].pop())
    with pytest.raises(DataError, match="its scores do not fit its last layer"):
        Inspection.open(path)


def test_both_directions_stay_together(path: Path, inspection: Inspection) -> None:
    found = Inspection.open(path)
    assert found.passes[0].inputs[0] is found.passes[1].inputs[0]
    for before in (inspection, found):
        layers = Part.around(before, 3, 4, 99).layers
        assert [[made.name for made in passes] for passes in layers] == [["l0", "l0 reverse"], ["l1", "l1 reverse"]]
    assert np.array_equal(attribution(found, 4, 6).values, attribution(inspection, 4, 6).values)


def test_the_numbers_stay_in_the_file(path: Path) -> None:
    found = Inspection.open(path)
    assert isinstance(found.passes[0].inner["f"], np.memmap)
    assert found.passes[2].inputs[0] is found.passes[0].states["h"]


@pytest.mark.parametrize("name", list(cw.cells))
def test_every_cell(name: str, tmp_path: Path) -> None:
    inspection = cw.inspect(cw.Recurrent(name, 2, 3), torch.randn(5, 2))
    inspection.save(tmp_path / "made")
    found = Inspection.open(tmp_path / "made")
    for signal in cw.cells[name].signals:
        assert np.array_equal(found["l0"].signal(signal), inspection["l0"].signal(signal))


def test_a_cell_of_the_user(tmp_path: Path) -> None:
    @cw.cell(gates="f", state="h")
    def mine(x: Any, r: Any, s: Any, w: Any) -> dict[str, Any]:
        f = torch.sigmoid(x.f + r.f)
        return {"f": f, "h": f * s.h + (1 - f)}

    cw.inspect(cw.Recurrent(mine, 2, 3), torch.randn(5, 2)).save(tmp_path / "made")
    with pytest.raises(InputError, match="the cell 'mine', which this library lacks"):
        Inspection.open(tmp_path / "made")
    assert Inspection.open(tmp_path / "made", own=[mine])["l0"].cell is mine
    assert Inspection.open(tmp_path / "made", own=[mine]).right

    @cw.cell(gates="f", state="h")
    def other(x: Any, r: Any, s: Any, w: Any) -> dict[str, Any]:
        f = torch.sigmoid(x.f + r.f + 5)
        return {"f": f, "h": f * s.h + (1 - f)}

    assert not Inspection.open(tmp_path / "made", own=[replace(other, name="mine")]).right


def rewritten(path: Path, change: Callable[[dict[str, Any], dict[str, Any]], object]) -> None:
    """The file with another header; `change` gets the entries and what the JSON tells."""
    content = path.read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    header = json.loads(content[8 : 8 + length])
    about = json.loads(header["__metadata__"]["cellwright.inspection"])
    change(header, about)
    header["__metadata__"] = {"cellwright.inspection": json.dumps(about)}
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + content[8 + length :])


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda header, about: about.update(format=7), "it has the format 7"),
        (lambda header, about: about["passes"].clear(), "it holds no layer"),
        (lambda header, about: about.pop("passes"), "'passes' is missing"),
        (lambda header, about: about["passes"][0].update(functions={"i": "eval"}), "a function that is not known"),
        (lambda header, about: about["passes"][0].update(functions={"i": "tanh"}), "lacks signals of its cell"),
        (lambda header, about: about["passes"][0].update(weights=2), "do not fit|not enough values"),
        (lambda header, about: about["passes"][0].update(bias=False), "do not fit one another"),
        (lambda header, about: about["passes"][0].update(name="\x1b[2J"), "cannot be printed"),
        (lambda header, about: about["passes"][0].update(x=math.inf), "cannot convert float infinity"),
        (lambda header, about: header["0.weight.2"].update(shape=[4, 4]), "do not fit one another"),
        (lambda header, about: about["passes"][2].update(inputs=[0]), "do not fit one another"),
        (lambda header, about: about["passes"][2].update(inputs=[9]), "out of range"),
        (lambda header, about: about["passes"][0].update(cell="gru"), "has no cell state c"),
        (lambda header, about: about["tracks"][0].update(kind="html"), "a track of the kind 'html'"),
        (lambda header, about: about["tracks"][1].update(names=["off"]), "numbers without names"),
        (lambda header, about: about.update(tracks=3), "not iterable"),
        (lambda header, about: header["starts"].update(dtype="F64"), "damaged"),
        (lambda header, about: header["0.state.c"].update(shape=[4, 7]), "do not fit one another"),
        (lambda header, about: header["0.state.c"].update(shape=[7, 5]), "damaged"),
    ],
)
def test_a_damaged_file_is_told(change: Callable[..., object], told: str, path: Path) -> None:
    rewritten(path, change)
    with pytest.raises(DataError, match=told):
        Inspection.open(path)


def test_foreign_files_are_told(path: Path, tmp_path: Path) -> None:
    foreign = tmp_path / "foreign"
    for content in (b"", b"\x80\x04.", path.read_bytes()[:999], b"\xff" * 99):
        foreign.write_bytes(content)
        with pytest.raises(DataError, match="must be an inspection"):
            Inspection.open(foreign)
    save_file({"a": np.zeros(3)}, foreign)
    with pytest.raises(DataError, match="must be an inspection"):
        Inspection.open(foreign)
    for missing in (tmp_path / "none", tmp_path):
        with pytest.raises(DataError, match="must be an inspection"):
            Inspection.open(missing)


def test_what_is_nested_too_deeply_is_told(path: Path) -> None:
    rewritten(path, lambda header, about: about.update(notes="#" * 200_000))
    text = b'\\"' + b"#" * 200_000 + b'\\"'
    path.write_bytes(path.read_bytes().replace(text, b"[" * len(text)))
    with pytest.raises(DataError, match="recursion"):
        Inspection.open(path)


@pytest.mark.parametrize("cell", ["lstn", "", 3, True, [], None])
def test_a_cell_that_is_none_is_told(cell: object, path: Path) -> None:
    rewritten(path, lambda header, about: about["passes"][0].update(cell=cell))
    with pytest.raises((DataError, InputError)) as told:
        Inspection.open(path)
    assert len(str(told.value).splitlines()) == 1


def test_what_was_there_stays_if_writing_fails(inspection: Inspection, path: Path) -> None:
    with pytest.raises(RunError, match="cannot be written"):
        inspection.save(path / "below")
    assert Inspection.open(path).steps == 7
