"""A cell that cannot be printed runs on the reference, gives what its function says, and `explain` says why."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.nn.functional import linear

import cellwright as cw
from tests.agreement import TOLERANCE, assert_agree

SCALE = torch.tensor(0.5)
LEARNED = torch.tensor(0.7, requires_grad=True)
UNITS = torch.tensor([1.0, -1.0, 0.5])  # as many as the layers below have


def turned(h: Tensor) -> Tensor:
    """The units in another order, by a product with a matrix."""
    return h @ torch.eye(h.shape[-1], dtype=h.dtype).roll(1, 0)


def either(z: Tensor) -> Tensor:
    """One of two functions, as the numbers are."""
    return torch.tanh(z) if float(z.detach().sum()) > 0 else 0.5 * z


CELLS: dict[str, tuple[Callable[[Tensor, Tensor], Tensor], str]] = {
    "a matrix product": (lambda z, h: torch.tanh(z + turned(h)), "neither a number for each unit nor"),
    "a branch on a value": (lambda z, h: either(z), "over dimension None"),
    "a tensor from outside": (lambda z, h: torch.tanh(z * UNITS.to(z.dtype)), "declare it in vectors="),
    "the number of units": (lambda z, h: torch.tanh(z) / (z.shape[-1] + 1), "something else for another hidden size"),
    "an unknown operator": (lambda z, h: torch.erfinv(0.9 * torch.tanh(z)), "no operator 'erfinv'"),
    "a mean over the batch": (
        lambda z, h: torch.tanh(z) - z.mean(0, keepdim=True),
        "over dimension [0]; over the units",
    ),
    "a mean over everything": (lambda z, h: torch.tanh(z) - z.mean(), "over dimension None; over the units"),
    "a variance with a correction": (lambda z, h: z / (1 + z.var(-1, keepdim=True)), "correction=0 only"),
    "a largest unit": (lambda z, h: torch.tanh(z - z.amax(-1, keepdim=True)), "amax"),
    "a softmax": (lambda z, h: torch.softmax(z, -1), "softmax"),
    "an unknown power": (lambda z, h: torch.tanh(z).abs() ** 1.7, "a power of 1.7"),
    "a sort": (lambda z, h: torch.tanh(z).sort(-1).values, "sort"),
    "a mask that is the same everywhere": (
        lambda z, h: torch.where(torch.ones_like(z) > 0.5, torch.tanh(z), h),
        "the same for all units",
    ),
    "a mask full of one truth value": (
        lambda z, h: torch.where((z > h) | torch.zeros_like(z, dtype=torch.bool), torch.tanh(z), h),
        "truth values",
    ),
    "a mask of two": (lambda z, h: torch.where((z > h).masked_fill(z < 0, True), torch.tanh(z), h), "truth values"),
    "numbers as truth values": (lambda z, h: torch.where(torch.logical_not(z), h, torch.tanh(z)), "numbers for truth"),
    "a dimension by its number": (lambda z, h: torch.tanh(z) * z[:, :1], "dimension"),
}


def made(formula: Callable[[Tensor, Tensor], Tensor]) -> cw.Cell:
    @cw.cell(gates="a")
    def made(x: cw.Terms, r: cw.Terms, s: cw.Terms, w: cw.Terms) -> dict[str, Tensor]:
        return dict(h=formula(x.a + r.a, s.h))

    return made


def in_a_loop(layer: cw.Recurrent, x: Tensor) -> Tensor:
    """The cell function step by step, with nothing of the library but the function."""
    w, r, b_w, b_r = layer.parameters()
    h, outputs = x.new_zeros(x.shape[1], layer.hidden_size), []
    for step in x:
        terms = (cw.Terms(a=linear(step, w, b_w)), cw.Terms(a=linear(h, r, b_r)), cw.Terms(h=h), cw.Terms())
        h = layer.cell.function(*terms)["h"]
        outputs.append(h)
    return torch.stack(outputs)


def assert_equal_to_a_loop(layer: cw.Recurrent, x: Tensor, tolerance: float) -> None:
    """Outputs and gradients of a layer are those of the loop."""
    y, expected = layer(x)[0], in_a_loop(layer, x)
    assert_agree({"y": y.detach()}, {"y": expected.detach()}, tolerance)
    assert_agree(gradients(y, layer), gradients(expected, layer), tolerance)


def gradients(y: Tensor, layer: cw.Recurrent) -> dict[str, Tensor]:
    found = torch.autograd.grad((y * torch.arange(y.shape[0])[:, None, None]).sum(), list(layer.parameters()))
    return dict(zip(dict(layer.named_parameters()), found, strict=True))


@pytest.mark.parametrize(("formula", "reason"), CELLS.values(), ids=CELLS)
def test_it_runs_on_the_reference_and_equals_a_loop(formula: Callable[[Tensor, Tensor], Tensor], reason: str) -> None:
    torch.manual_seed(0)
    layer, x = cw.Recurrent(made(formula), 2, 3, dtype=torch.float64), torch.randn(5, 4, 2).double()
    assert_equal_to_a_loop(layer, x, 1e-12)
    explanation = cw.explain(layer, x)
    assert explanation.startswith("reference: the cell made cannot stand in a kernel: ")
    assert reason in explanation


@pytest.mark.parametrize(("formula", "reason"), CELLS.values(), ids=CELLS)
def test_the_kernel_cannot_be_forced(formula: Callable[[Tensor, Tensor], Tensor], reason: str) -> None:
    layer, x = cw.Recurrent(made(formula), 2, 3), torch.randn(5, 4, 2)
    with (
        cw.backend("cpu"),
        torch.no_grad(),
        pytest.raises(cw.InputError, match=r"(?s)CPU kernel cannot run this.*leave the choice open"),
    ):
        layer(x)


def test_a_learned_number_from_outside_gets_its_gradient() -> None:
    layer, x = cw.Recurrent(made(lambda z, h: torch.tanh(z) * LEARNED), 2, 3), torch.randn(5, 4, 2)
    (found,) = torch.autograd.grad(layer(x)[0].sum(), LEARNED)
    (expected,) = torch.autograd.grad(in_a_loop(layer, x).sum(), LEARNED)
    assert float(found) == pytest.approx(float(expected), rel=1e-5)


def test_a_number_from_outside_counts_as_it_is_now() -> None:
    layer, x = cw.Recurrent(made(lambda z, h: torch.tanh(z) * SCALE), 2, 3), torch.randn(5, 4, 2)
    for value in (0.5, 0.25):
        SCALE.fill_(value)
        assert_equal_to_a_loop(layer, x, TOLERANCE[torch.float32])


@pytest.mark.parametrize(
    "formula",
    [
        lambda z, h: (3 * z).int().to(z.dtype) * torch.tanh(z),
        lambda z, h: torch.tanh(z).bfloat16().to(z.dtype),
        lambda z, h: torch.tanh(z) * (z > 0.2) + (z < 0.1).to(z.dtype) * h,
    ],
    ids=["an integer", "another precision", "a truth value"],
)
def test_a_change_of_dtype_is_not_lost(formula: Callable[[Tensor, Tensor], Tensor]) -> None:
    torch.manual_seed(0)
    layer, x = cw.Recurrent(made(formula), 2, 3), torch.randn(5, 4, 2)
    assert_equal_to_a_loop(layer, x, TOLERANCE[torch.float32])


def written_over(z: Tensor) -> Tensor:
    z = 2 * z
    z.add_(1)
    return torch.tanh(z) * z


def written_over_behind(z: Tensor) -> Tensor:
    z = 2 * z
    z.detach().add_(1)
    return torch.tanh(z)


@pytest.mark.parametrize("formula", [written_over, written_over_behind])
def test_tensors_written_over_in_place(formula: Callable[[Tensor], Tensor]) -> None:
    torch.manual_seed(0)
    layer, x = cw.Recurrent(made(lambda z, h: formula(z)), 2, 3), torch.randn(5, 4, 2)
    with torch.no_grad():
        assert_agree({"y": layer(x)[0]}, {"y": in_a_loop(layer, x)}, TOLERANCE[torch.float32])
