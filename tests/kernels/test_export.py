"""`torch.export` sees one operator, whatever the batch and the time."""

from __future__ import annotations

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
