"""PyTorch's own layers in the place of a kernel: what a plain layer runs on where there is cuDNN."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

import cellwright as cw
from cellwright.kernels import reference, theirs
from cellwright.kernels.layer import Layer, Weights
from cellwright.layers.whole import is_whole, run_whole

STEPS, ROWS, INPUTS, UNITS = 5, 4, 3, 6


def drawn(*shape: int) -> Tensor:
    return torch.randn(shape, dtype=torch.float64, requires_grad=True)


def layer(
    cell: str, directions: int = 1, given: bool = True, bias: bool = True, steps: int = STEPS, inputs: int = INPUTS
) -> Layer:
    torch.manual_seed(0)
    rows = len(cw.cells[cell].gates) * UNITS
    shapes = [(rows, inputs), (rows, UNITS), *[(rows,), (rows,)] * bias]
    weights = [Weights(*(drawn(*shape) for shape in shapes)) for _ in range(directions)]
    state = [drawn(directions, ROWS, UNITS) for _ in cw.cells[cell].state] if given else []
    return Layer(cw.cells[cell], drawn(steps, ROWS, inputs), state, weights)


def everything(run: Callable[[Layer], tuple[Tensor, list[Tensor]]], call: Layer) -> list[Tensor]:
    """Outputs, last states, and the derivatives of a loss."""
    y, last = run(call)
    total = sum((each * (n + 1)).sin().sum() for n, each in enumerate([y, *last]))
    slopes = torch.autograd.grad(total, call.tensors, allow_unused=True)
    return [y, *last, *(torch.zeros(1) if each is None else each for each in slopes)]


def compared(call: Layer) -> None:
    for one, other in zip(everything(theirs.run, call), everything(reference.run, call), strict=True):
        assert torch.allclose(one, other, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("cell", theirs.FUNCTIONS)
def test_equals_the_reference(cell: str) -> None:
    compared(layer(cell))
    compared(layer(cell, directions=2, given=False, bias=False))


def test_no_steps() -> None:
    compared(layer("lstm", steps=0))


@pytest.mark.parametrize("batch_first", [False, True])
@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_a_stack_and_the_gradients_that_the_reference_gives_of_it(cell: str, batch_first: bool) -> None:
    first, second = layer(cell, directions=2), layer(cell, directions=2, inputs=2 * UNITS)
    x = first.x.detach().transpose(0, 1 if batch_first else 0).requires_grad_()
    state = [torch.cat(each) for each in zip(first.state, second.state, strict=True)]
    layers = [first.weights, second.weights]
    y, last = theirs.run_stack(first.cell, x, state, layers, batch_first)
    cotangents = [torch.randn_like(each) for each in (y, *last)]
    flat = [*first.learned, *second.learned]
    sources = [x, *flat, *state]
    expected = torch.autograd.grad([y, *last], sources, cotangents)
    others = (None, *map(torch.zeros_like, expected[1:]))
    flat[3].requires_grad_(False)  # cuDNN finds the gradients of all weights or of none
    found = theirs.again(first.cell, batch_first, True, 2, x, flat, state, others, tuple(cotangents))
    assert found is not None
    assert found[0] is None  # as where no gradient was asked for
    assert found[4] is None
    for n in {*range(1, len(sources))} - {4}:
        one, other = found[n], expected[n]
        assert one is not None
        assert one.requires_grad  # it can be differentiated again
        assert torch.allclose(one, other, rtol=1e-9, atol=1e-10)
    with torch.no_grad():
        assert theirs.again(first.cell, batch_first, True, 2, x, flat, state, others, tuple(cotangents)) is None


def test_what_is_plain() -> None:
    call = layer("lstm")
    assert theirs.is_plain(call)
    call.reset = torch.zeros(STEPS, ROWS, dtype=torch.bool)
    assert not theirs.is_plain(call)
    assert not theirs.is_plain(layer("original"))


@pytest.mark.parametrize("options", [{}, {"bidirectional": True, "batch_first": True}, {"learned_state": True}])
@pytest.mark.parametrize("cell", theirs.FUNCTIONS)
def test_a_whole_module_gives_what_its_layers_give(cell: str, options: dict[str, bool]) -> None:
    torch.manual_seed(0)
    module = cw.Recurrent(cell, INPUTS, UNITS, num_layers=2, **options).double()  # type: ignore[arg-type]
    x = torch.randn(STEPS, ROWS, INPUTS, dtype=torch.float64)
    assert is_whole(module, x)
    (y, last), (expected, final) = run_whole(module, x, None), module(x)
    assert torch.allclose(y, expected, rtol=1e-12, atol=1e-12)
    for one, other in zip(tuple(last), tuple(final), strict=True):
        assert torch.allclose(one, other, rtol=1e-12, atol=1e-12)


def test_numbers_of_two_kinds_are_refused_in_a_whole_module() -> None:
    module, x = cw.LSTM(INPUTS, UNITS, num_layers=2), torch.randn(STEPS, ROWS, INPUTS)
    module.weight_ih_l1.data = module.weight_ih_l1.data.double()
    with pytest.raises(cw.InputError, match="one dtype"):
        run_whole(module, x, None)


def test_where_it_is_quicker() -> None:
    assert theirs.is_quicker(torch.float32, 1, 1)
    assert not theirs.is_quicker(torch.bfloat16, 64, 1024)
    assert theirs.is_quicker(torch.bfloat16, 256, 1024)
