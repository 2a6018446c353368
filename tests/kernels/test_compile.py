"""`torch.compile` sees one operator, whatever the batch and the time, and gives what eager mode gives."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

import cellwright as cw


class Model(nn.Module):
    """A small network around a recurrent layer."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Linear(3, 5)
        self.lstm = cw.LSTM(5, 4, num_layers=2, bidirectional=True, batch_first=True)
        self.head = nn.Linear(8, 2)

    def forward(self, x: Tensor) -> Tensor:
        y, (h, _) = self.lstm(torch.relu(self.embed(x)))
        return self.head(y) + h.sum()


@pytest.mark.parametrize("backend", ["eager", "aot_eager"])
def test_a_compiled_model_equals_the_model(backend: str) -> None:
    torch.manual_seed(0)
    torch.compiler.reset()
    model, x = Model(), torch.randn(2, 6, 3, requires_grad=True)
    compiled = torch.compile(model, fullgraph=True, backend=backend)
    found, expected = compiled(x), model(x)
    assert torch.allclose(found, expected, rtol=1e-5, atol=1e-6)
    learned = [x, *model.parameters()]
    ours = torch.autograd.grad(found.square().sum(), learned)
    theirs = torch.autograd.grad(expected.square().sum(), learned)
    for one, other in zip(ours, theirs, strict=True):
        assert torch.allclose(one, other, rtol=1e-4, atol=1e-5)


def test_another_batch_and_time_do_not_compile_again_and_again() -> None:
    torch.manual_seed(0)
    torch.compiler.reset()
    model = Model()
    compiled = torch.compile(model, fullgraph=True, backend="eager", dynamic=True)
    with torch.compiler.set_stance("default"), torch.no_grad():
        for rows, steps in ((2, 6), (3, 7), (5, 11), (4, 9)):
            x = torch.randn(rows, steps, 3)
            assert torch.allclose(compiled(x), model(x), rtol=1e-5, atol=1e-6)


def test_export_with_any_batch_and_time() -> None:
    torch.manual_seed(0)
    lstm = cw.LSTM(3, 4, batch_first=True)
    sizes = {0: torch.export.Dim("batch"), 1: torch.export.Dim("time")}
    program = torch.export.export(lstm, (torch.randn(2, 6, 3),), dynamic_shapes=(sizes,))
    names = [str(node.target) for node in program.graph.nodes if node.op == "call_function"]
    assert sum("cellwright.scan" in name for name in names) == 1
    x = torch.randn(5, 11, 3)
    assert torch.allclose(program.module()(x)[0], lstm(x)[0], rtol=1e-5, atol=1e-6)
