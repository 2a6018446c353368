"""PyTorch's own layers in the place of a kernel: what a plain layer runs on where there is cuDNN."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

import cellwright as cw
from cellwright.kernels import reference, theirs
from cellwright.kernels.layer import Layer, Weights

STEPS, ROWS, INPUTS, UNITS = 5, 4, 3, 6
LENGTHS = {"whole": None, "ragged": torch.tensor([2, 5, 0, 3]), "ended": torch.tensor([2, 1, 0, 2]),
           "empty": torch.tensor([0, 0, 0, 0])}  # fmt: skip


def layer(
    cell: str, lengths: Tensor | None = None, directions: int = 1, outputs: int | None = None, given: bool = True,
    bias: bool = True, steps: int = STEPS,
) -> Layer:  # fmt: skip
    torch.manual_seed(0)
    gates = len(cw.cells[cell].gates)

    def drawn(*shape: int) -> Tensor:
        return torch.randn(shape, dtype=torch.float64, requires_grad=True)

    seen = outputs or UNITS
    biases = (drawn(gates * UNITS), drawn(gates * UNITS)) if bias else (None, None)
    weights = [
        Weights(
            drawn(gates * UNITS, INPUTS), drawn(gates * UNITS, seen), *biases, (),
            drawn(seen, UNITS) if outputs else None,
        )
        for _ in range(directions)
    ]  # fmt: skip
    widths = [seen, UNITS][: len(cw.cells[cell].state)]
    state = [drawn(directions, ROWS, width) for width in widths] if given else []
    return Layer(cw.cells[cell], drawn(steps, ROWS, INPUTS), state, weights, lengths)


def everything(run: Callable[[Layer], tuple[Tensor, list[Tensor]]], call: Layer, order: int) -> list[Tensor]:
    """Outputs, last states, and the derivatives up to an order."""
    y, last = run(call)
    results, sources = [y, *last], call.tensors
    for _ in range(order):
        total = sum((each * (n + 1)).sin().sum() for n, each in enumerate(results))
        slopes = torch.autograd.grad(total, sources, create_graph=True, allow_unused=True)
        results = [*results, *(torch.zeros_like(at) if each is None else each
                               for at, each in zip(sources, slopes, strict=True))]  # fmt: skip
    return results


def compared(call: Layer, order: int = 1) -> None:
    for one, other in zip(everything(theirs.run, call, order), everything(reference.run, call, order), strict=True):
        assert torch.allclose(one, other, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("lengths", LENGTHS.values(), ids=LENGTHS)
@pytest.mark.parametrize("cell", theirs.FUNCTIONS)
def test_equals_the_reference(cell: str, lengths: Tensor | None) -> None:
    compared(layer(cell, lengths))
    compared(layer(cell, lengths, directions=2, given=False, bias=False))


@pytest.mark.parametrize("lengths", [None, LENGTHS["ragged"]], ids=["whole", "ragged"])
def test_projection(lengths: Tensor | None) -> None:
    compared(layer("lstm", lengths, directions=2, outputs=4))


def test_no_steps() -> None:
    compared(layer("lstm", steps=0))


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_second_derivatives(cell: str) -> None:
    compared(layer(cell, LENGTHS["ragged"]), order=2)


def test_what_is_plain() -> None:
    call = layer("lstm")
    assert theirs.is_plain(call)
    call.reset = torch.zeros(STEPS, ROWS, dtype=torch.bool)
    assert not theirs.is_plain(call)
    assert not theirs.is_plain(layer("original"))
