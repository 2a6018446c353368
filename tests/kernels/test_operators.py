"""Every operator that the kernels know, in a cell: outputs and gradients as the reference has them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

import cellwright as cw
from cellwright.kernels.printer import OPERATORS
from cellwright.kernels.program import trace
from tests.agreement import TOLERANCE, assert_agree, everything, made_weights

Operator = Callable[[Tensor, Tensor], Tensor]

# Formulas of a gate's contributions a and the previous h, b, by group; together they use the whole table.
FORMULAS: dict[str, dict[str, Operator]] = {
    "arithmetic": {
        "add": lambda a, b: a + b,
        "scaled add": lambda a, b: torch.add(a, b, alpha=0.7),
        "sub": lambda a, b: a - b,
        "scaled sub": lambda a, b: torch.sub(a, b, alpha=0.7),
        "rsub": lambda a, b: 1 - a * b,
        "mul": lambda a, b: a * b,
        "div": lambda a, b: a / (b * b + 1),
        "neg": lambda a, b: -a,
        "addcmul": lambda a, b: torch.addcmul(a, a, b, value=0.3),
        "constant": lambda a, b: a * torch.exp(torch.ones_like(a)),
    },
    "powers": {
        "square": lambda a, b: torch.square(a),
        "pow 2": lambda a, b: a**2,
        "pow 3": lambda a, b: a**3,
        "sqrt": lambda a, b: (a * a + 1).sqrt(),
        "rsqrt": lambda a, b: (a * a + 1).rsqrt(),
        "reciprocal": lambda a, b: (a * a + 1).reciprocal(),
        "pow 0.5": lambda a, b: (a * a + 1) ** 0.5,
        "pow -1": lambda a, b: (a * a + 1) ** -1,
    },
    "exponentials": {
        "exp": lambda a, b: a.exp(),
        "expm1": lambda a, b: a.expm1(),
        "log": lambda a, b: (a * a + 1).log(),
        "log1p": lambda a, b: (a * a).log1p(),
        "sigmoid": lambda a, b: a.sigmoid(),
        "tanh": lambda a, b: a.tanh(),
        "softplus": lambda a, b: F.softplus(a),
        "softplus with a slope": lambda a, b: F.softplus(a, beta=2.0, threshold=1.0),
        "silu": lambda a, b: F.silu(a),
        "elu": lambda a, b: F.elu(a, alpha=0.8),
    },
    "corners": {
        "abs": lambda a, b: a.abs(),
        "sign": lambda a, b: b * torch.sign(a),
        "relu": lambda a, b: a.relu(),
        "leaky relu": lambda a, b: F.leaky_relu(a, 0.2),
        "hardtanh": lambda a, b: F.hardtanh(a, -0.4, 0.5),
        "clamp": lambda a, b: a.clamp(-0.5, 0.4),
        "clamp from below": lambda a, b: a.clamp(min=-0.5),
        "clamp_min": lambda a, b: a.clamp_min(0.1),
        "clamp_max": lambda a, b: a.clamp_max(0.1),
        "maximum": lambda a, b: torch.maximum(a, b),
        "minimum": lambda a, b: torch.minimum(a, b),
        "masked_fill": lambda a, b: a.masked_fill(a > b, 0.3),
    },
    "choices": {
        "gt": lambda a, b: torch.where(a > b, a, b),
        "ge": lambda a, b: torch.where(a >= b, a, 0.5),
        "lt": lambda a, b: torch.where(a < b, 0.5, b),
        "le": lambda a, b: torch.where(a <= 0.2, a, b),
        "eq": lambda a, b: torch.where(a == a.relu(), a, b),
        "ne": lambda a, b: torch.where(a != a.relu(), a, b),
        "numbers": lambda a, b: a * torch.where(a > b, 1.5, 0.5),
        "and": lambda a, b: torch.where((a > 0) & (b > 0), a, b),
        "or": lambda a, b: torch.where((a > 0) | (b > 0), a, b),
        "xor": lambda a, b: torch.where((a > 0) ^ (b > 0), a, b),
        "not": lambda a, b: torch.where(~(a > 0), a, b),
        "logical": lambda a, b: torch.where(
            torch.logical_or(torch.logical_and(a > 0, b > 0), torch.logical_xor(a > b, torch.logical_not(a > 1))), a, b
        ),
    },
}


def cell_of(group: str) -> cw.Cell:
    """A cell with one gate for each formula of a group; h is their mean, squashed."""
    formulas = list(FORMULAS[group].values())
    gates = tuple(f"g{n}" for n in range(len(formulas)))

    def step(x: cw.Terms, r: cw.Terms, s: cw.Terms, w: cw.Terms) -> dict[str, Tensor]:
        contributions = [getattr(x, gate) + getattr(r, gate) for gate in gates]
        values = [formula(each, s.h) for formula, each in zip(formulas, contributions, strict=True)]
        return {"h": torch.tanh(sum(values[1:], values[0]) * (1 / len(values)))}

    return cw.Cell(step, gates=gates, state=("h",), vectors={}, name=f"operators_{group}")


def results(cell: cw.Cell, backend: str, dtype: torch.dtype) -> dict[str, Tensor]:
    """Outputs and gradients of a small call, the same for every cell of as many gates."""
    torch.manual_seed(0)
    x = torch.randn(4, 3, 5, dtype=dtype, requires_grad=True)
    state = [torch.randn(1, 3, 19, dtype=dtype, requires_grad=True)]
    return everything(cell, x, state, [made_weights(cell, 5, 19, True, dtype)], backend)


@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
@pytest.mark.parametrize("group", FORMULAS)
def test_agrees_with_the_reference(group: str, dtype: torch.dtype) -> None:
    cell = cell_of(group)
    assert_agree(results(cell, "cpu", dtype), results(cell, "reference", dtype), TOLERANCE[dtype])


@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
def test_hardsigmoid(dtype: torch.dtype) -> None:
    # Against its definition: the derivative of PyTorch's own operator has a sixth in single precision only.
    assert_agree(results(hard, "cpu", dtype), results(hard_by_definition, "reference", dtype), TOLERANCE[dtype])


@cw.cell(gates="g", state="h")
def hard(x: cw.Terms, r: cw.Terms, s: cw.Terms, w: cw.Terms) -> dict[str, Tensor]:
    return {"h": F.hardsigmoid(4 * (x.g + r.g))}


@cw.cell(gates="g", state="h")
def hard_by_definition(x: cw.Terms, r: cw.Terms, s: cw.Terms, w: cw.Terms) -> dict[str, Tensor]:
    return {"h": (4 * (x.g + r.g) / 6 + 0.5).clamp(0, 1)}


def test_the_formulas_use_the_whole_table() -> None:
    used = set()
    for cell in (hard, *map(cell_of, FORMULAS)):
        program = trace(cell, True)
        used |= {node.operator for node in (*program.forward, *program.backward)}
    assert set(OPERATORS) - used == set()
