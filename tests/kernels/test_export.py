"""`torch.export` sees one operator, whatever the batch and the time."""

from __future__ import annotations

import subprocess
import sys
import warnings
from pathlib import Path

import torch

import cellwright as cw


def test_export_with_any_batch_and_time() -> None:
    torch.manual_seed(0)
    lstm = cw.LSTM(3, 4, batch_first=True)
    sizes = {0: torch.export.Dim("batch"), 1: torch.export.Dim("time")}
    program = torch.export.export(lstm, (torch.randn(2, 6, 3),), dynamic_shapes=(sizes,))
    names = [str(node.target) for node in program.graph.nodes if node.op == "call_function"]
    assert sum("cellwright.scan" in name for name in names) == 1
    x = torch.randn(5, 11, 3)
    assert torch.allclose(program.module()(x)[0], lstm(x)[0], rtol=1e-5, atol=1e-6)


def test_an_exported_program_trains() -> None:
    torch.manual_seed(0)
    lstm, x = cw.LSTM(3, 4, num_layers=2), torch.randn(6, 2, 3)
    program = torch.export.export(lstm, (x,)).module()
    found = torch.autograd.grad(program(x)[0].square().sum(), list(program.parameters()))
    expected = torch.autograd.grad(lstm(x)[0].square().sum(), list(lstm.parameters()))
    for one, other in zip(found, expected, strict=True):
        assert torch.allclose(one, other, rtol=1e-5, atol=1e-6)


def test_a_traced_module_has_operators_of_pytorch_alone() -> None:
    torch.manual_seed(0)
    lstm, x = cw.LSTM(3, 4, num_layers=2), torch.randn(6, 2, 3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it is deprecated, and tells of shapes that are written down
        traced = torch.jit.trace(lstm, x)
    assert not [node.kind() for node in traced.inlined_graph.nodes() if node.kind().startswith("cellwright")]
    x = torch.randn(6, 2, 3)
    assert torch.allclose(traced(x)[0], lstm(x)[0], atol=1e-6)
    found, expected = (torch.autograd.grad(call(x)[0].sum(), lstm.weight_hh_l0)[0] for call in (traced, lstm))
    assert torch.allclose(found, expected, atol=1e-5)


def test_a_program_names_what_was_changed_in_its_cell(tmp_path: Path) -> None:
    torch.manual_seed(0)
    clipped, x = cw.LSTM(3, 4, cell_clip=0.05), torch.randn(6, 2, 3)
    torch.export.save(torch.export.export(clipped, (x,)), tmp_path / "program.pt2")
    torch.save((x, clipped(x)[0].detach()), tmp_path / "expected.pt")
    program = """
import sys, torch, cellwright as cw
x, expected = torch.load(sys.argv[2])
program = torch.export.load(sys.argv[1]).module()
cw.LSTM(3, 4, cell_clip=5.0)
try:
    program(x)
except cw.CellError as error:
    print(error)
cw.LSTM(3, 4, cell_clip=0.05)
assert torch.allclose(program(x)[0], expected, atol=1e-6)
"""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program, tmp_path / "program.pt2", tmp_path / "expected.pt"],
        capture_output=True, text=True, check=False, timeout=240,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "there is no cell 'lstm with c .clamp(-0.05, 0.05)' here; make a layer with it first" in done.stdout
