"""Wherever a cell is used first, its kernel is the right one from then on.

The kernel of a cell is made at its first use, and PyTorch may be in many modes just then.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace

import pytest
import torch
from torch import Tensor

import cellwright as cw
from tests.agreement import TOLERANCE

# PyTorch itself goes through its own deprecated compiler when forward mode is first used.
pytestmark = pytest.mark.filterwarnings("ignore:.*torch.jit.*:DeprecationWarning")


@contextmanager
def double_by_default() -> Iterator[None]:
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


MODES: dict[str, Callable[[], AbstractContextManager[object]]] = {
    "no mode": nullcontext,
    "no_grad": torch.no_grad,
    "inference_mode": torch.inference_mode,
    "autocast": lambda: torch.autocast("cpu"),
    "the meta device by default": lambda: torch.device("meta"),
    "double precision by default": double_by_default,
}


def fresh(name: str) -> cw.Cell:
    """The same cell, never used."""
    return replace(cw.cells[name])


@pytest.mark.parametrize("mode", MODES.values(), ids=MODES)
@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_in_a_mode(cell: str, mode: Callable[[], AbstractContextManager[object]]) -> None:
    torch.manual_seed(0)
    layer, x = cw.Recurrent(fresh(cell), 3, 4), torch.randn(5, 2, 3)
    with mode():
        layer(x)
    assert cw.verify(layer, x) <= TOLERANCE[torch.float32]
    assert cw.explain(layer, x).startswith("cpu: ")


@pytest.mark.parametrize(
    "transformed",
    [
        lambda call, x: torch.vmap(call)(x[None]),
        lambda call, x: torch.func.grad(lambda x: call(x).sum())(x),
        lambda call, x: torch.func.jvp(call, (x,), (x,)),
    ],
    ids=["vmap", "grad", "jvp"],
)
def test_in_a_transform(transformed: Callable[[Callable[[Tensor], Tensor], Tensor], object]) -> None:
    torch.manual_seed(0)
    layer, x = cw.Recurrent(fresh("lstm"), 3, 4), torch.randn(5, 2, 3)
    transformed(lambda x: layer(x)[0], x)
    assert cw.verify(layer, x) <= TOLERANCE[torch.float32]
    assert cw.explain(layer, x).startswith("cpu: ")


BEGINNINGS = {
    "FakeTensorMode": """
from torch._subclasses.fake_tensor import FakeTensorMode
with FakeTensorMode():
    y, _ = cw.LSTM(3, 4)(torch.zeros(5, 2, 3))
    assert y.shape == (5, 2, 4)
""",
    "torch.export": """
program = torch.export.export(layer, (x,))
assert torch.allclose(program.module()(x)[0], layer(x)[0])
""",
    "the operator alone": """
weights = list(layer.parameters())
state = [torch.zeros(1, 2, 4) for _ in range(2)]
y, *_ = torch.ops.cellwright.scan(x, state, weights, [], None, None, None, None, "lstm", True, False, None, True, False)
found = torch.autograd.grad(y.square().sum(), weights)
with cw.backend("reference"):
    expected = torch.autograd.grad(layer(x)[0].square().sum(), weights)
for one, other in zip(found, expected, strict=True):
    assert torch.allclose(one, other, atol=1e-5), (one, other)
""",
    "the operator under test": """
state = [torch.zeros(1, 2, 4) for _ in range(2)]
nothing = [[], None, None, None, None]
arguments = (x, state, list(layer.parameters()), *nothing, "lstm", True, False, None, True, False)
torch.library.opcheck(torch.ops.cellwright.scan.default, arguments, test_utils="test_schema")
""",
}


@pytest.mark.parametrize("beginning", BEGINNINGS.values(), ids=BEGINNINGS)
def test_in_a_new_process(beginning: str) -> None:
    """In a process of its own, for a wrong first use may end the process."""
    program = (
        "import torch, cellwright as cw\n"
        "torch.manual_seed(0)\n"
        "layer, x = cw.LSTM(3, 4), torch.randn(5, 2, 3)\n"
        f"{beginning}\n"
        "difference = cw.verify(layer, x)\n"
        f"assert difference <= {TOLERANCE[torch.float32]}, difference\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_triton_is_not_imported_without_a_gpu() -> None:
    """It takes seconds, and need not be installed."""
    code = (
        "import sys, torch, cellwright as cw; lstm = cw.LSTM(3, 4, bidirectional=True); x = torch.randn(5, 2, 3); "
        "lstm(x)[0].sum().backward(); dict(lstm.trace(x)); sys.exit('triton' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
