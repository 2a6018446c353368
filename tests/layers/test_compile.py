"""torch.compile sees one operator: no break in the graph, the same numbers, one graph for all sizes."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor
from torch._dynamo.testing import CompileCounterWithBackend

import cellwright as cw
from cellwright.layers.whole import is_whole
from tests.agreement import TOLERANCE, assert_agree

SIZES = ((4, 2), (6, 3), (9, 5), (11, 4))


@pytest.fixture(autouse=True)
def fresh_compiler() -> None:
    torch._dynamo.reset()


def results(call: Any, module: cw.Recurrent, x: Tensor, **options: Tensor) -> dict[str, Tensor]:
    """Outputs, last states and all gradients."""
    x = x.detach().requires_grad_()
    outputs, state = call(x, **options)
    found = [outputs, *([state] if isinstance(state, Tensor) else state)]
    gradients = torch.autograd.grad(sum(each.square().sum() for each in found), [x, *module.parameters()])
    return {str(n): each.detach() for n, each in enumerate((*found, *gradients))}


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("cell", ["lstm", "gru", "slstm"])
def test_one_graph_for_all_sizes(cell: str, bidirectional: bool) -> None:
    torch.manual_seed(0)
    module = cw.Recurrent(cell, 5, 7, num_layers=2, bidirectional=bidirectional)
    counter = CompileCounterWithBackend("aot_eager")
    compiled = torch.compile(module, fullgraph=True, backend=counter)
    for steps, rows in SIZES:
        x = torch.randn(steps, rows, 5)
        assert_agree(results(compiled, module, x), results(module, module, x), TOLERANCE[torch.float32])
    assert counter.frame_count <= 2


def test_lengths_and_resets() -> None:
    torch.manual_seed(0)
    module = cw.LSTM(5, 7, batch_first=True)
    compiled = torch.compile(module, fullgraph=True, backend="aot_eager")
    for steps, rows in SIZES:
        x = torch.randn(rows, steps, 5)
        options = {"lengths": torch.randint(0, steps + 1, (rows,)), "reset": torch.rand(rows, steps) < 0.3}
        ours, theirs = (results(call, module, x, **options) for call in (compiled, module))
        assert_agree(ours, theirs, TOLERANCE[torch.float32])


def test_a_wrong_length_is_refused_when_it_comes() -> None:
    compiled = torch.compile(cw.LSTM(5, 7), fullgraph=True, backend="aot_eager")
    compiled(torch.randn(4, 2, 5), lengths=torch.tensor([4, 0]))
    with pytest.raises(cw.InputError, match="lengths must lie in 0 to 4"):
        compiled(torch.randn(4, 2, 5), lengths=torch.tensor([4, 5]))


@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")  # PyTorch's own, on its way to the compiler
def test_with_the_compiler_of_torch() -> None:
    torch.manual_seed(0)
    module = cw.LSTM(5, 7)
    compiled = torch.compile(lambda x: module(x.relu()), fullgraph=True)
    x = torch.randn(4, 2, 5)
    ours, theirs = results(compiled, module, x), results(lambda x: module(x.relu()), module, x)
    assert_agree(ours, theirs, TOLERANCE[torch.float32])


def test_with_every_option() -> None:
    torch.manual_seed(0)
    module = cw.LSTM(
        5, 7, num_layers=2, zoneout=0.2, recurrent_dropout=0.3, candidate_dropout=0.3, weight_dropout=0.2, dropout=0.3,
        cell_clip=0.5, learned_state=True,
    )  # fmt: skip
    counter = CompileCounterWithBackend("aot_eager")
    compiled = torch.compile(module, fullgraph=True, backend=counter)
    for steps, rows in SIZES:
        x = torch.randn(steps, rows, 5)
        found = []
        for call in (compiled, module):
            torch.manual_seed(1)
            found.append(results(call, module, x))
        assert_agree(*found, TOLERANCE[torch.float32])
    assert counter.frame_count <= 2


def test_a_projection() -> None:
    torch.manual_seed(0)
    module = cw.LSTM(5, 7, num_layers=2, bidirectional=True, proj_size=3)
    compiled = torch.compile(module, fullgraph=True, backend="aot_eager")
    x = torch.randn(4, 2, 5)
    assert_agree(results(compiled, module, x), results(module, module, x), TOLERANCE[torch.float32])


def test_without_gradients() -> None:
    module, x = cw.LSTM(5, 7), torch.randn(4, 2, 5)
    compiled = torch.compile(module, fullgraph=True, backend="aot_eager")
    with torch.no_grad():
        assert torch.equal(compiled(x)[0], module(x)[0])


def test_what_asks_for_a_plain_module_on_a_gpu_is_seen_through() -> None:
    """On the CPU it is never asked; there all the more it must not break the graph where it is."""
    module = cw.LSTM(3, 4)
    answer = torch.compile(lambda x: x + is_whole(module, x), fullgraph=True, backend="eager")
    assert torch.equal(answer(torch.zeros(2, 1, 3)), torch.zeros(2, 1, 3))
